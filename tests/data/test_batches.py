from itertools import chain

import numpy as np
import pytest

from digitscope.data import (
    BatchSource,
    Dataset,
    FixedOrder,
    FreshPairs,
    Reshuffled,
    Split,
    course_order,
    overlap,
    random_pairs,
    whole_batches,
)
from digitscope.data.augmentation import Augmentation, augment
from digitscope.data.pen_digits import PenDigits
from digitscope.data.splits import UInt8
from digitscope.errors import SettingError
from tests.data.test_pen_digits import STROKES


def numbered(count: int) -> Split:
    """Return images that each hold their own row number."""
    numbers = np.arange(count, dtype=np.uint8)
    return Split(np.repeat(numbers, 28 * 28).reshape(count, 28, 28), numbers % 10)


def met(source: BatchSource, generator: np.random.Generator) -> list[list[int]]:
    """Return the rows in each batch of an epoch, after checking that images and labels belong together."""
    batches = list(source.epoch(generator))
    for images, labels in batches:
        assert images.dtype == labels.dtype == np.uint8
        assert np.array_equal(images[:, 0, 0] % 10, labels)
    assert len(batches) == source.n_batches
    return [images[:, 0, 0].tolist() for images, _ in batches]


def test_fixed_order_drops_the_remainder_and_repeats() -> None:
    source, generator = FixedOrder(numbered(11), 4), np.random.default_rng(0)
    assert met(source, generator) == [[0, 1, 2, 3], [4, 5, 6, 7]]
    assert met(source, generator) == [[0, 1, 2, 3], [4, 5, 6, 7]]
    assert generator.random() == np.random.default_rng(0).random()  # nothing was drawn


def test_reshuffled_meets_every_example_in_another_order_each_epoch() -> None:
    source, generator = Reshuffled(numbered(11), 4), np.random.default_rng(0)
    first, second = met(source, generator), met(source, generator)
    assert [len(batch) for batch in first] == [4, 4, 3]
    assert sorted(chain(*first)) == sorted(chain(*second)) == list(range(11))
    assert first != second
    assert first == met(source, np.random.default_rng(0))


def test_an_epoch_of_other_than_all_examples() -> None:
    examples, batches = 25, [4] * 6 + [1]
    source, generator = Reshuffled(numbered(11), 4, examples_per_epoch=examples), np.random.default_rng(0)
    first, second = met(source, generator), met(source, generator)
    assert [len(batch) for batch in first] == batches
    assert first != second
    rows = list(chain(*first))
    for start in range(0, examples, 11):
        one_pass = rows[start : start + 11]
        assert len(set(one_pass)) == len(one_pass)  # nothing twice before everything once


def test_an_epoch_holds_at_least_a_batch() -> None:
    """However many examples there are: those of an epoch are what counts."""
    with pytest.raises(SettingError) as reshuffled:
        Reshuffled(numbered(11), 4, examples_per_epoch=3)
    with pytest.raises(SettingError) as fresh:
        FreshPairs(numbered(11), 4, pairs_per_epoch=3)
    with pytest.raises(SettingError) as fixed:
        FixedOrder(numbered(3), 4)
    with pytest.raises(SettingError) as whole:
        whole_batches(numbered(3), 4)
    message = "batch_size = 4: expected 1 to 3, the examples of an epoch"
    assert [str(caught.value) for caught in (reshuffled, fresh, fixed, whole)] == [message] * 4


def test_pen_digits_stand_behind_a_share_of_the_examples() -> None:
    """Drawings are white on black, and the examples hold their row numbers."""
    pens = PenDigits((STROKES["1"], STROKES["7"]), np.array([1, 7], np.uint8), "")
    source = Reshuffled(numbered(10), 5, pens=0.4, pen_digits=pens)
    rows: list[int] = []
    for images, labels in source.epoch(np.random.default_rng(0)):
        assert (len(images), len(labels)) == (7, 7)
        rows += images[:5, 0, 0].tolist()
        assert np.array_equal(images[:5, 0, 0] % 10, labels[:5])
        assert (images[5:].max(axis=(1, 2)) > 200).all()
        assert set(labels[5:]) <= {1, 7}
    assert sorted(rows) == list(range(10))
    assert met(Reshuffled(numbered(10), 5, pen_digits=pens), np.random.default_rng(0)) == met(
        Reshuffled(numbered(10), 5), np.random.default_rng(0)
    )


def test_fresh_pairs_are_new_each_epoch() -> None:
    source, generator = FreshPairs(numbered(11), 4, pairs_per_epoch=10), np.random.default_rng(0)
    first, second = list(source.epoch(generator)), list(source.epoch(generator))
    assert [images.shape for images, _ in first] == [(4, 42, 28), (4, 42, 28), (2, 42, 28)]
    assert [labels.shape for _, labels in first] == [(4, 2), (4, 2), (2, 2)]
    assert source.n_batches == 3
    assert not np.array_equal(first[0][0], second[0][0])
    assert np.array_equal(first[0][0][:, 0, 0] % 10, first[0][1][:, 0])


