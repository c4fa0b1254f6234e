"""Reading digits with ONNX Runtime: no PyTorch, nothing downloaded."""

from typing import TYPE_CHECKING, Any

from digitscope.inference.recognizer import Prediction, Recognizer
from digitscope.inference.shipped import SHIPPED, shipped_path

if TYPE_CHECKING:
    from digitscope.inference.pictures import Picture, open_pictures
    from digitscope.inference.reader import Reader, read
    from digitscope.inference.reading import Digit, Reading

__all__ = [
    "SHIPPED",
    "Digit",
    "Picture",
    "Prediction",
    "Reader",
    "Reading",
    "Recognizer",
    "open_pictures",
    "read",
    "shipped_path",
]

_MODULES = {
    "Digit": "reading",
    "Picture": "pictures",
    "Reader": "reader",
    "Reading": "reading",
    "open_pictures": "pictures",
    "read": "reader",
}
"""Where the names are that need Pillow and SciPy, which a recognizer alone should not have to wait for."""


def __getattr__(name: str) -> Any:
    """Load Pillow and SciPy when a name that needs them is first used, and not before."""
    if name in _MODULES:
        from importlib import import_module

        return getattr(import_module(f"digitscope.inference.{_MODULES[name]}"), name)
    raise AttributeError(f"module 'digitscope.inference' has no attribute {name!r}")
