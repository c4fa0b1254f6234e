"""How runs went: loss and accuracy, in training and in validation, epoch by epoch."""

from collections.abc import Callable, Mapping, Sequence
from itertools import cycle, pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from digitscope.errors import DataError
from digitscope.plots.style import INK, MUTED, OKABE_ITO, TEXT_SIZE, TITLE_SIZE, new_figure, quiet_axes
from digitscope.records import EpochRecord

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Histories = Mapping[str, Sequence[EpochRecord]]

WIDTH, HEIGHT = 8.0, 3.6  # inches
LONGEST_LABEL = 16  # characters: longer names stand below, so that the panels keep their width
LONGEST_NAME = 88  # characters that fit there
KEY_ROW = 0.24  # inches
FEW_EPOCHS = 10  # up to here each epoch is marked; beyond, the marks would hide the line


class _Curve(NamedTuple):
    """One line of one panel: `values` over `epochs`, float64 and int64 (N,).

    Beside its end stands its last value, under its label if that is not empty; nothing without a label.
    """

    label: str | None
    colour: str
    dashed: bool
    epochs: NDArray[np.int64]
    values: NDArray[np.float64]


def learning_curves(histories: Histories, measure: str = "accuracy", unit: str = "nats") -> "Figure":
    """Return a figure with a panel for the loss, in `unit`, and one for the accuracy, titled `measure`.

    One run has a colour for training and one for validation. Of several, each has its colour, and training
    is dashed. Every line has its name and its last value at its end; names longer than 16 characters are below.

    Raises:
        DataError: there is no run, or a run without an epoch.
    """
    if not histories or not all(histories.values()):
        raise DataError(f"no curve for the runs {list(histories)}: expected one epoch or more of each")
    several = len(histories) > 1
    below = tuple(histories) if several and max(map(len, histories)) > LONGEST_LABEL else ()
    height = HEIGHT + KEY_ROW * len(below)
    figure = new_figure(WIDTH, height)
    from matplotlib.lines import Line2D
    from matplotlib.ticker import PercentFormatter

    losses, accuracies = (_curves(histories, quantity, named=not below) for quantity in ("loss", "accuracy"))
    labels = 0.3 + max(_inches(text) for text in ("00.00 %", *(curve.label or "" for curve in losses)))
    # The places are computed, not left to a layout engine: an engine moves them a little at each drawing.
    bottom = height - HEIGHT + (0.8 if several else 0.5)
    width = (WIDTH - 0.5 - 0.85 - 2 * labels) / 2
    loss, accuracy = (
        figure.add_axes((left / WIDTH, bottom / height, width / WIDTH, (height - 0.45 - bottom) / height))
        for left in (0.5, 0.5 + width + labels + 0.85)
    )
    _, highest = _finite_range(losses)
    loss.set_ylim(0, 1.06 * highest or 1)
    _draw(loss, losses, f"Loss ({unit})", lambda value: f"{value:.3f}")
    lowest, highest = _finite_range(accuracies)
    margin = 0.06 * max(highest - lowest, 0.02)
    accuracy.set_ylim(lowest - margin, highest + margin)
    accuracy.yaxis.set_major_formatter(PercentFormatter(1.0, symbol=" %"))
    _draw(accuracy, accuracies, measure[:1].upper() + measure[1:], lambda value: f"{100 * value:.2f} %")
    if several:
        key = "solid: validation    dashed: training"
        figure.text(0.5 / WIDTH, (height - HEIGHT + 0.12) / height, key, color=MUTED, fontsize=TEXT_SIZE)
    for row, (name, colour) in enumerate(zip(below, cycle(OKABE_ITO), strict=False)):
        y = (0.16 + KEY_ROW * (len(below) - 1 - row)) / height
        figure.add_artist(Line2D([0.5 / WIDTH, 0.75 / WIDTH], [y, y], color=colour, linewidth=3))
        words = name if len(name) <= LONGEST_NAME else name[: LONGEST_NAME - 1] + "\N{HORIZONTAL ELLIPSIS}"
        figure.text(0.85 / WIDTH, y, words, color=INK, fontsize=TEXT_SIZE, va="center", parse_math=False)
    return figure


