"""What a blob of ink may say: one digit, several that touch, or two over each other. The best reading wins."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from digitscope.inference.acceptance import MOST_COST, cost
from digitscope.inference.blobs import SegmentedPage
from digitscope.inference.cuts import best_path, between, cut_lines
from digitscope.inference.framing import frame, frame_pair
from digitscope.inference.pieces import Blob, heights_around, joined
from digitscope.inference.recognizer import Recognizer

UInt8 = NDArray[np.uint8]
Float32 = NDArray[np.float32]
Int = NDArray[np.intp]

EXTRA_DIGIT, EXTRA_STROKE = 0.15, 0.3
"""What each further digit of a reading costs, in the unit of `acceptance.cost`: two may not win by a hair.

And what each stroke costs that a cut crosses, beside the first: digits touch in one place, a 0 is cut in two.
"""

PAIR, PAIR_ALONE = 1.0, 0.3
"""What two digits over each other cost: they are rare, and the network for pairs sees two in any ink.

The second where there is no other ink: a picture of a pair is then oftener read as one, and hardly a single digit.
Both were chosen on pairs, digits and pages of the validation set.
"""

LOW, WIDE, TALL = 4.0, 2.0, 2.0
"""What 1 costs that a digit is lower than 0.7 of the usual height, wider than 1.1 of its own, higher than 1.4.

