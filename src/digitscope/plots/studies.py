"""Figures of studies for slides: two panels of the same lines, legible from the back of a lecture hall."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from digitscope.errors import DataError
from digitscope.plots.curves import spread_out
from digitscope.plots.style import HAIRLINE, INK, MUTED, OKABE_ITO, WHITE, new_figure, quiet_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH, HEIGHT = 10.0, 5.0  # inches, as are the next
LEFT, GAP, RIGHT, TOP, BOTTOM = 0.8, 0.95, 2.5, 1.45, 0.85
HALL_TITLE, HALL_TEXT, HALL_NOTE = 19.0, 14.0, 12.0  # points; on a slide 34 cm wide a third more
MARKERS = ("o", "s", "^", "D", "v", "P")  # so that lines are told apart without colours too
SLACK, NEAR = 0.03, 0.08  # of an axis: what may lie beyond its last number; what its numbers keep between them
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
        ticks: of the horizontal axis: the place and the words of each; Matplotlib's own if empty.
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
        MissingExtraError: matplotlib is not installed.
    """
    for panel in (first, second):
        if not 1 <= len(panel.lines) <= len(OKABE_ITO) or not all(line.means for line in panel.lines):
            raise DataError(
                f"{len(panel.lines)} lines for a panel: expected 1 to {len(OKABE_ITO)}, each with points"
            )
    figure = new_figure(WIDTH, HEIGHT)
    labels = list(dict.fromkeys(line.label for panel in (first, second) for line in panel.lines))
    width = (WIDTH - LEFT - GAP - RIGHT) / 2
    for panel, left in ((first, LEFT), (second, LEFT + width + GAP)):
        box = (left / WIDTH, BOTTOM / HEIGHT, width / WIDTH, (HEIGHT - TOP - BOTTOM) / HEIGHT)
        axes = figure.add_axes(box)
        _draw(axes, panel, labels)
    _name_lines(axes, second.lines, labels)
    place = (0.2 / WIDTH, 1 - 0.4 / HEIGHT)
    figure.text(*place, title, color=INK, fontsize=HALL_TITLE, fontweight="bold", va="center")
    figure.text(0.2 / WIDTH, 1 - 0.76 / HEIGHT, note, color=MUTED, fontsize=HALL_NOTE, va="center")
    return figure


def _draw(axes: "Axes", panel: Panel, labels: Sequence[str]) -> None:
    axes.set_yscale(panel.scale)
    axes.set_xscale(panel.across_scale)
    for line in panel.lines:
        _draw_line(axes, line, labels.index(line.label))
    quiet_axes(axes)
    axes.grid(axis="y", which="major", color=HAIRLINE, linewidth=1.0)
    axes.tick_params(which="both", length=0, labelsize=HALL_TEXT - 1)
    axes.tick_params(axis="x", pad=10)  # below the lowest number of the other axis
    if panel.ticks:
        axes.set_xticks(list(panel.ticks), list(panel.ticks.values()))
        axes.set_xticks([], minor=True)
    _few_numbers(axes, panel)
    axes.set_xlabel(panel.across, color=MUTED, fontsize=HALL_TEXT)
    axes.set_title(panel.title, loc="left", color=INK, fontsize=HALL_TEXT + 1, pad=12)


