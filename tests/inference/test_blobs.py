"""Pieces of ink drawn by hand: what belongs together, what is none, and boxes to the pixel."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import ndimage

from digitscope.inference.blobs import SegmentedPage, find_blobs
from digitscope.inference.ink import Ink
from digitscope.inference.pieces import joined, usual_height

Mask = NDArray[np.bool_]
Box = tuple[int, int, int, int]
SHAPE = (240, 420)
ROW: tuple[Box, ...] = ((40, 90, 70, 140), (120, 90, 150, 140), (200, 90, 230, 140))
"""Three digits, 50 pixels high, each drawn as the outline of its box: left, top, right, bottom."""


def sheet(*boxes: Box, stroke: int = 5) -> Mask:
    page = np.zeros(SHAPE, bool)
    for left, top, right, bottom in boxes:
        page[top:bottom, left:right] = True
        page[top + stroke : bottom - stroke, left + stroke : right - stroke] = False
    return page


def disk(middle: tuple[int, int], radius: int) -> Mask:
    y, x = np.ogrid[: SHAPE[0], : SHAPE[1]]
    return np.asarray((x - middle[0]) ** 2 + (y - middle[1]) ** 2 <= (radius + 0.5) ** 2)


def bar(left: int, top: int, right: int, bottom: int) -> Mask:
    page = np.zeros(SHAPE, bool)
    page[top:bottom, left:right] = True
    return page


def found(mask: Mask, strength: NDArray[np.floating] | None = None) -> SegmentedPage:
    contrast = np.asarray(mask if strength is None else strength, dtype=np.float32)
    return find_blobs(Ink((255 - 255 * contrast).astype(np.uint8), contrast, mask, 5.0))


def boxes(page: SegmentedPage) -> list[Box]:
    return sorted((blob.left, blob.top, blob.right, blob.bottom) for blob in page.blobs)


def test_boxes_are_exact() -> None:
    page = found(sheet(*ROW))
    assert boxes(page) == list(ROW)
    assert page.height == 50
    for blob in page.blobs:
        assert (blob.width, blob.height) == (30, 50)
        assert blob.middle == ((blob.left + blob.right) / 2, 115)
        assert blob.area == 30 * 50 - 20 * 40
        assert blob.contrast == 1


def test_no_ink_no_blobs() -> None:
    page = found(np.zeros(SHAPE, bool))
    assert (page.blobs, page.height) == ((), 0)
    assert usual_height([]) == 0


# Strokes of one digit

BODY_OF_5 = (300, 100, 330, 150)
STEM_OF_4 = (320, 118, 326, 150)

TWO_STROKES: dict[str, tuple[Mask, Box]] = {
    "a 5 whose flag hovers over it": (sheet(BODY_OF_5) | bar(302, 92, 336, 97), (300, 92, 336, 150)),
    "a 5 whose flag stands off to the right": (
        sheet(BODY_OF_5) | bar(332, 99, 350, 104),
        (300, 99, 350, 150),
    ),
    "a 5 whose flag hovers to the right of its body": (
        sheet((300, 110, 325, 150)) | bar(318, 96, 345, 102),
        (300, 96, 345, 150),
    ),
    "a 4 whose stem begins below its bar": (
        bar(300, 92, 306, 116) | bar(300, 110, 336, 116) | bar(*STEM_OF_4),
        (300, 92, 336, 150),
    ),
    "a 4 with a stem in its mouth": (
        bar(300, 90, 306, 125) | bar(300, 119, 340, 125) | bar(322, 95, 328, 116) | bar(322, 127, 328, 150),
        (300, 90, 340, 150),
    ),
    "an 8 of two rings": (sheet((302, 92, 328, 116), (300, 118, 330, 144)), (300, 92, 330, 144)),
    "a 0 with a slash in it": (sheet((300, 90, 334, 140)) | bar(314, 105, 319, 125), (300, 90, 334, 140)),
}


@pytest.mark.parametrize("name", TWO_STROKES)
def test_strokes_of_one_digit_stay_together(name: str) -> None:
    strokes, box = TWO_STROKES[name]
    page = found(sheet(*ROW) | strokes)
    assert boxes(page) == [*ROW, box]
    (whole,) = (blob for blob in page.blobs if blob.left == 300)
    assert len(whole.pieces) == ndimage.label(strokes, np.ones((3, 3)))[1] > 1
    assert whole.area == strokes.sum()


@pytest.mark.parametrize("gap", [2, 5, 12])
def test_neighbours_stay_apart(gap: int) -> None:
    close = (300, 90, 330, 140), (330 + gap, 90, 360 + gap, 140)
    assert boxes(found(sheet(*ROW, *close))) == [*ROW, *close]
    ones = bar(300, 90, 306, 140) | bar(306 + gap, 92, 312 + gap, 140)
    assert len(found(sheet(*ROW) | ones).blobs) == 5


@pytest.mark.parametrize("gap", [10, 20])
def test_lines_stay_apart(gap: int) -> None:
    below = tuple((left, 140 + gap, right, 190 + gap) for left, _, right, _ in ROW)
    assert boxes(found(sheet(*ROW, *below))) == sorted([*ROW, *below])


# What is no digit

NO_DIGITS: dict[str, Mask] = {
    "specks": bar(300, 100, 302, 102) | bar(320, 60, 323, 62) | bar(20, 20, 23, 24),
    "a punch hole": disk((350, 60), 16),
    "two punch holes": disk((20, 60), 12) | disk((20, 200), 12),
    "the edge of a page on the left": bar(0, 0, 9, 240),
    "the edge of a page below": bar(0, 225, 420, 240),
    "a frame": sheet((8, 8, 412, 232)),
    "a rule": bar(20, 180, 400, 184),
    "a hair": bar(300, 150, 370, 151),
    "a dot": disk((317, 115), 4),
    "a hyphen": bar(300, 112, 318, 118),
}


@pytest.mark.parametrize("name", NO_DIGITS)
def test_what_is_no_digit_is_left_out(name: str) -> None:
    assert boxes(found(sheet(*ROW) | NO_DIGITS[name])) == list(ROW)


def test_the_boldest_0_is_no_punch_hole() -> None:
    zero = disk((325, 115), 24) & ~disk((325, 115), 5)
    assert zero.sum() > 0.74 * 49 * 49
    assert boxes(found(sheet(*ROW) | zero)) == [*ROW, (301, 91, 350, 140)]


@pytest.mark.parametrize("is_whole", [True, False])
def test_a_punch_hole_of_which_only_the_rim_was_found(is_whole: bool) -> None:
    """It is wider than the window in which paper is looked for, and the rim may have gaps."""
    hole = disk((340, 110), 40)
    rim = hole & ~disk((340, 110), 33)
    if not is_whole:
        rim[140:] = False
    gray = np.where(sheet(*ROW) | hole, 30, 240).astype(np.uint8)
    mask = sheet(*ROW) | rim
    page = find_blobs(Ink(gray, mask.astype(np.float32), mask, 5.0))
    assert boxes(page) == list(ROW)


def test_a_corner_of_the_table_is_left_out() -> None:
    digits = tuple((left, top, left + 30, top + 50) for top in (20, 90, 160) for left in (40, 120, 200))
    corner = np.asarray(np.add.outer(np.arange(240), np.arange(420)) > 520)
    assert boxes(found(sheet(*digits) | corner)) == sorted(digits)


def test_bleed_through_is_left_out() -> None:
    behind = ((300, 90, 330, 140), (30, 160, 70, 210))
    for strength, n in ((0.4, 3), (0.9, 5)):
        mask = sheet(*ROW, *behind)
        page = found(mask, np.where(sheet(*ROW), 1.0, strength * mask))
        assert len(page.blobs) == n


def test_ink_alone_on_a_picture_is_a_digit_whatever_its_shape() -> None:
    for alone in (disk((210, 120), 120), disk((200, 100), 40), bar(200, 9, 203, 231), bar(50, 50, 56, 57)):
        assert len(found(alone).blobs) == 1
    assert found(bar(50, 50, 55, 55)).blobs == ()


@pytest.mark.parametrize(
    "edge",
    [
        bar(0, 0, 9, 240),
        bar(0, 0, 9, 100),
        bar(60, 231, 420, 240),
        bar(0, 0, 9, 240) | bar(0, 0, 420, 12),
        bar(0, 0, 420, 240),
        bar(30, 0, 33, 100),
        bar(0, 0, 420, 240) & ~bar(20, 20, 400, 220),
    ],
)
def test_an_edge_on_an_empty_sheet_is_no_digit(edge: Mask) -> None:
    specks = bar(300, 100, 303, 105) | bar(309, 100, 312, 105)
    for mask in (edge, edge | specks, specks):
        page = found(mask)
        assert page.blobs == ()


@pytest.mark.parametrize("left", [0, 390])
def test_a_digit_cut_off_by_the_rim_is_ink_still(left: int) -> None:
    """A 7 whose bar lies on the upper rim, and one in a corner, at the picture's side too."""
    seven = bar(left, 0, left + 30, 5) | bar(left + 20, 0, left + 25, 50)
    assert boxes(found(seven)) == [(left, 0, left + 30, 50)]


