"""Whether ink ends where the picture says so.

What a closing takes for ink at the edge of a panel does not, nor does the rim of a disk wider than its window.
"""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from digitscope.inference.pieces import Blob

UInt8 = NDArray[np.uint8]
Int32 = NDArray[np.int32]

EDGE = 2
"""Pixels over which a stroke's edge fades into paper."""

AS_DIFFERENT = 0.4
"""Share of the full difference between ink and paper from which a pixel is paper."""

LEAST_OUTLINE = 0.6
"""Share of a piece's surrounding that is paper; the rest may be other strokes."""

AS_DARK = 0.2
"""Share of that difference up to which a pixel is as dark as the ink."""

LEAST_FILLED = 0.74
"""Share of its box that a disk has: 0.79, less its edge."""

LEAST_HOLE = 0.02
"""Share of its own area that a piece's hole has at least; specks of noise are less."""


def has_outline(piece: Blob, labels: Int32, gray: UInt8) -> bool:
    """Tell whether `gray` (H, W) changes around a piece of ink, whose number `labels` (H, W) has."""
    top, left = max(0, piece.top - EDGE - 1), max(0, piece.left - EDGE - 1)
    window = slice(top, piece.bottom + EDGE + 1), slice(left, piece.right + EDGE + 1)
    own = np.isin(labels[window], piece.pieces)
    edge = ndimage.binary_dilation(own, iterations=EDGE)
    around = ndimage.binary_dilation(edge) & ~edge
    if not around.any():
        return True  # it fills the picture
    levels = gray[window].astype(np.int16)
    differences = np.abs(levels[around] - np.median(levels[own]))
    return bool((differences >= AS_DIFFERENT * np.quantile(differences, 0.9)).mean() >= LEAST_OUTLINE)


def is_filled(piece: Blob, labels: Int32, gray: UInt8) -> bool:
    """Tell whether three quarters of a piece's box are as dark, or light, as its ink, without a hole in them."""
    box = slice(piece.top, piece.bottom), slice(piece.left, piece.right)
    own, levels = np.isin(labels[box], piece.pieces), gray[box].astype(np.int16)
    differences = np.abs(levels - np.median(levels[own]))
    as_ink = own | (differences < AS_DARK * differences.max())
    if as_ink.mean() < LEAST_FILLED:
        return False
    return bool(ndimage.binary_fill_holes(as_ink).sum() < (1 + LEAST_HOLE) * as_ink.sum())
