"""Connected pieces of ink, without those that cannot be digits, and with those together that make one."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from digitscope.inference.ink import EVEN_SIDE, Ink, UInt8
from digitscope.inference.morphology import dilated, extent
from digitscope.inference.outlines import has_outline, is_filled
from digitscope.inference.pieces import (
    LOWEST,
    SMALLEST_DIGIT,
    Blob,
    heights_around,
    is_at_rim,
    joined,
    of_strong_ink,
    off_the_rim,
    pieces_of,
    usual_height,
    without_edges,
)

Float32 = NDArray[np.float32]
Int32 = NDArray[np.int32]
Int = NDArray[np.intp]
Mask = NDArray[np.bool_]

MOST_PIECES, UNEQUAL = 20, 0.3
"""Of ink in a small picture, and the usual area of noise as a share of the largest; digits in a row have half."""

ROUND = 1.6
"""Times as long as wide that a disk is at most."""

FINEST = 0.25
"""Share of the usual width of strokes below which a line is none."""


@dataclass(frozen=True, eq=False)
class SegmentedPage:
    """A page's ink in pieces.

    Attributes:
        ink: where the ink is.
        labels: int32 (H, W), the number of the piece that a pixel belongs to, 0 for paper.
        blobs: what may be digits, in no order.
        height: the usual height of a digit, in pixels; 0 if there is none.
    """

    ink: Ink
    labels: Int32
    blobs: tuple[Blob, ...]
    height: float

    def cut_out(self, blob: Blob) -> Float32:
        """Return the ink of `blob` alone, float32 (height, width), from 0 for paper to 1.

        One pixel around its pieces is taken as well, as far as it lies in the box: the edges of strokes are grey.
        """
        window = slice(blob.top, blob.bottom), slice(blob.left, blob.right)
        own = np.isin(self.labels[window], blob.pieces)
        strength = self.ink.strength[window]
        full = float(np.quantile(strength[own], 0.75))
        edged = dilated(own, 1, 0) | dilated(own, 0, 1)
        return np.where(edged, np.minimum(strength / max(full, 1e-6), 1), np.float32(0))


def find_blobs(ink: Ink) -> SegmentedPage:
    """Return the pieces of `ink` that may be digits."""
    labels = np.zeros(ink.mask.shape, np.int32)
    inked = extent(ink.mask)
    n = ndimage.label(ink.mask[inked], np.ones((3, 3)), output=labels[inked])
    shape = labels.shape
    pieces = [] if _is_noise(labels, n) else pieces_of(labels, n, ink.strength)
    pieces = without_edges(of_strong_ink(pieces), labels)
    height = usual_height(off_the_rim(pieces, shape))
    if len(pieces) > 1:
        around = heights_around(pieces, height)
        pieces = [
            piece
            for piece, its_height in zip(pieces, around, strict=True)
            if _may_be_digit(piece, its_height, height, ink.stroke, labels)
            and (piece.height >= LOWEST * height or has_outline(piece, labels, ink.gray))
            and not _is_disk(piece, labels, ink.gray)
        ]
    blobs = [joined(pieces)] if _is_one_digit(pieces, shape) else _grouped(pieces, height)
    return SegmentedPage(ink, labels, tuple(blobs), height)


def _is_noise(labels: Int32, n: int) -> bool:
    """Tell whether the `n` pieces of a small picture are no ink: they are many, and far from equally large."""
    if max(labels.shape) > EVEN_SIDE or n <= MOST_PIECES:
        return False
    areas = np.bincount(labels.ravel())[1:]
    return bool(np.median(areas) < UNEQUAL * areas.max())


def _is_one_digit(pieces: list[Blob], shape: tuple[int, ...]) -> bool:
    """Tell whether all the pieces of a small picture are one digit, whose strokes may have come apart."""
    if not pieces or max(shape) > EVEN_SIDE:
        return False
    whole = joined(pieces)
    return whole.width <= whole.height


def _may_be_digit(piece: Blob, around: float, height: float, stroke: float, labels: Int32) -> bool:
    """Tell whether a piece may be a digit or a part of one, by its size and by where it lies.

    `around` is the height of digits around it, `height` that of the page's.
    """
    longer, shorter = max(piece.width, piece.height), min(piece.width, piece.height)
    if longer > 2.2 * height and is_at_rim(piece, labels.shape):
        return False  # a page's edge
    if longer > 2.2 * around and (shorter > 2.2 * around or shorter < 0.4 * around):
        return False  # a frame, a rule
    if piece.area < FINEST * stroke * min(1.0, around / height) * longer:
        return False  # a hair, what is left of a rule
    return longer >= max(0.12 * around, 3) and piece.area >= 0.004 * around * around


def _is_disk(piece: Blob, labels: Int32, gray: UInt8) -> bool:
    """Tell whether a piece is a punch hole, a dot or the like."""
    is_round = max(piece.width, piece.height) < ROUND * min(piece.width, piece.height)
    return is_round and is_filled(piece, labels, gray)


def _grouped(pieces: list[Blob], height: float) -> list[Blob]:
    """Return blobs of the pieces that lie so close that they are strokes of one digit.

    From the smallest piece on, each is joined to the nearest larger one that it belongs to, if there is one.
    """
    blobs = sorted(pieces, key=lambda piece: piece.area)
    around = heights_around(blobs, height)
    boxes = np.array([[blob.left, blob.top, blob.right, blob.bottom] for blob in blobs]).reshape(-1, 4)
    whole: list[Blob] = []
    for number, small in enumerate(blobs):
        larger = boxes[number + 1 :]
        near = np.flatnonzero(_belong_together(boxes[number], larger, around[number]))
        if len(near):
            host = number + 1 + near[np.argmin(_distance(boxes[number], larger[near]))]
            blobs[host] = joined([blobs[host], small])
            boxes[host] = blobs[host].left, blobs[host].top, blobs[host].right, blobs[host].bottom
        elif small.height >= max(0.4 * around[number], SMALLEST_DIGIT):
            whole.append(small)
    return whole


def _overlaps(box: Int, others: Int) -> tuple[Int, Int]:
    """Return how far `box` (4,) and each of `others` (N, 4) overlap along x and y; negative is a gap."""
    shared = np.minimum(box[2:], others[:, 2:]) - np.maximum(box[:2], others[:, :2])
    return shared[:, 0], shared[:, 1]


def _distance(box: Int, others: Int) -> Int:
    """Return the larger gap of two boxes, along x or y; negative where they overlap."""
    across, down = _overlaps(box, others)
    return -np.minimum(across, down)


def _belong_together(box: Int, others: Int, height: float) -> Mask:
    """Tell for each of `others`, boxes (N, 4), whether the smaller `box` is another stroke of the same digit.

    It lies in it, or hardly farther than a stroke is wide above, below or, if it is low, beside it. A bar at the
    top may reach farther to the side: that of a 5.
    """
    across, down = _overlaps(box, others)
    wide, high = box[2] - box[0], box[3] - box[1]
    size = np.maximum(box[2:], others[:, 2:]) - np.minimum(box[:2], others[:, :2])
    own = others[:, 2:] - others[:, :2]
    fits = (size[:, 1] <= np.maximum(1.45 * height, own[:, 1])) & (
        size[:, 0] <= np.maximum(1.3 * height, own[:, 0])
    )
    inside = (across >= 0.5 * wide) & (down >= 0.5 * high)
    above = (across >= 0.4 * wide) & (down > -0.25 * height) & (high < 0.75 * height)
    topmost = box[3] <= others[:, 1] + 0.35 * own[:, 1]
    bar_of_5 = topmost & (across > -0.1 * height) & (down > -0.25 * height) & (high < 0.35 * height)
    beside = (down >= 0.6 * high) & (across > -0.08 * height) & (high < 0.45 * height)
    return np.asarray(fits & (inside | above | bar_of_5 | beside))
