"""Against scipy.ndimage, whose results these are, at the rim too."""

import numpy as np
import pytest
from scipy import ndimage

from digitscope.inference.morphology import (
    closed,
    dilated,
    extent,
    grey_closing,
    grey_opening,
    highest_around,
    opened,
)

SHAPE = (31, 43)
GREY = np.random.default_rng(0).integers(0, 256, SHAPE).astype(np.uint8)
MASK = ndimage.uniform_filter(GREY, 3) > 120


@pytest.mark.parametrize("size", [1, 3, 5, 11, 101])
def test_grey(size: int) -> None:
    square = (size, size)
    assert np.array_equal(grey_closing(GREY, size), ndimage.grey_closing(GREY, square, mode="nearest"))
    assert np.array_equal(grey_opening(GREY, size), ndimage.grey_opening(GREY, square, mode="nearest"))
    strengths = GREY.astype(np.float32)
    found = highest_around(strengths, size)
    assert found.dtype == np.float32
    assert np.array_equal(found, ndimage.maximum_filter(strengths, size, mode="nearest"))


@pytest.mark.parametrize("rows", [1, 2, 3, 7])
@pytest.mark.parametrize("columns", [1, 2, 4, 9])
def test_masks(rows: int, columns: int) -> None:
    assert np.array_equal(opened(MASK, rows, columns), ndimage.binary_opening(MASK, np.ones((rows, columns))))
    grown = ndimage.binary_dilation(MASK, np.ones((2 * rows + 1, 2 * columns + 1)))
    assert np.array_equal(dilated(MASK, rows, columns), grown)


@pytest.mark.parametrize("columns", [1, 2, 5, 8])
def test_gaps_are_filled(columns: int) -> None:
    padded = np.pad(MASK, 20)  # beyond the rim is paper: SciPy's erosion would eat into it
    expected = ndimage.binary_closing(padded, np.ones((1, columns)))[20:-20, 20:-20]
    assert np.array_equal(closed(MASK, columns), expected)


def test_a_rectangle_that_is_larger_than_the_mask_lies_nowhere_in_it() -> None:
    full = np.ones((4, 6), bool)
    assert opened(full, 4, 6).all()
    assert not opened(full, 5, 1).any()
    assert not opened(full, 1, 7).any()


def test_the_box_around_a_mask() -> None:
    mask = np.zeros(SHAPE, bool)
    assert extent(mask) == (slice(0, 31), slice(0, 43))
    mask[3, 40] = mask[7, 2] = True
    assert (extent(mask),) == tuple(ndimage.find_objects(mask.astype(np.int8)))
    assert extent(mask, 3) == (slice(0, 11), slice(0, 43))
    assert np.count_nonzero(mask[extent(mask, 100)]) == 2
