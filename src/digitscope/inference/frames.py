"""What forms print around digits: boxes, tables and combs. Their lines go, the digits in them stay.

A piece of ink is a frame if lines down it end on lines across it as no digit's do: two of them on both sides, or
three on one side and at its very ends. Two are enough for a comb in which there is other ink.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from digitscope.inference.morphology import closed, dilated, opened

Mask = NDArray[np.bool_]
Int32 = NDArray[np.int32]
Place = tuple[slice, slice]

LEAST_SIDE = 3.0
"""Widths of a stroke that a frame is high and wide at least."""

LONGEST_RUN, LONGEST_RUN_DOWN = 0.35, 0.18
"""Of the shorter side, what a line across, or of the height, what a line down has in one row, or column, at least.

A line two pixels wide that is turned by 3 degrees has runs of forty.
"""

BRIDGE = 0.5
"""Of the shorter side, what a touching digit may cover of a line."""

LEAST_ACROSS, LEAST_CLOSED = 0.7, 0.6
"""Of the shorter side, the length of a line across, and of one down that ends on two of them."""

LEAST_HELD = 0.03
"""Of a piece's box, the share that other ink has in what holds it."""

WHOLE = 0.9
"""Of the piece's width, the length of a line across that closes a box of which one side cannot be seen."""

STEEPEST = 0.1
"""Pixels that a line rises or falls a pixel, beside its own width: 6 degrees."""

THICKEST = 0.1
"""Width of a frame's lines as a share of their length; those down one that holds other ink may be thicker."""


@dataclass(frozen=True)
class _Line:
    """A straight line in a piece of ink; along it is `x`, whichever way it runs.

    Attributes:
        number: of its pixels in the runs that it is made of.
        start: its first pixel along.
        stop: the one after its last.
        first: how far down its start is.
        last: how far down its end is.
        width: in pixels.
    """

    number: int
    start: int
    stop: int
    first: float
    last: float
    width: float

    @property
    def length(self) -> int:
        return self.stop - self.start

    def at(self, x: float) -> float:
        """Return how far down the line is at `x`."""
        return self.first + (self.last - self.first) * (x - self.start) / max(self.length - 1, 1)

    def meets(self, x: float, y: float, within: float) -> bool:
        """Tell whether a point lies on the line."""
        return self.start - within <= x <= self.stop + within and abs(self.at(x) - y) <= within


def without_frames(mask: Mask, labels: Int32, places: Sequence[Place], stroke: float) -> Mask:
    """Return `mask`, bool (H, W), without the lines of frames.

    `labels` numbers its connected pieces, `places` are their boxes, and `stroke` is the usual width of strokes.
    """
    cleaned = mask
    for number, place in enumerate(places, start=1):
        height, width = (side.stop - side.start for side in place)
        if min(height, width) < LEAST_SIDE * stroke:
            continue
        own = labels[place] == number
        if not (width > 1.6 * height or _is_angular(own)):
            continue
        lines = _frame(own, mask[place] & ~own)
        if lines is not None:
            cleaned = cleaned.copy() if cleaned is mask else cleaned
            cleaned[place] &= ~lines
    return cleaned


def _is_angular(own: Mask) -> bool:
    """Tell whether half of the piece's width is in one row, and half of its height in one column."""
    height, width = own.shape
    return bool(2 * own.sum(axis=1).max() >= width and 2 * own.sum(axis=0).max() >= height)


def _frame(own: Mask, others: Mask) -> Mask | None:
    """Return the pixels of the lines, if the piece is a frame; `others` is the ink of others in its box."""
    height, width = own.shape
    shorter = min(height, width)
    bridge = round(BRIDGE * shorter)
    runs, across = _lines(own, max(4, round(LONGEST_RUN * shorter)), bridge)
    across = [line for line in across if line.length >= LEAST_ACROSS * shorter and _is_thin(line)]
    if not across:
        return None
    runs_down, down = _lines(own.T, max(4, round(LONGEST_RUN_DOWN * height)), bridge)
    holds = bool(others.sum() > LEAST_HELD * others.size)
    if not (_is_closed(across, down, own.shape, holds) or _is_comb(across, down, holds)):
        return None
    usual = max(across, key=lambda line: line.length).width
    across = [line for line in across if line.width <= 1.6 * usual + 1]
    down = [
        line
        for line in down
        if line.width <= 1.6 * usual + 1 and (_ends(line, across, 0) or _ends(line, across, 1))
    ]
    return _pixels(own, _band(runs, across), _band(runs_down, down).T, usual)