# The ink of a blob


def test_the_ink_of_a_neighbour_in_the_box_is_not_taken() -> None:
    """A 1 in the mouth of an L: each box holds the other's ink, or a part of it."""
    angle = bar(300, 90, 305, 140) | bar(300, 135, 360, 140)
    one = bar(330, 55, 336, 131)
    page = found(sheet(*ROW) | angle | one)
    by_width = sorted((blob for blob in page.blobs if blob.left >= 300), key=lambda blob: blob.width)
    assert [blob.width for blob in by_width] == [6, 60]
    wide = page.cut_out(by_width[1])
    assert wide.shape == (50, 60)
    assert np.array_equal(wide > 0, angle[90:140, 300:360])
    assert page.cut_out(by_width[0]).min() == 1


def test_faint_ink_is_cut_out_as_if_it_was_black() -> None:
    mask = sheet(*ROW)
    for strength in (0.2, 1.0):
        page = found(mask, strength * mask)
        ink = page.cut_out(page.blobs[0])
        assert ink.dtype == np.float32
        assert np.array_equal(ink, mask[90:140, 40:70])


def test_blobs_join() -> None:
    first, second, third = found(sheet(*ROW)).blobs
    assert joined([first]).pieces == first.pieces
    whole = joined([second, third, first])
    assert (whole.left, whole.top, whole.right, whole.bottom) == (40, 90, 230, 140)
    assert whole.area == 3 * 700
    assert sorted(whole.pieces) == [1, 2, 3]


