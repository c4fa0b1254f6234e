"""digitscope reads handwritten digits: one digit, or two written over each other."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from digitscope.inference import Prediction, Recognizer

__version__ = "0.1.0"
__all__ = ["Prediction", "Recognizer", "__version__"]


def __getattr__(name: str) -> Any:
    """Load ONNX Runtime when a name that needs it is first used, and not before."""
    if name in {"Prediction", "Recognizer"}:
        from digitscope import inference

        return getattr(inference, name)
    raise AttributeError(f"module 'digitscope' has no attribute {name!r}")
