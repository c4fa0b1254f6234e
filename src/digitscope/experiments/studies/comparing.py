"""Comparisons of points within the seeds' deviation, and detection of overfitting."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from digitscope.experiments.studies.study import over_epochs
from digitscope.experiments.sweep.ranking import PointScore, Spread

NOTABLE_RISE = 0.1
"""Relative rise of the validation loss above its minimum from which a training counts as overfitted."""


def best_of(scores: Sequence[PointScore]) -> PointScore:
    """Return the score with the highest mean validation accuracy after the last epoch; all have finished."""
    return max(scores, key=lambda score: validation(score).mean)


def alike(first: Spread, second: Spread) -> bool:
    """Return whether two means differ by at most the deviation of a difference; False if it is unknown."""
    if first.deviation is None or second.deviation is None:
        return False
    return abs(first.mean - second.mean) <= math.hypot(first.deviation, second.deviation)


def like_best(scores: Sequence[PointScore]) -> list[PointScore]:
    """Return the `scores` that differ from the best one by no more than chance, without the best."""
    best = best_of(scores)
    return [score for score in scores if score is not best and alike(validation(score), validation(best))]


def validation(score: PointScore) -> Spread:
    """Return the validation accuracy after the last epoch."""
    return after_last(score, "validation_accuracy")


def after_last(score: PointScore, quantity: str) -> Spread:
    """Return a quantity of the last epoch."""
    return Spread.of([float(value) for value in over_epochs(score, quantity)[:, -1]])


@dataclass(frozen=True)
class Rise:
    """How the validation loss went: lowest after epoch `epoch`, in nats, mean over seeds; and how it ended."""

    epoch: int
    lowest: float
    last: float
    deviation: float

    @property
    def is_notable(self) -> bool:
        """Whether it ended above its lowest by more than a tenth, and by more than the seeds' deviation."""
        return self.last - self.lowest > max(NOTABLE_RISE * self.lowest, self.deviation)


def rise_of_loss(score: PointScore) -> Rise:
    """Return how far the validation loss ended above its lowest; the deviation is that of the rise over seeds."""
    losses = over_epochs(score, "validation_loss")
    means = losses.mean(axis=0)
    at = int(means.argmin())
    rises = Spread.of([float(value) for value in losses[:, -1] - losses[:, at]])
    return Rise(at + 1, float(means[at]), float(means[-1]), rises.deviation or 0.0)


def chance(n_seeds: int) -> str:
    """Return a sentence on how to judge differences between points."""
    if n_seeds == 1:
        return "With one seed a point, the effect of chance is unknown, so each difference is only a hint."
    return (
        f"Each accuracy is the mean of {n_seeds} seeds with its standard deviation. Two are alike if they differ "
        "by at most the root of the sum of both squared deviations."
    )


def enumerate_words(words: Sequence[str]) -> str:
    """Return "a", "a and b" or "a, b and c"."""
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
