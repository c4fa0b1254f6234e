"""Which settings were best: accuracies, or another measure, with their deviations, one row per point."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from digitscope.errors import DataError
from digitscope.plots.style import HAIRLINE, INK, MUTED, OKABE_ITO, TEXT_SIZE, TITLE_SIZE, new_figure, quiet_axes

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WIDTH, ROW, TOP, BOTTOM = 8.0, 0.36, 0.7, 0.75  # inches, as are the next
LEFT, RIGHT = 3.1, 1.35
LONGEST_LABEL = 42  # characters that fit to the left of the axes


@dataclass(frozen=True)
class RankedPoint:
    """One row: the validation accuracy, its deviation over seeds (None of one), and the test accuracy if any."""

    label: str
    mean: float
    deviation: float | None = None
    test: float | None = None


def ranking_figure(points: Sequence[RankedPoint], heading: str = "", measure: str = "accuracy") -> "Figure":
    """Return a figure with a row for each of `points`, the first on top, and `heading` over their labels.

    A dot is the validation mean, with a bar of one standard deviation to each side. A ring is the test value.
    `measure` names the quantity.

    Raises:
        DataError: there is no point.
        MissingExtraError: matplotlib is not installed.
    """
    if not points:
        raise DataError("no ranking of no points: expected one or more")
    height = TOP + ROW * len(points) + BOTTOM
    figure = new_figure(WIDTH, height)
    size = ((WIDTH - LEFT - RIGHT) / WIDTH, ROW * len(points) / height)
    axes = figure.add_axes((LEFT / WIDTH, BOTTOM / height, *size))
    left: dict[str, Any] = {"ha": "right", "parse_math": False}
    for row, point in enumerate(points):
        colour = OKABE_ITO[1] if row == 0 else OKABE_ITO[0]
        mean, deviation = 100 * point.mean, 100 * (point.deviation or 0.0)
        axes.errorbar([mean], [row], xerr=[deviation], fmt="o", color=colour, linewidth=2.0, markersize=7)
        if point.test is not None:
            axes.plot([100 * point.test], [row], "o", color=MUTED, markersize=7, markerfacecolor="none", zorder=1)
        told = f"{mean:.2f}" + ("" if point.deviation is None else f" \N{PLUS-MINUS SIGN} {deviation:.2f}")
        beside: dict[str, Any] = {"transform": axes.get_yaxis_transform(), "va": "center", "color": INK}
        weight = "bold" if row == 0 else "normal"
        axes.text(-0.03, row, _cut(point.label), fontsize=TEXT_SIZE - 0.5, fontweight=weight, **left, **beside)
        axes.text(1.04, row, f"{told} %", fontsize=TEXT_SIZE - 0.5, **beside)
    quiet_axes(axes)
    axes.grid(axis="x", color=HAIRLINE, linewidth=0.8)
    axes.grid(visible=False, axis="y")
    axes.set_yticks([])
    axes.set_ylim(len(points) - 0.5, -0.5)
    axes.margins(x=0.06)
    axes.set_xlabel(f"{measure} (%)", color=MUTED, fontsize=TEXT_SIZE)
    key = "dot: validation, \N{PLUS-MINUS SIGN} one deviation over seeds"
    if any(point.test is not None for point in points):
        key += "    ring: test, which chooses nothing"
    small: dict[str, Any] = {"color": MUTED, "fontsize": TEXT_SIZE - 1}
    figure.text(0.15 / WIDTH, 0.12 / height, key, **small)
    top = 1 - 0.32 / height
    figure.text(0.15 / WIDTH, top, f"Validation {measure}", color=INK, fontsize=TITLE_SIZE, fontweight="bold")
    axes.text(-0.03, 1.02, _cut(heading), transform=axes.transAxes, va="bottom", **left, **small)
    return figure


def _cut(label: str) -> str:
    return label if len(label) <= LONGEST_LABEL else label[: LONGEST_LABEL - 1] + "\N{HORIZONTAL ELLIPSIS}"
