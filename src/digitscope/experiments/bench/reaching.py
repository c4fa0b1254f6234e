"""How long a training takes to reach an accuracy: the clock runs while it trains and stands while it is scored."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import Generic, TypeVar

from digitscope.experiments.bench.turns import timed

T = TypeVar("T")

ROUNDING = 1e-12
"""Tolerance for the floating-point error of a mean of accuracies."""


@dataclass
class Trial(Generic[T]):
    """One training, as far as it has come.

    Attributes:
        epochs: yields the network after every epoch, and trains only when the next one is requested.
        seconds: training time so far, after each epoch.
        accuracies: after each epoch, the fraction of the test split read right.
        ended: whether the training has gone through its whole schedule.
    """

    epochs: Iterator[T]
    seconds: list[float] = field(default_factory=list)
    accuracies: list[float] = field(default_factory=list)
    ended: bool = False

    def advance(self, score: Callable[[T], float]) -> bool:
        """Train one epoch more, on the clock; then score it, off the clock. False if there is no epoch more."""
        network, seconds = timed(lambda: next(self.epochs, None))
        if network is None:
            self.ended = True
            return False
        self.seconds.append(seconds + (self.seconds[-1] if self.seconds else 0.0))
        self.accuracies.append(score(network))
        return True


OnEpoch = Callable[[str, int, Trial[T]], None]


def time_to_accuracy(
    sides: Mapping[str, Callable[[int], Iterator[T]]],
    score: Callable[[T], float],
    *,
    target: float,
    rounds: int,
    on_epoch: OnEpoch[T] = lambda _side, _round, _trial: None,
    on_trial: Callable[[], None] = lambda: None,
) -> dict[str, tuple[Trial[T], ...]]:
    """Train every side once a round, in turns, until its mean accuracy over the rounds has reached `target`.

    A round's trial stops where its own accuracy reaches the target. When all rounds are done, the trials of a
    side whose mean does not yet reach it go on, the shortest first, until it does or the schedules end.

    Args:
        sides: each starts a training from a seed, which is the round's number, 0 for the first.
        score: the accuracy of a network; it is not on the clock.
        target: a fraction; 0 for one epoch of each.
        rounds: trials of each side.
        on_epoch: told the side, the round (1 for the first) and the trial after every epoch.
        on_trial: called after each trial of a round.
    """
    trials: dict[str, list[Trial[T]]] = {side: [] for side in sides}
    for seed in range(rounds):
        for side, start in sides.items():
            trial = Trial(start(seed))
            trials[side].append(trial)
            while not trial.ended and max(trial.accuracies, default=-1.0) < target:
                if trial.advance(score):
                    on_epoch(side, seed + 1, trial)
            on_trial()
    for side, each in trials.items():
        while first_epoch(each, target) is None and (behind := _shortest(each)):
            for trial in behind:
                if trial.advance(score):
                    on_epoch(side, each.index(trial) + 1, trial)
    return {side: tuple(each) for side, each in trials.items()}


def first_epoch(trials: Sequence[Trial[T]], target: float) -> int | None:
    """Return the first epoch (1 for the first) whose mean accuracy over `trials` is at least `target`, or None.

    Only epochs that all trials have gone through count.
    """
    by_epoch = zip(*(trial.accuracies for trial in trials), strict=False)
    for epoch, accuracies in enumerate(by_epoch, start=1):
        if fmean(accuracies) >= target - ROUNDING:
            return epoch
    return None


def _shortest(trials: Sequence[Trial[T]]) -> list[Trial[T]]:
    """Return the trials with the fewest epochs that can still go on."""
    fewest = min(len(trial.accuracies) for trial in trials)
    return [trial for trial in trials if len(trial.accuracies) == fewest and not trial.ended]
