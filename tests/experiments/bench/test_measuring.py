"""Turns and spreads, each by hand, with a clock that is told the time."""

from collections.abc import Callable
from functools import partial

import pytest

from digitscope.experiments.bench.measuring import (
    Column,
    Comparison,
    ComparisonRow,
    Conditions,
    MedianRange,
    NotAvailableError,
    rows_of,
    take_turns,
    timed,
)
from tests.experiments.bench.clock import Clock


def no_data() -> None:
    raise AssertionError("no data are needed")


def conditions(rounds: int, threads: int = 1, **options: object) -> Conditions:
    return Conditions(data=no_data, rounds=rounds, threads=threads, **options)  # type: ignore[arg-type]


def test_what_is_timed_is_the_call_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    clock.passes(3)

    def work() -> str:
        clock.passes(0.25)
        return "done"

    assert timed(work) == ("done", 0.25)


def test_sides_take_turns_and_the_first_round_does_not_count() -> None:
    calls: list[str] = []

    def measure(name: str) -> int:
        calls.append(name)
        return len(calls)

    def broken() -> str:
        raise NotAvailableError("no compiler")

    told: list[object] = []
    makers: dict[str, Callable[[], str]] = {"a": partial(str, "a"), "c": broken, "b": partial(str, "b")}
    given = conditions(2, on_start=lambda *what: told.append(what), on_turn=lambda: told.append(len(calls)))
    measured = take_turns("x", makers, measure, given, "preparing")
    assert calls == ["a", "b"] * 3
    assert told == [("x: preparing", 3), 0, 0, 0, ("x", 6), 1, 2, 3, 4, 5, 6]
    rows = rows_of(measured, lambda side, values: ComparisonRow(side, {"n": values}))
    assert rows == (
        ComparisonRow("a", {"n": (3, 5)}),
        ComparisonRow("c", {}, "not available", "no compiler"),
        ComparisonRow("b", {"n": (4, 6)}),
    )


def test_an_error_of_another_kind_is_not_taken_for_a_missing_side() -> None:
    def broken() -> str:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        take_turns("x", {"a": broken, "b": broken}, len, conditions(1))


def test_the_spread_by_hand() -> None:
    assert MedianRange.of([3.0, 1.0, 2.0, 10.0]) == MedianRange(2.5, 1.0, 10.0)


def test_each_round_is_compared_with_its_own() -> None:
    column = Column("seconds", "seconds", "{:.1f}")
    # The machine is half as fast in the second round, for both: the ratio does not show it.
    first, second = ComparisonRow("a", {"seconds": (1.0, 2.0)}), ComparisonRow("b", {"seconds": (3.0, 6.0)})
    none = ComparisonRow("c", {}, "not available", "no compiler")
    comparison = Comparison("x", "", "", (column,), (first, second, none))
    assert comparison.ratios(first, column) == (1.0, 1.0)
    assert comparison.ratios(second, column) == (3.0, 3.0)
    assert comparison.ratios(none, column) == ()
    assert Comparison("x", "", "", (column,), (none, first)).ratios(first, column) == ()
