"""The conditions and the result tables of benchmarks."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from digitscope.data import Dataset
from digitscope.errors import SettingError
from digitscope.experiments.bench.turns import ratios

T = TypeVar("T")


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
class Column:
    """A measured quantity.

    Attributes:
        key: its name in `Row.values` and in JSON, with the unit.
        heading: its name for people, with the unit.
        form: how a value is written, for `str.format`.
        compared: whether its ratio to the first row is told.
    """

    key: str
    heading: str
    form: str
    compared: bool = True


@dataclass(frozen=True)
class Row:
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
    rows: tuple[Row, ...]
    settings: Mapping[str, Any] = field(default_factory=dict)

    def ratios(self, row: Row, column: Column) -> tuple[float, ...]:
        """Return the row's values over those of the first row, round by round; () if either has a caveat."""
        first = self.rows[0]
        return () if row.caveat or first.caveat else ratios(row.values[column.key], first.values[column.key])


def rows_of(sides: Iterable[str], missing: Mapping[str, str], measured: Callable[[str], Row]) -> tuple[Row, ...]:
    """Return the row of every side: `measured` makes it, but for those that `missing` has a reason for."""
    return tuple(
        Row(side, {}, "not available", missing[side]) if side in missing else measured(side) for side in sides
    )
