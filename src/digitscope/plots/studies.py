"""Figures of studies for slides: two panels of the same lines, legible from the back of a lecture hall."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np

from digitscope.errors import DataError
from digitscope.plots.style import HAIRLINE, INK, MUTED, OKABE_ITO, WHITE, new_figure, quiet_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH, HEIGHT = 10.0, 5.0  # inches, as are the next
LEFT, GAP, RIGHT, TOP, BOTTOM = 0.8, 0.95, 2.5, 1.45, 0.85
HALL_TITLE, HALL_TEXT, HALL_NOTE = 19.0, 14.0, 12.0  # points; on a slide 34 cm wide a third more
MARKERS = ("o", "s", "^", "D", "v", "P")  # so that lines are told apart without colours too
SLACK = 0.03  # of the data's range: how far they may lie beyond the first and the last number of an axis
MANY_DECADES = 200  # of the highest to the lowest: beyond, only powers of ten have room
MOST_MARKS = 13  # of a line; beyond, every second, third, ... point has one

Scale = Literal["linear", "log"]


@dataclass(frozen=True)
class Line:
    """One line of a panel.

    Attributes:
        label: what it is; lines of one label have one colour and one marker in every panel.
        places: where its points stand on the horizontal axis.
        means: of each point, over seeds.
        deviations: of each point, drawn as a band; empty for a single seed.
    """

    label: str
    places: tuple[float, ...]
    means: tuple[float, ...]
    deviations: tuple[float, ...] = ()


@dataclass(frozen=True)
class Panel:
    """One of the two drawings.

    Attributes:
        title: what stands on the vertical axis, and its unit.
        lines: at most six.
        across: what stands on the horizontal axis.
        scale: of the vertical axis.
        across_scale: of the horizontal one.
        ticks: of the horizontal axis: the place and the words of each; whole numbers if empty.
    """

    title: str
    lines: tuple[Line, ...]
    across: str
    scale: Scale = "linear"
    across_scale: Scale = "linear"
    ticks: Mapping[float, str] = field(default_factory=dict)


def study_figure(title: str, note: str, first: Panel, second: Panel) -> "Figure":
    """Return a figure of two panels under `title` and a small `note`; the lines' names stand once, on the right.

    Raises:
        DataError: a panel has no line, a line no point, or there are more lines than colours.
    """
    for panel in (first, second):
        if not 1 <= len(panel.lines) <= len(OKABE_ITO) or not all(line.means for line in panel.lines):
            raise DataError(
                f"{len(panel.lines)} lines for a panel: expected 1 to {len(OKABE_ITO)}, each with points"
            )
    figure = new_figure(WIDTH, HEIGHT)
    axes = figure.subplots(1, 2)
    figure.subplots_adjust(LEFT / WIDTH, BOTTOM / HEIGHT, 1 - RIGHT / WIDTH, 1 - TOP / HEIGHT)
    figure.subplots_adjust(wspace=2 * GAP / (WIDTH - LEFT - GAP - RIGHT))
    labels = list(dict.fromkeys(line.label for panel in (first, second) for line in panel.lines))
    for each, panel in zip(axes, (first, second), strict=True):
        _draw(each, panel, labels)
    ends = [line.means[-1] for line in second.lines]
    order = sorted(range(len(ends)), key=lambda number: -ends[number])
    handles, names = [axes[1].lines[number] for number in order], [second.lines[number].label for number in order]
    legend = axes[1].legend(
        handles,
        names,
        loc="center left",
        bbox_to_anchor=(1.02, 0.5),
        frameon=False,
        fontsize=HALL_TEXT,
        labelcolor=INK,
    )
    for text in legend.get_texts():
        text.set_parse_math(False)
    left, top = 0.2 / WIDTH, 1 - 0.4 / HEIGHT
    figure.text(left, top, title, color=INK, fontsize=HALL_TITLE, fontweight="bold", va="center")
    figure.text(left, 1 - 0.76 / HEIGHT, note, color=MUTED, fontsize=HALL_NOTE, va="center")
    return figure


def _draw(axes: "Axes", panel: Panel, labels: Sequence[str]) -> None:
    from matplotlib.ticker import MaxNLocator

    axes.set_yscale(panel.scale)
    axes.set_xscale(panel.across_scale)
    for line in panel.lines:
        number = labels.index(line.label)
        means, deviations = np.array(line.means), np.array(line.deviations or 0.0)
        floor = means.min() / 2 if panel.scale == "log" else -np.inf  # a band below 0 has no place there
        band = np.maximum(means - deviations, floor), means + deviations
        axes.fill_between(line.places, *band, color=OKABE_ITO[number], alpha=0.22, linewidth=0, clip_on=False)
        axes.plot(
            line.places,
            means,
            color=OKABE_ITO[number],
            linewidth=2.6,
            marker=MARKERS[number],
            markersize=8,
            markeredgecolor=WHITE,
            markevery=-(-len(means) // MOST_MARKS),
            clip_on=False,
        )
    quiet_axes(axes)
    axes.grid(axis="y", which="major", color=HAIRLINE, linewidth=1.0)
    axes.tick_params(which="both", length=0, labelsize=HALL_TEXT - 1)
    axes.tick_params(axis="x", pad=10)  # below the lowest number of the other axis
    numbers = _numbers(panel.scale, *map(float, axes.dataLim.intervaly))
    axes.set_yticks(numbers, [f"{number:g}" for number in numbers])
    axes.set_yticks([], minor=True)
    axes.set_ylim(numbers[0], numbers[-1])
    if panel.ticks:
        axes.set_xticks(list(panel.ticks), list(panel.ticks.values()))
        axes.set_xticks([], minor=True)
    else:
        axes.xaxis.set_major_locator(MaxNLocator(nbins=5, integer=True))
    axes.set_xlabel(panel.across, color=MUTED, fontsize=HALL_TEXT)
    axes.set_title(panel.title, loc="left", color=INK, fontsize=HALL_TEXT + 1, pad=12)


def _numbers(scale: Scale, low: float, high: float) -> list[float]:
    """Return a few round numbers for an axis, the first and the last of which enclose `low` to `high`."""
    from matplotlib.ticker import LogLocator, MaxNLocator

    if low == high:
        low, high = (low / 2, high * 2) if scale == "log" else (low - 0.5, high + 0.5)
    if scale == "log":
        few = high / low >= MANY_DECADES
        places = LogLocator(subs=(1.0,) if few else (1.0, 2.0, 5.0), numticks=20).tick_values(low, high)
        below, above = low * (high / low) ** SLACK, high / (high / low) ** SLACK
    else:
        places = MaxNLocator(nbins=5, steps=[1, 2, 5, 10]).tick_values(low, high)
        below, above = low + SLACK * (high - low), high - SLACK * (high - low)
    numbers = [float(f"{place:.9g}") for place in places]
    first = max((number for number in numbers if number <= below), default=numbers[0])
    last = min((number for number in numbers if number >= above and number > first), default=numbers[-1])
    return [number for number in numbers if first <= number <= last]
