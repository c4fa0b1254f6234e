"""Frames beside MNIST's own: its digits, cut out and framed again, are themselves."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from numpy.typing import NDArray
from PIL import Image

from digitscope.data import Dataset, overlap
from digitscope.reading.framing import BOX, FINEST, PAIR_INK, frame, frame_pair, stroke_share

UInt8 = NDArray[np.uint8]
Float32 = NDArray[np.float32]
N = 100


def cut_out(image: UInt8) -> Float32:
    rows, columns = (np.flatnonzero((image > 76).any(axis=axis)) for axis in (1, 0))
    cut = image[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return np.asarray(cut / 255, dtype=np.float32)


def enlarged(ink: Float32, scale: int) -> Float32:
    size = ink.shape[1] * scale, ink.shape[0] * scale
    resized = np.asarray(Image.fromarray(ink).resize(size, Image.Resampling.BICUBIC), dtype=np.float32)
    return np.asarray(np.clip(resized, 0, 1))


def difference(one: UInt8, other: UInt8) -> float:
    """Mean difference of pixels, at the best of the nine places within a pixel."""
    shifted = (np.roll(other, (down, right), (0, 1)) for down in (-1, 0, 1) for right in (-1, 0, 1))
    return min(float(np.abs(one.astype(int) - each).mean()) for each in shifted)


def centre_of_mass(image: UInt8) -> NDArray[np.float64]:
    weights = image / image.sum()
    return np.array([(np.indices(image.shape)[axis] * weights).sum() for axis in (0, 1)])


def extent(image: UInt8) -> tuple[int, int]:
    rows, columns = (np.flatnonzero((image > 0).any(axis=axis)) for axis in (1, 0))
    return int(np.ptp(rows)) + 1, int(np.ptp(columns)) + 1


def test_mnist_s_own_digits_come_back(sample: Dataset) -> None:
    images = sample.test.images[:N]
    differences = [difference(frame(cut_out(image)), image) for image in images]
    others = [difference(frame(cut_out(image)), other) for image, other in pairwise(images)]
    assert np.mean(differences) < 0.3
    assert max(differences) < 2
    assert np.mean(others) > 15  # what two digits differ by


def test_the_scale_does_not_matter(sample: Dataset) -> None:
    images, scale = sample.test.images[:N], 5
    differences = [difference(frame(enlarged(cut_out(image), scale)), image) for image in images]
    assert np.mean(differences) < 4
    assert max(differences) < 15


def test_size_and_centre(sample: Dataset) -> None:
    """MNIST's centre of mass lies on pixel (14, 14), rounded to whole pixels."""
    for number, image in enumerate(sample.test.images[:N]):
        framed = frame(enlarged(cut_out(image), 1 + number % 15))
        assert framed.shape == (28, 28)
        assert framed.dtype == np.uint8
        assert max(extent(framed)) == BOX
        assert np.abs(centre_of_mass(framed) - 14).max() <= 0.51


def angle(stroke: int, height: int = 100, width: int = 60) -> Float32:
    """An L."""
    ink = np.zeros((height, width), np.float32)
    ink[:, :stroke] = 1
    ink[-stroke:] = 1
    return ink


def test_hairlines_become_bolder() -> None:
    """Ink over the length of what it follows, which is 20 + 12 pixels, is its width."""
    size = 1000
    framed = frame(angle(1, size, 6 * size // 10))
    width = framed.sum() / 255 / 32
    assert 0.5 * FINEST * BOX < width < 1.5 * FINEST * BOX
    assert framed.max() > 150


def test_fat_strokes_become_finer() -> None:
    framed = frame(angle(28))
    assert framed.sum() / 255 < 0.93 * (20 * 5.6 + 6.4 * 5.6)  # the ink of the L, fitted into 20 x 12 as it is
    assert max(extent(framed)) == BOX


def test_usual_strokes_stay() -> None:
    stroke = 9
    fitted = np.asarray(Image.fromarray(angle(stroke)).resize((12, 20), Image.Resampling.BICUBIC))
    framed = frame(angle(stroke))
    assert framed.sum() / 255 == pytest.approx(float(np.clip(fitted, 0, 1).sum()), rel=0.1)


def test_the_share_of_a_stroke() -> None:
    for stroke in (2, 5, 12, 20):
        for ink in (angle(stroke), angle(stroke).T, angle(stroke)[::-1]):
            assert stroke_share(ink) == pytest.approx(stroke / 100, rel=0.3)
    assert stroke_share(np.zeros((9, 9), np.float32)) == 0


def test_a_stroke_alone_keeps_its_proportions() -> None:
    framed = frame(np.ones((60, 8), np.float32))
    rows, columns = extent(framed)
    assert rows == BOX
    assert 2 <= columns <= 4
    assert frame(np.ones((8, 60), np.float32)).sum() == pytest.approx(framed.sum(), rel=0.05)


# Pairs


def test_pairs_come_back(sample: Dataset) -> None:
    """Those of 34 rows are themselves; lower or higher ones are fitted."""
    scale = 10
    images = overlap(sample.test.images[: 4 * N : 2], sample.test.images[1 : 4 * N : 2])
    framed = [frame_pair(enlarged(cut_out(image), scale)) for image in images]
    of_34 = [
        difference(after, image)
        for after, image in zip(framed, images, strict=True)
        if cut_out(image).shape[0] == PAIR_INK and extent(image)[1] <= BOX
    ]
    assert len(of_34) > 20
    assert np.mean(of_34) < 8
    for image in framed:
        assert image.shape == (42, 28)
        assert image.dtype == np.uint8
        rows, columns = extent(image)
        assert rows == PAIR_INK or columns == BOX
        assert rows <= PAIR_INK
        assert columns <= BOX


def test_pairs_stand_in_the_middle_whatever_the_two_weigh() -> None:
    """Above a bar, below a comb of three: the box is 34 rows of 42, its middle a row below theirs."""
    ink = np.zeros((68, 40), np.float32)
    ink[:, 17:23] = 1
    ink[40:, :6] = ink[40:, -6:] = ink[-6:] = 1
    rows = np.flatnonzero((frame_pair(ink) > 0).any(axis=1))
    assert (rows[0], rows[-1]) == (5, 38)


# Anything


@settings(max_examples=100, deadline=None)
@given(arrays(np.float32, array_shapes(min_dims=2, max_dims=2, max_side=40), elements=st.floats(0, 1, width=32)))
def test_any_ink_is_framed(ink: Float32) -> None:
    assert frame(ink).shape == (28, 28)
    assert frame_pair(ink).shape == (42, 28)


def test_thin_ink_is_framed() -> None:
    for shape in ((1, 1), (1, 3000), (3000, 1)):
        ink = np.ones(shape, np.float32)
        assert frame(ink).max() > 100
        assert frame_pair(ink).max() > 100
