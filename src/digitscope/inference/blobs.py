"""Connected pieces of ink, without those that cannot be digits, and with those together that make one."""

from collections.abc import Iterable
from dataclasses import dataclass
from heapq import heappop, heappush

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from digitscope.inference.ink import Ink, weighted_quantile

Float32 = NDArray[np.float32]
Int32 = NDArray[np.int32]

SMALLEST = 6
"""Pixels of height or width below which nothing is read."""

FAINTEST = 0.6
"""Share of the usual contrast below which ink has come through from the other side, or is a rule or a stain."""

FINEST = 0.25
"""Share of the usual width of strokes below which a line is none."""


@dataclass(frozen=True, eq=False)
class Blob:
    """Ink that belongs together.

    Attributes:
        left: of its box, in pixels of the picture that was worked on; so are the next five.
        top: of its box.
        right: the first column beyond it.
        bottom: the first row beyond it.
        area: pixels of ink.
        contrast: their mean contrast to the paper, 0 to 1.
        pieces: the numbers of its connected pieces in `Page.labels`.
    """

    left: int
    top: int
    right: int
    bottom: int
    area: int
    contrast: float
    pieces: tuple[int, ...]

    @property
    def width(self) -> int:
        """Columns of the box."""
        return self.right - self.left

    @property
    def height(self) -> int:
        """Rows of the box."""
        return self.bottom - self.top

    @property
    def middle(self) -> tuple[float, float]:
        """Of the box: x, y."""
        return (self.left + self.right) / 2, (self.top + self.bottom) / 2


def joined(blobs: Iterable[Blob]) -> Blob:
    """Return several blobs as one."""
    blobs = list(blobs)
    area = sum(blob.area for blob in blobs)
    return Blob(
        min(blob.left for blob in blobs),
        min(blob.top for blob in blobs),
        max(blob.right for blob in blobs),
        max(blob.bottom for blob in blobs),
        area,
        sum(blob.area * blob.contrast for blob in blobs) / area,
        tuple(piece for blob in blobs for piece in blob.pieces),
    )


@dataclass(frozen=True, eq=False)
class Page:
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
        edged = np.asarray(ndimage.binary_dilation(own))
        return np.where(edged, np.clip(strength / max(full, 1e-6), 0, 1), 0).astype(np.float32)


def find_blobs(ink: Ink) -> Page:
    """Return the pieces of `ink` that may be digits."""
    labels, n = ndimage.label(ink.mask, np.ones((3, 3)))
    pieces = _of_strong_ink(_pieces(labels, n, ink.strength))
    height = usual_height(pieces)
    shape = labels.shape
    likely = [piece for piece in pieces if _may_be_digit(piece, height, ink.stroke, shape, alone=len(pieces) == 1)]
    return Page(ink, labels, tuple(_grouped(likely, height)), height)


def _pieces(labels: Int32, n: int, strength: Float32) -> list[Blob]:
    areas = np.bincount(labels.ravel(), minlength=n + 1)
    sums = np.bincount(labels.ravel(), weights=strength.ravel(), minlength=n + 1)
    large = np.flatnonzero(areas[1:] >= SMALLEST) + 1
    places = ndimage.find_objects(labels)
    return [
        Blob(
            columns.start,
            rows.start,
            columns.stop,
            rows.stop,
            int(areas[number]),
            sums[number] / areas[number],
            (int(number),),
        )
        for number in large
        for rows, columns in [places[number - 1]]
    ]


def _of_strong_ink(pieces: list[Blob]) -> list[Blob]:
    """Return the pieces whose contrast is not far below that of most ink."""
    if not pieces:
        return []
    contrasts = np.array([piece.contrast for piece in pieces])
    weights = np.array([min(piece.area, 4000) ** 0.5 for piece in pieces]) * contrasts
    usual = weighted_quantile(contrasts, weights, 0.6)
    return [piece for piece in pieces if piece.contrast >= FAINTEST * usual]


def usual_height(pieces: Iterable[Blob]) -> float:
    """Return the height of most of the ink's pieces, each weighing as its area does; 0 if there are none."""
    pieces = [piece for piece in pieces if max(piece.height, piece.width) >= SMALLEST]
    if not pieces:
        return 0.0
    tall = np.array([piece.height for piece in pieces])
    return weighted_quantile(tall, np.array([piece.area**0.5 for piece in pieces]), 0.5)