def _lines(own: Mask, run: int, bridge: int) -> tuple[Int32, list[_Line]]:
    """Return numbered pieces that runs of at least `run` pixels in a row make, and those of them that are lines.

    What is thicker than usual is left out, and up to `bridge` pixels of it counted in: there a digit touches.
    """
    runs = opened(own, 1, run)
    thin = runs & ~opened(runs, round(1.5 * _mean_width(runs)) + 2, 1)
    pieces, _ = ndimage.label(closed(dilated(thin, 1, 0), bridge), np.ones((3, 3)))
    lines = []
    for number, place in enumerate(ndimage.find_objects(pieces), start=1):
        pixels = (pieces[place] == number) & thin[place]
        (top, left), (height, length) = (side.start for side in place), pixels.shape
        width = float(np.median(pixels.sum(axis=0)[pixels.any(axis=0)]))
        if width > length / 4 or height - 2 > width + 2 + STEEPEST * length:  # 2: what dilation has added
            continue
        tip = max(1, length // 10)
        first, last = (top + float(np.nonzero(end)[0].mean()) for end in (pixels[:, :tip], pixels[:, -tip:]))
        lines.append(_Line(number, left, left + length, first, last, width))
    return pieces, lines


def _mean_width(runs: Mask) -> float:
    """Return how many pixels of `runs` lie below each other, on average."""
    starts = int(runs[0].sum()) + int((runs[1:] & ~runs[:-1]).sum())
    return float(runs.sum()) / max(starts, 1)


def _ends(line: _Line, across: Sequence[_Line], side: int) -> list[_Line]:
    """Return the lines across that a line down ends on, at its start (0) or its stop (1)."""
    x, y = (line.first, line.start) if side == 0 else (line.last, line.stop)
    return [other for other in across if other.meets(x, y, _slack(line, other))]


def _slack(line: _Line, other: _Line) -> float:
    return 1.5 * other.width + 0.04 * line.length + 1


def _is_closed(across: Sequence[_Line], down: Sequence[_Line], shape: tuple[int, ...], holds: bool) -> bool:
    """Tell whether two lines down end on lines across at both ends, or one where two of the whole width do.

    `shape` is the height and width of the piece; what `holds` other ink may have thicker ones.
    """
    closed = [
        (line, above, below)
        for line in down
        if line.length >= LEAST_CLOSED * min(shape) and (holds or _is_thin(line))
        for above, below in [(_ends(line, across, 0), _ends(line, across, 1))]
        if above and below
    ]
    return len(closed) >= 2 or any(
        sum(other.length >= WHOLE * shape[1] and _is_at_end(line, other) for other in (*above, *below)) >= 2
        for line, above, below in closed
    )


def _is_thin(line: _Line) -> bool:
    return line.width <= THICKEST * line.length


def _is_at_end(line: _Line, other: _Line) -> bool:
    """Tell whether `line` meets one across at an end of that."""
    slack = _slack(line, other)
    return any(abs(line.at(other.at(end)) - end) <= slack for end in (other.start, other.stop))


def _is_comb(across: Sequence[_Line], down: Sequence[_Line], holds: bool) -> bool:
    """Tell whether lines down end on one across, all on the same side of it, and stand at its ends.

    A digit may hide one end of a comb with three teeth.
    """
    for line in across:
        for side in (0, 1):
            teeth = [tooth for tooth in down if _ends(tooth, [line], side)]
            at_ends = sum(
                any(abs(tooth.at(line.at(end)) - end) <= _slack(tooth, line) for tooth in teeth)
                for end in (line.start, line.stop)
            )
            if (at_ends and len(teeth) >= 3) or (at_ends == 2 and holds):
                return True
    return False


def _band(pieces: Int32, lines: Sequence[_Line]) -> Mask:
    """Return where `lines` are, and the pixels next to them."""
    return dilated(np.isin(pieces, [line.number for line in lines]), 1, 1)


def _pixels(own: Mask, across: Mask, down: Mask, width: float) -> Mask:
    """Return the pixels of lines in these bands, without those of strokes that cross them."""
    thickest = round(1.5 * width) + 2
    low, narrow = own & ~opened(own, thickest + 1, 1), own & ~opened(own, 1, thickest + 1)
    return (across & (low | (own & down))) | (down & narrow)
