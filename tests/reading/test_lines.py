"""Reading order beside the order in which digits were put down, and spaces worked by hand."""

import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digitscope.notation import text_of
from digitscope.reading.lines import arrange, place_of, spaces_before

Middle = tuple[float, float]


def box(middle: Middle, width: float = 20, height: float = 30) -> list[float]:
    left, top = middle[0] - width / 2, middle[1] - height / 2
    return [left, top, left + width, top + height]


def in_order(lines: Sequence[Sequence[Middle]], height: float = 30) -> list[list[Middle]]:
    """Shuffle the digits of `lines`, arrange them, and return their middles as they came out."""
    flat = [middle for line in lines for middle in line]
    shuffled = [flat[place] for place in np.random.default_rng(0).permutation(len(flat))]
    arranged = arrange(np.array([box(middle, height=height) for middle in shuffled]))
    assert sorted(number for line in arranged for number in line) == list(range(len(flat)))
    return [[shuffled[number] for number in line] for line in arranged]


def grid(n_lines: int, n_digits: int, *, pitch: float, step: float, degrees: float = 0) -> list[list[Middle]]:
    slope = math.tan(math.radians(degrees))
    return [
        [(100 + step * place, 200 + pitch * line + slope * step * place) for place in range(n_digits)]
        for line in range(n_lines)
    ]


def test_nothing_and_one() -> None:
    assert arrange(np.zeros((0, 4))) == []
    assert arrange(np.array([box((50, 50))])) == [[0]]


def test_slanted_lines() -> None:
    """At 15 degrees a line of 20 digits falls by more than three lines."""
    for degrees in (-15, -5, -1, 0, 2, 5, 10, 15):
        lines = grid(6, 20, pitch=50, step=32, degrees=degrees)
        assert in_order(lines) == lines, degrees


@settings(max_examples=100, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    n_lines=st.integers(1, 6),
    n_digits=st.integers(4, 18),
    pitch=st.floats(1.6, 3),
    step=st.floats(0.8, 1.5),
    degrees=st.floats(-3, 3),
)
def test_grids_with_jitter(
    seed: int, n_lines: int, n_digits: int, pitch: float, step: float, degrees: float
) -> None:
    """Digits jump by up to a tenth of their height, and lines are 1.6 heights apart or more."""
    height = 30
    generator = np.random.default_rng(seed)
    lines = [
        [(x + generator.uniform(-3, 3), y + generator.uniform(-3, 3)) for x, y in line]
        for line in grid(n_lines, n_digits, pitch=pitch * height, step=step * height, degrees=degrees)
    ]
    assert in_order(lines, height) == lines


def test_few_crooked_digits_far_apart_stay_in_one_line() -> None:
    """The digits of a date, as a benchmark wrote them: from each to the next it is steep."""
    middles = [(81, 121), (147, 135), (214, 109), (270, 117), (329, 132), (440, 116), (497, 125)]
    sizes = [(37, 45), (84, 41), (36, 46), (50, 44), (55, 61), (35, 41), (57, 35)]
    boxes = [box(middle, *size) for middle, size in zip(middles, sizes, strict=True)]
    assert arrange(np.array(boxes)) == [[0, 1, 2, 3, 4, 5, 6]]


def test_lines_of_unequal_length_and_start() -> None:
    whole = grid(5, 12, pitch=55, step=30)
    lines = [whole[0][:3], whole[1][5:], whole[2][2:4], whole[3], whole[4][11:]]
    assert in_order(lines) == lines


def test_a_gap_does_not_end_a_line() -> None:
    whole = grid(3, 16, pitch=50, step=30, degrees=2)
    lines = [[*line[:3], *line[12:]] for line in whole]
    assert in_order(lines) == lines


def test_lower_digits_stay_in_their_line() -> None:
    """A line of tall digits and low ones, on the same foot."""
    sizes = [30, 30, 20, 30, 18, 30]
    boxes = [box((100 + 30 * place, 200 - size / 2), height=size) for place, size in enumerate(sizes)]
    assert arrange(np.array(boxes)) == [[0, 1, 2, 3, 4, 5]]


@pytest.mark.parametrize(
    ("middle", "size", "place"),
    [
        ((115, 214), (4, 4), 0),  # a point between two digits, at their foot
        ((130, 260), (10, 34), 1),  # a bracket between two digits of the second line
        ((300, 200), (4, 4), None),
    ],
)
def test_a_sign_belongs_to_the_line_that_it_stands_in(middle: Middle, size: Middle, place: int | None) -> None:
    boxes = np.array([box((100, 200)), box((130, 200)), box((115, 260)), box((145, 260))])
    assert place_of(np.array(box(middle, *size)), [[0, 1], [2, 3]], boxes) == place


# Spaces


def spaced(gaps: Sequence[int], height: int = 30) -> str:
    left, boxes = 0, []
    for gap in (0, *gaps):
        left += gap
        boxes.append([left, 0, left + 20, height])
        left += 20
    return text_of([str(number % 10) for number in range(len(boxes))], spaces_before(np.array(boxes, np.float64)))


@pytest.mark.parametrize(
    ("gaps", "text"),
    [
        ((-4, 40, -4, 40), "01 23 4"),
        ((20, 20, 20, 20), "01234"),  # evenly far apart: no words
        ((5, 5, 5, 17, 5), "0123 45"),
    ],
)
def test_spaces_stand_where_the_gaps_are_wide(gaps: tuple[int, ...], text: str) -> None:
    assert spaced(gaps) == text


def test_a_line_without_digits() -> None:
    assert text_of([], spaces_before(np.zeros((0, 4)))) == ""


@given(st.lists(st.sampled_from([3, 60]), max_size=15), st.integers(1, 9))
def test_spaces_do_not_depend_on_the_scale(gaps: list[int], scale: int) -> None:
    lefts = np.cumsum([0, *(20 + gap for gap in gaps)]).tolist()
    enlarged = scale * np.array([[left, 0, left + 20, 30] for left in lefts], np.float64)
    text = text_of([str(number % 10) for number in range(len(enlarged))], spaces_before(enlarged))
    assert text == spaced(gaps)
    assert text.replace(" ", "") == "".join(str(number % 10) for number in range(len(gaps) + 1))
