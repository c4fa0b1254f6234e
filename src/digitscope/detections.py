"""The layout of the page network's maps, and the boxes that they describe.

A place is a square of 4x4 pixels. The maps have `N_CHANNELS` numbers for each place; `CHANNELS` names them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from itertools import pairwise
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.special import expit, log_softmax

Float32 = NDArray[np.float32]
Int = NDArray[np.int64]

STRIDE = 4
"""Pixels of a place's sides."""

INPUT, OUTPUT = "images", "maps"
"""Names in the network's ONNX file: uint8 (N, H, W) in, the maps out."""

SIGNS = ".,-/:+×÷=()"
CLASSES = (*"0123456789", *SIGNS)
"""Ten digits, then the signs."""

KINDS = ("written digit", "printed digit", "written sign", "printed sign")

LAYOUT = {"heat": 4, "classes": 21, "geometry": 4, "mask": 4, "kinds": 4, "height": 1, "turns": 4}
"""Channels of the maps, in this order.

A cell is one position of the maps, `STRIDE` pixels wide and high.

- heat: logits that a cell is the centre of an item, one for each of `KINDS`.
- classes: logits of `CLASSES`.
- geometry: log width and log height, in pixels, then the offset of the item's centre from the cell's, right and
  down, in cells.
- mask: logits of ink of a written digit or sign, one for each of the cell's 2x2 parts.
- kinds: logits of paper, written digits, other handwriting and print.
- height: log height of digits, in pixels.
- turns: logits of 0 to 3 quarter turns, clockwise, that bring the writing upright.

Kinds, height and turns are equal within 2x2 cells. Logarithms are natural.
"""


_ENDS = np.cumsum([0, *LAYOUT.values()]).tolist()
CHANNELS: Mapping[str, slice] = MappingProxyType(
    {name: slice(*each) for name, each in zip(LAYOUT, pairwise(_ENDS), strict=True)}
)
N_CHANNELS = sum(LAYOUT.values())

MOST = 2000
"""Peaks of one picture that are decoded, the highest first; noise can have any number of low ones."""

OVERLAP = 0.45
"""Two boxes with a higher intersection over union are one item; the more probable box stays."""


@dataclass(frozen=True, eq=False)
class Detections:
    """Boxes in a picture.

    Attributes:
        boxes: float32 (K, 4), left, top, right and bottom in pixels.
        scores: float32 (K,), the probability of an item, the highest first.
        kinds: int64 (K,), into `KINDS`.
        chances: float32 (K, 4), the probability of each of `KINDS` at the centre or beside it.
        log_probabilities: float32 (K, 21), of each digit, given that it is a digit, and of each sign, given that
            it is a sign.
        around: float32 (K, 4), log-probabilities of paper, written digits, other handwriting and print around it.
    """

    boxes: Float32
    scores: Float32
    kinds: Int
    chances: Float32
    log_probabilities: Float32
    around: Float32

    def __len__(self) -> int:
        return len(self.scores)

    def __getitem__(self, index: NDArray[np.generic]) -> "Detections":
        """Return the detections that `index` selects."""
        return Detections(*(getattr(self, each.name)[index] for each in fields(self)))

    @property
    def certainty(self) -> float:
        """How much speaks for handwritten digits that are read rightly, with such digits around them.

        Each counts by how much likelier it is one than not.
        """
        told = np.exp(self.log_probabilities[:, :10].max(axis=1) + self.around[:, 1])
        return float((np.maximum(2 * self.chances[:, 0] - 1, 0) * told).sum())

    def of_either_kind(self) -> "Detections":
        """Return the detections with the chances of written and of printed items added up, for digits and signs.

        An item is written or printed, whichever was the more probable.
        """
        both = np.minimum(self.chances.reshape(-1, 2, 2).sum(axis=2), 1)
        first = 2 * both.argmax(axis=1)
        rows = np.arange(len(self))
        kinds = first + (self.chances[rows, first + 1] > self.chances[rows, first])
        order = np.argsort(-both.max(axis=1), kind="stable")
        return replace(self, scores=both.max(axis=1), kinds=kinds, chances=np.repeat(both, 2, axis=1))[order]

    @property
    def labels(self) -> Int:
        """The most probable classes, int64 (K,), into `CLASSES`."""
        digits, signs = self.log_probabilities[:, :10], self.log_probabilities[:, 10:]
        return np.asarray(np.where(self.kinds < 2, digits.argmax(axis=1), 10 + signs.argmax(axis=1)), np.int64)


def decode(maps: Float32, threshold: float) -> Detections:
    """Return the items at the peaks of `maps`, float32 (42, h, w), that are more probable than `threshold`."""
    heat = expit(maps[CHANNELS["heat"]])
    best = heat.max(axis=0)
    rows, columns = np.nonzero((best == ndimage.maximum_filter(best, 3)) & (best > threshold))
    order = np.argsort(-best[rows, columns], kind="stable")[:MOST]
    rows, columns = rows[order], columns[order]
    at_peaks = maps[:, rows, columns]
    width, height, right, down = at_peaks[CHANNELS["geometry"]]
    x, y = (STRIDE * (place + 0.5 + shift) for place, shift in ((columns, right), (rows, down)))
    half = np.exp(np.clip([width, height], 0, 7)) / 2
    boxes = np.stack([x - half[0], y - half[1], x + half[0], y + half[1]], axis=1).astype(np.float32)
    kinds = heat[:, rows, columns].argmax(axis=0)
    classes = log_softmax(at_peaks[CHANNELS["classes"]].T, axis=1)
    given = np.hstack([log_softmax(part, axis=1) for part in (classes[:, :10], classes[:, 10:])])
    beside = np.stack([ndimage.maximum_filter(each, 3)[rows, columns] for each in maps[CHANNELS["heat"]]])
    chances = expit(beside.T)
    around = log_softmax(at_peaks[CHANNELS["kinds"]].T, axis=1)
    found = Detections(boxes, best[rows, columns], kinds, chances, given, around)
    return found[without_doubles(found.boxes)]


def without_doubles(boxes: Float32, overlap: float = OVERLAP) -> Int:
    """Return the rows of `boxes` (K, 4) that stay, the best first.

    A box stays if no better one that stays overlaps it more than `overlap` (Neubeck and Van Gool 2006).
    """
    shared = intersection_over_union(boxes, boxes) > overlap
    kept = np.ones(len(boxes), bool)
    for row in range(len(boxes)):
        if kept[row]:
            kept[row + 1 :] &= ~shared[row, row + 1 :]
    return np.flatnonzero(kept)


def intersection_over_union(first: NDArray[np.floating], second: NDArray[np.floating]) -> Float32:
    """Return float32 (K, L) for boxes (K, 4) and (L, 4), each left, top, right and bottom."""
    low = np.maximum(first[:, None, :2], second[None, :, :2])
    high = np.minimum(first[:, None, 2:], second[None, :, 2:])
    shared = np.prod(np.clip(high - low, 0, None), axis=2)
    areas = [np.prod(boxes[:, 2:] - boxes[:, :2], axis=1) for boxes in (first, second)]
    return np.asarray(shared / np.maximum(areas[0][:, None] + areas[1][None] - shared, 1e-9), dtype=np.float32)


def matched(found: NDArray[np.floating], true: NDArray[np.floating], overlap: float = 0.5) -> Int:
    """Return the row of the true box for each found box, or -1: int64 (K,). The best found box comes first.

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
