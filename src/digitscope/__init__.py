"""digitscope reads handwritten digits: one digit, two written over each other, or a page of them."""

import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from digitscope.estimator import DigitClassifier as DigitClassifier
    from digitscope.reading import Digit, Prediction, Reader, Reading, Recognizer, read

__version__ = "0.1.0"
__all__ = ["Digit", "Prediction", "Reader", "Reading", "Recognizer", "__version__", "read"]

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # ONNX Runtime looks for it once, when it is loaded


def __getattr__(name: str) -> Any:
    """Load ONNX Runtime or scikit-learn when a name that needs it is first used, and not before."""
    if name == "DigitClassifier":  # not in __all__: it needs an extra, which `import *` must not ask for
        from digitscope.estimator import DigitClassifier

        return DigitClassifier
    if name in __all__:
        from digitscope import reading

        return getattr(reading, name)
    raise AttributeError(f"module 'digitscope' has no attribute {name!r}")


def __dir__() -> list[str]:
    """Return the names that are there, and those that are loaded when they are first used."""
    return sorted({*globals(), *__all__, "DigitClassifier"})
