"""The studio: a page to draw on, and the service behind it that other programs call."""

from typing import TYPE_CHECKING, Any

from digitscope.serve.limits import Limits

if TYPE_CHECKING:
    from digitscope.serve.access import Access
    from digitscope.serve.app import create_app

__all__ = ["Access", "Limits", "create_app"]

_MODULES = {"Access": "access", "create_app": "app"}
"""Where the names are that need FastAPI, for which a process that learns should not have to wait."""


def __getattr__(name: str) -> Any:
    """Load FastAPI when a name that needs it is first used, and not before."""
    if name in _MODULES:
        from importlib import import_module

        return getattr(import_module(f"digitscope.serve.{_MODULES[name]}"), name)
    raise AttributeError(f"module 'digitscope.serve' has no attribute {name!r}")