Its own height is the usual one where it is lower: a wide 0 is, in a box that its longer side fills.
"""

SUSPECT, SUSPECT_PAIR = 0.15, 0.3
"""Cost above which a blob is looked at again, for digits in a row and for two over each other."""

NARROWEST_ROW, LOWEST_PAIR = 0.75, 1.2
"""Width over height from which a blob may be digits in a row, and height over width of two over each other."""

NARROW_GAP = 0.08
"""Heights that strokes of one digit may be apart, beside each other."""

USUAL_DISTANCE = 0.7
"""Of a network that does not say how unlike digits ink is."""

INK = 0.3
"""Strength from which a pixel counts for the box of a part."""


@dataclass(frozen=True, eq=False)
class Part:
    """One digit of a reading.

    Attributes:
        box: left, top, right and bottom, in pixels of the page that was worked on.
        probabilities: float32 (10,).
        distance: how unlike the digits of the training set it is; 1 is the farthest hundredth of those.
        image: what the network saw.
    """

    box: tuple[int, int, int, int]
    probabilities: Float32
    distance: float
    image: UInt8

    @property
    def label(self) -> int:
        """The most probable digit."""
        return int(self.probabilities.argmax())

    def moved(self, x: int, y: int) -> "Part":
        """Return it as it lies on a page of which its own begins at column `x` and row `y`."""
        left, top, right, bottom = self.box
        return replace(self, box=(left + x, top + y, right + x, bottom + y))

    def cost(self, height: float) -> float:
        """Return how badly it reads as a digit, on a page whose digits are usually `height` pixels high."""
        left, top, right, bottom = self.box
        relative = (bottom - top) / height
        shape = LOW * max(0.0, 0.7 - relative) + TALL * max(0.0, relative - 1.4)
        shape += WIDE * max(0.0, (right - left) / max(bottom - top, height) - 1.1)
        return shape + float(cost(self.probabilities, np.asarray(self.distance, np.float32)))


@dataclass(frozen=True, eq=False)
class Candidate:
    """A blob and the digits it is read as.

    Attributes:
        blob: the ink.
        parts: the digits, from left to right or the upper one first.
        alternatives: the texts of the readings that lost, the best first.
        is_alone: whether the reader found no other ink.
    """

    blob: Blob
    parts: tuple[Part, ...]
    alternatives: tuple[str, ...] = ()
    is_alone: bool = False

    def moved(self, x: int, y: int) -> "Candidate":
        """Return it as it lies on a page of which its own begins at column `x` and row `y`."""
        return replace(self, blob=self.blob.moved(x, y), parts=tuple(part.moved(x, y) for part in self.parts))

    @property
    def text(self) -> str:
        """The labels, whether accepted or not."""
        return "".join(str(part.label) for part in self.parts)


@dataclass(frozen=True, eq=False)
class _Whole:
    """A blob read as one digit.

    Attributes:
        blob: the ink.
        ink: cut out, (height, width).
        part: what it is read as.
        height: of digits around it.
        is_alone: whether there is no other ink.
    """

    blob: Blob
    ink: Float32
    part: Part
    height: float
    is_alone: bool = False

    @cached_property
    def cost(self) -> float:
        """How badly it reads as one digit."""
        return self.part.cost(self.height)


def read_blobs(
    page: SegmentedPage, blobs: Sequence[Blob], digits: Recognizer, pairs: Recognizer
) -> list[Candidate]:
    """Return the best reading of each of `blobs`, or of several of them that are one digit."""
    whole = _with_parts_joined(page, _read_whole(page, blobs, digits), digits)
    if len(whole) == 1 and len(blobs) == len(page.blobs):
        whole = [replace(whole[0], is_alone=True)]
    return [_best(each, digits, pairs) for each in whole]


def _read_whole(page: SegmentedPage, blobs: Sequence[Blob], digits: Recognizer) -> list[_Whole]:
    inks = [page.cut_out(blob) for blob in blobs]
    parts = read_parts(inks, [(blob.left, blob.top) for blob in blobs], digits)
    heights = heights_around(blobs, page.height)
    return [_Whole(*each) for each in zip(blobs, inks, parts, heights, strict=True)]


def _with_parts_joined(page: SegmentedPage, whole: list[_Whole], digits: Recognizer) -> list[_Whole]:
    """Return `whole` with neighbours joined that read better as one digit, as a 4 whose stem stands apart does."""
    boxes = np.array([[each.blob.left, each.blob.top, each.blob.right, each.blob.bottom] for each in whole])
    heights = np.array([each.height for each in whole])
    joined_from = [
        (first, int(second))
        for first, each in enumerate(whole)
        if each.cost > SUSPECT
        for second in np.flatnonzero(_are_close(boxes, heights, first))
    ]
    both = [joined([whole[first].blob, whole[second].blob]) for first, second in joined_from]
    gone: set[int] = set()
    found = []
    for (first, second), one in zip(joined_from, _read_whole(page, both, digits), strict=True):
        apart = whole[first].cost + whole[second].cost
        if one.cost + EXTRA_DIGIT < apart and one.cost < MOST_COST and not gone & {first, second}:
            gone |= {first, second}
            found.append(one)
    return [each for number, each in enumerate(whole) if number not in gone] + found


def _are_close(boxes: Int, heights: NDArray[np.float64], one: int) -> NDArray[np.bool_]:
    """Tell which boxes (N, 4) lie so near that of `one` that they may be of one digit, by their size and the gap.

    A box is left, top, right and bottom; `heights` (N,) are those of digits around.
    """
    left, top, right, bottom = boxes.T
    own_left, own_top, own_right, own_bottom = boxes[one]
    height = np.maximum(heights, heights[one])
    gap = np.maximum(left, own_left) - np.minimum(right, own_right)
    shared = np.minimum(bottom, own_bottom) - np.maximum(top, own_top)
    width_of_both = np.maximum(right, own_right) - np.minimum(left, own_left)
    height_of_both = np.maximum(bottom, own_bottom) - np.minimum(top, own_top)
    is_near = (gap <= NARROW_GAP * height) & (shared >= 0.5 * np.minimum(bottom - top, own_bottom - own_top))
    fits = (width_of_both <= 1.1 * height_of_both) & (height_of_both <= 1.45 * height)
    close: NDArray[np.bool_] = is_near & fits
    close[one] = False
    return close


def read_as_pair(page: SegmentedPage, pairs: Recognizer) -> list[Candidate]:
    """Return all ink of `page` as two digits over each other; nothing, if there is none."""
    if not page.blobs:
        return []
    blob = joined(page.blobs)
    return [Candidate(blob, _over_each_other(blob, page.cut_out(blob), pairs))]


def read_parts(inks: Sequence[Float32], corners: Sequence[tuple[int, int]], digits: Recognizer) -> list[Part]:
    """Return pieces of ink, each (H, W) with its left and top, read as single digits."""
    if not inks:
        return []
    trimmed = [_trimmed(ink) for ink in inks]
    images = np.stack([frame(ink) for ink, _ in trimmed])
    prediction = digits.predict(images)
    return [
        Part(
            (left + x, top + y, left + x + ink.shape[1], top + y + ink.shape[0]),
            prediction.probabilities[i],
            USUAL_DISTANCE if prediction.distances is None else float(prediction.distances[i]),
            images[i],
        )
        for i, ((ink, (x, y)), (left, top)) in enumerate(zip(trimmed, corners, strict=True))
    ]


def _trimmed(ink: Float32) -> tuple[Float32, tuple[int, int]]:
    """Return `ink` without empty rims, and how many columns and rows went on the left and above."""
    rows, columns = np.flatnonzero(ink.max(axis=1) > INK), np.flatnonzero(ink.max(axis=0) > INK)
    if not len(rows):
        return ink, (0, 0)
    return ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1], (int(columns[0]), int(rows[0]))


def _best(whole: _Whole, digits: Recognizer, pairs: Recognizer) -> Candidate:
    """Return the reading of a blob that costs least, the others as its alternatives."""
    blob = whole.blob
    readings: list[tuple[tuple[Part, ...], float]] = [((whole.part,), whole.cost)]
    if whole.cost > SUSPECT and blob.width > NARROWEST_ROW * blob.height:
        readings.append(_in_a_row(whole, digits))
    if whole.cost > SUSPECT_PAIR and blob.height > LOWEST_PAIR * blob.width:
        pair = _over_each_other(blob, whole.ink, pairs)
        readings.append((pair, _cost_of_pair(pair, whole)))
    ranked = [Candidate(blob, parts) for parts, _ in sorted(readings, key=lambda reading: reading[1]) if parts]
    others = tuple(candidate.text for candidate in ranked[1:] if candidate.text != ranked[0].text)
    return Candidate(blob, ranked[0].parts, others, whole.is_alone)


def _in_a_row(whole: _Whole, digits: Recognizer) -> tuple[tuple[Part, ...], float]:
    """Return the digits beside each other that ink divides into best, or none, and what they cost."""
    blob, ink, height = whole.blob, whole.ink, whole.height
    cuts = [None, *cut_lines(ink), None]
    last = len(cuts) - 1
    places = [0, *(int(np.median(cut)) for cut in cuts if cut is not None), ink.shape[1]]
    segments = [
        (start, end)
        for start in range(last)
        for end in range(start + 1, last + 1)
        if 0.1 * height < places[end] - places[start] < 1.3 * height and (start, end) != (0, last)
    ]
    pieces = [between(ink, cuts[start], cuts[end]) for start, end in segments]
    inked = [i for i, piece in enumerate(pieces) if piece.max() > INK]
    parts = read_parts([pieces[i] for i in inked], [(blob.left, blob.top)] * len(inked), digits)
    by_segment = {segments[i]: part for i, part in zip(inked, parts, strict=True)}
    crossed = [0 if cut is None else _strokes_crossed(ink, cut) for cut in cuts]
    costs = {
        (start, end): part.cost(height) + EXTRA_STROKE * max(0, crossed[start] - 1)
        for (start, end), part in by_segment.items()
    }
    way, total = best_path(costs, last, EXTRA_DIGIT)
    return tuple(by_segment[segment] for segment in way), total


def _strokes_crossed(ink: Float32, cut: Int) -> int:
    """Return how often a cut, the column of every row, comes upon ink."""
    dark = ink[np.arange(len(ink)), np.minimum(cut, ink.shape[1] - 1)] > INK
    return int(dark[0]) + int((dark[1:] & ~dark[:-1]).sum())


def _over_each_other(blob: Blob, ink: Float32, pairs: Recognizer) -> tuple[Part, ...]:
    """Return the two digits that `ink` shows if one is written over the other."""
    trimmed, (x, y) = _trimmed(ink)
    image = frame_pair(trimmed)
    prediction = pairs.predict(image)
    rows, columns = trimmed.shape
    left, top = blob.left + x, blob.top + y
    share = round(rows * 20 / 34)  # of 34 rows of ink each digit has 20
    boxes = (
        (left, top, left + columns, top + share),
        (left, top + rows - share, left + columns, top + rows),
    )
    return tuple(
        Part(box, row, USUAL_DISTANCE, image) for box, row in zip(boxes, prediction.probabilities, strict=True)
    )


def _cost_of_pair(parts: Sequence[Part], whole: _Whole) -> float:
    """Return what two digits over each other cost; they are as high as others, so a pair is higher than these."""
    own = max(bottom - top for _, top, _, bottom in (part.box for part in parts))
    height = own if whole.is_alone else max(own, whole.height)
    return sum(part.cost(height) for part in parts) + (PAIR_ALONE if whole.is_alone else PAIR)
