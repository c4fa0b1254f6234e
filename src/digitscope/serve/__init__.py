"""The studio: a page to draw on, and the service behind it that other programs call; and two pages for forms."""

from typing import TYPE_CHECKING, Any

from digitscope.serve.settings import Access, Limits

if TYPE_CHECKING:
    from digitscope.serve.app import create_app, create_form_edit_app, create_review_app

__all__ = ["Access", "Limits", "create_app", "create_form_edit_app", "create_review_app"]


def __getattr__(name: str) -> Any:
    """Load FastAPI when the app is first asked for: the processes that read or learn do without it."""
    if name in ("create_app", "create_form_edit_app", "create_review_app"):
        from digitscope.serve import app

        return getattr(app, name)
    raise AttributeError(f"module 'digitscope.serve' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
