"""The score of a page, worked by hand and beside a plain search for the common subsequence."""

from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray

from digitscope.errors import DataError
from digitscope.metrics import PageScore, score_page

Ints = NDArray[np.int64]


def row_of_boxes(n: int) -> Ints:
    """Boxes of 20 x 30 pixels in a row, 10 apart."""
    return np.array([[30 * place, 100, 20, 30] for place in range(n)]).reshape(n, 4)


def test_nothing_read_and_nothing_written() -> None:
    labels, boxes, none = np.array([3, 1]), row_of_boxes(2), np.zeros(0, dtype=int)
    assert score_page(labels, boxes, none, none.reshape(0, 4)) == PageScore(2, 0, 0)
    assert score_page(none, none.reshape(0, 4), labels, boxes) == PageScore(0, 0, 2)


def test_a_wrong_label_is_neither_right_nor_false() -> None:
    boxes = row_of_boxes(3)
    assert score_page(np.array([1, 2, 3]), boxes, np.array([1, 7, 3]), boxes) == PageScore(3, 2, 0)


def test_a_digit_read_twice_is_false_once() -> None:
    boxes = row_of_boxes(2)
    twice = boxes[[0, 0, 1]]
    assert score_page(np.array([5, 6]), boxes, np.array([5, 5, 6]), twice) == PageScore(2, 2, 1)


def test_the_better_overlap_is_matched_first() -> None:
    read = np.array([[8, 100, 20, 30], [1, 100, 20, 30]])  # both upon the first digit: 12/28 and 19/21 of it
    assert score_page(np.array([5]), row_of_boxes(1), np.array([4, 5]), read) == PageScore(1, 1, 1)


@pytest.mark.parametrize(
    ("box", "matched"),
    [
        ((10, 100, 20, 30), True),  # 10/30
        ((11, 100, 20, 30), False),  # 9/31 = 0.29
        ((-40, 60, 100, 110), True),  # around it, its middle at (10, 115)
    ],
)
def test_what_matches(box: tuple[int, int, int, int], matched: bool) -> None:
    score = score_page(np.array([5]), row_of_boxes(1), np.array([5]), np.array([box]))
    assert score == (PageScore(1, 1, 0) if matched else PageScore(1, 0, 1))


def test_lines_read_in_the_wrong_order_count_once() -> None:
    labels, boxes = np.array([1, 2, 3, 4, 5]), row_of_boxes(5)
    order = [3, 4, 0, 1, 2]
    assert score_page(labels, boxes, labels[order], boxes[order]) == PageScore(5, 3, 0)


def longest_common(first: tuple[int, ...], second: tuple[int, ...]) -> int:
    """The textbook recursion."""

    @cache
    def from_places(i: int, j: int) -> int:
        if i == len(first) or j == len(second):
            return 0
        if first[i] == second[j]:
            return 1 + from_places(i + 1, j + 1)
        return max(from_places(i + 1, j), from_places(i, j + 1))

    return from_places(0, 0)


def test_the_order_is_the_longest_common_subsequence() -> None:
    n = 14
    for seed in range(20):
        rng = np.random.default_rng(seed)
        labels, boxes, order = rng.integers(0, 10, n), row_of_boxes(n), rng.permutation(n)
        found = score_page(labels, boxes, labels[order], boxes[order]).right
        assert found == longest_common(tuple(order.tolist()), tuple(range(n)))


def test_shapes_that_do_not_belong_together() -> None:
    labels, boxes = (2,), (3, 4)
    wrong, good = (np.zeros(labels, dtype=int), np.zeros(boxes, dtype=int)), (np.array([1]), row_of_boxes(1))
    with pytest.raises(DataError, match="truth has labels"):
        score_page(*wrong, *good)
    with pytest.raises(DataError, match="reading has labels"):
        score_page(*good, *wrong)
