"""digitscope reads handwritten digits: one digit, or two written over each other."""

__version__ = "0.1.0"
__all__ = ["__version__"]
