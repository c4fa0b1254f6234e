"""digitscope reads handwritten digits: one digit, two written over each other, or a page of them."""

__version__ = "0.1.0"
__all__ = ["__version__"]