def _draw_line(axes: "Axes", line: Line, number: int) -> None:
    colour = OKABE_ITO[number]
    means, deviations = np.array(line.means), np.array(line.deviations or 0.0)
    floor = means.min() / 2 if axes.get_yscale() == "log" else -np.inf  # a band below 0 has no place there
    lower = np.maximum(means - deviations, floor)
    axes.fill_between(line.places, lower, means + deviations, color=colour, alpha=0.22, linewidth=0, clip_on=False)
    axes.plot(
        line.places,
        means,
        color=colour,
        linewidth=2.6,
        marker=MARKERS[number],
        markersize=8,
        markeredgecolor=WHITE,
        markevery=-(-len(means) // MOST_MARKS),
        clip_on=False,  # a marker at the end of an axis stays whole
    )


def _few_numbers(axes: "Axes", panel: Panel) -> None:
    """Give each axis a few numbers, one of them at either end."""
    low, high = (float(end) for end in axes.dataLim.intervaly)
    upright = _numbers_between(low, high) if panel.scale == "linear" else _powers_between(low, high)
    axes.set_yticks(upright, [f"{number:g}" for number in upright])
    axes.set_yticks([], minor=True)
    axes.set_ylim(upright[0], upright[-1])
    if not panel.ticks:
        first, last = (float(end) for end in axes.dataLim.intervalx)
        inner = _apart(_whole_numbers(first, last), first, last)
        axes.set_xticks([first, *inner, last], [f"{number:g}" for number in (first, *inner, last)])


def _numbers_between(low: float, high: float) -> list[float]:
    """Return about five round numbers; beyond the first and the last one lies next to nothing."""
    from matplotlib.ticker import MaxNLocator

    if low == high:
        low, high = low - 0.5, high + 0.5
    places = MaxNLocator(nbins=5, steps=[1, 2, 5, 10]).tick_values(low, high)
    numbers = [float(f"{place:.9g}") for place in places]
    slack = SLACK * (high - low)
    while len(numbers) > 2 and numbers[1] <= low + slack:
        del numbers[0]
    while len(numbers) > 2 and numbers[-2] >= high - slack:
        del numbers[-1]
    return numbers


def _powers_between(low: float, high: float) -> list[float]:
    """Return the 1, 2 and 5 of decades, or of many decades their powers alone between the first and the last."""
    slack = (high / low) ** SLACK
    decades = range(int(np.floor(np.log10(low))) - 1, int(np.ceil(np.log10(high))) + 2)
    numbers = [float(f"{step}e{decade}") for decade in decades for step in (1, 2, 5)]
    first = max(number for number in numbers if number <= low * slack)
    last = min(number for number in numbers if number >= high / slack and number > first)
    inner = [number for number in numbers if first < number < last]
    if high / low >= MANY_DECADES:
        inner = [number for number in inner if f"{number:e}".startswith("1.0")]
    between = _apart(list(np.log(inner)), float(np.log(first)), float(np.log(last)))
    return [first, *(float(f"{np.exp(number):.1g}") for number in between), last]


def _whole_numbers(first: float, last: float) -> list[float]:
    from matplotlib.ticker import MaxNLocator

    locator = MaxNLocator(nbins=5, integer=True, steps=[1, 2, 5, 10])
    return [float(number) for number in locator.tick_values(first, last)]


def _apart(numbers: Sequence[float], first: float, last: float) -> list[float]:
    """Return those of `numbers` whose words do not come near the ends'."""
    gap = NEAR * (last - first)
    return [number for number in numbers if first + gap < number < last - gap]


def _name_lines(axes: "Axes", lines: Sequence[Line], labels: Sequence[str]) -> None:
    """Write the name of each line at the height of its end, beside a piece of it."""
    ends = [
        axes.transAxes.inverted().transform(axes.transData.transform((line.places[-1], line.means[-1])))[1]
        for line in lines
    ]
    heights = spread_out([float(end) for end in ends], gap=0.12)
    for line, height in zip(lines, heights, strict=True):
        number = labels.index(line.label)
        look: dict[str, Any] = {
            "color": OKABE_ITO[number],
            "marker": MARKERS[number],
            "markersize": 8,
            "markevery": [1],
        }
        axes.plot([1.06, 1.1, 1.14], [height] * 3, linewidth=2.6, transform=axes.transAxes, clip_on=False, **look)
        axes.text(
            1.17,
            height,
            line.label,
            color=INK,
            fontsize=HALL_TEXT,
            va="center",
            transform=axes.transAxes,
            parse_math=False,
        )
