"""Connected pieces of ink, without those that cannot be digits, and with those together that make one."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from digitscope.inference.ink import EVEN_SIDE, Ink, weighted_quantile

Float32 = NDArray[np.float32]
Int32 = NDArray[np.int32]
Int = NDArray[np.intp]
Mask = NDArray[np.bool_]

SMALLEST = 6
"""Pixels of height or width below which nothing is read."""

FAINTEST = 0.6
"""Share of the usual contrast below which ink has come through from the other side, or is a rule or a stain."""

FINEST = 0.25
"""Share of the usual width of strokes below which a line is none."""

LEAST_HOLE = 0.02
"""Share of its own area that a piece's hole has at least; specks of noise are less."""

RIM_SHARE = 0.02
"""Share of the ink that lies off the picture's rim, unless a digit fills the picture."""


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
        pieces: the numbers of its connected pieces in `SegmentedPage.labels`.
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
        edged = np.asarray(ndimage.binary_dilation(own))
        return np.where(edged, np.clip(strength / max(full, 1e-6), 0, 1), 0).astype(np.float32)


def find_blobs(ink: Ink) -> SegmentedPage:
    """Return the pieces of `ink` that may be digits."""
    labels, n = ndimage.label(ink.mask, np.ones((3, 3)))
    pieces = _of_strong_ink(_pieces(labels, n, ink.strength))
    shape = labels.shape
    height = usual_height(_off_the_rim(pieces, shape))
    likely = [
        piece for piece in pieces if _may_be_digit(piece, height, ink.stroke, labels, alone=len(pieces) == 1)
    ]
    blobs = [joined(likely)] if _is_one_digit(likely, shape) else _grouped(likely, height)
    return SegmentedPage(ink, labels, tuple(blobs), height)


def _is_one_digit(pieces: list[Blob], shape: tuple[int, ...]) -> bool:
    """Tell whether all the pieces of a small picture are one digit, whose strokes may have come apart."""
    if not pieces or max(shape) > EVEN_SIDE:
        return False
    whole = joined(pieces)
    return whole.width <= whole.height


def _pieces(labels: Int32, n: int, strength: Float32) -> list[Blob]:
    is_ink = labels > 0
    areas = np.bincount(labels[is_ink], minlength=n + 1)
    sums = np.bincount(labels[is_ink], weights=strength[is_ink], minlength=n + 1)
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


def _is_at_rim(piece: Blob, shape: tuple[int, ...]) -> bool:
    return piece.left == 0 or piece.top == 0 or piece.right == shape[1] or piece.bottom == shape[0]


def _off_the_rim(pieces: list[Blob], shape: tuple[int, ...]) -> list[Blob]:
    """Return the pieces inside, which a table around the page does not reach; all, if they are next to nothing."""
    inside = [piece for piece in pieces if not _is_at_rim(piece, shape)]
    enough = RIM_SHARE * sum(piece.area for piece in pieces)
    return inside if sum(piece.area for piece in inside) >= enough else pieces


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


def _may_be_digit(piece: Blob, height: float, stroke: float, labels: Int32, *, alone: bool) -> bool:
    """Tell whether a piece may be a digit or a part of one, by its size and by where it lies."""
    if alone:
        return max(piece.width, piece.height) >= SMALLEST
    longer, shorter = max(piece.width, piece.height), min(piece.width, piece.height)
    at_rim = _is_at_rim(piece, labels.shape)
    if longer > 2.2 * height and (at_rim or shorter > 2.2 * height or shorter < 0.4 * height):
        return False  # a page's edge, a frame, a rule
    if longer < 1.6 * shorter and piece.area > 0.74 * longer * shorter and _is_solid(piece, labels):
        return False  # a punch hole, a dot: a disk fills 0.79 of its box
    if piece.area < FINEST * stroke * longer:
        return False  # a hair, what is left of a rule
    return longer >= max(0.12 * height, 3) and piece.area >= 0.004 * height * height


def _is_solid(piece: Blob, labels: Int32) -> bool:
    """Tell whether a piece encloses no paper, as the boldest 0 does."""
    own = np.isin(labels[piece.top : piece.bottom, piece.left : piece.right], piece.pieces)
    return int(ndimage.binary_fill_holes(own).sum()) < (1 + LEAST_HOLE) * piece.area


def _grouped(pieces: list[Blob], height: float) -> list[Blob]:
    """Return blobs of the pieces that lie so close that they are strokes of one digit.

    From the smallest piece on, each is joined to the nearest larger one that it belongs to, if there is one.
    """
    blobs = sorted(pieces, key=lambda piece: piece.area)
    boxes = np.array([[blob.left, blob.top, blob.right, blob.bottom] for blob in blobs]).reshape(-1, 4)
    whole: list[Blob] = []
    for number, small in enumerate(blobs):
        larger = boxes[number + 1 :]
        near = np.flatnonzero(_belong_together(boxes[number], larger, height))
        if len(near):
            host = number + 1 + near[np.argmin(_distance(boxes[number], larger[near]))]
            blobs[host] = joined([blobs[host], small])
            boxes[host] = blobs[host].left, blobs[host].top, blobs[host].right, blobs[host].bottom
        else:
            whole.append(small)
    return [blob for blob in whole if blob.height >= max(0.4 * height, SMALLEST)]


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
