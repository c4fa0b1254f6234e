from collections.abc import Callable
from functools import partial

import pytest

from digitscope.experiments.bench.comparison import Column, Comparison, Conditions, Row, rows_of
from digitscope.experiments.bench.turns import NotAvailableError, Spread, prepare, ratios, take_turns, timed
from tests.experiments.bench.clock import Clock


def test_what_is_timed_is_the_call_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    clock.passes(3)

    def work() -> str:
        clock.passes(0.25)
        return "done"

    assert timed(work) == ("done", 0.25)


def test_sides_take_turns_and_the_first_round_does_not_count() -> None:
    calls: list[str] = []

    def side(name: str) -> int:
        calls.append(name)
        return len(calls)

    turns: list[int] = []
    sides: dict[str, Callable[[], int]] = {"a": partial(side, "a"), "b": partial(side, "b")}
    measured = take_turns(sides, 2, on_turn=lambda: turns.append(len(calls)))
    assert calls == ["a", "b"] * 3
    assert measured == {"a": (3, 5), "b": (4, 6)}
    assert turns == [1, 2, 3, 4, 5, 6]


def test_a_side_that_cannot_run_leaves_the_others() -> None:
    def broken() -> str:
        raise NotAvailableError("no compiler")

    assert prepare({"a": lambda: "made", "b": broken}) == ({"a": "made"}, {"b": "no compiler"})


def test_an_error_of_another_kind_is_not_taken_for_a_missing_side() -> None:
    def broken() -> str:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        prepare({"a": broken})


def test_spread_and_ratios_by_hand() -> None:
    assert Spread.of([3.0, 1.0, 2.0, 10.0]) == Spread(2.5, 1.0, 10.0)
    assert ratios([3.0, 4.0], [2.0, 8.0]) == (1.5, 0.5)


def test_each_round_is_compared_with_its_own() -> None:
    column = Column("seconds", "seconds", "{:.1f}")
    # The machine is half as fast in the second round, for both: the ratio does not show it.
    first, second = Row("a", {"seconds": (1.0, 2.0)}), Row("b", {"seconds": (3.0, 6.0)})
    none = Row("c", {}, "not available", "no compiler")
    comparison = Comparison("x", "", "", (column,), (first, second, none))
    assert comparison.ratios(first, column) == (1.0, 1.0)
    assert comparison.ratios(second, column) == (3.0, 3.0)
    assert comparison.ratios(none, column) == ()
    assert Comparison("x", "", "", (column,), (none, first)).ratios(first, column) == ()


def test_rows_keep_the_order_of_the_sides() -> None:
    rows = rows_of(["a", "b", "c"], {"b": "no compiler"}, lambda side: Row(side, {"seconds": (1.0,)}))
    assert [(row.side, row.caveat, row.reason) for row in rows] == [
        ("a", "", ""),
        ("b", "not available", "no compiler"),
        ("c", "", ""),
    ]


@pytest.mark.parametrize(
    ("threads", "rounds", "text"),
    [(1, 1, "one thread, one round"), (2, 5, "2 threads, 5 rounds: median (lowest to highest)")],
)
def test_conditions_in_words(threads: int, rounds: int, text: str) -> None:
    def no_data() -> None:
        raise AssertionError

    assert Conditions(data=no_data, rounds=rounds, threads=threads).in_words == text  # type: ignore[arg-type]
