"""Points in the order of their validation accuracy, and how much each setting matters."""

import statistics
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np

from digitscope.experiments.sweep.space import Choices, Point, Range, Space, value_in_words
from digitscope.experiments.sweep.trials import TrialRecord

PointOutcome = Literal["finished", "stopped", "diverged", "failed", "refused"]
_ORDER: tuple[PointOutcome, ...] = get_args(PointOutcome)


@dataclass(frozen=True)
class Spread:
    """Mean, and the sample's standard deviation, None of a single value."""

    mean: float
    deviation: float | None

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        """Return those of `values`, at least one."""
        return cls(statistics.fmean(values), statistics.stdev(values) if len(values) > 1 else None)

    def in_percent(self) -> str:
        """Return an accuracy as a percentage, with its deviation if it has one."""
        deviation = "" if self.deviation is None else f" \N{PLUS-MINUS SIGN} {100 * self.deviation:.2f}"
        return f"{100 * self.mean:.2f}{deviation} %"


@dataclass(frozen=True)
class PointScore:
    """The score of a point.

    Attributes:
        point: the values of the settings that vary.
        label: its name, for people.
        records: one for each seed that was trained, in the order of the seeds.
        n_seeds: the number of seeds to train.
        refusal: why the recipe does not accept this combination; empty if it does.
    """

    point: Point
    label: str
    records: tuple[TrialRecord, ...]
    n_seeds: int
    refusal: str = ""

    @property
    def outcome(self) -> PointOutcome:
        """The worst of its trials'; "failed" if one has left no record, "refused" if none was to."""
        if self.refusal:
            return "refused"
        found: set[PointOutcome] = {record.outcome for record in self.records}
        return max(found, key=_ORDER.index) if len(self.records) == self.n_seeds else "failed"

    @property
    def n_epochs(self) -> int:
        """The epochs that all of its trials have behind them."""
        return min((len(record.history) for record in self.records), default=0)

    @property
    def validation(self) -> Spread | None:
        """The validation accuracy after these epochs; None if there are none."""
        return self._after("validation_accuracy")

    @property
    def validation_loss(self) -> Spread | None:
        """The validation loss after these epochs, in nats; None if there are none."""
        return self._after("validation_loss")

    @property
    def test(self) -> Spread | None:
        """The test accuracy, by which nothing is chosen; None unless every trial is finished."""
        values = [record.test_accuracy for record in self.records if record.test_accuracy is not None]
        return Spread.of(values) if values and len(values) == self.n_seeds else None

    def _after(self, quantity: str) -> Spread | None:
        if not self.n_epochs:
            return None
        return Spread.of([getattr(record.history[self.n_epochs - 1], quantity) for record in self.records])


def rank(scores: Sequence[PointScore]) -> tuple[PointScore, ...]:
    """Return `scores`, the best first: by outcome, then mean validation accuracy, then mean validation loss.

    Stopped points come after finished ones, and those with more epochs come first.
    """

    def order(score: PointScore) -> tuple[float, ...]:
        accuracy, loss = score.validation, score.validation_loss
        stopped_after = 0 if score.outcome == "finished" else score.n_epochs
        figures = (-accuracy.mean, loss.mean) if accuracy and loss else (0.0, 0.0)
        return (_ORDER.index(score.outcome), -stopped_after, *figures)

    return tuple(sorted(scores, key=order))


def effects(space: Space, scores: Sequence[PointScore]) -> dict[str, float]:
    """Return how far each setting moves the validation accuracy, largest first: its best value against its worst.

    A value's accuracy is the mean over the finished points that have it; of a range, over those in a third of it.
    With "one-factor" only points count that differ from the baseline in this setting, or in none.
    """
    found = {}
    for name, axis in space.axes.items():
        groups: dict[Hashable, list[float]] = {}
        for score in slice_along(space, scores, name):
            if score.outcome == "finished" and score.validation:
                groups.setdefault(_group(axis, score.point[name]), []).append(score.validation.mean)
        means = [statistics.fmean(group) for group in groups.values()]
        found[name] = max(means) - min(means) if means else 0.0
    return dict(sorted(found.items(), key=lambda item: -item[1]))


def slice_along(space: Space, scores: Sequence[PointScore], name: str) -> list[PointScore]:
    """Return the points that tell of the setting `name`: all, but with "one-factor" those that change no other."""
    if space.method != "one-factor":
        return list(scores)
    others = {other: value for other, value in space.baseline.items() if other != name}
    return [score for score in scores if all(score.point[other] == value for other, value in others.items())]


def _group(axis: Choices | Range, value: Any) -> Hashable:
    if isinstance(axis, Choices):
        return value_in_words(value)
    low, high, at = np.log([axis.low, axis.high, value]) if axis.log else (axis.low, axis.high, value)
    return min(int(3 * (at - low) / (high - low)), 2)
