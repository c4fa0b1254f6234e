"""Ruled and squared paper: lines that are straight and finer than any stroke, or run on for longer than one.

They are taken out where no digit crosses them.
"""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from digitscope.inference.frames import without_frames
from digitscope.inference.morphology import closed, dilated, extent, opened

Mask = NDArray[np.bool_]

LEAST_SHARE = 0.2
"""Of the picture's width or height that a rule runs along at least."""

LEAST_STROKES = 25.0
"""Widths of a stroke that a rule is long at least: the bar of a thinly written 7 has fifteen."""

SLACK = 2
"""Rows that a rule is made thicker by on both sides before its runs are measured: one that slants stays whole."""

LEAST_SEEN = 0.5
"""Share of a rule's length that no digit covers: the bars of digits in a line leave more between them."""

STEEPEST, CURVED = 0.12, 0.004
"""Rows that a rule rises or falls a column, 7 degrees, and that it scatters about a straight line: bars of small
digits in a line scatter by a third of their height."""


HAIRLINE = 0.35
"""Width of a hairline, that of a stroke being 1, at most."""

SHORTEST = 10.0
"""Length of a hairline that is taken out, a stroke's width being 1: fine strokes are shorter or slant."""

BRIDGE, BRIDGE_OF_HAIRLINES, RUN = 3.0, 6.0, 5.0
"""Length of a gap in a rule or a hairline where digits cross, and of what runs on in one row; a stroke has 1."""


def without_rules(mask: Mask, stroke: float) -> Mask:
    """Return `mask`, bool (H, W), without horizontal and vertical rules; `stroke` is the width of strokes."""
    height, width = mask.shape
    around = extent(mask, margin=SLACK)  # the paper beyond would only take time
    labels, _ = ndimage.label(mask[around], np.ones((3, 3)))
    places = ndimage.find_objects(labels)
    inked = _without_hairlines(without_frames(mask[around], labels, places, stroke), stroke)
    across = _rules(inked, width, stroke, max((columns.stop - columns.start for _, columns in places), default=0))
    down = _rules(inked.T, height, stroke, max((rows.stop - rows.start for rows, _ in places), default=0)).T
    cleaned = np.zeros_like(mask)
    cleaned[around] = inked & ~across & ~down
    return cleaned


def _without_hairlines(mask: Mask, stroke: float) -> Mask:
    """Return `mask` without what is much finer than a stroke, straight, and horizontal or vertical."""
    width = round(HAIRLINE * stroke)
    if width < 2:
        return mask
    fine = mask & ~dilated(opened(mask, width + 1, width + 1), width // 2, width // 2)
    across = _hairlines(fine, width, stroke)
    down = _hairlines(fine.T, width, stroke).T
    return mask & ~across & ~down


def _hairlines(fine: Mask, width: int, stroke: float) -> Mask:
    """Return the pixels of horizontal lines up to `width` high."""
    low = fine & ~opened(fine, width + 1, 1)
    if not opened(low, 1, round(stroke)).any():  # nearly always, and far faster than to look for lines
        return np.zeros(low.shape, bool)
    return low & _lines(low, SHORTEST * stroke, stroke, bridge=BRIDGE_OF_HAIRLINES, thickest=width)


def _rules(mask: Mask, width: int, stroke: float, longest: int) -> Mask:
    """Return the pixels of horizontal rules in a picture `width` wide; no piece of ink is wider than `longest`.

    They lie in thin columns of ink, and these in rows that hang together for a long way, the gaps bridged where a
    digit crosses.
    """
    least = max(LEAST_SHARE * width, LEAST_STROKES * stroke)
    if longest < least:
        return np.zeros(mask.shape, bool)
    thickest = max(2, round(0.8 * stroke))
    thin = mask & ~opened(mask, thickest + 1, 1)
    return thin & _lines(thin, least, stroke, bridge=BRIDGE, thickest=thickest)


def _lines(thin: Mask, least: float, stroke: float, *, bridge: float, thickest: int) -> Mask:
    """Return where rows of `thin` run on for `least` in a straight line, the gaps that digits make counted in.

    They are made thicker first, so that a line that slants stays whole.
    """
    rows = closed(dilated(thin, SLACK, 0), round(bridge * stroke))
    labels, n = ndimage.label(opened(rows, 1, round(RUN * stroke)), np.ones((3, 3)))
    straight = np.zeros(n + 1, bool)
    for number, place in enumerate(ndimage.find_objects(labels), start=1):
        height, length = (side.stop - side.start for side in place)
        if length < least or height > 2 * thickest + 2 * SLACK + STEEPEST * length:
            continue
        own = thin[place] & (labels[place] == number)
        is_seen = own.any(axis=0).mean() >= LEAST_SEEN
        straight[number] = is_seen and _scatter(own) <= 0.5 * thickest + 1 + CURVED * length
    return np.asarray(straight[labels])


def _scatter(pixels: Mask) -> float:
    """Return how far `pixels` lie above and below the straight line through them, as a standard deviation."""
    rows, columns = np.nonzero(pixels)
    away = np.stack([np.ones(len(columns)), columns - columns.mean()], axis=1)
    level = away @ np.linalg.lstsq(away, rows.astype(np.float64), rcond=None)[0]
    return float((rows - level).std())
