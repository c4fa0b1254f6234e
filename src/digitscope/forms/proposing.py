"""Fields for a new form, from the boxes, combs and writing lines on its empty page."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from digitscope.errors import DataError
from digitscope.forms.description import Field

UInt8 = NDArray[np.uint8]
Bool = NDArray[np.bool_]
Edges = tuple[int, int, int, int]

A4, SAME_SHAPE = (210.0, 297.0), 0.02
"""Millimetres of a page whose sides have this ratio, within so much; other pages are measured in shares."""

DARK, AROUND = 0.85, 0.03
"""Pixels of lines have less than this share of the light around them, within this share of the page's width."""

LONGEST_GAP, LINE = 0.002, 0.01
"""Gaps in lines that are closed, and the shortest line, as shares of the page's longer side."""

LOWEST, HIGHEST, NARROWEST = 0.012, 0.06, 0.008
"""Heights of a field and the width of a cell, as shares of the page's longer side."""

FILLED, INKED = 0.9, 0.02
"""Share of a box that is inside of its lines, at least, and share of that with print, at most."""

WRITING, BELOW, THICKEST = 0.028, 0.003, 0.004
"""Height of a field above a writing line, of what must be empty below it, and of the line: shares of that side."""


def page_size(gray: UInt8) -> tuple[float, float]:
    """Return the width and the height of a page (H, W) in millimetres if it is like A4, else (1, 1)."""
    height, width = gray.shape
    for size in (A4, A4[::-1]):
        if abs(width / height / (size[0] / size[1]) - 1) < SAME_SHAPE:
            return size
    return 1.0, 1.0


def propose(gray: UInt8, size: tuple[float, float]) -> tuple[Field, ...]:
    """Return fields for the boxes, combs and writing lines on an empty form, uint8 (H, W), in reading order.

    `size` is the page's, in the unit of the boxes. Cells side by side are one field with as many digits.

    Raises:
        DataError: none was found.
    """
    lines, ink = lines_and_ink(gray)
    boxes = [box for box in enclosed(lines) if ink[box[1] : box[3], box[0] : box[2]].mean() <= INKED]
    fields = [(_around(cells), len(cells)) for cells in _combs(boxes)]
    fields += [(edges, 0) for edges in _above_lines(lines, ink, [edges for edges, _ in fields])]
    if not fields:
        raise DataError("the page shows no boxes, combs or writing lines: describe its fields by hand")
    height, width = gray.shape
    fields.sort(key=lambda each: (round(each[0][1] / (LOWEST * max(gray.shape))), each[0][0]))
    across, down = size[0] / width, size[1] / height
    proposed = []
    for number, ((left, top, right, bottom), cells) in enumerate(fields, 1):
        box = (left * across, top * down, (right - left) * across, (bottom - top) * down)
        x, y, wide, high = (round(float(value), 4) for value in box)
        proposed.append(Field(name=f"field{number}", box=(x, y, wide, high), digits=cells if cells > 1 else None))
    return tuple(proposed)


def lines_and_ink(gray: UInt8) -> tuple[Bool, Bool]:
    """Return which pixels belong to straight lines, across or down, and which to any ink."""
    side = max(gray.shape)
    light = ndimage.uniform_filter(gray.astype(np.float32), max(3, int(AROUND * gray.shape[1])))
    ink = gray < DARK * light
    length, gap = max(5, int(LINE * side)), max(1, int(LONGEST_GAP * side))
    lines = np.zeros_like(ink)
    for long, wide in (((1, length), (1, gap)), ((length, 1), (gap, 1))):
        closed = ndimage.binary_closing(ink, np.ones(wide, bool))
        lines |= ndimage.binary_opening(closed, np.ones(long, bool))
    return lines, ink


def enclosed(lines: Bool, *, highest: float = HIGHEST) -> list[Edges]:
    """Return left, top, right and bottom of the rectangles that lines enclose.

    They are not higher than `highest`, a share of the page's longer side.
    """
    side = max(lines.shape)
    walls = ndimage.binary_dilation(lines, np.ones((3, 3), bool))
    labels, _ = ndimage.label(~walls)
    found = []
    for number, place in enumerate(ndimage.find_objects(labels), 1):
        rows, columns = (part.stop - part.start for part in place)
        is_cell = LOWEST * side <= rows <= highest * side and columns >= NARROWEST * side
        if is_cell and (labels[place] == number).mean() >= FILLED:
            found.append((place[1].start, place[0].start, place[1].stop, place[0].stop))
    return found


def _combs(boxes: Sequence[Edges]) -> list[list[Edges]]:
    """Return boxes grouped into rows of cells as wide as each other; a box alone is a group of one."""
    groups: list[list[Edges]] = []
    for box in sorted(boxes, key=lambda each: (each[0], each[1])):
        width, height = box[2] - box[0], box[3] - box[1]
        for group in groups:
            last = group[-1]
            is_beside = 0 <= box[0] - last[2] <= 0.5 * width and abs(box[1] - last[1]) < 0.2 * height
            is_alike = (
                abs(last[2] - last[0] - width) < 0.25 * width and abs(last[3] - last[1] - height) < 0.2 * height
            )
            if is_beside and is_alike and width < 1.6 * height:
                group.append(box)
                break
        else:
            groups.append([box])
    return groups


def _around(cells: Sequence[Edges]) -> Edges:
    left, top, right, bottom = np.array(cells).T
    return int(left.min()), int(top.min()), int(right.max()), int(bottom.max())


def _above_lines(lines: Bool, ink: Bool, taken: Sequence[Edges]) -> list[Edges]:
    """Return the room above writing lines, where nothing is printed and no box is."""
    side = max(lines.shape)
    labels, _ = ndimage.label(lines, np.ones((3, 3), bool))
    found = []
    for place in ndimage.find_objects(labels):
        rows, columns = (part.stop - part.start for part in place)
        bottom, left, right = place[0].start, place[1].start, place[1].stop
        top = max(0, bottom - int(WRITING * side))
        if rows > THICKEST * side or columns < 4 * NARROWEST * side or bottom - top < 4:
            continue
        is_taken = any(
            left < box[2] and box[0] < right and top < box[3] + rows and box[1] - rows < bottom for box in taken
        )
        above, below = ink[top : bottom - 2, left:right], ink[place[0].stop + 1 :, left:right][: int(BELOW * side)]
        if not is_taken and above.mean() <= INKED and below.mean() <= INKED:  # below, the top of a word has ink
            found.append((left, top, right, bottom))
    return found
