"""Search methods. Each is a generator of rounds; it is sent the scores of the last round's points.

A round depends only on the space and the scores of earlier rounds, never on the order in which trials end. So a
sweep gives the same table on any number of cores, and after any interruption.
"""

import warnings
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from digitscope.experiments.sweep.points import grid_points, one_factor_points
from digitscope.experiments.sweep.ranking import PointScore
from digitscope.experiments.sweep.space import Axis, Choices, Point, Space

if TYPE_CHECKING:
    import optuna

ROUND = 8
"""Points that "tpe" draws at once; the first round is random."""


@dataclass(frozen=True)
class Round:
    """Points to train before the next ones are known.

    Attributes:
        points: in the order in which they are scored.
        stop_below: the validation accuracy of each epoch below which a training is stopped; may be empty.
    """

    points: tuple[Point, ...]
    stop_below: tuple[float, ...] = ()


Rounds = Generator[Round, Sequence[PointScore], None]


def one_factor(space: Space) -> Rounds:
    """Yield the baseline and each single change of it, in one round."""
    yield Round(tuple(one_factor_points(space)))


def grid(space: Space) -> Rounds:
    """Yield every combination, in one round."""
    yield Round(tuple(grid_points(space)))


def tpe(space: Space) -> Rounds:
    """Yield rounds of eight points drawn by a tree-structured Parzen estimator (Bergstra et al. 2011).

    From the second round on, the median stopping rule applies (Golovin et al. 2017, section 3.2.2). It compares a
    training with the finished points of earlier rounds. If the number of epochs varies, nothing is stopped.

    Raises:
        ModuleNotFoundError: Optuna is not installed.
    """
    study = _new_study(space.seed)
    left = space.n_trials
    finished: list[PointScore] = []
    while left:
        asked = []
        for _ in range(min(ROUND, left)):
            trial = study.ask()
            asked.append((trial, {name: _suggest(trial, name, axis) for name, axis in space.axes.items()}))
        stop_below = () if "epochs" in space.axes else median_curve(finished)
        scores = yield Round(tuple(point for _, point in asked), stop_below)
        for (trial, _), score in zip(asked, scores, strict=True):
            _tell(study, trial, score)
        finished += [score for score in scores if score.outcome == "finished"]
        left -= len(asked)


METHODS: Mapping[str, Callable[[Space], Rounds]] = MappingProxyType(
    {"one-factor": one_factor, "grid": grid, "tpe": tpe}
)


def median_curve(scores: Sequence[PointScore]) -> tuple[float, ...]:
    """Return for each epoch but the last the median over `scores` of the validation accuracy, mean over seeds."""
    if not scores:
        return ()
    curves = [
        np.mean([[epoch.validation_accuracy for epoch in record.history] for record in score.records], axis=0)
        for score in scores
    ]
    return tuple(float(value) for value in np.median(curves, axis=0)[:-1])


def _new_study(seed: int) -> "optuna.Study":
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    with warnings.catch_warnings(action="ignore"):  # older versions call constant_liar experimental
        # A point that is being tried counts as a bad one, so that a round's points differ.
        sampler = optuna.samplers.TPESampler(seed=seed, n_startup_trials=ROUND, constant_liar=True)
    return optuna.create_study(direction="maximize", sampler=sampler)


def _suggest(trial: "optuna.Trial", name: str, axis: Axis) -> Any:
    if isinstance(axis, Choices):  # by position: a value may be of a type that Optuna does not keep
        return axis.values[trial.suggest_categorical(name, list(range(len(axis.values))))]
    if axis.whole:
        return trial.suggest_int(name, int(axis.low), int(axis.high), log=axis.log)
    return trial.suggest_float(name, axis.low, axis.high, log=axis.log)


def _tell(study: "optuna.Study", trial: "optuna.Trial", score: PointScore) -> None:
    """Report the score of a point; stopped points rank below finished ones, others are last."""
    from optuna.trial import TrialState

    if score.outcome == "finished" and score.validation:
        study.tell(trial, score.validation.mean)
    elif score.outcome == "failed":
        study.tell(trial, state=TrialState.FAIL)
    else:
        if score.outcome == "stopped" and score.validation:
            trial.report(score.validation.mean, score.n_epochs)
        study.tell(trial, state=TrialState.PRUNED)
