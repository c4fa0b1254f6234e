"""Reading digits with ONNX Runtime: no PyTorch, nothing downloaded."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from digitscope.reading.recognizer import Prediction, Recognizer
from digitscope.reading.shipped import SHIPPED, shipped_path

if TYPE_CHECKING:
    from digitscope.reading.pictures import Picture, open_pictures
    from digitscope.reading.reader import Reader, read
    from digitscope.reading.result import Digit, Reading

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
    **dict.fromkeys(("Digit", "Reading"), "result"),
    **dict.fromkeys(("Picture", "open_pictures"), "pictures"),
    **dict.fromkeys(("Reader", "read"), "reader"),
}
"""Where the names are that need Pillow and SciPy, which a recognizer alone should not have to wait for."""


def __getattr__(name: str) -> Any:
    """Load Pillow and SciPy when a name that needs them is first used, and not before."""
    if name in _MODULES:
        return getattr(import_module(f"digitscope.reading.{_MODULES[name]}"), name)
    raise AttributeError(f"module 'digitscope.reading' has no attribute {name!r}")


def __dir__() -> list[str]:
    """Return the names that are there, and those that are loaded when they are first used."""
    return sorted({*globals(), *__all__})
