"""Two digits written over each other, as in the course's second part, and which pixels are whose.

The upper digit fills rows 0-27 of 42, the lower rows 14-41; where they overlap, each pixel is the maximum.
Verified against the course's own test images, every pixel of them.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Protocol

import numpy as np
from numpy.random import Generator

from digitscope.data.augmentation import NO_AUGMENTATION, Augmentation, augment
from digitscope.data.splits import Dataset, Split, Task, UInt8
from digitscope.errors import DataError, SettingError

DIGIT_SHAPE = (28, 28)
PAIR_HEIGHT = 42
LOWER_TOP = 14
MOST_PAIRS = 10_000_000  # 12 GB of pixels; what is above is a slip of the finger

# Brightness from which a pixel is ink: its shade is how much of it the pen covered, here half or more.
# A fainter rim of one digit can lie below the ink of the other, where nothing of it is left to see.
INKED = 128


def overlap(upper: UInt8, lower: UInt8) -> UInt8:
    """Return `upper` over `lower`: uint8 (28, 28) twice gives (42, 28), (N, 28, 28) twice (N, 42, 28).

    Raises:
        DataError: a shape or dtype is another, or the two shapes differ.

    Example:
        >>> from digitscope.data import load_sample, overlap
        >>> digits = load_sample().test.images
        >>> overlap(digits[0], digits[1]).shape
        (42, 28)
    """
    for name, digit in (("upper", upper), ("lower", lower)):
        if digit.dtype != np.uint8 or digit.ndim not in {2, 3} or digit.shape[-2:] != DIGIT_SHAPE:
            raise DataError(
                f"the {name} digit is {digit.dtype} of shape {digit.shape}: "
                "expected uint8 of shape (28, 28) or (N, 28, 28)"
            )
    if upper.shape != lower.shape:
        raise DataError(
            f"upper digits of shape {upper.shape}, lower ones of shape {lower.shape}: expected the same"
        )
    pair = np.zeros((*upper.shape[:-2], PAIR_HEIGHT, DIGIT_SHAPE[1]), dtype=np.uint8)
    pair[..., : DIGIT_SHAPE[0], :] = upper
    np.maximum(pair[..., LOWER_TOP:, :], lower, out=pair[..., LOWER_TOP:, :])
    return pair


def random_pairs(
    singles: Split, n: int, *, augmentation: Augmentation = NO_AUGMENTATION, generator: Generator
) -> Split:
    """Return `n` overlapping pairs of digits drawn from `singles`: images (n, 42, 28), labels (n, 2).

    Each digit is warped as `augmentation` says before it is overlapped.

    Raises:
        DataError: `singles` is empty or does not hold single digits of 28x28 pixels.
        SettingError: `n` is below 1 or above 10,000,000.
    """
    upper, lower, labels = _drawn(singles, n, augmentation, generator)
    return Split(overlap(upper, lower), labels)


def random_separations(
    singles: Split, n: int, *, augmentation: Augmentation = NO_AUGMENTATION, generator: Generator
) -> Split:
    """Return the pairs that `random_pairs` returns, labelled by pixel: images (n, 42, 28), labels (n, 2, 42, 28).

    A label is 1 where the upper digit, and likewise where the lower, has ink by itself (see INKED).

    Raises:
        DataError, SettingError: as for `random_pairs`.
    """
    upper, lower, _ = _drawn(singles, n, augmentation, generator)
    return Split(overlap(upper, lower), separate(upper, lower))


def separate(upper: UInt8, lower: UInt8) -> UInt8:
    """Return where in their pair two digits have ink: uint8 (N, 28, 28) twice gives (N, 2, 42, 28), 0 or 1."""
    nothing = np.zeros_like(upper)
    alone = np.stack([overlap(upper, nothing), overlap(nothing, lower)], axis=1)
    return (alone >= INKED).astype(np.uint8)


class DrawPairs(Protocol):
    """A function that makes pairs of single digits: `random_pairs` or `random_separations`."""

    def __call__(
        self, singles: Split, n: int, /, *, augmentation: Augmentation = ..., generator: Generator
    ) -> Split:
        """Return `n` pairs."""


PAIRS_FOR: Mapping[Task, DrawPairs] = MappingProxyType(
    {"two-digit": random_pairs, "separation": random_separations}
)
"""The function that makes the examples of each task for pairs."""


def make_two_digit(
    mnist: Dataset, *, n_train: int = 40_000, n_test: int = 4_000, seed: int, draw: DrawPairs = random_pairs
) -> Dataset:
    """Return a data set of overlapping pairs, labelled as `draw` does, each split made of that split of `mnist`.

    The last tenth of the `n_train` pairs validates. The test pairs depend on the seed and not on `n_train`.

    Raises:
        DataError: `mnist` does not hold single digits of 28x28 pixels.
        SettingError: `n_train` is below 2, `n_test` below 1, or one of them above 10,000,000.
    """
    _check_count("n_train", n_train, at_least=2)  # one of them for validation
    _check_count("n_test", n_test, at_least=1)
    for_train, for_validation, for_test = np.random.default_rng(seed).spawn(3)
    cut = 9 * n_train // 10
    train = draw(mnist.train, cut, generator=for_train)
    validation = draw(mnist.validation, n_train - cut, generator=for_validation)
    test = draw(mnist.test, n_test, generator=for_test)
    source = f"pairs made with seed {seed} of the digits in {mnist.source}"
    return Dataset("two overlapping digits", source, train, validation, test)


def _drawn(singles: Split, n: int, augmentation: Augmentation, generator: Generator) -> tuple[UInt8, UInt8, UInt8]:
    """Return `n` upper and `n` lower digits of `singles`, warped, and their labels (n, 2)."""
    _check_count("n", n, at_least=1)
    if len(singles) == 0 or singles.task != "digit":
        raise DataError(
            f"pairs cannot be made of labels of shape {singles.labels.shape}: expected (N,), N at least 1"
        )
    rows = generator.integers(len(singles), size=(n, 2))
    digits = augment(singles.images[rows.ravel()], augmentation, generator=generator)
    return digits[::2], digits[1::2], singles.labels[rows]


def _check_count(name: str, count: int, *, at_least: int) -> None:
    if not at_least <= count <= MOST_PAIRS:
        raise SettingError(f"{name} = {count} pairs: expected at least {at_least} and at most {MOST_PAIRS:,}")
