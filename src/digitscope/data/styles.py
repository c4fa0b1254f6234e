"""Ways to write that MNIST's writers, Americans, rarely used: a 1 with an upstroke and a foot, a 7 with a bar.

They are drawn on digits that lack them, with a pen of about the same width.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import ArrayLike, NDArray

from digitscope.data.splits import UInt8

Point = NDArray[np.float64]  # row and column, in pixels

# Brightness from which a pixel belongs to a stroke.
INK = 128

# Pixels that strokes are wide; so are 9 of 10 of MNIST's.
PEN = (1.8, 3.2)

# Length, of the digit's height, of the upstroke of a 1, and degrees between it and the stem.
UPSTROKE, UPSTROKE_ANGLE = (0.2, 0.5), (25, 60)

# Length to either side, of the digit's height, of the foot of a 1; every other one has one.
FOOT = (0.12, 0.3)

# Length to either side of the bar of a 7, and how far down it crosses the stem, of the digit's height.
BAR, BAR_PLACE = (0.12, 0.25), (0.42, 0.62)

# Degrees that a foot or a bar is off the horizontal at most.
TILT = 12


def restyle(images: UInt8, labels: UInt8, share: float, *, generator: np.random.Generator) -> UInt8:
    """Return uint8 images (N, 28, 28), of whose 1s and 7s a `share` is written as elsewhere in the world.

    The others are as they were; `labels` (N,) say which digit each is.
    """
    chosen = np.flatnonzero(np.isin(labels, list(STYLES)) & (generator.random(len(labels)) < share))
    restyled = images.copy() if len(chosen) else images
    for row in chosen:
        if (images[row] > INK).any():
            restyled[row] = STYLES[int(labels[row])](images[row], generator)
    return restyled


def _one_with_upstroke(image: UInt8, generator: np.random.Generator) -> UInt8:
    top, bottom = _end(image, 0), _end(image, -1)
    height = max(float(np.hypot(*(bottom - top))), 1.0)
    down, right = (bottom - top) / height
    angle = np.deg2rad(generator.uniform(*UPSTROKE_ANGLE))
    turned = np.array([down * np.cos(angle) + right * np.sin(angle), right * np.cos(angle) - down * np.sin(angle)])
    pen = generator.uniform(*PEN)
    image = _with_line(image, top, top + generator.uniform(*UPSTROKE) * height * turned, pen)
    if generator.random() < 0.5:
        return image
    return _with_bar(image, bottom, generator.uniform(*FOOT) * height, pen, generator)


def _seven_with_bar(image: UInt8, generator: np.random.Generator) -> UInt8:
    top, bottom = _end(image, 0)[0], _end(image, -1)[0]
    row = round(top + generator.uniform(*BAR_PLACE) * (bottom - top))
    if not (image[row] > INK).any():
        return image
    middle = np.array([row, np.flatnonzero(image[row] > INK).mean()])
    return _with_bar(image, middle, generator.uniform(*BAR) * (bottom - top), generator.uniform(*PEN), generator)


def _end(image: UInt8, which: int) -> Point:
    """Return the middle of the ink in its first row (0) or its last (-1)."""
    row = np.flatnonzero((image > INK).any(axis=1))[which]
    return np.array([row, np.flatnonzero(image[row] > INK).mean()])


def _with_bar(image: UInt8, middle: Point, reach: float, pen: float, generator: np.random.Generator) -> UInt8:
    tilt = np.deg2rad(generator.uniform(-TILT, TILT))
    away = reach * np.array([np.sin(tilt), np.cos(tilt)])
    return _with_line(image, middle - away, middle + away, pen)


def _with_line(image: UInt8, start: Point, end: Point, pen: float) -> UInt8:
    """Return `image` with a line of round ends; a pixel's brightness is the part of it that the line covers."""
    line = 255 * np.clip(pen / 2 + 0.5 - distances_from_line(image.shape, start, end), 0, 1)
    return np.asarray(np.maximum(image, line.astype(np.uint8)))


def distances_from_line(shape: tuple[int, ...], start: ArrayLike, end: ArrayLike) -> NDArray[np.float64]:
    """Return how far each pixel of `shape` (H, W) is from the line between two points, each a row and a column."""
    first, away = np.asarray(start, np.float64), np.subtract(end, start, dtype=np.float64)
    pixels = np.moveaxis(np.indices(shape, dtype=np.float64), 0, -1)
    along = np.clip((pixels - first) @ away / max(float(away @ away), 1e-9), 0, 1)
    return np.asarray(np.hypot(*np.moveaxis(pixels - first - along[..., None] * away, -1, 0)))


# The function that draws the other style of each digit that has one.
STYLES: Mapping[int, Callable[[UInt8, np.random.Generator], UInt8]] = MappingProxyType(
    {1: _one_with_upstroke, 7: _seven_with_bar}
)
