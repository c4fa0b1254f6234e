"""Warps beside SciPy's, and the statistics of what is random in them."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from digitscope.data import Dataset
from digitscope.data.augmentation import KNOT_DISTANCE, NO_AUGMENTATION, Augmentation, augment
from digitscope.errors import SettingError

KINDS = {"rotation": 25.0, "scale": 0.3, "shear": 0.4, "shift": 3.0, "elastic": 1.5, "stroke": 0.8, "blur": 0.8}


class Given(np.random.Generator):
    """A generator whose even draws are those given, one for each call."""

    def __init__(self, *amounts: float) -> None:
        super().__init__(np.random.PCG64(0))
        self.amounts = [*amounts]
        self.reaches: list[float] = []

    def uniform(self, low: Any = 0.0, high: Any = 1.0, size: Any = None) -> Any:
        assert low == -high
        self.reaches.append(high)
        return np.full(size, self.amounts.pop(0))


def warped(image: NDArray[np.uint8], **amounts: float) -> NDArray[np.uint8]:
    """Return uint8 (H, W) under exactly these amounts."""
    names = ("rotation", "row_scale", "column_scale", "shear", "row_shift", "column_shift")
    generator = Given(*(amounts.get(name, 0.0) for name in names))
    whole = Augmentation(rotation=180, scale=0.9, shear=1, shift=9)
    result = augment(image[np.newaxis], whole, generator=generator)
    assert generator.reaches == [180, 0.9, 0.9, 1, 9, 9]
    return result.reshape(image.shape)


def close(found: NDArray[np.uint8], expected: NDArray[np.float64]) -> bool:
    """Tell whether `found` is `expected` rounded, but for float32's own error."""
    return bool(np.abs(found - expected).max() <= 0.51)


def test_without_an_amount_nothing_changes_and_nothing_is_drawn(sample: Dataset) -> None:
    generator = np.random.default_rng(3)
    assert np.array_equal(augment(sample.train.images, NO_AUGMENTATION, generator=generator), sample.train.images)
    assert generator.random() == np.random.default_rng(3).random()
    assert np.array_equal(warped(sample.train.images[0]), sample.train.images[0])


def test_a_shift_by_whole_pixels_moves_them_and_leaves_black(sample: Dataset) -> None:
    """A place is where a pixel comes from, so the picture moves the other way."""
    image = np.maximum(sample.train.images[0], 1)  # no black of its own
    for down, right in ((0, 1), (-3, 4), (28, 0)):
        expected = np.zeros_like(image)
        for row in range(max(0, -down), min(28, 28 - down)):
            for column in range(max(0, -right), min(28, 28 - right)):
                expected[row, column] = image[row + down, column + right]
        assert np.array_equal(warped(image, row_shift=down, column_shift=right), expected)


def test_quarter_turns(sample: Dataset) -> None:
    for image, turns in zip(sample.train.images[:3], (1, 2, -1), strict=True):
        found, expected = warped(image, rotation=90 * turns), np.rot90(image, -turns)
        assert np.abs(found.astype(int) - expected).max() <= 1


def test_an_affine_warp_is_scipy_s(sample: Dataset) -> None:
    """The matrix in (row, column) order is scale @ shear @ rotation, about the middle."""
    amounts = {"rotation": 11.0, "row_scale": -0.1, "column_scale": 0.2, "shear": -0.3, "row_shift": 0.6}
    angle = np.deg2rad(amounts.get("rotation", 0))
    rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    shear = np.array([[1, 0], [amounts.get("shear", 0), 1]])
    scale = np.diag([1 + amounts.get("row_scale", 0), 1 + amounts.get("column_scale", 0)])
    matrix = scale @ shear @ rotation
    middle = np.array([13.5, 13.5])
    shift = np.array([amounts.get("row_shift", 0), amounts.get("column_shift", 0)])
    for image in np.maximum(sample.train.images[:5], 40):  # no black at the edge, where the two must agree too
        expected = ndimage.affine_transform(
            image.astype(np.float64), matrix, middle + shift - matrix @ middle, order=1, mode="grid-constant"
        )
        assert close(warped(image, **amounts), expected)


def places_of(shape: tuple[int, int, int], augmentation: Augmentation, seed: int) -> NDArray[np.float64]:
    """Return where each pixel comes from, (2, N, H, W), as ramps tell it that are warped like images.

    A ramp has 8 grey levels a pixel, so a place is known to an eighth of a pixel or less; at the edge it is not.
    """
    n, height, width = shape
    ramps = []
    for ramp in np.meshgrid(np.arange(height) * 8, np.arange(width) * 8, indexing="ij"):
        images = np.repeat(ramp[np.newaxis].astype(np.uint8), n, axis=0)
        ramps.append(augment(images, augmentation, generator=np.random.default_rng(seed)) / 8)
    return np.array(ramps)


