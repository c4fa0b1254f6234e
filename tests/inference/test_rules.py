"""Rules go, digits stay."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage

from digitscope.data import Dataset
from digitscope.data.handwriting import stroke_mask
from digitscope.inference.rules import without_rules

Mask = NDArray[np.bool_]
SHAPE = (300, 500)
STROKE = 7.0


@pytest.fixture(scope="module")
def digits(sample: Dataset) -> Mask:
    """Eight digits, 50 pixels high, in two rows."""
    page = np.zeros(SHAPE, bool)
    for number, image in enumerate(sample.test.images[:8]):
        stroke = stroke_mask(image, 2.5) > 0.5
        height, width = stroke.shape
        top, left = 60 + 120 * (number // 4), 50 + 105 * (number % 4)
        page[top : top + height, left : left + width] = stroke
    return page


def ruled(slope: float, tops: tuple[int, ...], thickness: int = 2) -> Mask:
    """Lines that fall by `slope` rows a column."""
    page = np.zeros(SHAPE, bool)
    columns = np.arange(SHAPE[1])
    for top in tops:
        for row in range(thickness):
            page[np.clip(np.rint(top + row + slope * (columns - 250)).astype(int), 0, SHAPE[0] - 1), columns] = (
                True
            )
    return page


def test_a_page_without_rules_is_left_alone(digits: Mask) -> None:
    assert np.array_equal(without_rules(digits, STROKE), digits)
    assert not without_rules(np.zeros(SHAPE, bool), STROKE).any()


@pytest.mark.parametrize("degrees", [-4, -2, -0.5, 0, 1, 3, 4])
@pytest.mark.parametrize("upright", [False, True])
def test_rules_go_and_digits_stay(digits: Mask, degrees: float, upright: bool) -> None:
    """Where a digit wider than the bridge crosses, the end of a rule beyond it may stay."""
    lines = ruled(np.tan(np.deg2rad(degrees)), (40, 85, 150, 205, 270))
    if upright:
        lines, digits = np.ascontiguousarray(lines.T), np.ascontiguousarray(digits.T)
    cleaned = without_rules(digits | lines, STROKE)
    far = ndimage.distance_transform_edt(~digits) > 15
    assert not (cleaned & ~(digits | lines)).any()
    assert cleaned[lines & far].mean() < 0.1
    assert cleaned[digits].mean() > 0.97


@pytest.mark.parametrize("degrees", [-4, -2, 0, 3, 4])
@pytest.mark.parametrize("thickness", [1, 2, 3])
def test_nothing_is_left_of_rules_that_nobody_crosses(degrees: float, thickness: int) -> None:
    lines = ruled(np.tan(np.deg2rad(degrees)), (60, 100, 150, 200, 240), thickness)
    assert not without_rules(lines, STROKE).any()


def test_squared_paper(digits: Mask) -> None:
    grid = ruled(0, (40, 85, 130, 175, 220, 265)) | (np.indices(SHAPE)[1] % 45 < 2)
    cleaned = without_rules(digits | grid, STROKE)
    far = ndimage.distance_transform_edt(~digits) > 15
    assert cleaned[grid & far].mean() < 0.05
    assert cleaned[digits].mean() > 0.95


@pytest.mark.parametrize("stroke", [3, 6])
@pytest.mark.parametrize(("bar", "length"), [(1, 9), (10, 15)])
def test_the_bar_of_a_digit_is_no_rule(stroke: int, bar: int, length: int) -> None:
    """A 7, its bar as fine as a hair and 9 widths of a stroke long, or as thick as the pen and 15."""
    page = np.zeros(SHAPE, bool)
    page[50 : 50 + min(bar, stroke), 100 : 100 + length * stroke] = True
    for row in range(100):
        left = 100 + length * stroke - stroke - row // 3
        page[50 + row, left : left + stroke] = True
    assert np.array_equal(without_rules(page, stroke), page)


def test_hairlines_are_shorter_than_other_rules(digits: Mask) -> None:
    """Of a rule that is faint only pieces near ink are seen; they would join the digits of a bold pen."""
    grid = ruled(0, (62, 95, 200)) & (np.abs(np.indices(SHAPE)[1] - 110) < 60)
    assert grid.any(axis=0).sum() < 25 * STROKE
    cleaned = without_rules(digits | grid, STROKE)
    assert not (cleaned & grid & (ndimage.distance_transform_edt(~digits) > 5)).any()
    assert cleaned[digits].mean() > 0.97
    assert ndimage.label(cleaned, np.ones((3, 3)))[1] == ndimage.label(digits, np.ones((3, 3)))[1]


def test_the_fine_bars_of_digits_in_a_line_are_no_rule() -> None:
    """Ten 7s whose bars are a hair and level with each other, wide apart as digits are."""
    page = np.zeros(SHAPE, bool)
    for left in range(10, 490, 48):
        page[100:102, left : left + 22] = True
        page[100:150, left + 15 : left + 22] = True
    assert np.array_equal(without_rules(page, STROKE), page)


def test_thick_beams_are_left_to_others() -> None:
    """What is thicker than a stroke is no rule: a frame or the edge of a page."""
    beam = ruled(0, (100,), thickness=20)
    assert np.array_equal(without_rules(beam, STROKE), beam)


@pytest.mark.parametrize("shape", [(1, 1), (1, 500), (500, 1), (2, 2)])
def test_tiny_masks(shape: tuple[int, int]) -> None:
    cleaned = without_rules(np.ones(shape, bool), 1.0)
    assert cleaned.shape == shape
    assert cleaned.dtype == bool
