"""Non-digits made of digits, for which a network should be unsure.

A mirrored digit, or one on its side, has the strokes of a digit but is none, like letters and signs. Two digits in
place of one occur on pages where digits touch. One digit as high as two occurs where a writer writes larger.
"""

from collections.abc import Callable, Mapping
from functools import cache
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from digitscope.data.overlapping import LOWER_TOP, PAIR_HEIGHT, overlap
from digitscope.data.splits import UInt8

Int = NDArray[np.int64]

# The label of non-digits.
NO_DIGIT = 255

# Digits that are no digits when mirrored; a 2 becomes a 5, and 0, 1 and 8 stay digits.
MIRRORED = (3, 4, 6, 7, 9)

# Digits that are none when they lie on a side.
ON_ITS_SIDE = (2, 3, 4, 5, 6, 7, 9)

# Pixels from the middle of one digit to that of another beside or below it, before both are reduced.
BESIDE, ABOVE = (15, 24), (12, 22)

# Pixels that the other digit is off that direction at most.
ASKEW = 4


def make_negatives(images: UInt8, labels: UInt8, n: int, *, generator: np.random.Generator) -> UInt8:
    """Return `n` images, uint8 (n, 28, 28), that are no digits, made of `images` (N, 28, 28) and their `labels`.

    Each kind has an equal chance. A kind that `labels` have no digits for is left out.
    """
    counts = np.bincount(generator.integers(len(KINDS), size=n), minlength=len(KINDS)).tolist()
    made = [make(images, labels, count, generator) for make, count in zip(KINDS.values(), counts, strict=True)]
    return np.concatenate(made)


def make_negative_pairs(images: UInt8, labels: UInt8, n: int, *, generator: np.random.Generator) -> UInt8:
    """Return `n` images, uint8 (n, 42, 28), that are no two digits over each other, made of `images` likewise.

    Half of them are one digit as high as a pair, the others two non-digits over each other.
    """
    single = _drawn(images, np.ones(len(labels), bool), n - n // 2, generator)
    rows, columns = (_enlarging(length) for length in (PAIR_HEIGHT, 28))
    tall = np.stack([(rows @ digit @ columns.T + 0.5).astype(np.uint8) for digit in single])
    others = generator.permutation(make_negatives(images, labels, n // 2 * 2, generator=generator))
    half = len(others) // 2
    return np.concatenate([tall, overlap(others[:half], others[half : 2 * half])])


@cache
def _enlarging(length: int) -> NDArray[np.float64]:
    """Return the weight of each of 28 pixels in each of `length`, (length, 28), between two of them.

    They enlarge a digit about its middle, from ink of 20 pixels to 34, the height of a pair.
    """
    places = (np.arange(length) - (length - 1) / 2) * 20 / (20 + LOWER_TOP) + 13.5
    return np.stack([np.interp(places, np.arange(28), pixel) for pixel in np.eye(28)], axis=1)


def _mirrored(images: UInt8, labels: UInt8, n: int, generator: np.random.Generator) -> UInt8:
    return _drawn(images, np.isin(labels, MIRRORED), n, generator)[:, :, ::-1]


def _on_its_side(images: UInt8, labels: UInt8, n: int, generator: np.random.Generator) -> UInt8:
    turned = np.rot90(_drawn(images, np.isin(labels, ON_ITS_SIDE), n, generator), axes=(1, 2))
    over = generator.random((len(turned), 1, 1)) < 0.5
    return np.where(over, turned[:, ::-1, ::-1], turned)


def _two_in_a_row(images: UInt8, _: UInt8, n: int, generator: np.random.Generator) -> UInt8:
    across, down = _way(BESIDE, n, generator)
    return _two(images, down, across, generator)


def _two_over_each_other(images: UInt8, _: UInt8, n: int, generator: np.random.Generator) -> UInt8:
    return _two(images, *_way(ABOVE, n, generator), generator)


def _way(apart: tuple[int, int], n: int, generator: np.random.Generator) -> tuple[Int, Int]:
    """Return how far the second of two digits is in a direction from the first, and how far off it, (n,)."""
    along = generator.integers(*apart, size=n, endpoint=True)
    return along, generator.integers(-ASKEW, ASKEW, size=n, endpoint=True)


def _two(images: UInt8, down: Int, across: Int, generator: np.random.Generator) -> UInt8:
    """Return two digits in each image, half as large; the second is `down` and `across` (n,) from the first."""
    first, second = (_drawn(images, np.ones(len(images), bool), len(down), generator) for _ in range(2))
    fields = np.zeros((len(down), 56, 56), np.uint8)
    for field, one, other, y, x in zip(fields, first, second, down, across, strict=True):
        for image, top, left in ((one, 14 - y // 2, 14 - x // 2), (other, 14 - y // 2 + y, 14 - x // 2 + x)):
            place = field[top : top + 28, left : left + 28]
            np.maximum(place, image, out=place)
    return np.asarray(fields.reshape(-1, 28, 2, 28, 2).max(axis=(2, 4)))  # the mean would thin the strokes


def _drawn(images: UInt8, suitable: NDArray[np.bool_], n: int, generator: np.random.Generator) -> UInt8:
    """Return `n` of the images that are `suitable`, bool (N,), or none if there are none."""
    rows = np.flatnonzero(suitable)
    return images[generator.choice(rows, size=n)] if len(rows) else images[:0]


# The kinds of non-digits, each a function of images, labels, a number and a generator.
KINDS: Mapping[str, Callable[[UInt8, UInt8, int, np.random.Generator], UInt8]] = MappingProxyType(
    {
        "mirrored": _mirrored,
        "on its side": _on_its_side,
        "two in a row": _two_in_a_row,
        "two over each other": _two_over_each_other,
    }
)
