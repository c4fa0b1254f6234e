"""What is accepted: hand-worked examples and what must hold for any probabilities."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from digitscope.inference.acceptance import cost, reason_against

Float32 = NDArray[np.float32]
shares = st.lists(st.floats(0.001, 1), min_size=10, max_size=10).map(
    lambda weights: (np.array(weights) / sum(weights)).astype(np.float32)
)
distances = st.floats(0, 20, width=32)


def probabilities(first: float, second: float = 0.0, labels: tuple[int, int] = (7, 1)) -> Float32:
    rest = np.full(10, (1 - first - second) / 8, np.float32)
    rest[list(labels)] = first, second
    return rest


def cost_of(row: Float32, distance: float) -> float:
    return float(cost(row[None], np.array([distance], np.float32))[0])


def test_a_sure_digit_is_accepted() -> None:
    assert reason_against(probabilities(0.99), 0.5) is None
    assert cost_of(probabilities(1.0), 0.5) == pytest.approx(0.03 / 4)


@pytest.mark.parametrize("first", [0.5, 0.8, 0.95])
def test_the_cost_of_doubt_is_its_logarithm(first: float) -> None:
    assert cost_of(probabilities(first), 0.0) == pytest.approx(-math.log(first), abs=1e-5)


def test_two_likely_digits_are_both_named() -> None:
    assert reason_against(probabilities(0.42, 0.4, (3, 5)), 0.5) == "could be 3 or 5"
    assert reason_against(probabilities(0.42, 0.4, (5, 3)), 0.5) == "could be 5 or 3"


def test_strange_ink_is_refused_however_sure_the_network_is() -> None:
    assert reason_against(probabilities(1.0), 5.0) == "unlike any digit"
    assert cost_of(probabilities(1.0), 5.0) > 1


@given(shares, distances)
def test_what_is_said(row: Float32, distance: float) -> None:
    reason = reason_against(row, distance)
    first, second = sorted(range(10), key=lambda label: -row[label])[:2]
    pair = {f"could be {one} or {other}" for one in range(10) for other in range(10) if one != other}
    assert reason in {None, "unlike any digit"} | pair
    if reason in pair and row[second] < row[first]:
        assert reason is not None
        assert reason.startswith(f"could be {first} or ")
    if row[first] > 0.75 and distance < 0.9:
        assert reason is None
    if row[first] < 0.4:
        assert reason is not None


@given(shares, distances, distances)
def test_stranger_ink_costs_no_less_and_is_accepted_no_sooner(row: Float32, one: float, other: float) -> None:
    nearer, farther = sorted((one, other))
    assert 0 <= cost_of(row, nearer) <= cost_of(row, farther)
    if reason_against(row, farther) is None:
        assert reason_against(row, nearer) is None


@given(st.lists(st.tuples(shares, distances), min_size=1, max_size=5))
def test_many_cost_what_each_costs(rows: list[tuple[Float32, float]]) -> None:
    together = cost(np.stack([row for row, _ in rows]), np.array([far for _, far in rows], np.float32))
    assert together.dtype == np.float32
    assert together == pytest.approx([cost_of(row, far) for row, far in rows], abs=1e-6)


def test_a_probability_of_nought_has_a_price() -> None:
    assert math.isfinite(cost_of(np.zeros(10, np.float32), 0.0))