INNER = (slice(None), slice(8, 20), slice(8, 20))


def test_an_elastic_field_moves_points_by_that_deviation_and_smoothly() -> None:
    elastic = 1.0
    rows, columns = places_of((2000, 28, 28), Augmentation(elastic=elastic), seed=1)
    y, x = np.mgrid[:28, :28]
    for moved in ((rows - y)[INNER], (columns - x)[INNER]):
        assert moved.mean() == pytest.approx(0, abs=0.03 * elastic)
        assert moved.std() == pytest.approx(elastic, rel=0.03)
        for there in (moved[:, 1:], moved[:, :, 1:]):
            here = moved[:, : there.shape[1], : there.shape[2]]
            # Gaussians of KNOT_DISTANCE pixels, d apart, overlap by exp(-(d / (2 KNOT_DISTANCE))^2).
            expected = elastic * np.sqrt(2 - 2 * np.exp(-((1 / (2 * KNOT_DISTANCE)) ** 2)))
            assert (there - here).std() == pytest.approx(expected, rel=0.25)  # grey levels are coarse
            assert (there - here).std() < 0.3 * elastic
    correlation = np.corrcoef((rows - y)[INNER].ravel(), (columns - x)[INNER].ravel())[0, 1]
    assert abs(correlation) < 0.05


def test_an_elastic_warp_is_scipy_s_at_the_same_places(sample: Dataset) -> None:
    """The places are read from ramps to an eighth of a pixel; the images agree as closely as that allows."""
    augmentation = Augmentation(elastic=1.0)
    images = ndimage.gaussian_filter(sample.train.images[:20].astype(np.float64), (0, 2, 2)).astype(np.uint8)
    places = places_of(images.shape, augmentation, seed=5)
    found = augment(images, augmentation, generator=np.random.default_rng(5))
    for image, result, where in zip(images, found, places.swapaxes(0, 1), strict=True):
        expected = ndimage.map_coordinates(image.astype(np.float64), where, order=1)
        assert np.abs(result - expected)[8:20, 8:20].max() < 6


def test_each_kind_warps_each_image_by_itself() -> None:
    image = np.random.default_rng(1).integers(0, 256, (28, 28), dtype=np.uint8)
    images = np.stack([image] * 20)
    for name, amount in KINDS.items():
        kind = Augmentation(**{name: amount})
        results = {result.tobytes() for result in augment(images, kind, generator=np.random.default_rng(0))}
        assert len(results) == 20 or (name == "blur" and len(results) > 10)  # too fine a Gaussian blurs nothing


def test_shape_and_dtype_stay_and_so_does_the_original() -> None:
    shape = (7, 42, 28)
    images = np.random.default_rng(1).integers(0, 256, shape, dtype=np.uint8)
    before = images.copy()
    for augmentation in (Augmentation(**KINDS), *(Augmentation(**{name: KINDS[name]}) for name in KINDS)):
        found = augment(images, augmentation, generator=np.random.default_rng(2))
        assert found.shape == shape
        assert found.dtype == np.uint8
        assert not np.shares_memory(found, images)
    assert np.array_equal(images, before)


def test_nothing_is_random_but_the_generator(sample: Dataset) -> None:
    kinds, images = Augmentation(**KINDS), sample.train.images[:50]
    first = augment(images, kinds, generator=np.random.default_rng(1))
    np.random.seed(5)  # noqa: NPY002  which must not matter
    assert np.array_equal(first, augment(images, kinds, generator=np.random.default_rng(1)))
    generator = np.random.default_rng(1)
    assert np.array_equal(first, augment(images, kinds, generator=generator))
    assert not np.array_equal(first, augment(images, kinds, generator=generator))
    assert not np.array_equal(first, augment(images, kinds, generator=np.random.default_rng(2)))


def test_what_comes_from_outside_is_black() -> None:
    white = np.full((200, 28, 28), 255, np.uint8)
    found = augment(white, Augmentation(scale=0.99, shift=40), generator=np.random.default_rng(0))
    assert (found.reshape(200, -1).max(axis=1) == 0).any()  # moved out altogether
    assert set(np.unique(warped(white[0], column_shift=3.5)[:, 22:])) == {0, 128, 255}


def test_white_stays_white_and_black_black() -> None:
    """Interpolation may not go above 255, where uint8 begins anew at 0."""
    for shade in (0, 255):
        plain = np.full((50, 60, 60), shade, np.uint8)
        found = augment(plain, Augmentation(rotation=20, elastic=1), generator=np.random.default_rng(0))
        assert (found[:, 20:40, 20:40] == shade).all()


@pytest.mark.parametrize(("name", "value"), [("shift", float("nan")), ("flip", 1)])
def test_amounts_that_are_none(name: str, value: Any) -> None:
    with pytest.raises(SettingError, match=f"^{name} is .*: expected a number from 0 to below (1|inf)$"):
        Augmentation(**{name: value})


