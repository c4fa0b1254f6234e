"""Ink where it was drawn, on every kind of paper, and none on paper that is blank."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from digitscope.data import Dataset
from digitscope.data.handwriting import stroke_mask
from digitscope.inference.ink import find_ink, weighted_quantile

UInt8 = NDArray[np.uint8]
Floats = NDArray[np.floating]
SHAPE = (300, 400)
Y, X = np.mgrid[: SHAPE[0], : SHAPE[1]]
LEFT = X < 200


@pytest.fixture(scope="module")
def coverage(sample: Dataset) -> Floats:
    """Two rows of three digits, 50 pixels high, each of one piece."""
    page = np.zeros(SHAPE, np.float32)
    strokes = [stroke_mask(image, 2.5) for image in sample.test.images[:20]]
    whole = [stroke for stroke in strokes if ndimage.label(stroke > 0.3, np.ones((3, 3)))[1] == 1]
    for number, stroke in enumerate(whole[:6]):
        height, width = stroke.shape
        top, left = 40 + 120 * (number // 3), 40 + 110 * (number % 3)
        page[top : top + height, left : left + width] = stroke
    return page


def painted(coverage: Floats, ink: Floats | float, paper: Floats | float) -> UInt8:
    levels = paper + (ink - paper) * coverage
    return np.rint(levels).astype(np.uint8)


PAPERS: dict[str, tuple[Floats | float, Floats | float]] = {
    "dark on light": (30, 230),
    "light on dark": (220, 40),
    "faint": (170, 230),
    "too little light": (40, 60),
    "dark and light on one page": (np.where(LEFT, 30, 220), np.where(LEFT, 220, 40)),
    "paper four times as bright at the right": (15 + 47 * X / 400, 60 + 190 * X / 400),
    "light on a gradient": (120 + X / 4, 10 + X / 5),
    "the hard edge of a shadow": (np.where(X + Y / 3 < 230, 20, 50), np.where(X + Y / 3 < 230, 100, 230)),
}


@pytest.mark.parametrize("paper", PAPERS)
def test_the_ink_is_where_it_was_drawn(coverage: Floats, paper: str) -> None:
    ink = find_ink(painted(coverage, *PAPERS[paper]))
    assert ink.mask.shape == ink.strength.shape == SHAPE
    assert ink.strength.dtype == np.float32
    assert 0 <= ink.strength.min() <= ink.strength.max() <= 1
    assert ink.mask[coverage > 0.9].mean() > 0.995
    assert ink.mask[coverage == 0].mean() < 0.002


@pytest.mark.parametrize("paper", PAPERS)
def test_every_digit_is_a_piece_of_its_own(coverage: Floats, paper: str) -> None:
    """Strokes stay whole, and the paper between two digits is not bridged."""
    ink = find_ink(painted(coverage, *PAPERS[paper]))
    expected, n = ndimage.label(coverage > 0.3, np.ones((3, 3)))
    labels, _ = ndimage.label(ink.mask, np.ones((3, 3)))
    owners = [set(labels[(expected == number) & ink.mask]) for number in range(1, n + 1)]
    assert n == 6
    assert all(len(owner) == 1 for owner in owners)
    assert len(set.union(*owners)) == 6


def test_the_width_of_strokes_is_told() -> None:
    for width in (4, 8, 14):
        page = np.zeros(SHAPE, np.float32)
        for left in (60, 160, 260):
            page[60:200, left : left + width] = 1
            page[200 - width : 200, left : left + 60] = 1
        assert find_ink(painted(page, 20, 235)).stroke == pytest.approx(width, rel=0.35, abs=1)


def test_strength_is_the_contrast_to_the_paper() -> None:
    """Half of the paper's brightness is a contrast of a half; of light ink, what is missing to white counts."""
    page = np.zeros(SHAPE, np.float32)
    page[100:200, 150:156] = 1
    for ink, paper, contrast in ((100, 200, 0.5), (50, 200, 0.75), (155, 55, 0.5)):
        assert find_ink(painted(page, ink, paper)).strength[150, 153] == pytest.approx(contrast, abs=0.02)


# Blank paper


