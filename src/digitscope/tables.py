"""Numbers and tables in a reading: which digits belong together, and in which rows and columns they stand."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from digitscope.reading import Digit, Reading
from digitscope.reading.result import Sign

UInt8 = NDArray[np.uint8]
Bool = NDArray[np.bool_]
Floats = NDArray[np.float64]
Places = NDArray[np.int64]
Box = tuple[int, int, int, int]
Edges = tuple[int, int, int, int]

GAP = 0.5
"""Heights of a digit that lie clear between two columns, at least."""

CLOSE = 0.5
"""Share of the usual distance between lines below which two are one row."""

FEW_ROWS = 0.1
"""Share of the rows, at most, whose numbers may reach into a gap between columns."""

LEANS = np.linspace(-0.3, 0.3, 61)
"""Columns to the right for each row down, by which the columns of a photographed table may lean."""

IN_CELLS = 0.6
"""Share of the digits that are inside of ruled cells, from which the rules make the table."""

SAME_EDGE = 0.5
"""Heights of a cell, or widths, by which the middles of two cells of one row, or column, are apart at most."""

DARK, AROUND = 0.85, 0.03
"""Pixels of lines have less than this share of the light around them, within this share of the page's width."""

LONGEST_GAP, LINE = 0.002, 0.01
"""Gaps in lines that are closed, and the shortest line, as shares of the page's longer side."""

LOWEST, HIGHEST, NARROWEST = 0.012, 0.5, 0.008
"""Heights of a cell and its least width, as shares of the page's longer side."""

FILLED = 0.9
"""Share of a cell's rectangle that is inside of its lines, at least."""


@dataclass(frozen=True)
class Number:
    """Digits and signs without a space between them.

    Attributes:
        text: as in `Reading.lines`, "?" for a digit that was not accepted.
        chance: the probability of its least sure digit or sign, 0 to 1.
        box: left, top, width and height, in pixels of the picture as given.
        line: the number of its line in `Reading.lines`.
        page: the number of its page, from 0.
    """

    text: str
    chance: float
    box: Box
    line: int
    page: int


def numbers_of(reading: Reading) -> tuple[Number, ...]:
    """Return the numbers of a reading, in reading order."""
    numbers = []
    for line, text in enumerate(reading.lines):
        rest = iter(_from_left_to_right(reading, line=line))
        for word in text.split():
            own = [next(rest)[0] for _ in word]
            chance = min(each.chance if isinstance(each, Digit) else each.confidence for each in own)
            left, top, width, height = np.array([each.box for each in own]).T
            right, bottom = int((left + width).max()), int((top + height).max())
            box = (int(left.min()), int(top.min()), right - int(left.min()), bottom - int(top.min()))
            numbers.append(Number(word, chance, box, line, own[0].page))
    return tuple(numbers)


def table_of(reading: Reading, gray: UInt8 | None = None, *, page: int = 0) -> list[list[str | None]] | None:
    """Return the rows of the table on a page, each with the text of every column, None for an empty cell.

    It is None without two lines of digits.

    Args:
        reading: of the picture.
        gray: the page as it was given, uint8 (H, W). If it shows ruled cells with most of the digits, these are
            the table's. Without them, lines are rows, and clear gaps from top to bottom part the columns. Rows and
            columns in which no digit was accepted are left out then.
        page: its number, from 0.
    """
    placed = _from_left_to_right(reading, page=page)
    items = [item for item, _ in placed]
    is_sure = np.array([isinstance(each, Digit) and each.accepted for each in items], bool)
    lines = np.array([each.line for each in items], np.int64)
    if len(np.unique(lines[is_sure])) < 2:
        return None
    edges = np.array([each for _, each in placed], np.float64)
    places = None
    if gray is not None:
        turns, (width, height) = reading.rotations[page] // 90, reading.sizes[page]
        scale = (height if turns % 2 else width) / np.rot90(gray, -turns).shape[1]
        places = _in_cells(edges[is_sure], edges, np.rot90(gray, -turns), scale)
    if places is None:
        rows_of_lines = _rows(lines[is_sure], edges[is_sure])
        rows = np.array([rows_of_lines.get(line, -1) for line in lines.tolist()])
        places = np.stack([rows, _columns(edges[is_sure], edges, rows[is_sure])], axis=1)
        for axis in (0, 1):
            places[:, axis] = _numbered(places[is_sure, axis], places[:, axis])
    n_rows, n_columns = places.max(axis=0) + 1
    cells: list[list[str | None]] = [[None] * int(n_columns) for _ in range(int(n_rows))]
    for (row, column), item in zip(places.tolist(), items, strict=True):
        if min(row, column) >= 0:
            own = item.character if isinstance(item, Digit) else item.label
            cells[row][column] = (cells[row][column] or "") + own
    return cells


