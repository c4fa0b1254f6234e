"""Numbers and tables in a reading: which digits belong together, and in which rows and columns they stand."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from digitscope.forms.proposing import enclosed, lines_and_ink
from digitscope.reading import Digit, Reading
from digitscope.reading.result import Sign

Box = tuple[int, int, int, int]
Floats = NDArray[np.float64]
Places = NDArray[np.int64]

GAP = 0.5
"""Heights of a digit that lie clear between two columns, at least."""

LEANS = np.linspace(-0.3, 0.3, 61)
"""Columns to the right for each row down, by which the columns of a photographed table may lean."""

IN_CELLS = 0.6
"""Share of the digits that are inside of ruled cells, from which the rules make the table."""

HIGHEST_CELL = 0.5
"""Height of a ruled cell at most, as a share of the page's longer side."""

SAME_EDGE = 0.5
"""Heights of a cell, or widths, by which the middles of two cells of one row, or column, are apart at most."""


@dataclass(frozen=True)
class Number:
    """Digits and signs without a space between them.

    Attributes:
        text: as in `Reading.lines`, "?" for a digit that was not accepted.
        confidence: the lowest of its digits and signs, 0 to 1.
        box: left, top, width and height, in pixels of the picture.
        line: the number of its line in `Reading.lines`.
        page: the number of its page, from 0.
    """

    text: str
    confidence: float
    box: Box
    line: int
    page: int


def numbers_of(reading: Reading) -> tuple[Number, ...]:
    """Return the numbers of a reading, in reading order."""
    numbers, items = [], _from_left_to_right(reading)
    for line, text in enumerate(reading.lines):
        rest = iter([each for each in items if each.line == line])
        for word in text.split():
            own = [next(rest) for _ in word]
            confidence = min(each.chance if isinstance(each, Digit) else each.confidence for each in own)
            edges = np.array([(x, y, x + width, y + height) for x, y, width, height in (each.box for each in own)])
            (left, top), (right, bottom) = edges[:, :2].min(axis=0).tolist(), edges[:, 2:].max(axis=0).tolist()
            box = (left, top, right - left, bottom - top)
            numbers.append(Number(word, confidence, box, line, own[0].page))
    return tuple(numbers)


def _from_left_to_right(reading: Reading) -> list[Digit | Sign]:
    """Return the digits and signs of the text."""
    items: list[Digit | Sign] = [*reading.digits, *reading.signs]
    shown = [each for each in items if each.line is not None]
    return sorted(shown, key=lambda each: each.box[0] + each.box[2] / 2)


def table_of(reading: Reading, gray: NDArray[np.uint8] | None = None) -> list[list[str]]:
    """Return the rows of a table, each with the text of every column, "" for an empty cell.

    Args:
        reading: of one page; of more pages, the first counts.
        gray: the page, uint8 (H, W). If it shows ruled cells with most of the digits, these are the table's.
            Without them, lines are rows, and clear gaps from top to bottom part the columns. Rows and columns in
            which no digit was accepted are left out then.
    """
    items = [each for each in _from_left_to_right(reading) if each.page == 0]
    is_sure = np.array([isinstance(each, Digit) and each.accepted for each in items], bool)
    if not is_sure.any():
        return []
    boxes = np.array([each.box for each in items], float)
    edges = np.hstack([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]])
    places = None if gray is None else _in_cells(edges[is_sure], edges, gray, reading.sizes[0])
    if places is None:
        places = np.stack(
            [np.array([each.line for each in items], np.int64), _columns(edges[is_sure], edges)], axis=1
        )
        for axis in (0, 1):
            places[:, axis] = _numbered(places[is_sure, axis], places[:, axis])
    n_rows, n_columns = places.max(axis=0) + 1
    rows = [[""] * int(n_columns) for _ in range(int(n_rows))]
    for (row, column), item in zip(places.tolist(), items, strict=True):
        if min(row, column) >= 0:
            rows[row][column] += item.character if isinstance(item, Digit) else item.label
    return rows


def _numbered(known: Places, places: Places) -> Places:
    """Return the places (N,) counted through from 0, those that are not `known` as -1."""
    numbers = np.unique(known)
    return np.asarray(np.where(np.isin(places, numbers), np.searchsorted(numbers, places), -1), np.int64)


def _columns(sure: Floats, edges: Floats) -> Places:
    """Return the column of each item, (N,); the gaps between columns are those between the `sure` ones.

    Columns of photos lean. The lean is the one at which the digits cover the fewest columns of pixels.
    """
    height = float(np.median(sure[:, 3] - sure[:, 1]))
    down = (sure[:, 1] + sure[:, 3]) / 2
    covered = [_covered(sure[:, 0] - lean * down, sure[:, 2] - lean * down) for lean in LEANS]
    fewest = np.array([sum(end - start for start, end in spans) for spans in covered])
    best = int(np.argmin(fewest + 1e-3 * height * np.abs(LEANS)))  # the smallest lean of equal ones
    lean, spans = LEANS[best], covered[best]
    middles = edges[:, [0, 2]].mean(axis=1) - lean * edges[:, [1, 3]].mean(axis=1)
    borders = [(end + start) / 2 for (_, end), (start, _) in pairwise(spans) if start - end > GAP * height]
    return np.asarray(np.searchsorted(borders, middles), np.int64)


def _covered(left: Floats, right: Floats) -> list[tuple[float, float]]:
    """Return the spans that intervals cover together, from left to right."""
    spans: list[tuple[float, float]] = []
    for start, end in sorted(zip(left.tolist(), right.tolist(), strict=True)):
        if spans and start <= spans[-1][1]:
            spans[-1] = (spans[-1][0], max(end, spans[-1][1]))
        else:
            spans.append((start, end))
    return spans


def _in_cells(sure: Floats, edges: Floats, gray: NDArray[np.uint8], size: tuple[int, int]) -> Places | None:
    """Return the row and the column of each item in ruled cells, (N, 2), -1 outside; None without cells."""
    lines, _ = lines_and_ink(gray)
    cells = np.array(enclosed(lines, highest=HIGHEST_CELL), float).reshape(-1, 4) * (size[0] / gray.shape[1])
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
