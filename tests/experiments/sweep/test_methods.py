import math

import pytest

from digitscope.experiments.sweep.engine import share_cores
from digitscope.experiments.sweep.methods import ROUND, Round, median_curve, tpe
from digitscope.experiments.sweep.ranking import PointScore
from digitscope.experiments.sweep.space import Point, Space
from digitscope.experiments.sweep.space_files import load_space
from tests.experiments.sweep.helpers import record

pytest.importorskip("optuna")


def space(n_trials: int, seed: int = 3) -> Space:
    axes = ["learning_rate=0.001..1:log", "hidden=4..64", "activation=relu,leaky-relu"]
    return load_space("fc", axes, method="tpe", trials=n_trials, seed=seed)


def score(point: Point) -> PointScore:
    """The nearer the learning rate is to 0.03, the better."""
    accuracy = 0.9 - 0.1 * abs(math.log10(point["learning_rate"] / 0.03))
    return PointScore(point, "", (record([accuracy / 2, accuracy]),), 1)


def rounds_of(searched: Space) -> list[Round]:
    rounds, found = tpe(searched), []
    try:
        found.append(next(rounds))
        while True:
            found.append(rounds.send([score(point) for point in found[-1].points]))
    except StopIteration:
        return found


def test_the_rounds_are_a_function_of_the_space() -> None:
    assert rounds_of(space(20)) == rounds_of(space(20))
    assert rounds_of(space(20))[0] != rounds_of(space(20, seed=4))[0]


def test_more_trials_begin_with_the_same_ones() -> None:
    few, many = rounds_of(space(11)), rounds_of(space(30))
    assert [len(each.points) for each in few] == [ROUND, 3]
    assert [point for each in many for point in each.points][:11] == [
        point for each in few for point in each.points
    ]


def test_it_looks_where_the_best_ones_were() -> None:
    *_, before_last, last = rounds_of(space(64))
    at_random = rounds_of(space(8))[0]

    def mean(round_: Round) -> float:
        return sum(score(point).records[0].history[-1].validation_accuracy for point in round_.points) / ROUND

    assert mean(last) + mean(before_last) > 2 * mean(at_random)
    assert all(0.001 <= point["learning_rate"] <= 1 and 4 <= point["hidden"] <= 64 for point in last.points)
    assert {type(point["hidden"]) for point in last.points} == {int}


def test_stopping_begins_with_the_second_round() -> None:
    first, second, *_ = rounds_of(space(24))
    assert first.stop_below == ()
    accuracies = sorted(score(point).records[0].history[0].validation_accuracy for point in first.points)
    assert second.stop_below == pytest.approx(((accuracies[3] + accuracies[4]) / 2,))


def test_nothing_is_stopped_where_the_number_of_epochs_varies() -> None:
    searched = load_space("fc", ["epochs=1..4"], method="tpe", trials=16)
    rounds = tpe(searched)
    first = next(rounds)
    scores = [PointScore(point, "", (record([0.5] * point["epochs"]),), 1) for point in first.points]
    assert rounds.send(scores).stop_below == ()


@pytest.mark.parametrize("outcome", ["stopped", "diverged", "failed"])
def test_what_did_not_finish_is_no_reason_to_end(outcome: str) -> None:
    rounds = tpe(space(16))
    first = next(rounds)
    kept = {
        "stopped": [record([0.4], outcome="stopped")],
        "diverged": [record([], outcome="diverged")],
        "failed": [],
    }
    second = rounds.send([PointScore(point, "", tuple(kept[outcome]), 1) for point in first.points])
    assert len(second.points) == ROUND
    assert second.stop_below == ()


def test_the_median_curve_by_hand() -> None:
    curves = [[0.1, 0.5, 0.9], [0.3, 0.4, 0.8], [0.2, 0.6, 0.7]]
    scores = [PointScore({}, "", (record(curve),), 1) for curve in curves]
    assert median_curve(scores) == (0.2, 0.5)
    two_seeds = PointScore({}, "", (record([0.0, 0.2, 1]), record([0.4, 0.4, 1])), 2)
    assert median_curve([two_seeds]) == pytest.approx((0.2, 0.3))
    assert median_curve([]) == ()


@pytest.mark.parametrize(
    ("n_trials", "cores", "threads"),
    [
        (0, 2, ()),
        (1, 2, (2,)),
        (2, 2, (1, 1)),
        (5, 2, (1, 1, 1, 1, 2)),
        (3, 1, (1, 1, 1)),
        (3, 8, (3, 3, 2)),
        (10, 8, (1,) * 8 + (4, 4)),
    ],
)
def test_cores_are_shared(n_trials: int, cores: int, threads: tuple[int, ...]) -> None:
    assert share_cores(n_trials, cores) == threads