def _may_be_digit(piece: Blob, height: float, stroke: float, shape: tuple[int, ...], *, alone: bool) -> bool:
    """Tell whether a piece may be a digit or a part of one, by its size and by where it lies."""
    if alone:
        return max(piece.width, piece.height) >= SMALLEST
    longer, shorter = max(piece.width, piece.height), min(piece.width, piece.height)
    at_rim = piece.left == 0 or piece.top == 0 or piece.right == shape[1] or piece.bottom == shape[0]
    if longer > 2.2 * height and (at_rim or shorter > 2.2 * height or shorter < 0.4 * height):
        return False  # a page's edge, a frame, a rule
    if longer < 1.6 * shorter and piece.area > 0.74 * longer * shorter:
        return False  # a punch hole, a dot: a disk fills 0.79 of its box
    if piece.area < FINEST * stroke * longer:
        return False  # a hair, what is left of a rule
    return longer >= max(0.12 * height, 3) and piece.area >= 0.004 * height * height


def _grouped(pieces: list[Blob], height: float) -> list[Blob]:
    """Return blobs of the pieces that lie so close that they are strokes of one digit.

    The smaller one of two is joined to the larger one if it lies above, below or in it and hardly farther away
    than a stroke is wide.
    """
    blobs = dict(enumerate(sorted(pieces, key=lambda piece: piece.area)))
    boxes = np.array([_box(blob) for blob in blobs.values()]).reshape(-1, 4)
    queue = [(blob.area, number) for number, blob in blobs.items()]
    done: list[Blob] = []
    while queue:
        area, number = heappop(queue)
        if number not in blobs or blobs[number].area != area:
            continue  # it was joined to another one, or has grown since
        small = blobs.pop(number)
        near = [
            other
            for other in _around(small, boxes, 0.25 * height)
            if other in blobs and _belong_together(small, blobs[other], height)
        ]
        if near:
            host = min(near, key=lambda other: (_distance(small, blobs[other]), blobs[other].area))
            blobs[host] = joined([blobs[host], small])
            boxes[host] = _box(blobs[host])
            heappush(queue, (blobs[host].area, host))
        else:
            done.append(small)
    return [blob for blob in done if blob.height >= max(0.4 * height, SMALLEST)]


def _box(blob: Blob) -> tuple[int, int, int, int]:
    return blob.left, blob.top, blob.right, blob.bottom


def _around(blob: Blob, boxes: NDArray[np.int64], reach: float) -> list[int]:
    """Return which of the `boxes`, (N, 4), are less than `reach` away: a page of noise has thousands."""
    across = np.minimum(boxes[:, 2], blob.right) - np.maximum(boxes[:, 0], blob.left)
    down = np.minimum(boxes[:, 3], blob.bottom) - np.maximum(boxes[:, 1], blob.top)
    return [int(number) for number in np.flatnonzero((across > -reach) & (down > -reach))]


def _overlap(start: int, end: int, other_start: int, other_end: int) -> int:
    """Return the length that two intervals share; negative is the gap between them."""
    return min(end, other_end) - max(start, other_start)


def _distance(one: Blob, other: Blob) -> int:
    """Return the larger gap between two boxes, along x or y; negative where they overlap."""
    across = _overlap(one.left, one.right, other.left, other.right)
    down = _overlap(one.top, one.bottom, other.top, other.bottom)
    return -min(across, down)


def _belong_together(small: Blob, other: Blob, height: float) -> bool:
    across = _overlap(small.left, small.right, other.left, other.right)
    down = _overlap(small.top, small.bottom, other.top, other.bottom)
    whole = joined([small, other])
    if whole.height > max(1.45 * height, other.height) or whole.width > max(1.3 * height, other.width):
        return False
    inside = across >= 0.5 * small.width and down >= 0.5 * small.height
    above = across >= 0.4 * small.width and down > -0.25 * height and small.height < 0.75 * height
    beside = down >= 0.6 * small.height and across > -0.08 * height and small.height < 0.45 * height
    return inside or above or beside