def test_whole_batches() -> None:
    assert [len(whole_batches(numbered(n), 32)) for n in (100, 96)] == [96, 96]


def test_fresh_pairs_need_single_digits() -> None:
    pairs = random_pairs(numbered(5), 4, generator=np.random.default_rng(0))
    with pytest.raises(SettingError, match=r"expected \(N,\)"):
        FreshPairs(pairs, 1, pairs_per_epoch=2)


def test_course_order_is_that_of_the_courses_own_lines() -> None:
    np.random.seed(12321)  # noqa: NPY002  the oracle is the course's own code
    permutation = np.arange(100)
    np.random.shuffle(permutation)  # noqa: NPY002
    assert course_order(numbered(100), 12321).images[:, 0, 0].tolist() == permutation.tolist()


WARPS = Augmentation(rotation=20, scale=0.2, shear=0.2, shift=2, elastic=1)


def test_reshuffled_examples_are_warped_as_they_come(sample: Dataset) -> None:
    """The order is drawn first, then each batch's warps."""
    split, generator = sample.train[:11], np.random.default_rng(0)
    order = generator.permutation(11)
    for images, labels in Reshuffled(split, 4, WARPS).epoch(np.random.default_rng(0)):
        chosen, order = order[:4], order[4:]
        assert np.array_equal(labels, split.labels[chosen])
        assert np.array_equal(images, augment(split.images[chosen], WARPS, generator=generator))
    assert len(order) == 0


def test_pairs_are_overlapped_after_their_digits_are_warped(sample: Dataset) -> None:
    singles, generator = sample.train[:50], np.random.default_rng(0)
    source = FreshPairs(singles, 4, 10, WARPS)
    sizes = [4, 4, 2]
    for size, (images, labels) in zip(sizes, source.epoch(np.random.default_rng(0)), strict=True):
        pairs = random_pairs(singles, size, augmentation=WARPS, generator=generator)
        assert np.array_equal(images, pairs.images)
        assert np.array_equal(labels, pairs.labels)


def test_no_warp_is_met_twice(sample: Dataset) -> None:
    one = sample.train[:1]
    for source in (Reshuffled(one, 1, WARPS), FreshPairs(one, 1, 1, WARPS)):
        generator = np.random.default_rng(0)
        met = [images.tobytes() for _ in range(5) for images, _ in source.epoch(generator)]
        assert len(set(met)) == 5
        again = [images.tobytes() for images, _ in source.epoch(np.random.default_rng(0))]
        assert again == met[:1]


def drawn(source: BatchSource, seed: int, *, plain: bool) -> tuple[UInt8, UInt8]:
    """Return the images and labels of one epoch, its batches joined."""
    images, labels = zip(*source.epoch(np.random.default_rng(seed), plain=plain), strict=True)
    return np.concatenate(images), np.concatenate(labels)


def test_plain_examples_are_the_split_s_own(sample: Dataset) -> None:
    split = sample.train[:11]
    own = sorted(zip((image.tobytes() for image in split.images), split.labels.tolist(), strict=True))
    for source in (FixedOrder(split, 11), Reshuffled(split, 4), Reshuffled(split, 4, WARPS)):
        images, labels = drawn(source, 0, plain=True)
        assert sorted(zip((image.tobytes() for image in images), labels.tolist(), strict=True)) == own
    warped, _ = drawn(Reshuffled(split, 4, WARPS), 0, plain=False)
    assert not {image.tobytes() for image in warped} & {image for image, _ in own}


def test_plain_pairs_are_overlapped_from_the_digits_themselves(sample: Dataset) -> None:
    """Each digit is told by the rows that the other one leaves free, and the pair is made of the two anew."""
    singles = sample.train[:50]
    uppers = {image[:14].tobytes(): row for row, image in enumerate(singles.images)}
    lowers = {image[14:].tobytes(): row for row, image in enumerate(singles.images)}
    assert len(uppers) == len(lowers) == 50
    images, labels = drawn(FreshPairs(singles, 4, 30, WARPS), 0, plain=True)
    assert (images.shape, labels.shape) == ((30, 42, 28), (30, 2))
    upper = [uppers[image[:14].tobytes()] for image in images]
    lower = [lowers[image[28:].tobytes()] for image in images]
    assert np.array_equal(images, overlap(singles.images[upper], singles.images[lower]))
    assert np.array_equal(labels, np.stack([singles.labels[upper], singles.labels[lower]], axis=1))
    warped, _ = drawn(FreshPairs(singles, 4, 30, WARPS), 0, plain=False)
    assert not any(image[:14].tobytes() in uppers for image in warped)


def test_plain_epochs_are_new_each_time_too(sample: Dataset) -> None:
    split = sample.train[:50]
    for source in (Reshuffled(split, 4, WARPS), FreshPairs(split, 4, 50, WARPS)):
        first, again, other = (drawn(source, seed, plain=True)[0].tobytes() for seed in (0, 0, 1))
        assert first == again != other
