"""What the page network's maps say, as boxes: the one place that knows how the maps are laid out.

The network sees a picture in places of 4x4 pixels; `CHANNELS` has what its maps hold for each.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Float32 = NDArray[np.float32]
Int = NDArray[np.int64]

STRIDE = 4
"""Pixels, along each axis, of a place."""

SIGNS = (".", ",", "-", "/", ":", "+", "×", "÷", "=", "(", ")")
CLASSES = (*"0123456789", *SIGNS)
"""What is told apart: ten digits, then the signs."""

KINDS = ("written digit", "printed digit", "written sign", "printed sign")

LAYOUT = {"heat": 4, "classes": 21, "geometry": 4, "mask": 4, "kinds": 4, "height": 1, "turns": 4}
"""Channels of the maps, in this order.

heat: logits that a place is the middle of one of `KINDS`.
classes: logits of `CLASSES`.
geometry: natural logarithms of width and height in pixels, and how far right and down the middle is, in places.
mask: logits that each of the place's 2x2 parts has the ink of a written digit or sign.
kinds: logits of nothing, of written digits, of other handwriting and of print around here.
height: natural logarithm of the height of digits around here, in pixels.
turns: logits of 0 to 3 quarter turns, clockwise, that bring the writing upright.
The last three are the same in each 2x2 places.
"""


def _channels() -> Mapping[str, slice]:
    ends = np.cumsum([0, *LAYOUT.values()]).tolist()
    return MappingProxyType(
        {name: slice(*each) for name, each in zip(LAYOUT, zip(ends, ends[1:], strict=False), strict=True)}
    )


CHANNELS = _channels()
N_CHANNELS = sum(LAYOUT.values())

OVERLAP = 0.45
"""Intersection over union from which two boxes are of one digit: the more probable one stays."""


@dataclass(frozen=True, eq=False)
class Detections:
    """Boxes in a picture.

    Attributes:
        boxes: float32 (K, 4), left, top, right and bottom in pixels.
        scores: float32 (K,), the probability that something is there, the highest first.
        kinds: int64 (K,), into `KINDS`.
        log_probabilities: float32 (K, 21), of `CLASSES`; those of digits sum to 1 for digits, of signs for signs.
    """

    boxes: Float32
    scores: Float32
    kinds: Int
    log_probabilities: Float32

    def __len__(self) -> int:
        return len(self.scores)

    def __getitem__(self, index: NDArray[np.generic]) -> "Detections":
        """Return the chosen ones."""
        return Detections(self.boxes[index], self.scores[index], self.kinds[index], self.log_probabilities[index])

    @property
    def labels(self) -> Int:
        """The most probable classes, int64 (K,), into `CLASSES`."""
        return np.asarray(self.log_probabilities.argmax(axis=1), dtype=np.int64)


def sigmoid(logits: NDArray[np.floating]) -> Float32:
    """Return probabilities of logits of any shape, without overflow."""
    return np.asarray(0.5 * (1 + np.tanh(0.5 * logits)), dtype=np.float32)


def decode(maps: Float32, threshold: float) -> Detections:
    """Return what is at the peaks of `maps`, float32 (42, h, w), whose probability exceeds `threshold`."""
    heat = sigmoid(maps[CHANNELS["heat"]])
    best = heat.max(axis=0)
    rows, columns = np.nonzero((best == ndimage.maximum_filter(best, 3)) & (best > threshold))
    order = np.argsort(-best[rows, columns], kind="stable")
    rows, columns = rows[order], columns[order]
    width, height, right, down = maps[CHANNELS["geometry"]][:, rows, columns]
    x, y = (STRIDE * (place + 0.5 + shift) for place, shift in ((columns, right), (rows, down)))
    half = np.exp(np.clip([width, height], 0, 7)) / 2
    boxes = np.stack([x - half[0], y - half[1], x + half[0], y + half[1]], axis=1).astype(np.float32)
    kinds = heat[:, rows, columns].argmax(axis=0)
    logits = maps[CHANNELS["classes"]][:, rows, columns].T.copy()
    is_sign = np.arange(len(CLASSES)) >= 10
    logits[is_sign[None] != (kinds >= 2)[:, None]] = -100.0
    logits -= logits.max(axis=1, keepdims=True, initial=-100.0)
    log_probabilities = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    found = Detections(boxes, best[rows, columns], kinds, log_probabilities.astype(np.float32))
    return found[without_doubles(found.boxes)]


def without_doubles(boxes: Float32, overlap: float = OVERLAP) -> Int:
    """Return the rows of `boxes` (K, 4), the best first, that no better one overlaps (Neubeck and Van Gool 2006)."""
    shared = intersection_over_union(boxes, boxes) > overlap
    kept = np.ones(len(boxes), bool)
    for row in range(len(boxes)):
        if kept[row]:
            kept[row + 1 :] &= ~shared[row, row + 1 :]
    return np.flatnonzero(kept)


def intersection_over_union(first: NDArray[np.floating], second: NDArray[np.floating]) -> Float32:
    """Return the overlaps of boxes (K, 4) and (L, 4), each left, top, right and bottom: float32 (K, L)."""
    low = np.maximum(first[:, None, :2], second[None, :, :2])
    high = np.minimum(first[:, None, 2:], second[None, :, 2:])
    shared = np.prod(np.clip(high - low, 0, None), axis=2)
    areas = [np.prod(boxes[:, 2:] - boxes[:, :2], axis=1) for boxes in (first, second)]
    return np.asarray(shared / np.maximum(areas[0][:, None] + areas[1][None] - shared, 1e-9), dtype=np.float32)


def matched(found: NDArray[np.floating], true: NDArray[np.floating], overlap: float = 0.5) -> Int:
    """Return for each found box, the best first, the row of the true box that it is, or -1: int64 (K,).

    Each takes the free true box that it overlaps most, if their intersection over union is at least `overlap`.
    """
    overlaps = intersection_over_union(found, true)
    rows = np.full(len(found), -1, np.int64)
    for number in range(len(found)) if len(true) else ():
        best = int(overlaps[number].argmax())
        if overlaps[number, best] >= overlap:
            rows[number] = best
            overlaps[:, best] = 0
    return rows
