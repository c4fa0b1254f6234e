"""Connected pieces of ink, and how high digits are: on a page, and around each piece of it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from digitscope.inference.ink import EVEN_SIDE, weighted_quantile
from digitscope.inference.morphology import extent

Float32 = NDArray[np.float32]
Int32 = NDArray[np.int32]
Int = NDArray[np.intp]

SMALLEST, SMALLEST_DIGIT = 6, 7
"""Pixels of height or width below which ink is a speck, and of height below which it is no digit by itself."""

MARGIN = 0.03
"""Share of the picture's shorter side within which, along the rim, strips are what is left of a sheet's edge."""

STRIP = 3
"""Times as long as wide that a strip is."""

SLENDEREST = 30
"""Times as long as wide that a 1 at the rim may be; what is longer is a line."""

FAINTEST = 0.6
"""Share of the usual contrast below which ink has come through from the other side, or is a rule or a stain."""

RIM_SHARE = 0.02
"""Share of the ink that lies off the picture's rim, unless a digit fills the picture."""

LOWEST, HIGHEST = 0.6, 1.4
"""Of the page's usual height, between which a piece is a digit of the usual height or a part of one."""

LOWEST_ALONE, WIDEST_ALONE = 0.25, 1.4
"""Of the page's usual height and of its own, what stands alone and may still be a digit; dirt is lower."""


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

    def moved(self, x: int, y: int) -> "Blob":
        """Return it as it lies on a page of which its own begins at column `x` and row `y`."""
        return replace(self, left=self.left + x, top=self.top + y, right=self.right + x, bottom=self.bottom + y)


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


def pieces_of(labels: Int32, n: int, strength: Float32) -> list[Blob]:
    """Return the pieces that `labels` numbers from 1 to `n`, as blobs of one piece each, without specks."""
    inked = extent(labels > 0)
    numbers = labels[inked]
    areas = np.bincount(numbers.ravel(), minlength=n + 1)
    sums = np.bincount(numbers.ravel(), weights=strength[inked].ravel(), minlength=n + 1)
    large = np.flatnonzero(areas[1:] >= SMALLEST) + 1
    places = ndimage.find_objects(numbers)
    top, left = (side.start for side in inked)
    return [
        Blob(
            left + columns.start,
            top + rows.start,
            left + columns.stop,
            top + rows.stop,
            int(areas[number]),
            sums[number] / areas[number],
            (int(number),),
        )
        for number in large
        for rows, columns in [places[number - 1]]
        if max(rows.stop - rows.start, columns.stop - columns.start) >= SMALLEST
    ]


def is_at_rim(piece: Blob, shape: tuple[int, ...]) -> bool:
    """Tell whether a piece reaches the edge of a picture of `shape`."""
    return piece.left == 0 or piece.top == 0 or piece.right == shape[1] or piece.bottom == shape[0]


def without_edges(pieces: list[Blob], labels: Int32) -> list[Blob]:
    """Return the pieces that are no edge of a sheet, nothing beside it, and no line that runs off the picture."""
    if max(labels.shape) <= EVEN_SIDE:
        return pieces
    return [
        piece for piece in pieces if not (_is_in_margin(piece, labels.shape) or _lies_along_rim(piece, labels))
    ]


def _is_in_margin(piece: Blob, shape: tuple[int, ...]) -> bool:
    """Tell whether a piece is a strip in the margin of a picture of `shape`, left of a sheet's edge."""
    across = min(piece.right, shape[1] - piece.left) <= MARGIN * min(shape)
    down = min(piece.bottom, shape[0] - piece.top) <= MARGIN * min(shape)
    return (across and piece.height > STRIP * piece.width) or (down and piece.width > STRIP * piece.height)


def _lies_along_rim(piece: Blob, labels: Int32) -> bool:
    """Tell whether a piece lies along the rim on two sides, or on one as a strip, or is a line from there."""
    if not is_at_rim(piece, labels.shape):
        return False
    rows, columns = slice(piece.top, piece.bottom), slice(piece.left, piece.right)
    upright = max(np.isin(labels[rows, side], piece.pieces).mean() for side in (0, -1))
    level = max(np.isin(labels[side, columns], piece.pieces).mean() for side in (0, -1))
    is_upright_strip = upright >= 0.5 and piece.height > STRIP * piece.width
    is_level_strip = level >= 0.5 and piece.width > STRIP * piece.height
    is_line = max(piece.width, piece.height) > SLENDEREST * min(piece.width, piece.height)
    return bool(is_upright_strip or is_level_strip or is_line or min(upright, level) >= 0.8)


def off_the_rim(pieces: list[Blob], shape: tuple[int, ...]) -> list[Blob]:
    """Return the pieces inside, which a table around the page does not reach; all, if they are next to nothing.

    A picture so small that it is one digit cut out has no table around it, and specks beside the digit.
    """
    if max(shape) <= EVEN_SIDE:
        return pieces
    inside = [piece for piece in pieces if not is_at_rim(piece, shape)]
    enough = RIM_SHARE * sum(piece.area for piece in pieces)
    return inside if sum(piece.area for piece in inside) >= enough else pieces


def of_strong_ink(pieces: list[Blob]) -> list[Blob]:
    """Return the pieces whose contrast is not far below that of most ink."""
    if not pieces:
        return []
    contrasts = np.array([piece.contrast for piece in pieces])
    weights = np.array([min(piece.area, 4000) ** 0.5 for piece in pieces]) * contrasts
    usual = weighted_quantile(contrasts, weights, 0.6)
    return [piece for piece in pieces if piece.contrast >= FAINTEST * usual]


def usual_height(pieces: Sequence[Blob]) -> float:
    """Return the height of most of the ink's pieces, each weighing as its area does; 0 if there are none."""
    if not pieces:
        return 0.0
    tall = np.array([piece.height for piece in pieces])
    return weighted_quantile(tall, np.array([piece.area**0.5 for piece in pieces]), 0.5)


def heights_around(pieces: Sequence[Blob], height: float) -> list[float]:
    """Return how high digits are where each piece lies: as others in its line are, if it is much lower or higher.

    What has no others in its line, and none in its box, is a digit of its own height; `height` is the page's.
    """
    boxes = np.array([[piece.left, piece.top, piece.right, piece.bottom] for piece in pieces]).reshape(-1, 4)
    weights = np.array([piece.area**0.5 for piece in pieces])
    return [
        height
        if LOWEST * height <= piece.height <= HIGHEST * height
        else _height_beside(piece, boxes, weights, height)
        for piece in pieces
    ]


def _height_beside(piece: Blob, boxes: Int, weights: NDArray[np.float64], height: float) -> float:
    """Return the height of digits around a piece that does not have the page's usual `height`."""
    is_other = (boxes != [piece.left, piece.top, piece.right, piece.bottom]).any(axis=1)
    others, weights = boxes[is_other], weights[is_other]
    _, y = piece.middle
    high = others[:, 3] - others[:, 1]
    away = np.maximum(others[:, 0] - piece.right, piece.left - others[:, 2])
    beside = (away <= 2 * high) & (np.abs((others[:, 1] + others[:, 3]) / 2 - y) <= 0.8 * high)
    if beside.any():
        return weighted_quantile(high[beside], weights[beside], 0.5)
    middles = (others[:, :2] + others[:, 2:]) / 2
    holds = ((middles >= [piece.left, piece.top]) & (middles <= [piece.right, piece.bottom])).all(axis=1).any()
    is_digit = piece.height >= LOWEST_ALONE * height and piece.width <= WIDEST_ALONE * piece.height and not holds
    return float(piece.height) if is_digit else height
