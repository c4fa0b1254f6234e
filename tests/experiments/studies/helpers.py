"""Results made by hand."""

from collections.abc import Mapping, Sequence
from typing import Any

from digitscope.experiments.studies.study import DESIGNS, Result, Study
from digitscope.experiments.sweep.ranking import PointScore
from digitscope.experiments.sweep.trials import TrialRecord
from digitscope.records import EpochRecord

Curve = Sequence[tuple[float, float]]
"""Of each epoch the validation accuracy and the validation loss."""


def record(point: Mapping[str, Any], curve: Curve, *, seed: int = 1, outcome: Any = "finished") -> TrialRecord:
    """Return a record whose training accuracy is 1 and loss 0.5, and whose epochs take two seconds."""
    history = tuple(
        EpochRecord(n, 0.5, 1.0, loss, accuracy, 0.1, 2.0) for n, (accuracy, loss) in enumerate(curve, start=1)
    )
    return TrialRecord(point, seed, 1, outcome, history, 0.5 if outcome == "finished" else None, {})


def result(name: str, curves: Mapping[Any, Sequence[Curve]], outcome: Any = "finished") -> Result:
    """Return the result of the study `name` of which the points with the values in `curves` have these seeds."""
    variants = [each for each in DESIGNS[name](54_000, False) if tuple(each.point.values()) in curves]
    n_seeds = len(next(iter(curves.values())))
    study = Study(name, tuple(variants), n_seeds)
    scores = []
    for variant in variants:
        seeds = curves[tuple(variant.point.values())]
        records = tuple(record(variant.point, curve, seed=n, outcome=outcome) for n, curve in enumerate(seeds))
        scores.append(PointScore(variant.point, study.label(variant.point), records, n_seeds))
    return Result(study, tuple(scores), ())


def flat(*accuracies: float, loss: float = 0.2) -> list[Curve]:
    """Return for each seed two epochs of one accuracy."""
    return [[(accuracy, loss)] * 2 for accuracy in accuracies]
