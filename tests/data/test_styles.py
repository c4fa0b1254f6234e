import numpy as np
import pytest
from scipy import ndimage

from digitscope.data import Dataset, Reshuffled
from digitscope.data.splits import UInt8
from digitscope.data.styles import STYLES, distances_from_line, restyle
from digitscope.reading import Recognizer

UPRIGHT_1 = np.zeros((28, 28), np.uint8)
UPRIGHT_1[4:24, 13:15] = 255
UPRIGHT_7 = UPRIGHT_1.copy()
UPRIGHT_7[4:6, 6:15] = 255


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_only_1s_and_7s_and_only_a_share_of_them(sample: Dataset) -> None:
    images, labels = sample.train.images, sample.train.labels
    before = images.copy()
    restyled = restyle(images, labels, 0.3, generator=rng())
    changed = (restyled != images).any(axis=(1, 2))
    assert set(labels[changed]) == set(STYLES) == {1, 7}
    assert 0.25 < changed.sum() / np.isin(labels, (1, 7)).sum() < 0.35
    assert np.array_equal(images, before)
    assert np.array_equal(restyled, restyle(images, labels, 0.3, generator=rng()))
    assert restyle(images, labels, 0.0, generator=rng()) is images


def test_ink_is_added_and_hangs_together(sample: Dataset) -> None:
    """Each stays one piece, if it was one, and no pixel gets darker."""
    for label in STYLES:
        images = sample.train.images[sample.train.labels == label][:100]
        restyled = restyle(images, np.full(100, label), 1.0, generator=rng())
        assert restyled.dtype == np.uint8
        assert (restyled >= images).all()
        in_one_piece = [ndimage.label(image > 60, np.ones((3, 3)))[1] == 1 for image in images]
        stay = [ndimage.label(image > 60, np.ones((3, 3)))[1] == 1 for image in restyled]
        assert np.mean(np.array(stay)[in_one_piece]) > 0.97


def strokes_left_and_right(image: UInt8, rows: slice) -> tuple[int, int]:
    """Return how far the ink of some rows reaches beyond the stem, columns 13 and 14."""
    columns = np.flatnonzero((image[rows] > 128).any(axis=0))
    return 13 - int(columns[0]), int(columns[-1]) - 14


def test_where_the_lines_are() -> None:
    """An upstroke to the lower left of the top of a 1, a foot to both sides; a bar across a 7, below its own."""
    for seed in range(20):
        one = STYLES[1](UPRIGHT_1, rng(seed))
        left, right = strokes_left_and_right(one, slice(4, 14))
        assert left >= 1 >= right
        below = strokes_left_and_right(one, slice(22, 26))
        assert min(below) >= 2 or max(below) <= 1
        seven = STYLES[7](UPRIGHT_7, rng(seed))
        assert min(strokes_left_and_right(seven, slice(10, 19))) >= 1
        assert max(strokes_left_and_right(seven, slice(20, 28))) <= 1


def test_images_without_ink_stay_so() -> None:
    blank = np.zeros((2, 28, 28), np.uint8)
    assert not restyle(blank, np.array([1, 7]), 1.0, generator=rng()).any()


def test_training_meets_them_unwarped_too(sample: Dataset) -> None:
    ones = sample.train[np.flatnonzero(sample.train.labels == 1)[:64]]
    (images, labels) = next(iter(Reshuffled(ones, 64, styles=0.5).epoch(rng(), plain=True)))
    known = {image.tobytes() for image in ones.images}
    assert 20 <= sum(image.tobytes() not in known for image in images) <= 44
    assert (labels == 1).all()


def test_the_shipped_network_reads_them(sample: Dataset) -> None:
    chosen = sample.test[np.flatnonzero(np.isin(sample.test.labels, (1, 7)))]
    images = restyle(chosen.images, chosen.labels, 1.0, generator=rng(1))
    prediction = Recognizer.load("digit", threads=1).predict(images)
    assert (prediction.labels == chosen.labels).mean() > 0.97
    assert prediction.distances is not None
    assert (prediction.distances < 1.17).mean() > 0.95


def test_distances_from_a_line_by_hand() -> None:
    """From (1, 1) to (1, 4): straight above and below it, beyond its ends, and on it."""
    away = distances_from_line((5, 8), (1, 1), (1, 4))
    assert away.shape == (5, 8)
    expected = {(1, 1): 0, (1, 3): 0, (4, 2): 3, (0, 4): 1, (1, 7): 3, (4, 0): np.hypot(3, 1), (0, 5): np.sqrt(2)}
    for place, distance in expected.items():
        assert away[place] == pytest.approx(distance)
    assert distances_from_line((4, 4), (0, 0), (0, 0))[3, 3] == pytest.approx(np.sqrt(18))  # a point


def test_a_distance_is_that_to_the_nearest_of_many_points() -> None:
    start, end = np.array([2.5, 20.0]), np.array([17.0, 3.5])
    points = start + np.linspace(0, 1, 2_001)[:, None] * (end - start)
    pixels = np.moveaxis(np.indices((20, 24)), 0, -1)
    nearest = np.linalg.norm(pixels[:, :, None] - points, axis=-1).min(axis=-1)
    np.testing.assert_allclose(distances_from_line((20, 24), start, end), nearest, atol=1e-2)
