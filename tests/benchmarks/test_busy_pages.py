"""Busy pages beside what can be seen on them."""

from functools import cache

import numpy as np
import pytest
from benchmarks.busy_pages import make_busy_page, turned
from benchmarks.plain_pages import Page, PlacedDigit
from numpy.typing import NDArray

from digitscope.data.hands import Material
from digitscope.errors import SettingError

Floats = NDArray[np.float64]


@cache
def page(material: Material, nuisance: str) -> Page:
    return make_busy_page(material, nuisance=nuisance, generator=np.random.default_rng(0))


def patch(of: Page, digit: PlacedDigit) -> Floats:
    """The brightness inside a digit's box."""
    left, top, width, height = digit.box
    return np.asarray(of.image[top : top + height, left : left + width].mean(axis=2), dtype=np.float64)


GEOMETRIES = ("print-around", "form", "table", "perspective", "quarter-turns", "slanting", "touching-rows")
"""Pages that differ in where they have digits; the others differ in what surrounds a digit, or in light."""


@pytest.mark.parametrize("nuisance", GEOMETRIES)
def test_the_truth_lies_on_ink_and_agrees_with_the_lines(nuisance: str, material: Material) -> None:
    """Each box lies inside the page, and its ink reaches its four sides."""
    made = page(material, nuisance)
    height, width, channels = made.image.shape
    assert made.image.dtype == np.uint8
    assert (channels, made.nuisance) == (3, nuisance)
    assert 650 <= min(height, width) < max(height, width) <= 1060
    assert len(made.digits) >= 10
    for digit in [*made.digits, *made.printed]:
        left, top, its_width, its_height = digit.box
        assert 0 <= left < left + its_width <= width
        assert 0 <= top < top + its_height <= height
        inside = patch(made, digit)
        dark = np.argwhere(inside < inside.max() - 0.35 * np.ptp(inside))
        slack = np.maximum(2, 0.08 * np.array(inside.shape))
        assert (dark.min(axis=0) <= slack).all(), digit
        assert (np.array(inside.shape) - 1 - dark.max(axis=0) <= slack).all(), digit

    for number, line in enumerate(made.lines):
        labels = "".join(str(digit.label) for digit in made.digits if digit.line == number)
        assert labels == "".join(character for character in line if character.isdecimal())
    assert [digit.line for digit in made.digits] == sorted(digit.line for digit in made.digits)


def test_printed_digits_are_apart(material: Material) -> None:
    made = page(material, "table")
    assert made.printed
    assert not page(material, "touching-rows").printed
    written = {digit.box for digit in made.digits}
    for left, top, width, height in (digit.box for digit in made.printed):
        assert all(
            left + width <= other[0] or other[0] + other[2] <= left
            for other in written
            if top < other[1] + other[3] and other[1] < top + height
        )


def test_equal_generators_give_equal_pages(material: Material) -> None:
    first, same, other = (
        make_busy_page(material, nuisance="print-around", generator=np.random.default_rng(seed))
        for seed in (5, 5, 6)
    )
    assert np.array_equal(first.image, same.image)
    assert (first.digits, first.printed, first.lines) == (same.digits, same.printed, same.lines)
    assert first.lines != other.lines


def test_a_page_turns_with_its_digits(material: Material) -> None:
    upright = page(material, "print-around")
    for quarters in (1, 2, 3):
        seen = turned(upright, quarters)
        for digit, its in zip([*upright.digits, *upright.printed], [*seen.digits, *seen.printed], strict=True):
            assert np.array_equal(np.rot90(patch(upright, digit), quarters), patch(seen, its))


def test_lines_slant_by_15_degrees(material: Material) -> None:
    made = page(material, "slanting")
    slopes = []
    for line in range(len(made.lines)):
        feet = np.array([(d.box[0], d.box[1] + d.box[3]) for d in made.digits if d.line == line], dtype=float)
        if len(feet) > 4:
            slopes.append(np.polyfit(feet[:, 0], feet[:, 1], 1)[0])
    assert 11 < abs(np.degrees(np.arctan(np.median(slopes)))) < 19


def test_an_unknown_nuisance_is_named(material: Material) -> None:
    with pytest.raises(SettingError, match="'rain': expected one of print-around"):
        page(material, "rain")
