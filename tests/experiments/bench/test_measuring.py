"""Turns, spreads and times to an accuracy, each by hand, with a clock that is told the time."""

from collections.abc import Callable, Iterator
from functools import partial

import pytest

from digitscope.experiments.bench.measuring import (
    Column,
    Comparison,
    ComparisonRow,
    Conditions,
    MedianRange,
    NotAvailableError,
    TimedTraining,
    first_epoch,
    take_turns,
    time_to_accuracy,
    timed,
)
from tests.experiments.bench.clock import Clock

Start = Callable[[int], Iterator[float]]


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
    rows = measured.rows(lambda side, values: ComparisonRow(side, {"n": values}))
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


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def training(clock: Clock, *rounds: list[float], seconds: float = 2.0) -> Start:
    """A side whose epochs take `seconds` and give these accuracies in each round."""

    def start(seed: int) -> Iterator[float]:
        for accuracy in rounds[seed]:
            clock.passes(seconds)
            yield accuracy

    return start


def slow_score(clock: Clock) -> Callable[[float], float]:
    def score(accuracy: float) -> float:
        clock.passes(1000)
        return accuracy

    return score


def test_the_clock_stands_while_a_network_is_scored(clock: Clock) -> None:
    sides = {"fast": training(clock, [0.992], seconds=6.0), "slow": training(clock, [0.97, 0.98, 0.991, 0.995])}
    trials = time_to_accuracy(sides, slow_score(clock), target=0.99, rounds=1)
    (fast,), (slow,) = trials["fast"], trials["slow"]
    assert (fast.seconds, fast.accuracies) == ([6.0], [0.992])
    assert (slow.seconds, slow.accuracies) == ([2.0, 4.0, 6.0], [0.97, 0.98, 0.991])


def test_the_row_is_the_first_epoch_whose_mean_reaches_the_target(clock: Clock) -> None:
    # Round 1 is there after two epochs and round 2 after three; the mean of epoch 2 is 0.9895, of epoch 3 0.992.
    side = training(clock, [0.98, 0.992, 0.993, 0.999], [0.985, 0.987, 0.991, 0.999])
    trials = time_to_accuracy({"side": side}, slow_score(clock), target=0.99, rounds=2)["side"]
    assert [trial.seconds for trial in trials] == [[2.0, 4.0, 6.0], [2.0, 4.0, 6.0]]
    assert first_epoch(trials, 0.99) == 3


def test_a_mean_may_reach_the_target_before_every_round_does(clock: Clock) -> None:
    side = training(clock, [0.98, 0.995], [0.98, 0.986, 0.991])
    trials = time_to_accuracy({"side": side}, slow_score(clock), target=0.99, rounds=2)["side"]
    assert [len(trial.seconds) for trial in trials] == [2, 3]
    assert first_epoch(trials, 0.99) == 2  # (0.995 + 0.986) / 2 = 0.9905


def test_all_rounds_go_on_together_until_the_mean_is_there(clock: Clock) -> None:
    # Each round touches 99 % in another epoch and falls back, so that only epoch 4 has the mean.
    side = training(clock, [0.99, 0.97, 0.97, 0.991, 0.999], [0.97, 0.99, 0.97, 0.991, 0.999])
    trials = time_to_accuracy({"side": side}, slow_score(clock), target=0.99, rounds=2)["side"]
    assert [len(trial.accuracies) for trial in trials] == [4, 4]
    assert first_epoch(trials, 0.99) == 4


def test_a_schedule_that_ends_short_of_the_target_ends(clock: Clock) -> None:
    side = training(clock, [0.97, 0.98], [0.97, 0.995], seconds=1.5)
    trials = time_to_accuracy({"side": side}, slow_score(clock), target=0.99, rounds=2)["side"]
    assert first_epoch(trials, 0.99) is None
    assert [trial.seconds for trial in trials] == [[1.5, 3.0], [1.5, 3.0]]


def test_a_training_without_an_epoch_is_no_endless_loop(clock: Clock) -> None:
    told: list[str] = []
    side = training(clock, [])
    trials = time_to_accuracy(
        {"side": side}, slow_score(clock), target=0.0, rounds=1, on_epoch=lambda side, *_: told.append(side)
    )["side"]
    assert (trials[0].ended, trials[0].seconds, told) == (True, [], [])


def test_sides_take_turns_and_tell_of_every_epoch(clock: Clock) -> None:
    told: list[tuple[str, int, int]] = []
    done: list[int] = []
    time_to_accuracy(
        {"a": training(clock, [0.99], [0.99]), "b": training(clock, [0.9, 0.99], [0.9, 0.99])},
        slow_score(clock),
        target=0.99,
        rounds=2,
        on_epoch=lambda side, round_, trial: told.append((side, round_, len(trial.accuracies))),
        on_trial=lambda: done.append(len(told)),
    )
    assert told == [("a", 1, 1), ("b", 1, 1), ("b", 1, 2), ("a", 2, 1), ("b", 2, 1), ("b", 2, 2)]
    assert done == [1, 3, 4, 6]


def test_rounding_does_not_cost_an_epoch() -> None:
    for rounds in range(1, 8):
        trials = [TimedTraining[float](iter(()), [1.0], [0.99]) for _ in range(rounds)]
        assert first_epoch(trials, 0.99) == 1
