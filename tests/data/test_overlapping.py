import numpy as np
import pytest

from digitscope.data import Dataset, Split, make_two_digit, overlap, random_pairs, random_separations
from digitscope.data.augmentation import Augmentation, augment
from digitscope.data.overlapping import INKED, separate
from digitscope.errors import DataError, SettingError

PLAIN = np.zeros((28, 28), dtype=np.uint8)


def rows(value_of_row: dict[int, int]) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    image = PLAIN.copy()
    for row, value in value_of_row.items():
        image[row] = value
    return image


def test_a_pair_worked_by_hand() -> None:
    upper = rows({0: 10, 13: 20, 14: 30, 20: 40, 27: 50})
    lower = rows({0: 7, 6: 90, 13: 8, 14: 60, 27: 70})
    pair = overlap(upper, lower)
    assert pair.shape == (42, 28)
    assert pair.dtype == np.uint8
    # Row 14 of the pair is row 14 of the upper digit and row 0 of the lower one, and so on.
    expected = {0: 10, 13: 20, 14: 30, 20: 90, 27: 50, 28: 60, 41: 70}
    assert {row: int(pair[row, 5]) for row in range(42) if pair[row].any()} == expected
    assert (pair == pair[:, :1]).all()
    assert (upper[20, 0], lower[6, 0]) == (40, 90)  # the digits are not changed


def test_many_pairs_are_as_each_by_itself(sample: Dataset) -> None:
    upper, lower = sample.train.images[:5], sample.train.images[5:10]
    together = overlap(upper, lower)
    assert together.shape == (5, 42, 28)
    for row in range(5):
        assert np.array_equal(together[row], overlap(upper[row], lower[row]))


@pytest.mark.parametrize(
    ("upper", "lower", "message"),
    [
        (PLAIN.astype(float), PLAIN, "the upper digit is float64"),
        (np.stack([PLAIN] * 2), PLAIN, "expected the same"),
    ],
)
def test_wrong_digits(upper: np.ndarray, lower: np.ndarray, message: str) -> None:
    with pytest.raises(DataError, match=message):
        overlap(upper, lower)


def marked(count: int, digit: int) -> Split:
    """Return `count` images that are white all over, so that a pair shows which split its digits are from."""
    shade = np.full((count, 28, 28), 20 * digit + 20, dtype=np.uint8)
    return Split(shade, np.full(count, digit, dtype=np.uint8))


def test_random_pairs_carry_the_labels_of_their_digits() -> None:
    shades = np.repeat(np.arange(10, dtype=np.uint8), 28 * 28).reshape(10, 28, 28)
    pairs = random_pairs(Split(shades, np.arange(10, dtype=np.uint8)), 200, generator=np.random.default_rng(0))
    assert np.array_equal(pairs.images[:, 0, 0], pairs.labels[:, 0])
    assert np.array_equal(pairs.images[:, 41, 0], pairs.labels[:, 1])
    assert set(pairs.labels.ravel().tolist()) == set(range(10))
    assert (pairs.labels[:, 0] == pairs.labels[:, 1]).any()


def test_random_pairs_overlap_digits_that_are_warped_by_themselves(sample: Dataset) -> None:
    """The rows are drawn first, a pair's two together; then come the warps, pair by pair, upper before lower."""
    warps = Augmentation(rotation=20, shift=3)
    pairs = random_pairs(sample.test, 30, augmentation=warps, generator=np.random.default_rng(7))
    generator = np.random.default_rng(7)
    rows = generator.integers(500, size=(30, 2))
    digits = augment(sample.test.images[rows].reshape(60, 28, 28), warps, generator=generator)
    assert np.array_equal(pairs.labels, sample.test.labels[rows])
    for number, image in enumerate(pairs.images):
        assert np.array_equal(image, overlap(digits[2 * number], digits[2 * number + 1]))
        inked = image.copy()
        inked[:28] = np.maximum(inked[:28], digits[2 * number])
        assert np.array_equal(image, inked)  # the warp of a digit ends at its own 28 rows