@pytest.mark.parametrize("shape", [(300, 400), (60, 60), (28, 28), (5, 200)])
@pytest.mark.parametrize("shade", [0, 1, 10, 60, 128, 200, 254, 255])
def test_blank_paper_has_no_ink(shape: tuple[int, int], shade: int) -> None:
    assert not find_ink(np.full(shape, shade, np.uint8)).mask.any()


@pytest.mark.parametrize("deviation", [0.5, 1, 1.5])
@pytest.mark.parametrize("shade", [0, 10, 60, 128, 200, 255])
def test_noisy_paper_has_next_to_none(shade: int, deviation: float) -> None:
    """Nothing that is large enough to be looked at."""
    noise = deviation * np.random.default_rng(0).standard_normal(SHAPE)
    levels = np.clip(np.rint(shade + noise), 0, 255).astype(np.uint8)
    mask = find_ink(levels).mask
    pieces = np.bincount(ndimage.label(mask, np.ones((3, 3)))[0].ravel())[1:]
    assert mask.mean() < 1e-3
    assert pieces.max(initial=0) < 6


def test_a_blank_gradient_has_no_ink() -> None:
    nothing = np.zeros(SHAPE, np.float32)
    for paper in (60 + 190 * X / 400, 250 - 0.6 * Y, 128 + 100 * np.sin(X / 120)):
        assert not find_ink(painted(nothing, 0, paper)).mask.any()


# Tiny pictures


@pytest.mark.parametrize("shape", [(1, 1), (1, 2), (2, 1), (1, 10_000), (10_000, 1), (2, 5_000), (6, 3_000)])
def test_thin_pictures(shape: tuple[int, int]) -> None:
    blank = np.full(shape, 200, np.uint8)
    noise = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    assert not find_ink(blank).mask.any()
    assert find_ink(noise).mask.shape == shape


@settings(max_examples=150, deadline=None)
@given(arrays(np.uint8, array_shapes(min_dims=2, max_dims=2, max_side=12)))
def test_any_tiny_picture(pixels: UInt8) -> None:
    ink = find_ink(pixels)
    assert ink.mask.shape == ink.strength.shape == pixels.shape
    assert np.isfinite(ink.strength).all()
    assert ink.stroke >= 1
    assert (ink.strength[ink.mask] > 0).all()


def test_one_dark_pixel_on_tiny_paper() -> None:
    pixels = np.full((9, 9), 240, np.uint8)
    pixels[4, 4] = 0
    assert np.argwhere(find_ink(pixels).mask).tolist() == [[4, 4]]


# The quantile


@given(st.lists(st.tuples(st.integers(-50, 50), st.integers(1, 5)), min_size=1, max_size=20), st.integers(1, 99))
def test_a_weighted_quantile_repeats_its_values(pairs: list[tuple[int, int]], percent: int) -> None:
    """Whole weights are so many repetitions."""
    values, weights = (np.array(each, np.float64) for each in zip(*pairs, strict=True))
    repeated = sorted(value for value, weight in pairs for _ in range(weight))
    place = -(-percent * len(repeated) // 100) - 1
    assert weighted_quantile(values, weights, percent / 100 - 1e-9) == repeated[place]


@pytest.mark.parametrize("inverted", [False, True])
def test_a_digit_cut_out_to_its_rim_is_the_ink_and_not_the_paper_in_it(inverted: bool, sample: Dataset) -> None:
    """Of 8 pixels, as old collections are, and enlarged: half of the rim may be ink."""
    right = 0
    for digit in sample.test.images[:200]:
        rows, columns = np.flatnonzero(digit.max(axis=1) > 20), np.flatnonzero(digit.max(axis=0) > 20)
        tight = Image.fromarray(digit[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1])
        small = tight.resize((8, 8), Image.Resampling.BOX).resize((128, 128), Image.Resampling.BICUBIC)
        levels = np.asarray(small)
        shown = 255 - levels if inverted else levels
        mask, truth = find_ink(shown).mask, levels > 0.5 * levels.max()
        right += (mask & truth).sum() > 0.5 * (mask | truth).sum()
    assert right >= 195
