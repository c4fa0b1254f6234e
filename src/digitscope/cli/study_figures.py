"""The figure of each study: two panels made of its scores."""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from digitscope.experiments.studies.findings import best_of, common_settings
from digitscope.experiments.studies.study import Result
from digitscope.experiments.sweep.ranking import PointScore
from digitscope.plots import Line, Panel, study_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from numpy.typing import NDArray


def capacity(result: Result) -> "Figure":
    """Return accuracy and loss over the number of hidden neurons."""
    scores = result.finished()
    places = tuple(float(score.point["hidden"]) for score in scores)
    ticks = _ticks(places, 4)
    panels = []
    for title, quantity, scale in (("accuracy (%)", "accuracy", "linear"), ("loss (nats)", "loss", "log")):
        factor = 100.0 if quantity == "accuracy" else 1.0
        lines = tuple(
            _over_points(split, places, scores, f"{name}_{quantity}", factor)
            for split, name in (("validation", "validation"), ("training", "train"))
        )
        panels.append(Panel(title, lines, "hidden neurons", scale, "log", ticks))  # type: ignore[arg-type]
    return study_figure("How large a network?", _conditions(result), *panels)


def epochs(result: Result) -> "Figure":
    """Return the accuracy over time of the digits learned from, and of the others."""
    scores = {str(score.point["training"]): score for score in result.finished()}
    panels = [
        Panel(title, tuple(_over_time(*each, quantity, 100.0) for each in scores.items()), "epoch")
        for title, quantity in (
            ("training accuracy (%)", "train_accuracy"),
            ("validation accuracy (%)", "validation_accuracy"),
        )
    ]
    return study_figure("What do dropout and warped digits change?", _conditions(result), *panels)


def data(result: Result) -> "Figure":
    """Return accuracy, and errors on a logarithmic scale, over the number of training digits."""
    names = list(dict.fromkeys(score.point["network"] for score in result.finished()))
    sizes = sorted({score.point["digits"] for score in result.finished()})
    ticks = _ticks([float(size) for size in sizes], 3)
    lines: dict[str, list[Line]] = {"accuracy": [], "errors": []}
    for name in names:
        scores = result.finished(network=name)
        places = tuple(float(score.point["digits"]) for score in scores)
        accuracy = _over_points(name, places, scores, "validation_accuracy", 100.0)
        lines["accuracy"].append(accuracy)
        errors = tuple(100 - mean for mean in accuracy.means)
        lines["errors"].append(Line(name, places, errors, accuracy.deviations))
    first = Panel("validation accuracy (%)", tuple(lines["accuracy"]), "training digits", "linear", "log", ticks)
    second = Panel("errors (%)", tuple(lines["errors"]), "training digits", "log", "log", ticks)
    return study_figure("How many digits?", _conditions(result), first, second)


def optimizers(result: Result) -> "Figure":
    """Return the training loss and the validation accuracy over time, each optimizer at its best rate."""
    names = list(dict.fromkeys(score.point["optimizer"] for score in result.finished()))
    chosen = {name: best_of(result.finished(optimizer=name)) for name in names}
    losses = tuple(_over_time(*each, "train_loss", 1.0) for each in chosen.items())
    accuracies = tuple(_over_time(*each, "validation_accuracy", 100.0) for each in chosen.items())
    first = Panel("training loss (nats)", losses, "epoch", "log")
    second = Panel("validation accuracy (%)", accuracies, "epoch")
    return study_figure("Which optimizer?", _conditions(result), first, second)


def _conditions(result: Result) -> str:
    """Return what all variants have in common, and what a line and its band are."""
    settings, n_seeds = common_settings(result), result.study.n_seeds
    learned = f"{settings.train_size:,} training digits, {settings.epochs} epochs"
    if settings.epoch_size:
        learned = f"{settings.epochs * settings.epoch_size:,} digits met in each training"
    return f"{learned}; " + ("one seed" if n_seeds == 1 else f"mean of {n_seeds} seeds, band: one deviation")


def _ticks(places: Sequence[float], most: int) -> dict[float, str]:
    """Return about `most` of `places` with their words, the first and the last among them."""
    chosen = np.linspace(0, len(places) - 1, min(most, len(places))).round().astype(int)
    return {places[at]: f"{places[at]:,.0f}" for at in chosen}


def _over_points(
    label: str, places: tuple[float, ...], scores: Sequence[PointScore], quantity: str, factor: float
) -> Line:
    """Return a line of the last epoch of each of `scores`."""
    values = factor * np.array([score.over_epochs(quantity)[:, -1] for score in scores])  # (points, seeds)
    return _line(label, places, values.T)


def _over_time(label: str, score: PointScore, quantity: str, factor: float) -> Line:
    values = factor * score.over_epochs(quantity)
    return _line(label, tuple(float(epoch) for epoch in range(1, score.n_epochs + 1)), values)


def _line(label: str, places: tuple[float, ...], values: "NDArray[np.float64]") -> Line:
    """Return the line of `values` (seeds, points)."""
    deviations = tuple(map(float, values.std(axis=0, ddof=1))) if len(values) > 1 else ()
    return Line(label, places, tuple(map(float, values.mean(axis=0))), deviations)


FIGURES: Mapping[str, Callable[[Result], "Figure"]] = MappingProxyType(
    {"capacity": capacity, "epochs": epochs, "data": data, "optimizers": optimizers}
)
"""Each takes a result of which at least one variant has finished."""
