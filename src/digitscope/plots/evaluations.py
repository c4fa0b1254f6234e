"""Figures of an evaluation: which digits are taken for which, and how often a reader is as sure as it is right."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from digitscope import metrics
from digitscope.errors import DataError
from digitscope.metrics import N_CLASSES, CalibrationBins, Floats, Labels
from digitscope.plots.style import HAIRLINE, INK, MUTED, OKABE_ITO, TEXT_SIZE, TITLE_SIZE, WHITE, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

READ_RIGHT = "#f1f1ee"

WIDTH, HEIGHT = 8.0, 6.3  # inches, as are the next
LEFT, RIGHT = 0.75, 7.8
STRIP = 0.35  # of the axes, in their units: where what lies beyond the last edge is drawn
SMALL = TEXT_SIZE - 1

DOUBTS = (0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001, 0.0005, 0.0002, 0.0001)
"""1 - confidence at the bins' inner edges: nearly even steps of a logarithmic scale, in numbers people know."""
COARSEST = 3  # of them are always there

WITHIN, BEYOND, TARGET = "#b5d5ea", OKABE_ITO[0], OKABE_ITO[1]


def confusion_heat_map(confusion: ArrayLike) -> "Figure":
    """Return a heat map of `confusion`, (10, 10) counts, row = true digit, column = digit read.

    The digits read right keep their count but have no colour, so that the errors' shades are what shows.

    Raises:
        DataError: the shape is another.
    """
    counts = np.asarray(confusion)
    if counts.shape != (N_CLASSES, N_CLASSES):
        raise DataError(f"confusion of shape {counts.shape}: expected (10, 10) counts")
    figure = new_figure(7, 6.6)
    from matplotlib import colormaps

    axes = figure.add_axes((0.09, 0.03, 0.88, 0.83))
    is_right = np.eye(N_CLASSES, dtype=bool)
    errors = np.where(is_right, 0, counts)
    most = int(errors.max())
    shades = colormaps["OrRd"].with_extremes(bad=READ_RIGHT, under=WHITE)
    axes.imshow(np.ma.masked_array(errors, is_right), cmap=shades, vmin=0.5, vmax=max(1.5, most), aspect="auto")
    for (truth, reading), count in np.ndenumerate(counts):
        if count:
            colour = MUTED if truth == reading else WHITE if count > 0.7 * most else INK
            axes.text(reading, truth, f"{count:,}", color=colour, fontsize=TEXT_SIZE, ha="center", va="center")
    axes.spines[:].set_visible(False)
    axes.set_xticks(range(N_CLASSES))
    axes.set_yticks(range(N_CLASSES))
    axes.tick_params(length=0, colors=INK, labelsize=TITLE_SIZE, labeltop=True, labelbottom=False)
    axes.xaxis.set_label_position("top")
    axes.set_xlabel("read as", color=MUTED, fontsize=TEXT_SIZE)
    axes.set_ylabel("true digit", color=MUTED, fontsize=TEXT_SIZE)
    axes.set_xticks(np.arange(N_CLASSES + 1) - 0.5, minor=True)
    axes.set_yticks(np.arange(N_CLASSES + 1) - 0.5, minor=True)
    axes.grid(which="minor", color=READ_RIGHT, linewidth=1)
    axes.tick_params(which="minor", length=0)
    title = f"{int(errors.sum()):,} of {counts.sum():,} digits misread"
    axes.set_title(title, loc="left", color=INK, fontsize=TITLE_SIZE, fontweight="bold", pad=12)
    return figure


class _Scale:
    """Where a share stands on both axes: at -log10(1 - share), one unit up for each nine.

    That scale is endless: it ends a little beyond the share `last`, and what is above shares the strip there.
    """

    def __init__(self, last: float) -> None:
        self.last, self.end = last, float(STRIP - np.log10(1 - last))

    def __call__(self, share: ArrayLike) -> NDArray[np.float64]:
        shares = np.asarray(share, dtype=np.float64)
        in_strip = self.end - STRIP * (1 - shares) / (1 - self.last)
        return np.where(shares > self.last, in_strip, -np.log10(1 - np.minimum(shares, self.last)))


