"""Fields for a new form, from the boxes, combs and writing lines on its empty page."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from digitscope.forms.description import Field
from digitscope.tables import LOWEST, NARROWEST, enclosed, lines_and_ink

UInt8 = NDArray[np.uint8]
Bool = NDArray[np.bool_]
Edges = tuple[int, int, int, int]

A4 = (210.0, 297.0)  # millimetres
SAME_SHAPE = 0.02  # difference of the ratio of the sides; pages that are not like A4 are measured in shares
HIGHEST = 0.06  # height of a field at most; a share of the page's longer side, as all heights here
INKED = 0.02  # share of a field's area that may be print
WRITING, BELOW = 0.028, 0.003  # height of a field above a writing line, and of what must be empty below it
THICKEST = 0.004  # height of the line at most


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
    """
    lines, ink = lines_and_ink(gray)
    boxes = [
        box for box in enclosed(lines, highest=HIGHEST) if ink[box[1] : box[3], box[0] : box[2]].mean() <= INKED
    ]
    fields: list[tuple[Edges, int]] = []
    for comb in _combs(boxes):
        left, top, right, bottom = np.array(comb).T
        fields.append(((int(left.min()), int(top.min()), int(right.max()), int(bottom.max())), len(comb)))
    fields += [(edges, 0) for edges in _above_lines(lines, ink, [edges for edges, _ in fields])]
    height, width = gray.shape
    fields.sort(key=lambda each: (round(each[0][1] / (LOWEST * max(gray.shape))), each[0][0]))
    across, down = size[0] / width, size[1] / height
    proposed = []
    for number, ((left, top, right, bottom), cells) in enumerate(fields, 1):
        box = (left * across, top * down, (right - left) * across, (bottom - top) * down)
        x, y, wide, high = (round(float(value), 4) for value in box)
        proposed.append(Field(name=f"field{number}", box=(x, y, wide, high), digits=cells if cells > 1 else None))
    return tuple(proposed)


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
