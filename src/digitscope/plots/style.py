"""The common style of all figures."""

from typing import TYPE_CHECKING

from digitscope.errors import MissingExtraError

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
