"""The effect of each setting: the accuracy of every point over its value of the setting."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from digitscope.errors import DataError
from digitscope.plots.style import INK, OKABE_ITO, TEXT_SIZE, TITLE_SIZE, new_figure, quiet_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH, PANEL_HEIGHT, HEADER = 8.0, 2.7, 0.35  # inches
BAR = 0.36  # inches of height for each bar of `effects_figure`


@dataclass(frozen=True)
class Slice:
    """One panel.

    Attributes:
        name: of the setting.
        values: the value at each point: numbers, or words.
        means: the validation accuracy of each point.
        deviations: over seeds, None of a single one.
        logarithmic: whether numbers stand on a logarithmic axis.
    """

    name: str
    values: tuple[float, ...] | tuple[str, ...]
    means: tuple[float, ...]
    deviations: tuple[float | None, ...]
    logarithmic: bool = False


def slices_figure(slices: Sequence[Slice], measure: str = "accuracy") -> "Figure":
    """Return a figure with a panel for each of `slices`; they share the axis, and the best is marked.

    Raises:
        DataError: there is no panel, or one without a point.
        MissingExtraError: matplotlib is not installed.
    """
    if not slices or not all(each.means for each in slices):
        raise DataError("no slices of no points: expected one or more in each panel")
    across = 2 if len(slices) in (2, 4) else min(3, len(slices))
    rows = -(-len(slices) // across)
    inches = HEADER + PANEL_HEIGHT * rows
    figure = new_figure(WIDTH, inches)
    panels = figure.subplots(rows, across, sharey=True, squeeze=False).ravel()
    for axes, each in zip(panels, slices, strict=False):
        _draw(axes, each)
    for axes in panels[len(slices) :]:
        axes.set_visible(False)
    title = f"Validation {measure} (%)"
    figure.text(0.15 / WIDTH, 1 - 0.3 / inches, title, color=INK, fontsize=TITLE_SIZE, fontweight="bold")
    figure.subplots_adjust(
        left=0.6 / WIDTH,
        right=1 - 0.1 / WIDTH,
        top=1 - (HEADER + 0.45) / inches,
        bottom=0.4 / inches,
        hspace=0.45,
        wspace=0.12,
    )
    return figure


def _draw(axes: "Axes", each: Slice) -> None:
    words = [value for value in dict.fromkeys(each.values) if isinstance(value, str)]
    places = [words.index(value) if isinstance(value, str) else value for value in each.values]
    best = max(range(len(each.means)), key=lambda point: each.means[point])
    for point, place in enumerate(places):
        colour = OKABE_ITO[1] if point == best else OKABE_ITO[0]
        mean, deviation = 100 * each.means[point], 100 * (each.deviations[point] or 0.0)
        axes.plot([place, place], [mean - deviation, mean + deviation], color=colour, linewidth=1.5)
        axes.plot([place], [mean], "o", color=colour, markersize=6, zorder=3 if point == best else 2)
    quiet_axes(axes)
    if words:
        axes.set_xticks(range(len(words)), words, parse_math=False)
        axes.set_xlim(-0.5, len(words) - 0.5)
    elif each.logarithmic:
        _logarithmic(axes, [value for value in each.values if not isinstance(value, str)])
    else:
        axes.locator_params(axis="x", nbins=4)
    axes.set_title(each.name, loc="left", color=INK, fontsize=TEXT_SIZE + 1, parse_math=False)


def _logarithmic(axes: "Axes", values: Sequence[float]) -> None:
    """Give a logarithmic axis three round numbers: Matplotlib's own are too many, or too few within a decade."""
    ticks = sorted({float(f"{value:.1g}") for value in np.geomspace(min(values), max(values), 3)})
    axes.set_xscale("log")
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.set_xticks([], minor=True)


def effects_figure(effects: Mapping[str, float], measure: str = "accuracy") -> "Figure":
    """Return bars of how far each setting moves the `measure`, from 0 to 1, the first on top.

    Raises:
        DataError: there is no setting.
        MissingExtraError: matplotlib is not installed.
    """
    if not effects:
        raise DataError("no effects of no settings: expected one or more")
    height = 0.5 + BAR * len(effects) + 0.15
    figure = new_figure(WIDTH, height)
    axes = figure.add_axes((2.0 / WIDTH, 0.15 / height, (WIDTH - 3.4) / WIDTH, BAR * len(effects) / height))
    points = [100 * value for value in effects.values()]
    axes.barh(range(len(points)), points, height=0.62, color=OKABE_ITO[0])
    for row, value in enumerate(points):
        axes.text(value, row, f"  {value:.2f} points", va="center", color=INK, fontsize=TEXT_SIZE)
    axes.set_yticks(range(len(points)), list(effects), fontsize=TEXT_SIZE, color=INK, parse_math=False)
    axes.set_xticks([])
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    axes.set_xlim(0, max(points) or 1)
    axes.set_ylim(len(points) - 0.5, -0.5)
    title = f"Best value against worst, in points of validation {measure}"
    figure.text(0.15 / WIDTH, 1 - 0.32 / height, title, color=INK, fontsize=TITLE_SIZE, fontweight="bold")
    return figure