def _inches(text: str) -> float:
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import text_to_path

    points = text_to_path.get_text_width_height_descent(text, FontProperties(size=TEXT_SIZE), ismath=False)[0]
    return float(points) / 72


def _curves(histories: Histories, quantity: str, *, named: bool) -> list[_Curve]:
    """Return a curve of training for each run, then one of validation for each; the colours never end."""
    curves = []
    for split, colour_of_one in (("train", OKABE_ITO[0]), ("validation", OKABE_ITO[1])):
        for (name, history), colour in zip(histories.items(), cycle(OKABE_ITO), strict=False):
            epochs = np.array([record.epoch for record in history])
            values = np.array([getattr(record, f"{split}_{quantity}") for record in history], dtype=np.float64)
            if len(histories) == 1:
                curves.append(_Curve(split, colour_of_one, False, epochs, values))
            elif split == "train":
                curves.append(_Curve(None, colour, True, epochs, values))
            else:
                curves.append(_Curve(name if named else "", colour, False, epochs, values))
    return curves


def _draw(axes: "Axes", curves: Sequence[_Curve], title: str, number: Callable[[float], str]) -> None:
    from matplotlib.ticker import MaxNLocator

    for curve in curves:
        style, width, size = ("--", 1.2, 4) if curve.dashed else ("-", 2.0, 5)
        marker = "o" if len(curve.epochs) <= FEW_EPOCHS else ""
        axes.plot(
            curve.epochs,
            curve.values,
            style,
            color=curve.colour,
            linewidth=width,
            marker=marker,
            markersize=size,
        )
    quiet_axes(axes)
    first, last = min(curve.epochs[0] for curve in curves), max(curve.epochs[-1] for curve in curves)
    pad = 0.03 * (last - first) or 0.5
    axes.set_xlim(first - pad, last + pad)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=True, min_n_ticks=1))
    axes.yaxis.set_major_locator(MaxNLocator(nbins=6, steps=[1, 2, 2.5, 5, 10]))
    axes.set_xlabel("epoch", color=MUTED, fontsize=TEXT_SIZE)
    axes.set_title(title, loc="left", color=INK, fontsize=TITLE_SIZE, fontweight="bold")
    _label_ends(axes, [curve for curve in curves if curve.label is not None], number)


def _label_ends(axes: "Axes", curves: Sequence[_Curve], number: Callable[[float], str]) -> None:
    """Write the label and the last value beside the last finite value, or beside 0 when there is none."""
    bottom, top = axes.get_ylim()
    ends = [next((value for value in curve.values[::-1] if np.isfinite(value)), 0.0) for curve in curves]
    wanted = [float(end - bottom) / (top - bottom) for end in ends]
    heights = spread_out(wanted, gap=min(0.16, 1 / len(curves)))
    for curve, height in zip(curves, heights, strict=True):
        text = "\n".join(filter(None, (curve.label, number(float(curve.values[-1])))))
        bar = [height - 0.06, height + 0.06]
        axes.plot([1.03] * 2, bar, color=curve.colour, linewidth=4, transform=axes.transAxes, clip_on=False)
        axes.text(
            1.06,
            height,
            text,
            transform=axes.transAxes,
            parse_math=False,  # a run may be named with dollar signs
            color=INK,
            fontsize=TEXT_SIZE,
            va="center",
            linespacing=1.15,
        )


def spread_out(positions: Sequence[float], gap: float, lowest: float = 0.06) -> list[float]:
    """Return `positions` in their order, moved apart to `gap` or more, from `lowest` up to 1 where they fit.

    All are fractions of an axis's height.
    """
    placed = np.clip(np.array(positions, dtype=np.float64), lowest, 1.0)
    order = np.argsort(positions, kind="stable")
    for lower, upper in pairwise(order):
        placed[upper] = max(placed[upper], placed[lower] + gap)
    placed[order[-1]] = min(placed[order[-1]], 1.0)
    for upper, lower in pairwise(order[::-1]):
        placed[lower] = min(placed[lower], placed[upper] - gap)
    return [float(position) for position in placed]


def _finite_range(curves: Sequence[_Curve]) -> tuple[float, float]:
    values = np.concatenate([curve.values for curve in curves])
    finite = values[np.isfinite(values)]
    return (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)