def _from_left_to_right(
    reading: Reading, *, line: int | None = None, page: int | None = None
) -> list[tuple[Digit | Sign, Edges]]:
    """Return digits and signs of the text, of a line or of a page, with their edges on the upright page."""
    every: Sequence[Digit | Sign] = [*reading.digits, *reading.signs]
    items = [each for each in every if each.line is not None and line in (None, each.line)]
    items = [each for each in items if page in (None, each.page)]
    placed = [(each, _upright(each.box, reading.sizes[each.page], reading.rotations[each.page])) for each in items]
    return sorted(placed, key=lambda each: each[1][0] + each[1][2])


def _upright(box: Box, size: tuple[int, int], rotation: int) -> Edges:
    """Return left, top, right and bottom of a box after its page, width and height, was turned clockwise."""
    left, top, right, bottom = box[0], box[1], box[0] + box[2], box[1] + box[3]
    width, height = size
    for _ in range(rotation // 90):
        left, top, right, bottom = height - bottom, left, height - top, right
        width, height = height, width
    return left, top, right, bottom


def _numbered(known: Places, places: Places) -> Places:
    """Return the places (N,) counted through from 0, those that are not `known` as -1."""
    numbers = np.unique(known)
    return np.asarray(np.where(np.isin(places, numbers), np.searchsorted(numbers, places), -1), np.int64)


def _rows(lines: Places, edges: Floats) -> dict[int, int]:
    """Return the row of each line, from the top: lines much closer than others are of one row, unevenly written.

    `lines` (N,) are those of digits with `edges` (N, 4).
    """
    known, own, counts = np.unique(lines, return_inverse=True, return_counts=True)
    x, y = edges[:, [0, 2]].mean(axis=1), edges[:, [1, 3]].mean(axis=1)

    def mean(values: Floats) -> Floats:
        return np.asarray(np.bincount(own, values) / counts)

    across, down = x - mean(x)[own], y - mean(y)[own]
    slope = across @ down / max(float(across @ across), 1.0)
    levels = mean(y - slope * x)
    order = np.argsort(levels)
    gaps = np.diff(levels[order])
    rows = np.cumsum([0, *(gaps >= CLOSE * np.median(gaps))])
    return dict(zip(known[order].tolist(), rows.tolist(), strict=True))


def _columns(sure: Floats, edges: Floats, rows: Places) -> Places:
    """Return the column of each item, (N,); the gaps between columns are those between the `sure` ones, in `rows`.

    Columns of photos lean. The lean is the one at which the digits cover the fewest columns of pixels. Numbers of
    a few rows may reach into a gap; the border is where most room is left.
    """
    height = float(np.median(sure[:, 3] - sure[:, 1]))
    down = (sure[:, 1] + sure[:, 3]) / 2
    least = 1 + int(FEW_ROWS * len(np.unique(rows)))
    covered = [_covered(sure[:, 0] - lean * down, sure[:, 2] - lean * down, least) for lean in LEANS]
    fewest = np.array([sum(end - start for start, end in spans) for spans in covered])
    best = int(np.argmin(fewest + 1e-3 * height * np.abs(LEANS)))  # the smallest lean of equal ones
    lean, spans = LEANS[best], covered[best]
    every = _covered(sure[:, 0] - lean * down, sure[:, 2] - lean * down, 1)
    clear = [(end, start) for (_, end), (start, _) in pairwise(every)]
    borders = []
    for (_, first), (last, _) in pairwise(spans):
        if last - first > GAP * height:
            inside = [(max(start, first), min(end, last)) for start, end in clear if start < last and end > first]
            start, end = max(inside, key=lambda hole: hole[1] - hole[0], default=(first, last))
            borders.append((start + end) / 2)
    middles = edges[:, [0, 2]].mean(axis=1) - lean * edges[:, [1, 3]].mean(axis=1)
    return np.asarray(np.searchsorted(borders, middles), np.int64)


def _covered(left: Floats, right: Floats, least: int) -> list[tuple[float, float]]:
    """Return the spans that at least so many intervals cover, from left to right."""
    places = np.concatenate([left, right])
    order = np.lexsort([np.repeat([0, 1], len(left)), places])  # an interval begins before another ends
    depth = np.cumsum(np.repeat([1, -1], len(left))[order])
    starts = np.flatnonzero(np.diff(depth >= least, prepend=False) & (depth >= least))
    ends = np.flatnonzero(np.diff(depth >= least, prepend=False) & (depth < least))
    return list(zip(places[order][starts].tolist(), places[order][ends].tolist(), strict=True))


def _in_cells(sure: Floats, edges: Floats, gray: UInt8, scale: float) -> Places | None:
    """Return the row and the column of each item in ruled cells, (N, 2), -1 outside; None without cells.

    `scale` is how many pixels of the items one of `gray` is.
    """
    lines, _ = lines_and_ink(gray)
    cells = np.array(enclosed(lines), np.float64).reshape(-1, 4) * scale
    if len(cells) < 4 or (_cell_of(sure, cells) >= 0).mean() < IN_CELLS:
        return None
    cell = _cell_of(edges, cells)
    places = []
    for low in (1, 0):  # from top to bottom, then from left to right
        middles = (cells[cell, low] + cells[cell, low + 2]) / 2
        places.append(np.abs(middles[:, None] - _grid(cells[:, low], cells[:, low + 2])).argmin(axis=1))
    return np.asarray(np.where((cell >= 0)[:, None], np.stack(places, axis=1), -1), np.int64)


def _cell_of(edges: Floats, cells: Floats) -> Places:
    """Return the row of `cells` (M, 4) that the middle of each item is in, (N,); -1 for none."""
    middles = ((edges[:, :2] + edges[:, 2:]) / 2)[:, None]
    within = np.asarray((cells[:, :2] <= middles) & (middles < cells[:, 2:]), bool)
    inside = within[..., 0] & within[..., 1]
    return np.asarray(np.where(inside.any(axis=1), inside.argmax(axis=1), -1), np.int64)


def _grid(low: Floats, high: Floats) -> Floats:
    """Return the middles of a table's columns (or rows), from the edges of its cells."""
    middles = np.sort((low + high) / 2)
    apart = SAME_EDGE * float(np.median(high - low))
    starts = np.flatnonzero(np.diff(middles, prepend=-np.inf) > apart)
    return np.array([part.mean() for part in np.split(middles, starts[1:])])


def lines_and_ink(gray: UInt8) -> tuple[Bool, Bool]:
    """Return which pixels belong to straight lines, across or down, and which to any ink."""
    side = max(gray.shape)
    light = ndimage.uniform_filter(gray.astype(np.float32), max(3, int(AROUND * gray.shape[1])))
    ink = gray < DARK * light
    length, gap = max(5, int(LINE * side)), max(1, int(LONGEST_GAP * side))
    lines = np.zeros(ink.shape, np.uint8)
    for long, wide in (((1, length), (1, gap)), ((length, 1), (gap, 1))):
        # The filters for grey pictures take one axis at a time, and a third of the time.
        closed = ndimage.grey_closing(ink.view(np.uint8), wide, mode="constant")
        lines |= ndimage.grey_opening(closed, long, mode="constant")
    return lines.astype(bool), ink


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