# Properties


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(0, 40))
def test_every_blob_is_what_its_pieces_are(seed: int, n: int) -> None:
    """Areas and boxes are counted again, pixel by pixel; no piece serves two blobs."""
    generator = np.random.default_rng(seed)
    mask = np.zeros(SHAPE, bool)
    for left, top, width, height in generator.integers((0, 0, 1, 1), (400, 220, 40, 60), (n, 4)):
        mask |= bar(left, top, left + width, top + height)
        mask[top + 4 : top + height - 4, left + 4 : left + width - 4] = False
    page = found(mask)
    pieces = [piece for blob in page.blobs for piece in blob.pieces]
    assert len(set(pieces)) == len(pieces)
    for blob in page.blobs:
        rows, columns = np.nonzero(np.isin(page.labels, blob.pieces))
        expected = columns.min(), rows.min(), columns.max() + 1, rows.max() + 1
        assert (blob.left, blob.top, blob.right, blob.bottom) == expected
        assert blob.area == len(rows)


def test_thousands_of_pieces_end_soon() -> None:
    """A page of dashes, 6 x 9 pixels: comparing each with each took minutes."""
    y, x = np.ogrid[:1200, :1200]
    mask = np.asarray((y % 15 < 9) & (x % 15 > 1) & (x % 15 < 5))
    assert len(found(mask).blobs) == 80 * 80