def reliability_diagram(probabilities: Floats, labels: Labels) -> "Figure":
    """Return a figure of the accuracy at each confidence, with the digits it rests on.

    Good networks are nearly always nearly certain, so both axes are logarithmic in the distance to 100 %: from 90
    to 99 is as far as from 99 to 99.9. The bins become finer towards 100 %, up to one error among all digits. Bars
    show the accuracy of each bin, from 0, with its 95 % interval (Wilson 1927). Dots show its mean confidence and
    lie on the diagonal, where the bars of a calibrated reader end. A bar is dark if its interval excludes the dot.
    The calibration error above the plot uses 15 equal-width bins (Guo et al. 2017).

    Args:
        probabilities: floats of shape (N, 10), or (N, P, 10) for P digits an image.
        labels: digits of shape (N,) or (N, P).

    Raises:
        DataError: the shapes do not belong together, or there is no label.
    """
    ece = metrics.expected_calibration_error(probabilities, labels)
    inner = [1 - doubt for i, doubt in enumerate(DOUBTS) if i < COARSEST or doubt * labels.size >= 1]
    bins = metrics.calibration_bins(probabilities, labels, np.array([0, *inner, 1]))
    scale = _Scale(inner[-1])
    figure = new_figure(WIDTH, HEIGHT)
    accuracy, amounts = (
        figure.add_axes((LEFT / WIDTH, bottom / HEIGHT, (RIGHT - LEFT) / WIDTH, height / HEIGHT))
        for bottom, height in ((1.75, 3.5), (0.35, 0.85))
    )
    for axes in (accuracy, amounts):
        axes.spines[:].set_visible(False)
        axes.tick_params(length=0, colors=MUTED, labelsize=SMALL)
    _draw_accuracy(accuracy, bins, scale)
    _draw_amounts(amounts, bins, scale)
    n = bins.counts.sum()
    sure, right = np.nansum(bins.confidence * bins.counts) / n, bins.right.sum() / n
    title = f"Expected calibration error {ece:.4f}"
    note = f"15 equal-width bins    {n:,} digits: {sure:.2%} sure on average, {right:.2%} right".replace("%", " %")
    left = 0.1 / WIDTH
    figure.text(left, 6.06 / HEIGHT, title, color=INK, fontsize=TITLE_SIZE, fontweight="bold", va="center")
    figure.text(left, 5.78 / HEIGHT, note, color=MUTED, fontsize=TEXT_SIZE, va="center")
    return figure


def _draw_accuracy(axes: "Axes", bins: CalibrationBins, scale: _Scale) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    edges, names = scale(bins.edges), [f"{100 * edge:.6g}" for edge in bins.edges]
    axes.set(xlim=(0, scale.end), ylim=(0, scale.end))
    axes.set_xticks(edges, names)
    axes.set_yticks(edges, names)
    axes.set_xlabel("confidence, %", color=MUTED, fontsize=TEXT_SIZE)
    axes.set_ylabel("read right, %", color=MUTED, fontsize=TEXT_SIZE)
    axes.grid(axis="y", color=HAIRLINE, linewidth=0.8)
    axes.set_axisbelow(True)
    filled = bins.counts > 0
    lower, upper = (end[filled] for end in metrics.wilson_interval(bins.right, bins.counts))
    sure = bins.confidence[filled]
    colours = [WITHIN if is_within else BEYOND for is_within in (lower <= sure) & (sure <= upper)]
    middles, widths = _places(edges)
    axes.bar(middles[filled], scale(bins.accuracy[filled]), widths[filled], color=colours)
    axes.plot([0, scale.end], [0, scale.end], color=INK, linewidth=0.8, linestyle=(0, (4, 3)))
    for colour, width in ((WHITE, 3.2), (INK, 1.2)):
        axes.vlines(scale(sure), scale(lower), scale(upper), color=colour, linewidth=width)
    axes.plot(scale(sure), scale(sure), "o", color=TARGET, markeredgecolor=WHITE, markersize=7.5)
    handles = [
        Patch(color=WITHIN, label="calibrated: the gap may be luck"),
        Patch(color=BEYOND, label="not calibrated"),
        Line2D([], [], color=INK, linewidth=1.2, label="95 % interval"),
        Line2D([], [], color=TARGET, marker="o", linestyle="", label="mean confidence"),
    ]
    axes.legend(
        handles=handles,
        ncols=len(handles),
        loc="lower left",
        bbox_to_anchor=(0, 1),
        borderaxespad=0.3,
        handlelength=1.2,
        columnspacing=1.8,
        frameon=False,
        fontsize=SMALL,
        labelcolor=MUTED,
    )


def _draw_amounts(axes: "Axes", bins: CalibrationBins, scale: _Scale) -> None:
    middles, widths = _places(scale(bins.edges))
    axes.set(xlim=(0, scale.end), ylim=(0, 1.25 * bins.counts.max()))
    axes.bar(middles, bins.counts, widths, color=HAIRLINE)
    axes.set_yticks([0], ["digits"], va="bottom")
    wrong = [f"{n - right:,}" if n else "" for n, right in zip(bins.counts, bins.right, strict=True)]
    axes.set_xticks(middles, wrong)
    for middle, n in zip(middles, bins.counts, strict=True):
        if n:
            axes.text(middle, n, f"{n:,}", color=INK, fontsize=SMALL, ha="center", va="bottom")
    axes.annotate(
        "misread",
        (0, 0),
        xytext=(-3.5, -3.5),
        xycoords="axes fraction",
        textcoords="offset points",
        color=MUTED,
        fontsize=SMALL,
        ha="right",
        va="top",
    )


def _places(edges: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the middles and the widths of bars that leave a gap at every edge."""
    return (edges[:-1] + edges[1:]) / 2, 0.86 * np.diff(edges)
