"""Measuring for benchmarks: sides in turns, the conditions, and the tables that come of it.

Every side takes its turn once a round, so that what slows the machine slows each of them.
"""

import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean
from time import perf_counter
from typing import Any, Generic, TypeVar

from digitscope.data import Dataset
from digitscope.errors import DigitscopeError, SettingError

Made = TypeVar("Made")
T = TypeVar("T")

ROUNDING = 1e-12
"""Tolerance for the floating-point error of a mean of accuracies."""


class NotAvailableError(DigitscopeError):
    """A side of a comparison cannot run on this machine; the text says why."""


@dataclass(frozen=True)
class Conditions:
    """The conditions of a benchmark.

    Attributes:
        data: returns single digits; called only by a benchmark that needs them.
        rounds: turns that each side takes; at least 1.
        threads: of each side; at least 1.
        quick: measure less, to see that it works.
        peers: part of the names of the sides to compare with the first; empty for all.
        on_start: called with the name of a measurement and its number of turns.
        on_turn: called after every turn.
        on_news: called with a line about events within a turn.
    """

    data: Callable[[], Dataset]
    rounds: int
    threads: int
    quick: bool = False
    peers: str = ""
    on_start: Callable[[str, int], None] = lambda _name, _turns: None
    on_turn: Callable[[], None] = lambda: None
    on_news: Callable[[str], None] = lambda _news: None

    def chosen(self, sides: Mapping[str, T]) -> dict[str, T]:
        """Return the first of `sides`, and the others that `peers` selects.

        Raises:
            SettingError: it selects none.
        """
        first, *others = sides
        found = [side for side in others if self.peers.casefold() in side.casefold()]
        if not found:
            raise SettingError(f"no side's name holds {self.peers!r}: expected part of one of {', '.join(others)}")
        return {side: sides[side] for side in (first, *found)}

    @property
    def in_words(self) -> str:
        """The conditions in words, for a table's title."""
        threads = "one thread" if self.threads == 1 else f"{self.threads} threads"
        rounds = "one round" if self.rounds == 1 else f"{self.rounds} rounds: median (lowest to highest)"
        return f"{threads}, {rounds}"


@dataclass(frozen=True)
class MedianRange:
    """The middle and the ends of some measurements."""

    median: float
    lowest: float
    highest: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "MedianRange":
        """Return the spread of `values`, at least one."""
        return cls(statistics.median(values), min(values), max(values))


@dataclass(frozen=True)
class Column:
    """A measured quantity.

    Attributes:
        key: its name in `ComparisonRow.values` and in JSON, with the unit.
        heading: its name for people, with the unit.
        form: how a value is written, for `str.format`.
        compared: whether its ratio to the first row is told.
    """

    key: str
    heading: str
    form: str
    compared: bool = True


@dataclass(frozen=True)
class ComparisonRow:
    """One side of a comparison.

    Attributes:
        side: what it is, for people.
        values: for each column's key one value a round; empty if it has none.
        caveat: in two words what keeps it from being a row like the others, such as "not available"; or "".
        reason: the same in a sentence.
        raw: every second that the clock gave, ready for JSON.
    """

    side: str
    values: Mapping[str, tuple[float, ...]]
    caveat: str = ""
    reason: str = ""
    raw: Any = None


@dataclass(frozen=True)
class Comparison:
    """One table, its sides measured in turns within one run.

    Attributes:
        name: the benchmark's.
        title: what was measured on what.
        remark: what the clock saw and what it did not, in a sentence or two.
        columns: the quantities.
        rows: the sides; each is compared with the first.
        settings: what decides the numbers beside the machine, ready for JSON.
    """

    name: str
    title: str
    remark: str
    columns: tuple[Column, ...]
    rows: tuple[ComparisonRow, ...]
    settings: Mapping[str, Any] = field(default_factory=dict)

    def ratios(self, row: ComparisonRow, column: Column) -> tuple[float, ...]:
        """Return the row's values over those of the first row, round by round; () if either has a caveat."""
        first = self.rows[0]
        if row.caveat or first.caveat:
            return ()
        pairs = zip(row.values[column.key], first.values[column.key], strict=True)
        return tuple(value / reference for value, reference in pairs)


