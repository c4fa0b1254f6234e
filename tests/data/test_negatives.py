import numpy as np
import pytest

from digitscope.data import Dataset, FreshPairs, Reshuffled, Split
from digitscope.data.augmentation import Augmentation
from digitscope.data.negatives import KINDS, MIRRORED, NO_DIGIT, ON_ITS_SIDE, make_negative_pairs, make_negatives
from digitscope.data.splits import UInt8
from digitscope.reading import Recognizer


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def among(image: UInt8, images: UInt8) -> bool:
    return bool((images == image).all(axis=(1, 2)).any())


def test_as_many_as_asked_for_and_the_same_from_the_same_seed(sample: Dataset) -> None:
    images, labels = sample.train.images[:200], sample.train.labels[:200]
    before = images.copy()
    made = make_negatives(images, labels, 50, generator=rng())
    assert made.shape == (50, 28, 28)
    assert made.dtype == np.uint8
    assert np.array_equal(made, make_negatives(images, labels, 50, generator=rng()))
    assert not np.array_equal(made, make_negatives(images, labels, 50, generator=rng(1)))
    assert np.array_equal(images, before)


def test_in_a_mirror_and_on_a_side(sample: Dataset) -> None:
    """Turned back, each is one of the digits that it may be made of."""
    images, labels = sample.train.images[:300], sample.train.labels[:300]
    suitable = images[np.isin(labels, MIRRORED)]
    assert all(among(image[:, ::-1], suitable) for image in KINDS["mirrored"](images, labels, 20, rng()))
    suitable, left, right = images[np.isin(labels, ON_ITS_SIDE)], 0, 0
    for image in KINDS["on its side"](images, labels, 40, rng()):
        left += among(np.rot90(image, -1), suitable)
        right += among(np.rot90(image), suitable)
    assert left + right == 40
    assert min(left, right) > 5


@pytest.mark.parametrize("kind", ["two in a row", "two over each other"])
def test_two_have_the_ink_of_two_at_half_the_size(kind: str) -> None:
    """Bars 4 wide and 20 high become two, 2 wide and 10 high, that lie beside or below each other."""
    bar = np.zeros((1, 28, 28), np.uint8)
    bar[0, 4:24, 12:16] = 255
    made = KINDS[kind](bar, np.array([1], np.uint8), 30, rng())
    for image in made:
        rows, columns = np.flatnonzero(image.any(axis=1)), np.flatnonzero(image.any(axis=0))
        height, width = np.ptp(rows) + 1, np.ptp(columns) + 1
        assert (10 <= height <= 13 and 9 <= width <= 15) if kind == "two in a row" else 16 <= height <= 22
        assert abs(rows.mean() - 13.5) <= 1.5
        assert abs(columns.mean() - 13.5) <= 1.5


def test_without_suitable_digits_a_kind_is_left_out() -> None:
    images, labels = np.full((3, 28, 28), 7, np.uint8), np.array([0, 1, 8], np.uint8)
    assert len(KINDS["mirrored"](images, labels, 5, rng())) == 0
    assert len(KINDS["on its side"](images, labels, 5, rng())) == 0
    assert len(make_negatives(images, labels, 40, generator=rng())) < 40


def test_non_pairs_are_one_digit_as_high_as_two_or_two_non_digits() -> None:
    """A bar 4 wide and 20 high becomes one 34 high; the non-digits of a bar are two, half as high, and so not."""
    bar = np.zeros((5, 28, 28), np.uint8)
    bar[:, 4:24, 12:16] = 255
    made = make_negative_pairs(bar, np.ones(5, np.uint8), 21, generator=rng())
    assert made.shape[1:] == (42, 28)
    assert len(made) >= 11  # a 1 is none of the digits whose mirror image is no digit
    heights = (made.max(axis=2) > 127).sum(axis=1)
    assert np.abs(heights[:11] - 34).max() <= 1
    assert (np.abs((made[:11, 21] > 127).sum(axis=1) - 4 * 34 / 20) <= 1).all()
    upper = made[11:, :14].reshape(-1, 14, 28)  # where nothing of the lower image is
    assert all(image.any() for image in upper)


def test_non_pairs_come_behind_pairs_of_which_both_labels_say_so(sample: Dataset) -> None:
    source = FreshPairs(sample.train[:50], 8, 16, Augmentation(shift=1), negatives=0.5)
    for images, labels in source.epoch(rng()):
        assert images.shape == (12, 42, 28)
        assert images.dtype == np.uint8
        assert (labels[:8] < 10).all()
        assert (labels[8:] == NO_DIGIT).all()
        assert labels.shape == (12, 2)


def test_they_stand_behind_the_digits_of_a_batch(sample: Dataset) -> None:
    digits, share, others = sample.train[:16], 0.25, 2
    met: list[int] = []
    for images, labels in Reshuffled(digits, 8, negatives=share).epoch(rng()):
        assert images.shape == (8 + others, 28, 28)
        assert (labels[:8] < 10).all()
        assert (labels[8:] == NO_DIGIT).all()
        assert len(labels) == 8 + others
        met.extend(labels[:8])
    assert sorted(met) == sorted(digits.labels)


def test_they_are_warped_as_digits_are(sample: Dataset) -> None:
    digits = Split(sample.train.images[:8], sample.train.labels[:8])
    shifted = Reshuffled(digits, 8, Augmentation(shift=3), negatives=1.0)
    plain, moved = (next(iter(shifted.epoch(rng(), plain=plain)))[0] for plain in (True, False))
    assert not any(np.array_equal(one, other) for one, other in zip(plain[8:], moved[8:], strict=True))


def test_the_shipped_network_is_unsure_of_them(sample: Dataset) -> None:
    """It was trained to be; of digits it is sure."""
    digits = sample.test
    recognizer = Recognizer.load("digit", threads=1)
    made = make_negatives(digits.images, digits.labels, 400, generator=rng())
    assert (recognizer.predict(made).probabilities.max(axis=1) > 0.9).mean() < 0.1
    assert (recognizer.predict(digits.images).probabilities.max(axis=1) > 0.9).mean() > 0.98
