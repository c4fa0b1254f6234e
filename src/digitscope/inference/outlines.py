"""Whether ink ends where the picture says so: what a closing takes for ink at the edge of a panel does not."""

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
