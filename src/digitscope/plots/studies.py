"""What a study saw, for a slide: two panels of the same lines, legible from the back of a lecture hall."""

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
LEFT, GAP, RIGHT, TOP, BOTTOM = 0.8, 0.95, 2.5, 1.3, 0.85
HALL_TITLE, HALL_TEXT = 19.0, 14.0  # points; on a slide 34 cm wide a third more
MARKERS = ("o", "s", "^", "D", "v", "P")  # so that lines are told apart without colours too
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


def study_figure(title: str, first: Panel, second: Panel) -> "Figure":
    """Return a figure of two panels under `title`; the lines' names stand once, to the right of both.

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
    place = (0.2 / WIDTH, 1 - 0.45 / HEIGHT)
    figure.text(*place, title, color=INK, fontsize=HALL_TITLE, fontweight="bold", va="center")
    return figure


def _draw(axes: "Axes", panel: Panel, labels: Sequence[str]) -> None:
    axes.set_yscale(panel.scale)
    axes.set_xscale(panel.across_scale)
    for line in panel.lines:
        _draw_line(axes, line, labels.index(line.label))
    quiet_axes(axes)
    axes.grid(axis="y", which="major", color=HAIRLINE, linewidth=1.0)
    axes.tick_params(which="both", length=0, labelsize=HALL_TEXT - 1)
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
    axes.fill_between(line.places, lower, means + deviations, color=colour, alpha=0.22, linewidth=0)
    axes.plot(
        line.places,
        means,
        color=colour,
        linewidth=2.6,
        marker=MARKERS[number],
        markersize=8,
        markeredgecolor=WHITE,
        markevery=-(-len(means) // MOST_MARKS),
    )


def _few_numbers(axes: "Axes", panel: Panel) -> None:
    """Leave a vertical axis about five numbers, a logarithmic one the 1, 2 and 5 of a decade or its powers."""
    from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

    if panel.scale == "linear":
        axes.yaxis.set_major_locator(MaxNLocator(nbins=5, steps=[1, 2, 5, 10]))
    else:
        low, high = axes.get_ylim()
        steps = (1.0, 2.0, 5.0) if high / low < 200 else (1.0,)
        axes.yaxis.set_major_locator(LogLocator(subs=steps, numticks=12))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.yaxis.set_minor_formatter(NullFormatter())
    if not panel.ticks:
        axes.xaxis.set_major_locator(MaxNLocator(nbins=5, integer=True))


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
