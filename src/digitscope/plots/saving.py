"""Figures as bytes and as files: the same figure gives the same bytes on every day."""

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

from digitscope.errors import SettingError
from digitscope.files import write_bytes

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DPI = 200  # two pixels for each of a screen's, where a figure is shown at 100 an inch

_UNSTABLE_METADATA: dict[str, dict[str, Any]] = {
    "png": {"Software": None},
    "svg": {"Date": None, "Creator": None},
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
}


def figure_bytes(figure: "Figure", kind: str = "png") -> bytes:
    """Return `figure` drawn as a file of `kind`, "png", "svg" or "pdf", without date or software in it.

    Raises:
        SettingError: the kind is another.
    """
    if kind not in _UNSTABLE_METADATA:
        raise SettingError(f"cannot draw a figure as {kind!r}: expected one of {', '.join(_UNSTABLE_METADATA)}")
    from matplotlib import rc_context

    content = io.BytesIO()
    with rc_context({"svg.hashsalt": "digitscope"}):
        figure.savefig(content, format=kind, dpi=DPI, metadata=_UNSTABLE_METADATA[kind])
    return content.getvalue()


def save_figure(figure: "Figure", path: Path) -> None:
    """Write `figure` to `path`, whole or not at all, in the format that its suffix names.

    Raises:
        SettingError: the suffix is none of .png, .svg and .pdf.
        OSError: `path` cannot be written.
    """
    write_bytes(path, figure_bytes(figure, path.suffix.lower().removeprefix(".")))


def save_in_few_colours(figure: "Figure", path: Path) -> None:
    """Write `figure`, lines and words on white, as a PNG with a palette of 256: a third of what it takes else.

    Raises:
        OSError: `path` cannot be written.
    """
    from PIL import Image

    content = io.BytesIO()
    with Image.open(io.BytesIO(figure_bytes(figure))) as image:
        reduced = image.convert("RGB").quantize(256, dither=Image.Dither.NONE)
    reduced.save(content, format="png", optimize=True)
    write_bytes(path, content.getvalue())
