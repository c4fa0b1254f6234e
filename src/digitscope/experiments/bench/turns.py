"""Taking turns: every side of a comparison once a round, so that what slows the machine slows each of them."""

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import TypeVar

from digitscope.errors import DigitscopeError

T = TypeVar("T")


class NotAvailableError(DigitscopeError):
    """A side of a comparison cannot run on this machine; the text says why."""


@dataclass(frozen=True)
class Spread:
    """The middle and the ends of some measurements."""

    median: float
    lowest: float
    highest: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        """Return the spread of `values`, at least one."""
        return cls(statistics.median(values), min(values), max(values))


def timed(work: Callable[[], T]) -> tuple[T, float]:
    """Return what `work` returns, and the seconds it took. Nothing else reads the clock."""
    started = perf_counter()
    result = work()
    return result, perf_counter() - started


def prepare(
    makers: Mapping[str, Callable[[], T]], on_made: Callable[[], None] = lambda: None
) -> tuple[dict[str, T], dict[str, str]]:
    """Return the sides that could be made, and of each other why it could not; `on_made` is called after each."""
    made: dict[str, T] = {}
    missing: dict[str, str] = {}
    for name, make in makers.items():
        try:
            made[name] = make()
        except NotAvailableError as error:
            missing[name] = str(error)
        on_made()
    return made, missing


def take_turns(
    sides: Mapping[str, Callable[[], T]], rounds: int, on_turn: Callable[[], None] = lambda: None
) -> dict[str, tuple[T, ...]]:
    """Return what every side measured in each of `rounds` rounds, one side after the other within a round.

    A first round is not counted: it fills caches, starts threads and makes whatever is made only once.

    Args:
        sides: each does its share of a round and returns what it measured.
        rounds: that count.
        on_turn: called after each turn, `(rounds + 1) * len(sides)` times.
    """
    measured: dict[str, list[T]] = {name: [] for name in sides}
    for taken in range(rounds + 1):
        for name, side in sides.items():
            result = side()
            if taken > 0:
                measured[name].append(result)
            on_turn()
    return {name: tuple(results) for name, results in measured.items()}


def ratios(values: Sequence[float], reference: Sequence[float]) -> tuple[float, ...]:
    """Return `values` over `reference`, round by round; both have one number a round."""
    return tuple(value / other for value, other in zip(values, reference, strict=True))
