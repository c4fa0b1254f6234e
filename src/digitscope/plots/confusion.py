"""Which digits are taken for which."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from digitscope.errors import DataError
from digitscope.metrics import N_CLASSES
from digitscope.plots.style import INK, MUTED, TEXT_SIZE, TITLE_SIZE, WHITE, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

RIGHT = "#f1f1ee"


def confusion_heat_map(confusion: ArrayLike) -> "Figure":
    """Return a heat map of `confusion`, (10, 10) counts, row = true digit, column = digit read.

    The digits read right keep their count but have no colour, so that the errors' shades are what shows.

    Raises:
        DataError: the shape is another.
        MissingExtraError: matplotlib is not installed.
    """
    counts = np.asarray(confusion)
    if counts.shape != (N_CLASSES, N_CLASSES):
        raise DataError(f"confusion of shape {counts.shape}: expected (10, 10) counts")
    figure = new_figure(7, 6.6)
    axes = figure.add_axes((0.09, 0.03, 0.88, 0.83))
    errors = np.where(np.eye(N_CLASSES, dtype=bool), 0, counts)
    _draw_cells(axes, errors)
    _write_counts(axes, counts, darkest=int(errors.max()))
    _label_sides(axes, counts, int(errors.sum()))
    return figure


def _draw_cells(axes: "Axes", errors: NDArray[np.integer]) -> None:
    from matplotlib import colormaps

    shades = colormaps["OrRd"].with_extremes(bad=RIGHT, under=WHITE)
    masked = np.ma.masked_array(errors, mask=np.eye(N_CLASSES, dtype=bool))
    axes.imshow(masked, cmap=shades, vmin=0.5, vmax=max(1.5, errors.max()), aspect="auto")


def _write_counts(axes: "Axes", counts: NDArray[np.integer], darkest: int) -> None:
    for (truth, reading), count in np.ndenumerate(counts):
        if not count:
            continue
        colour = MUTED if truth == reading else WHITE if count > 0.7 * darkest else INK
        axes.text(reading, truth, f"{count:,}", color=colour, fontsize=TEXT_SIZE, ha="center", va="center")


def _label_sides(axes: "Axes", counts: NDArray[np.integer], wrong: int) -> None:
    axes.spines[:].set_visible(False)
    axes.set_xticks(range(N_CLASSES))
    axes.set_yticks(range(N_CLASSES))
    axes.tick_params(length=0, colors=INK, labelsize=TITLE_SIZE, labeltop=True, labelbottom=False)
    axes.xaxis.set_label_position("top")
    axes.set_xlabel("read as", color=MUTED, fontsize=TEXT_SIZE)
    axes.set_ylabel("true digit", color=MUTED, fontsize=TEXT_SIZE)
    axes.set_xticks(np.arange(N_CLASSES + 1) - 0.5, minor=True)
    axes.set_yticks(np.arange(N_CLASSES + 1) - 0.5, minor=True)
    axes.grid(which="minor", color=RIGHT, linewidth=1)
    axes.tick_params(which="minor", length=0)
    title = f"{wrong:,} of {counts.sum():,} digits misread"
    axes.set_title(title, loc="left", color=INK, fontsize=TITLE_SIZE, fontweight="bold", pad=12)
