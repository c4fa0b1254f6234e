"""How often a reader is right when it says how sure it is."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from digitscope.metrics import (
    CalibrationBins,
    Floats,
    Labels,
    calibration_bins,
    expected_calibration_error,
    wilson_interval,
)
from digitscope.plots.style import HAIRLINE, INK, MUTED, OKABE_ITO, TEXT_SIZE, TITLE_SIZE, WHITE, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH, HEIGHT = 8.0, 6.3  # inches, as are the next
LEFT, RIGHT = 0.75, 7.8
STRIP = 0.35  # of the axes, in their units: where what lies beyond the last edge is drawn
SMALL = TEXT_SIZE - 1

DOUBTS = (0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001, 0.0005, 0.0002, 0.0001)
"""1 - confidence at the bins' inner edges: nearly even steps of a logarithmic scale, in numbers people know."""
COARSEST = 3  # of them are always there

WITHIN, BEYOND, TARGET = "#b5d5ea", OKABE_ITO[0], OKABE_ITO[1]


@dataclass(frozen=True)
class _Scale:
    """Where a share stands on both axes: at -log10(1 - share), one unit up for each nine.

    That scale is endless: it ends a little beyond the share `last`, and what is above shares the strip there.
    """

    last: float

    @property
    def end(self) -> float:
        return float(STRIP - np.log10(1 - self.last))

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
        MissingExtraError: matplotlib is not installed.
    """
    ece = expected_calibration_error(probabilities, labels)
    inner = [1 - doubt for i, doubt in enumerate(DOUBTS) if i < COARSEST or doubt * labels.size >= 1]
    bins = calibration_bins(probabilities, labels, np.array([0, *inner, 1]))
    figure = new_figure(WIDTH, HEIGHT)
    accuracy, amounts = _panels(figure)
    _draw_accuracy(accuracy, bins, _Scale(inner[-1]))
    _draw_amounts(amounts, bins, _Scale(inner[-1]))
    _write_header(figure, bins, ece)
    return figure


def _panels(figure: "Figure") -> tuple["Axes", "Axes"]:
    first, second = (
        figure.add_axes((LEFT / WIDTH, bottom / HEIGHT, (RIGHT - LEFT) / WIDTH, height / HEIGHT))
        for bottom, height in ((1.75, 3.5), (0.35, 0.85))
    )
    for axes in (first, second):
        axes.spines[:].set_visible(False)
        axes.tick_params(length=0, colors=MUTED, labelsize=SMALL)
    return first, second


def _draw_accuracy(axes: "Axes", bins: CalibrationBins, scale: _Scale) -> None:
    edges, names = scale(bins.edges), [f"{100 * edge:.6g}" for edge in bins.edges]
    axes.set(xlim=(0, scale.end), ylim=(0, scale.end))
    axes.set_xticks(edges, names)
    axes.set_yticks(edges, names)
    axes.set_xlabel("confidence, %", color=MUTED, fontsize=TEXT_SIZE)
    axes.set_ylabel("read right, %", color=MUTED, fontsize=TEXT_SIZE)
    axes.grid(axis="y", color=HAIRLINE, linewidth=0.8)
    axes.set_axisbelow(True)
    filled = bins.counts > 0
    lower, upper = (end[filled] for end in wilson_interval(bins.right, bins.counts))
    sure = bins.confidence[filled]
    colours = [WITHIN if is_within else BEYOND for is_within in (lower <= sure) & (sure <= upper)]
    middles, widths = _places(edges)
    axes.bar(middles[filled], scale(bins.accuracy[filled]), widths[filled], color=colours)
    axes.plot([0, scale.end], [0, scale.end], color=INK, linewidth=0.8, linestyle=(0, (4, 3)))
    for colour, width in ((WHITE, 3.2), (INK, 1.2)):
        axes.vlines(scale(sure), scale(lower), scale(upper), color=colour, linewidth=width)
    axes.plot(scale(sure), scale(sure), "o", color=TARGET, markeredgecolor=WHITE, markersize=7.5)
    _write_key(axes)


def _write_key(axes: "Axes") -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    handles = [
        Patch(color=WITHIN, label="calibrated, within chance"),
        Patch(color=BEYOND, label="not calibrated"),
        Line2D([], [], color=INK, linewidth=1.2, label="95 % interval"),
        Line2D([], [], color=TARGET, marker="o", linestyle="", label="mean confidence"),
    ]
    axes.legend(
        handles=handles,
        loc="lower left",
        bbox_to_anchor=(0, 1),
        borderaxespad=0.3,
        ncols=len(handles),
        frameon=False,
        fontsize=SMALL,
        labelcolor=MUTED,
        handlelength=1.2,
        columnspacing=1.8,
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
        (-3.5, -3.5),
        "axes fraction",
        "offset points",
        color=MUTED,
        fontsize=SMALL,
        ha="right",
        va="top",
    )


def _places(edges: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the middles and the widths of bars that leave a gap at every edge."""
    return (edges[:-1] + edges[1:]) / 2, 0.86 * np.diff(edges)


def _write_header(figure: "Figure", bins: CalibrationBins, ece: float) -> None:
    n = bins.counts.sum()
    sure, right = np.nansum(bins.confidence * bins.counts) / n, bins.right.sum() / n
    title = f"Expected calibration error {ece:.4f}"
    note = f"15 equal-width bins    {n:,} digits: {sure:.2%} sure on average, {right:.2%} right".replace("%", " %")
    left = 0.1 / WIDTH
    figure.text(left, 6.06 / HEIGHT, title, color=INK, fontsize=TITLE_SIZE, fontweight="bold", va="center")
    figure.text(left, 5.78 / HEIGHT, note, color=MUTED, fontsize=TEXT_SIZE, va="center")
