"""Measuring for benchmarks: sides in turns, the conditions, and the tables that come of it.

Every side takes its turn once a round, so that what slows the machine slows each of them.
"""

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any, TypeVar

from digitscope.data import Dataset
from digitscope.errors import DigitscopeError, SettingError

Made = TypeVar("Made")
T = TypeVar("T")


class NotAvailableError(DigitscopeError):
    """A side of a comparison cannot run on this machine; the text says why."""


@dataclass(frozen=True)
class Conditions:
    """The conditions of a benchmark.

    `data` returns single digits, for benchmarks that need them. Each side has `rounds` turns and
    `threads`, both at least 1. `quick` measures less, to see that it works. `peers` has parts of the names of the
    sides to compare with the first. `on_start` gets a measurement's name and its number of turns. `on_turn` is
    called after each turn. `on_news` gets a line about events within a turn.
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
        """Return the first of `sides`, and those that `peers` selects.

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
    """A measured quantity: its name in JSON and for people, with the unit, and how `str.format` writes a value.

    The ratio to the first row is told if it is `compared`.
    """

    key: str
    heading: str
    form: str
    compared: bool = True


@dataclass(frozen=True)
class ComparisonRow:
    """One side of a comparison: for each column's key one value a round, or none.

    `caveat` says what keeps it from being a row like the others, such as "not available", and `reason` why. `raw`
    is every second that the clock gave, ready for JSON.
    """

    side: str
    values: Mapping[str, tuple[float, ...]]
    caveat: str = ""
    reason: str = ""
    raw: Any = None


@dataclass(frozen=True)
class Comparison:
    """One table, its sides measured in turns within one run; each is compared with the first.

    `remark` says what the clock saw and what it did not. `settings` are what decides the numbers beside the
    machine, ready for JSON.
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


def take_turns(
    name: str,
    makers: Mapping[str, Callable[[], Made]],
    measure: Callable[[Made], T],
    conditions: Conditions,
    preparing: str = "",
) -> dict[str, tuple[T, ...] | str]:
    """Return what the sides that `conditions` choose measured in each round, or why they could not run.

    Each is made by its maker, which may raise a `NotAvailableError`; `preparing` is what that is called, if it
    takes time. Then `measure` lets one side after the other do its share of a round. A first round is not counted:
    it fills caches, starts threads and makes whatever is made only once.
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
    for _ in range(conditions.rounds + 1):
        for side, each in made.items():
            results[side].append(measure(each))
            conditions.on_turn()
    return {side: missing[side] if side in missing else tuple(results[side][1:]) for side in chosen}


def rows_of(
    measured: Mapping[str, tuple[T, ...] | str], row_of: Callable[[str, tuple[T, ...]], ComparisonRow]
) -> tuple[ComparisonRow, ...]:
    """Return the row of every side that took turns: `row_of` makes it, but for those that could not run."""
    return tuple(
        ComparisonRow(side, {}, "not available", found) if isinstance(found, str) else row_of(side, found)
        for side, found in measured.items()
    )


def seconds_row(side: str, seconds: tuple[float, ...]) -> ComparisonRow:
    """Return the row of a side whose turns took `seconds`."""
    return ComparisonRow(side, {"seconds": seconds}, raw=seconds)
