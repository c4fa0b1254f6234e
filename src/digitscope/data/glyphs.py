"""Characters and pieces of writing, as coverage with the places of their digits and signs."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from digitscope.data.splits import Float32, UInt8

# Coverage of 255 from which a pixel belongs to a character and its box; where less, this share of the darkest.
# Thin pens leave strokes of uneven darkness. A higher share would leave boxes of slivers.
INK, LIGHTEST = 100, 0.3

# Unit vectors, (2, 16); each character keeps its farthest outline point in each direction.
DIRECTIONS = np.stack([np.cos(np.arange(16) * np.pi / 8), np.sin(np.arange(16) * np.pi / 8)])


@dataclass(frozen=True, eq=False)
class Mark:
    """A digit or a sign in a piece of writing."""

    label: str  # one of `digitscope.detections.CLASSES`
    outline: Float32  # (16, 2), x and y of its outermost pixels in sixteen directions

    def moved(self, x: float, y: float) -> "Mark":
        """Return the mark further to the right and further down."""
        return Mark(self.label, self.outline + np.array([x, y], np.float32))


@dataclass(frozen=True, eq=False)
class Writing:
    """A character, a word or a number."""

    coverage: UInt8  # (H, W), how much of each pixel is under ink
    base: float  # the row of the baseline; it may lie outside
    marks: tuple[Mark, ...] = ()  # its digits and signs, in pixels of `coverage`


def marked(coverage: UInt8, base: float, label: str) -> Writing | None:
    """Return one character with its mark; None if too little of it is dark."""
    rows, columns = np.nonzero(coverage > min(INK, int(coverage.max(initial=0)) * LIGHTEST))
    if len(rows) < 2:
        return None
    points = np.stack([columns + 0.5, rows + 0.5], axis=1)
    ends = points[(points @ DIRECTIONS).argmax(axis=0)] + 0.5 * DIRECTIONS.T
    return Writing(coverage, base, (Mark(label, ends.astype(np.float32)),))


def in_a_row(pieces: Sequence[Writing], gaps: Sequence[float], *, by_ink: bool = False) -> Writing:
    """Return pieces side by side on one baseline; a gap stands before each, in pixels, and may be below 0.

    Gaps lie between the boxes of two pieces, or `by_ink` between their ink where it is nearest in a row of pixels.
    """
    lefts = [0]
    for (before, piece), gap in zip(pairwise(pieces), gaps[1:], strict=True):
        width = _width_before(before, piece) if by_ink else before.coverage.shape[1]
        lefts.append(max(0, round(lefts[-1] + width + gap)))
    above = max(round(piece.base) for piece in pieces)
    below = max(piece.coverage.shape[0] - round(piece.base) for piece in pieces)
    width = max(left + piece.coverage.shape[1] for left, piece in zip(lefts, pieces, strict=True))
    canvas = np.zeros((above + below, width), np.uint8)
    marks: list[Mark] = []
    for left, piece in zip(lefts, pieces, strict=True):
        top = above - round(piece.base)
        height, columns = piece.coverage.shape
        place = canvas[top : top + height, left : left + columns]
        np.maximum(place, piece.coverage, out=place)
        marks += [mark.moved(left, top) for mark in piece.marks]
    return Writing(canvas, above, tuple(marks))


def _width_before(first: Writing, second: Writing) -> int:
    """Return by how many columns the second piece must be further to the right for its ink to meet the first's."""
    shift = round(first.base) - round(second.base)
    top = max(0, shift)
    bottom = max(top, min(first.coverage.shape[0], second.coverage.shape[0] + shift))
    one, other = first.coverage[top:bottom] > INK, second.coverage[top - shift : bottom - shift] > INK
    both = one.any(axis=1) & other.any(axis=1)
    if not both.any():
        return int(first.coverage.shape[1])
    ends = one.shape[1] - one[both, ::-1].argmax(axis=1)
    return int((ends - other[both].argmax(axis=1)).max())