def test_no_digit_serves_two_splits() -> None:
    singles = Dataset("shades", "a test", marked(30, 1), marked(10, 2), marked(10, 3))
    two = make_two_digit(singles, n_train=50, n_test=7, seed=0)
    assert [len(split) for split in two.splits.values()] == [45, 5, 7]
    for split, digit in zip(two.splits.values(), (1, 2, 3), strict=True):
        assert (split.labels == digit).all()
        assert (split.images == 20 * digit + 20).all()


def test_equal_seeds_give_equal_sets_and_the_test_pairs_stay(sample: Dataset) -> None:
    one = make_two_digit(sample, n_train=20, n_test=5, seed=3)
    assert one.sha256() == make_two_digit(sample, n_train=20, n_test=5, seed=3).sha256()
    assert one.sha256() != make_two_digit(sample, n_train=20, n_test=5, seed=4).sha256()
    more = make_two_digit(sample, n_train=40, n_test=5, seed=3)
    assert np.array_equal(one.test.images, more.test.images)
    assert "the embedded sample" in one.source


def test_sizes_that_make_no_set(sample: Dataset) -> None:
    with pytest.raises(SettingError, match="n_train = 1"):
        make_two_digit(sample, n_train=1, n_test=1, seed=0)
    with pytest.raises(SettingError, match="0 pairs"):
        make_two_digit(sample, n_train=2, n_test=0, seed=0)
    for n_train, n_test, slip in (
        (10_000_001, 1, "n_train = 10000001"),
        (2, 99_999_999_999, "n_test = 99999999999"),
    ):
        with pytest.raises(SettingError, match=f"{slip} pairs: expected at least . and at most 10,000,000"):
            make_two_digit(sample, n_train=n_train, n_test=n_test, seed=0)
    with pytest.raises(SettingError, match="at most 10,000,000"):
        random_pairs(sample.test, 10_000_001, generator=np.random.default_rng(0))


def test_pairs_need_single_digits(sample: Dataset) -> None:
    pairs = random_pairs(sample.test, 3, generator=np.random.default_rng(0))
    for wrong in (pairs, sample.test[:0]):
        with pytest.raises(DataError, match=r"expected \(N,\)"):
            random_pairs(wrong, 1, generator=np.random.default_rng(0))


# Which pixels are whose


def test_masks_worked_by_hand() -> None:
    upper = rows({0: 255, 13: INKED, 14: INKED - 1, 20: 200, 27: 130})
    lower = rows({0: 255, 6: 200, 13: 127, 14: 255})
    (masks,) = separate(upper[np.newaxis], lower[np.newaxis])
    assert (masks == masks[:, :, :1]).all()
    inked = [np.flatnonzero(mask[:, 0]).tolist() for mask in masks]
    assert inked == [[0, 13, 20, 27], [14, 20, 28]]  # row 20 is both digits', rows 14 and 27 one's alone
    assert masks.dtype == np.uint8
    assert masks.max() == 1


def test_separations_are_the_pairs_that_random_pairs_makes(sample: Dataset) -> None:
    warps = Augmentation(rotation=10, shift=1)
    pairs = random_pairs(sample.test, 30, augmentation=warps, generator=np.random.default_rng(4))
    found = random_separations(sample.test, 30, augmentation=warps, generator=np.random.default_rng(4))
    assert np.array_equal(found.images, pairs.images)
    assert found.labels.shape == (30, 2, 42, 28)
    assert found.task == "separation"


def test_the_ink_of_a_pair_is_that_of_its_digits_and_each_digit_stays_in_its_rows(sample: Dataset) -> None:
    found = random_separations(sample.test, 50, generator=np.random.default_rng(0))
    assert np.array_equal(found.labels.any(axis=1), found.images >= INKED)
    assert not found.labels[:, 0, 28:].any()
    assert not found.labels[:, 1, :14].any()
    assert found.labels.all(axis=1).any()


def test_no_digit_s_pixels_serve_two_splits(sample: Dataset) -> None:
    data = make_two_digit(sample, n_train=60, n_test=20, seed=1, draw=random_separations)
    pairs = make_two_digit(sample, n_train=60, n_test=20, seed=1)
    for name, split in data.splits.items():
        assert np.array_equal(split.images, pairs.splits[name].images)
        known = {digit.tobytes() for digit in sample.splits[name].images[:, :14] >= INKED}
        assert {mask.tobytes() for mask in split.labels[:, 0, :14] > 0} <= known
