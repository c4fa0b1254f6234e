"""The common style of all figures, and figures as files: the same figure gives the same bytes on every day."""

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

from digitscope.errors import MissingExtraError, SettingError
from digitscope.files import write_bytes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK = "#1d1d1f"
MUTED = "#5c5f66"
HAIRLINE = "#dcdcd8"
WHITE = "#ffffff"

# Okabe and Ito, "Color Universal Design" (2008), without black and yellow, which vanish in ink and on paper.
OKABE_ITO = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00")

TITLE_SIZE = 12.0
TEXT_SIZE = 10.0

DPI = 200  # two pixels for each of a screen's, where a figure is shown at 100 an inch

_UNSTABLE_METADATA: dict[str, dict[str, Any]] = {
    "png": {"Software": None},
    "svg": {"Date": None, "Creator": None},
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
}


def new_figure(width: float, height: float) -> "Figure":
    """Return an empty white figure of `width` by `height` inches that no window or global state knows of.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise MissingExtraError("matplotlib", "train") from None
    return Figure(figsize=(width, height), facecolor=WHITE)


def quiet_axes(axes: "Axes") -> None:
    """Leave `axes` its ticks' numbers and faint horizontal lines: the data are what is dark."""
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.spines["bottom"].set_color(HAIRLINE)
    axes.tick_params(length=0, colors=MUTED, labelsize=TEXT_SIZE)
    axes.grid(axis="y", color=HAIRLINE, linewidth=0.8)
    axes.set_axisbelow(True)


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
    """
    write_bytes(path, figure_bytes(figure, path.suffix.lower().removeprefix(".")))


def save_in_few_colours(figure: "Figure", path: Path) -> None:
    """Write `figure`, lines and words on white, as a PNG with a palette of 256: a third of what it takes else."""
    from PIL import Image

    content = io.BytesIO()
    with Image.open(io.BytesIO(figure_bytes(figure))) as image:
        reduced = image.convert("RGB").quantize(256, dither=Image.Dither.NONE)
    reduced.save(content, format="png", optimize=True)
    write_bytes(path, content.getvalue())
