"""Reading order beside the order in which digits were put down, and spaces worked by hand."""

import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digitscope.inference.layout import arrange, text_of
from digitscope.inference.pieces import Blob

Middle = tuple[float, float]


def blob(middle: Middle, width: float = 20, height: float = 30) -> Blob:
    left, top = round(middle[0] - width / 2), round(middle[1] - height / 2)
    right, bottom = left + round(width), top + round(height)
    return Blob(left, top, right, bottom, area=300, contrast=1.0, pieces=(1,))


def in_order(lines: Sequence[Sequence[Middle]], height: float = 30) -> list[list[Middle]]:
    """Shuffle the digits of `lines`, arrange them, and return their middles as they came out."""
    flat = [middle for line in lines for middle in line]
    shuffled = [flat[place] for place in np.random.default_rng(0).permutation(len(flat))]
    arranged = arrange([blob(middle, height=height) for middle in shuffled], height)
    assert sorted(number for line in arranged for number in line) == list(range(len(flat)))
    return [[shuffled[number] for number in line] for line in arranged]


def grid(n_lines: int, n_digits: int, *, pitch: float, step: float, degrees: float = 0) -> list[list[Middle]]:
    slope = math.tan(math.radians(degrees))
    return [
        [(100 + step * place, 200 + pitch * line + slope * step * place) for place in range(n_digits)]
        for line in range(n_lines)
    ]


def test_nothing_and_one() -> None:
    assert arrange([], 0) == []
    assert arrange([blob((50, 50))], 30) == [[0]]


@pytest.mark.parametrize("degrees", [-5, -3, -1, 0, 2, 4, 5])
def test_slanted_lines(degrees: float) -> None:
    """At 5 degrees a line of 20 digits falls by more than a line."""
    lines = grid(6, 20, pitch=50, step=32, degrees=degrees)
    assert in_order(lines) == lines


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
    blobs = [blob((100 + 30 * place, 200 - size / 2), height=size) for place, size in enumerate(sizes)]
    assert arrange(blobs, 30) == [[0, 1, 2, 3, 4, 5]]


# Spaces


def spaced(gaps: Sequence[int], height: int = 30) -> str:
    left, blobs = 0, []
    for gap in (0, *gaps):
        left += gap
        blobs.append(Blob(left, 0, left + 20, height, area=300, contrast=1.0, pieces=(1,)))
        left += 20
    return text_of([str(number % 10) for number in range(len(blobs))], blobs)


@pytest.mark.parametrize(
    ("gaps", "text"),
    [
        ((), "0"),
        ((5,), "01"),
        ((30,), "0 1"),
        ((5, 30, 5), "01 23"),
        ((2, 2, 2, 2), "01234"),
        ((-4, 40, -4, 40), "01 23 4"),
        ((20, 20, 20, 20), "01234"),  # evenly far apart: no words
        ((5, 5, 5, 17, 5), "0123 45"),
    ],
)
def test_spaces_stand_where_the_gaps_are_wide(gaps: tuple[int, ...], text: str) -> None:
    assert spaced(gaps) == text


def test_a_line_without_digits() -> None:
    assert text_of([], []) == ""


@given(st.lists(st.sampled_from([3, 60]), max_size=15), st.integers(1, 9))
def test_spaces_do_not_depend_on_the_scale(gaps: list[int], scale: int) -> None:
    enlarged = [
        Blob(scale * left, 0, scale * (left + 20), scale * 30, area=300, contrast=1.0, pieces=(1,))
        for left in np.cumsum([0, *(20 + gap for gap in gaps)]).tolist()
    ]
    text = text_of([str(number % 10) for number in range(len(enlarged))], enlarged)
    assert text == spaced(gaps)
    assert text.replace(" ", "") == "".join(str(number % 10) for number in range(len(gaps) + 1))
