"""Cuts beside every path there is, and divisions beside every division."""

from collections.abc import Iterator
from itertools import combinations, pairwise, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from digitscope.inference.cuts import MOST_CUTS, SIDE_STEP, best_path, between, cut_lines

Float32 = NDArray[np.float32]
Int = NDArray[np.intp]
small_inks = st.tuples(st.integers(2, 4), st.integers(5, 8)).flatmap(
    lambda shape: arrays(np.float32, shape, elements=st.integers(0, 8).map(lambda eighths: eighths / 8))
)


def price(ink: Float32, path: Int) -> float:
    """The ink on a path, and its steps to the side."""
    return float(ink[np.arange(len(path)), path].sum() + SIDE_STEP * np.abs(np.diff(path)).sum())


def cheapest(ink: Float32) -> list[float]:
    """Return the price of the cheapest of all paths through each column of the middle row."""
    height, width = ink.shape
    prices = [np.inf] * width
    for start, *steps in product(range(width), *[(-1, 0, 1)] * (height - 1)):
        path = np.cumsum([start, *steps])
        if path.min() >= 0 and path.max() < width:
            middle = path[height // 2]
            prices[middle] = min(prices[middle], price(ink, path))
    return prices


@settings(max_examples=30, deadline=None)
@given(small_inks)
def test_no_path_is_cheaper_than_a_cut(ink: Float32) -> None:
    prices = cheapest(ink)
    for cut in cut_lines(ink):
        assert np.abs(np.diff(cut)).max() <= 1
        assert price(ink, cut) == pytest.approx(prices[cut[len(ink) // 2]], abs=1e-5)


@settings(max_examples=30, deadline=None)
@given(small_inks)
def test_the_cheapest_way_through_the_middle_is_a_cut(ink: Float32) -> None:
    """There is a cut through a column off the rim that is cheaper than all within two columns of it."""
    prices = cheapest(ink)
    through = [int(cut[len(ink) // 2]) for cut in cut_lines(ink)]
    assert through == sorted(through)
    for column in range(2, len(prices) - 2):
        around = [prices[other] for other in range(column - 2, column + 3) if other != column]
        if prices[column] < min(around) - 1e-4:
            assert column in through
        if prices[column] > min(around) + 1e-4:
            assert column not in through


@pytest.mark.parametrize("height", [30, 80, 300])
def test_two_blocks_that_a_bridge_joins_are_cut_at_the_bridge(height: int) -> None:
    ink = np.zeros((height, 2 * height), np.float32)
    ink[:, : height - height // 8] = 1
    ink[:, height + height // 8 :] = 1
    middle = slice(height // 2, height // 2 + height // 10)
    ink[middle] = 1
    cuts = cut_lines(ink)
    assert any((np.abs(cut - height) <= height // 8 + 2).all() for cut in cuts)
    assert all(price(ink, cut) > height / 20 for cut in cuts)


def test_a_cut_goes_between_digits_and_not_around_them() -> None:
    """A 1 that ends above the foot of a 0 and touches it: the way around is as cheap, and cuts off nothing."""
    ink = np.zeros((40, 40), np.float32)
    ink[2:36, 3:7] = 1
    ink[2:39, 12:36] = 1
    ink[6:35, 17:31] = 0
    ink[18:20, 7:12] = 1
    assert any((cut[4:34] >= 7).all() and (cut[4:34] <= 12).all() for cut in cut_lines(ink))


@pytest.mark.parametrize("shape", [(1, 1), (1, 50), (50, 1), (2, 2), (3, 4), (400, 5), (5, 400), (200, 3000)])
def test_ink_of_any_shape(shape: tuple[int, int]) -> None:
    ink = np.random.default_rng(0).random(shape, np.float32)
    cuts = cut_lines(ink)
    assert len(cuts) <= MOST_CUTS
    for cut in cuts:
        assert cut.shape == shape[:1]
        assert 0 <= cut.min() <= cut.max() <= shape[1]


@given(small_inks, st.data())
def test_the_parts_between_cuts_are_the_whole(ink: Float32, data: st.DataObject) -> None:
    height, width = ink.shape
    columns = st.lists(st.integers(0, width), min_size=height, max_size=height)
    left, right = np.sort(np.array([data.draw(columns), data.draw(columns)]), axis=0)
    parts = [between(ink, None, left), between(ink, left, right), between(ink, right, None)]
    assert np.array_equal(sum(parts), ink)
    assert sum((part > 0).sum() for part in parts) == (ink > 0).sum()
    for row in range(height):
        assert not parts[0][row, left[row] :].any()
        assert not parts[2][row, : right[row]].any()
    assert np.array_equal(between(ink, None, None), ink)


# The best division

segment_costs = st.integers(1, 6).flatmap(
    lambda last: st.tuples(
        st.just(last),
        st.dictionaries(
            st.tuples(st.integers(0, last), st.integers(0, last)).filter(lambda segment: segment[0] < segment[1]),
            st.integers(0, 40).map(lambda quarters: quarters / 4),
        ),
    )
)


def divisions(last: int) -> Iterator[list[tuple[int, int]]]:
    for n in range(last):
        for stops in combinations(range(1, last), n):
            yield list(pairwise((0, *stops, last)))


@given(segment_costs, st.sampled_from([0.0, 0.5, 3.0]))
def test_the_best_path_is_the_best_of_all(problem: tuple[int, dict[tuple[int, int], float]], extra: float) -> None:
    last, costs = problem
    prices = [
        sum(costs[segment] for segment in way) + extra * (len(way) - 1)
        for way in divisions(last)
        if all(segment in costs for segment in way)
    ]
    way, total = best_path(costs, last, extra)
    if not prices:
        assert (way, total) == ([], float("inf"))
        return
    assert total == pytest.approx(min(prices))
    assert way[0][0] == 0
    assert way[-1][1] == last
    assert all(before[1] == after[0] for before, after in pairwise(way))
    assert sum(costs[segment] for segment in way) + extra * (len(way) - 1) == pytest.approx(total)


def test_a_division_worked_by_hand() -> None:
    costs = {(0, 1): 0.1, (1, 2): 0.2, (0, 2): 0.9, (2, 3): 0.3}
    for extra, expected, price_of_it in (
        (0.1, [(0, 1), (1, 2), (2, 3)], 0.8),
        (0.5, [(0, 1), (1, 2), (2, 3)], 1.6),
        (0.7, [(0, 2), (2, 3)], 1.9),
    ):
        way, total = best_path(costs, 3, extra)
        assert way == expected
        assert total == pytest.approx(price_of_it)
