"""Ruled and squared paper: lines that run on for longer than any stroke, taken out where no digit crosses them."""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Mask = NDArray[np.bool_]

LEAST_SHARE = 0.2
"""Of the picture's width or height that a rule runs along at least."""

LEAST_STROKES = 25.0
"""Widths of a stroke that a rule is long at least: the bar of a thinly written 7 has fifteen."""

SLACK = 2
"""Rows that a rule is made thicker by on both sides before its runs are measured: one that slants stays whole."""

STEEPEST = 0.12
"""Rows that a rule rises or falls a column: 7 degrees."""


def without_rules(mask: Mask, stroke: float) -> Mask:
    """Return `mask`, bool (H, W), without horizontal and vertical rules; `stroke` is the width of strokes."""
    across = _rules(mask, stroke)
    down = _rules(mask.T, stroke).T
    return mask & ~across & ~down


def _rules(mask: Mask, stroke: float) -> Mask:
    """Return the pixels of horizontal rules.

    They lie in thin columns of ink, and these in rows that hang together for a long way, the gaps bridged where a
    digit crosses.
    """
    least = max(LEAST_SHARE * mask.shape[1], LEAST_STROKES * stroke)
    if not _has_long_piece(mask, least):
        return np.zeros(mask.shape, bool)
    thickest = max(2, round(0.8 * stroke))
    thick = ndimage.binary_opening(mask, np.ones((thickest + 1, 1)))
    thin = mask & ~thick
    runs = _long_runs(thin, bridge=round(3 * stroke), least=round(5 * stroke))
    labels, n = ndimage.label(runs, np.ones((3, 3)))
    straight = np.zeros(n + 1, bool)
    for number, (rows, columns) in enumerate(ndimage.find_objects(labels), start=1):
        length, height = columns.stop - columns.start, rows.stop - rows.start
        straight[number] = length >= least and height <= 2 * thickest + STEEPEST * length
    return np.asarray(thin & straight[labels])


def _long_runs(thin: Mask, *, bridge: int, least: int) -> Mask:
    """Return the rows of `thin`, made thicker so that slanting lines stay whole, where they run on for `least`."""
    thicker = ndimage.maximum_filter1d(thin.astype(np.uint8), 2 * SLACK + 1, axis=0)
    closed = ndimage.minimum_filter1d(ndimage.maximum_filter1d(thicker, bridge, axis=1), bridge, axis=1)
    opened = ndimage.maximum_filter1d(ndimage.minimum_filter1d(closed, least, axis=1), least, axis=1)
    return np.asarray(opened > 0)


def _has_long_piece(mask: Mask, least: float) -> bool:
    labels, _ = ndimage.label(mask, np.ones((3, 3)))
    return any(columns.stop - columns.start >= least for _, columns in ndimage.find_objects(labels))