def timed(work: Callable[[], T]) -> tuple[T, float]:
    """Return what `work` returns, and the seconds it took. Nothing else reads the clock."""
    started = perf_counter()
    result = work()
    return result, perf_counter() - started


@dataclass(frozen=True)
class Measured(Generic[T]):
    """What every side measured in each round, or why it could not run."""

    sides: Sequence[str]
    results: Mapping[str, tuple[T, ...]]
    missing: Mapping[str, str]

    def rows(self, row_of: Callable[[str, tuple[T, ...]], ComparisonRow]) -> tuple[ComparisonRow, ...]:
        """Return the row of every side: `row_of` makes it of its results, but for those that could not run."""
        return tuple(
            ComparisonRow(side, {}, "not available", self.missing[side])
            if side in self.missing
            else row_of(side, self.results[side])
            for side in self.sides
        )


def take_turns(
    name: str,
    makers: Mapping[str, Callable[[], Made]],
    measure: Callable[[Made], T],
    conditions: Conditions,
    preparing: str = "",
) -> Measured[T]:
    """Measure the sides that `conditions` choose, one after the other within a round.

    A first round is not counted: it fills caches, starts threads and makes whatever is made only once.

    Args:
        name: of the measurement, for people.
        makers: each makes its side, or raises `NotAvailableError`.
        measure: lets a side do its share of a round, and returns what it measured.
        conditions: the rounds, and who is told of them.
        preparing: what making the sides is called; empty if it takes no time.
    """
    chosen = conditions.chosen(makers)
    made: dict[str, Made] = {}
    missing: dict[str, str] = {}
    if preparing:
        conditions.on_start(f"{name}: {preparing}", len(chosen))
    for side, make in chosen.items():
        try:
            made[side] = make()
        except NotAvailableError as error:
            missing[side] = str(error)
        if preparing:
            conditions.on_turn()
    conditions.on_start(name, (conditions.rounds + 1) * len(made))
    results: dict[str, list[T]] = {side: [] for side in made}
    for taken in range(conditions.rounds + 1):
        for side, each in made.items():
            result = measure(each)
            if taken > 0:
                results[side].append(result)
            conditions.on_turn()
    return Measured(tuple(chosen), {side: tuple(each) for side, each in results.items()}, missing)


# How long a training takes to reach an accuracy: the clock runs while it trains and stands while it is scored


@dataclass
class TimedTraining(Generic[T]):
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


def time_to_accuracy(
    sides: Mapping[str, Callable[[int], Iterator[T]]],
    score: Callable[[T], float],
    *,
    target: float,
    rounds: int,
    on_epoch: Callable[[str, int, TimedTraining[T]], None] = lambda _side, _round, _trial: None,
    on_trial: Callable[[], None] = lambda: None,
) -> dict[str, tuple[TimedTraining[T], ...]]:
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
    trials: dict[str, list[TimedTraining[T]]] = {side: [] for side in sides}
    for seed in range(rounds):
        for side, start in sides.items():
            trial = TimedTraining(start(seed))
            trials[side].append(trial)
            while not trial.ended and max(trial.accuracies, default=-1.0) < target:
                if trial.advance(score):
                    on_epoch(side, seed + 1, trial)
            on_trial()
    for side, each in trials.items():
        while first_epoch(each, target) is None:
            fewest = min(len(trial.accuracies) for trial in each)
            behind = [trial for trial in each if len(trial.accuracies) == fewest and not trial.ended]
            if not behind:
                break
            for trial in behind:
                if trial.advance(score):
                    on_epoch(side, each.index(trial) + 1, trial)
    return {side: tuple(each) for side, each in trials.items()}


def first_epoch(trials: Sequence[TimedTraining[T]], target: float) -> int | None:
    """Return the first epoch (1 for the first) whose mean accuracy over `trials` is at least `target`, or None.

    Only epochs that all trials have gone through count.
    """
    by_epoch = zip(*(trial.accuracies for trial in trials), strict=False)
    for epoch, accuracies in enumerate(by_epoch, start=1):
        if fmean(accuracies) >= target - ROUNDING:
            return epoch
    return None