def test_strokes_grow_and_shrink_like_scipys_grey_dilation_and_erosion_of_a_cross(sample: Dataset) -> None:
    images = sample.train.images[:20]
    cross = ndimage.generate_binary_structure(2, 1)[np.newaxis]
    for growth, scipys in ((-0.4, ndimage.grey_erosion), (1.0, ndimage.grey_dilation)):
        drawn = augment(images, Augmentation(stroke=0.99), generator=Fixed(growth))
        whole = scipys(images, footprint=cross, mode="constant", cval=0)
        assert close(drawn, images + abs(growth) * (whole.astype(np.float64) - images))


def test_a_blur_is_scipys_gaussian(sample: Dataset) -> None:
    images = sample.train.images[:20]
    blurred = augment(images, Augmentation(blur=2), generator=Fixed(1.5))
    expected = ndimage.gaussian_filter(images.astype(np.float64), (0, 1.5, 1.5), mode="constant", truncate=9)
    assert close(blurred, expected)
    assert np.array_equal(augment(images, Augmentation(blur=2), generator=Fixed(0.0)), images)


def test_a_flip_mirrors_its_share_of_the_images_and_nothing_else(sample: Dataset) -> None:
    images = sample.train.images[:1000]
    flipped = augment(images, Augmentation(flip=0.3), generator=np.random.default_rng(0))
    as_they_are = (flipped == images).all(axis=(1, 2))
    mirrored = (flipped == np.flip(images, axis=2)).all(axis=(1, 2))
    assert (as_they_are | mirrored).all()
    assert mirrored.mean() == pytest.approx(0.3, abs=0.05)


def test_a_low_resolution_is_pillows_reduction_and_enlargement_of_its_share(sample: Dataset) -> None:
    images = sample.train.images[:300]
    seen = augment(images, Augmentation(low_resolution=0.4), generator=np.random.default_rng(0))
    changed = (seen != images).any(axis=(1, 2))
    assert changed.mean() == pytest.approx(0.4, abs=0.08)
    sides = set()
    for image, result in zip(images[changed], seen[changed], strict=True):
        away = {side: np.abs(resampled(image, side) - result).max() for side in range(8, 28)}
        sides.add(side := min(away, key=away.__getitem__))
        assert away[side] <= 1  # Pillow rounds each of its passes
    assert sides == set(range(10, 25))


def resampled(image: NDArray[np.uint8], side: int) -> NDArray[np.float32]:
    small = Image.fromarray(image.astype(np.float32)).resize((side, side), Image.Resampling.BOX)
    enlarged = np.asarray(small.resize((28, 28), Image.Resampling.BICUBIC), dtype=np.float32)
    return np.asarray(np.clip(enlarged, 0, 255))


def test_what_is_erased_is_a_rectangle_of_its_share() -> None:
    inked = np.full((600, 42, 28), 90, np.uint8)
    erased = augment(inked, Augmentation(erase=0.4), generator=np.random.default_rng(0))
    changed = erased[(erased != inked).any(axis=(1, 2))]
    assert len(changed) / len(inked) == pytest.approx(0.4, abs=0.05)
    heights, widths, tops, lefts = set(), set(), set(), set()
    for image in changed:
        rows, columns = np.flatnonzero((image == 0).any(axis=1)), np.flatnonzero((image == 0).any(axis=0))
        assert (image[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] == 0).all()
        assert (image == 0).sum() == len(rows) * len(columns)
        heights.add(len(rows))
        widths.add(len(columns))
        tops.add(int(rows[0]))
        lefts.add(int(columns[0]))
    assert heights == widths == set(range(3, 9))
    assert {0, 34} <= tops
    assert {0, 20} <= lefts
    assert max(tops) <= 39
    assert max(lefts) <= 25


def test_what_is_flipped_is_warped_too(sample: Dataset) -> None:
    symmetric = np.maximum(sample.train.images[:50], np.flip(sample.train.images[:50], axis=2))
    alone = augment(symmetric, Augmentation(stroke=0.5), generator=np.random.default_rng(0))
    draws = np.random.PCG64(0)
    draws.advance(-50)  # those of who is mirrored come first
    both = augment(symmetric, Augmentation(stroke=0.5, flip=0.5), generator=np.random.Generator(draws))
    assert np.array_equal(both, alone)


class Fixed(np.random.Generator):
    """A generator whose even draws between different ends are all the one given."""

    def __init__(self, amount: float) -> None:
        super().__init__(np.random.PCG64(0))
        self.amount = amount

    def uniform(self, low: Any = 0.0, high: Any = 1.0, size: Any = None) -> Any:
        return np.full(size, self.amount if low < high else low)
