"""From a digit's box to the ink that the digit network sees: without paper, lines, boxes and neighbours."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from digitscope.reading.framing import WORK_SIDE, Float32, UInt8

AROUND, INSIDE = 0.35, 0.1
"""Margins around a box, as shares of its longer side: of the crop, and of the window for the digit's ink."""

FULL, FAINT = 0.8, 0.12
"""Quantile of the ink's contrast that is full ink, and share of it that paper may have."""

INK = 0.3
"""Share of full ink from which a pixel belongs to a stroke."""


def cut_out(
    gray: UInt8, box: Float32, others: Float32, ink: Float32, ink_scale: float
) -> tuple[Float32, Float32, tuple[float, float]]:
    """Return the ink of a digit, float32 (h, w), 0 to 1, without empty rims, its box, float32 (4,), and contrast.

    Where there is no ink, that is (1, 1), and the box is `box`. The contrast of its deepest ink is given in
    levels and as a share of the paper's level: a shadow lowers the first alone.

    Args:
        gray: uint8 (H, W), the page.
        box: left, top, right and bottom in its pixels.
        others: boxes of other digits and signs, (K, 4); each has the ink in it that is nearer to its centre.
        ink: the probability of ink, float32 (H', W'), at another scale.
        ink_scale: pixels of `ink` for one of the page.
    """
    left, top, right, bottom = box
    longer = max(right - left, bottom - top)
    reach = AROUND * longer + 1
    low = np.maximum(np.floor([left - reach, top - reach]), 0).astype(int)
    high = np.minimum(np.ceil([right + reach, bottom + reach]), gray.shape[::-1]).astype(int)
    part = Image.fromarray(gray[low[1] : high[1], low[0] : high[0]])
    share = min(1.0, WORK_SIDE / max(part.size))
    size = (max(1, round(part.width * share)), max(1, round(part.height * share)))
    picture = np.asarray(part.resize(size, Image.Resampling.BOX), dtype=np.float32)
    seen = _ink_there(ink, ink_scale, low, high, size)
    strength, levels, paper = _strength(picture, seen)
    middle = (box[:2] + box[2:]) / 2
    is_around = ((others[:, :2] < middle) & (others[:, 2:] > middle)).all(axis=1)  # such as a ring taken for a 0
    near = others[((others[:, 2:] > low) & (others[:, :2] < high)).all(axis=1) & ~is_around]
    window = box + INSIDE * longer * np.array([-1, -1, 1, 1])
    boxes = (np.vstack([box, near, window]) - np.tile(low, 2)) * share
    strength[~_own_pixels(boxes[:-1], boxes[-1], strength.shape)] = 0
    deepest = float((levels * (strength > 0)).max())
    contrast = deepest, deepest / max(paper, 1.0)
    own_ink, corner = _trimmed(strength)
    if own_ink.size == 1:
        return own_ink, box, contrast
    first = low + np.array(corner) / share
    return own_ink, np.append(first, first + np.array(own_ink.shape[::-1]) / share).astype(np.float32), contrast


def _ink_there(
    ink: Float32, scale: float, low: NDArray[np.int64], high: NDArray[np.int64], size: tuple[int, int]
) -> Float32:
    """Return the part of `ink` that lies from `low` to `high` of the page, each x and y, in `size` pixels."""
    first = np.maximum(np.floor(low * scale).astype(int) - 1, 0)
    last = np.ceil(high * scale).astype(int) + 2
    image = Image.fromarray(ink[first[1] : last[1], first[0] : last[0]])
    edges = tuple(float(each) for each in (*(low * scale - first), *(high * scale - first)))
    moved = image.transform(size, Image.Transform.EXTENT, edges, Image.Resampling.BILINEAR)
    return np.asarray(moved, dtype=np.float32)


def _strength(picture: Float32, seen: Float32) -> tuple[Float32, Float32, float]:
    """Return the ink, 0 to 1, where the network sees any or beside it, the contrast in levels, and the paper's."""
    inside = seen > 0.5 * min(1.0, float(seen.max()))
    paper = float(np.median(picture if inside.all() else picture[~inside]))
    contrast = picture - paper
    if contrast[inside].mean() < 0:
        contrast = -contrast
    full = max(float(np.quantile(contrast[inside], FULL)), 1.0)
    strength = np.clip((contrast / full - FAINT) / (1 - FAINT), 0, 1)
    width = 1 + 2 * round(max(picture.shape) / 40)
    near = ndimage.grey_dilation(seen, (width, width))
    return np.asarray(strength * np.clip(2 * near, 0, 1), dtype=np.float32), contrast, paper


def _own_pixels(boxes: Float32, window: Float32, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Tell which pixels of a window belong to the first box: none that lies in another one, nearer to its centre.

    The distance to a centre is counted in half widths and half heights of the box.
    """
    y, x = (places + 0.5 for places in np.ogrid[: shape[0], : shape[1]])
    away = []
    for left, top, right, bottom in boxes:
        across, down = abs(2 * x - left - right) / (right - left), abs(2 * y - top - bottom) / (bottom - top)
        away.append(np.maximum(across, down))
    inside = (x > window[0]) & (x < window[2]) & (y > window[1]) & (y < window[3])
    return np.asarray(inside & ((np.argmin(away, axis=0) == 0) | (np.min(away, axis=0) > 1)))


def _trimmed(ink: Float32) -> tuple[Float32, tuple[int, int]]:
    """Return ink without empty rims, and how many columns and rows went on the left and above."""
    rows, columns = np.flatnonzero(ink.max(axis=1) > INK), np.flatnonzero(ink.max(axis=0) > INK)
    if not len(rows):
        return np.zeros((1, 1), np.float32), (0, 0)
    return ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1], (int(columns[0]), int(rows[0]))


def ink_of_page(gray: UInt8) -> tuple[Float32, tuple[int, int]]:
    """Return all ink of a picture, uint8 (H, W), that shows nothing else, with its left and top.

    Ink is what differs from the usual shade of the rim.
    """
    paper = float(np.median(np.concatenate([gray[0], gray[-1], gray[:, 0], gray[:, -1]])))
    contrast = gray.astype(np.float32) - paper
    contrast = -contrast if contrast.sum() < 0 else contrast
    full = float(contrast.max())
    if full < 20:
        return np.zeros((1, 1), np.float32), (0, 0)
    return _trimmed(np.asarray(np.clip((contrast / full - FAINT) / (1 - FAINT), 0, 1), dtype=np.float32))
