"""Where to cut ink in which digits touch: along the paths from top to bottom that cross the least of it.

There is one through each column of the middle row: a path that had only to end somewhere would go around a digit
that does not reach the bottom, rather than between it and the next.
"""

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Float32 = NDArray[np.float32]
Int = NDArray[np.intp]

CUT_HEIGHT = 40
"""Rows at which paths are looked for: enough to pass between strokes."""

SIDE_STEP = 0.15
"""What a step to the side costs, in pixels of ink: a path should not wind."""

MOST_CUTS = 9


def cut_lines(ink: Float32) -> list[Int]:
    """Return up to nine cuts of `ink` (H, W), from left to right, each as the column of every row (H,)."""
    height, width = ink.shape
    scale = min(1.0, CUT_HEIGHT / height)
    shape = max(2, round(height * scale)), max(3, round(width * scale))
    small = np.asarray(Image.fromarray(ink).resize(shape[::-1], Image.Resampling.BOX))
    middle = shape[0] // 2
    above, from_above = _paths(small[: middle + 1])
    below, from_below = _paths(small[middle:][::-1])
    crossed = above + below - small[middle]
    through = _local_minima(crossed, apart=max(2, shape[0] // 13))
    through = sorted(sorted(through, key=lambda column: float(crossed[column]))[:MOST_CUTS])
    rows = np.minimum((np.arange(height) * scale).astype(int), shape[0] - 1)
    paths = (
        np.concatenate([_trace(from_above, column), _trace(from_below, column)[-2::-1]]) for column in through
    )
    return [((path[rows] + 0.5) / scale).astype(np.intp) for path in paths]


def _paths(ink: Float32) -> tuple[Float32, Int]:
    """Return for each bottom column the ink on the best path to it, and where each pixel's path came from."""
    height, width = ink.shape
    crossed = ink[0].copy()
    came_from = np.zeros((height, width), np.intp)
    columns = np.arange(width)
    for row in range(1, height):
        padded = np.pad(crossed, 1, constant_values=np.inf)
        ways = np.stack([padded[:-2] + SIDE_STEP, padded[1:-1], padded[2:] + SIDE_STEP])
        best = ways.argmin(axis=0)
        crossed = ways[best, columns] + ink[row]
        came_from[row] = np.clip(columns + best - 1, 0, width - 1)
    return crossed, came_from


def _trace(came_from: Int, end: int) -> Int:
    path = np.empty(len(came_from), np.intp)
    column = end
    for row in range(len(came_from) - 1, -1, -1):
        path[row] = column
        column = came_from[row, column]
    return path


def _local_minima(crossed: Float32, apart: int) -> list[int]:
    """Return the columns, off the rim, that no column within `apart` undercuts; the first of equal ones."""
    found: list[int] = []
    for column in range(apart, len(crossed) - apart):
        around = crossed[column - apart : column + apart + 1]
        if crossed[column] <= around.min() and not (found and column - found[-1] <= apart):
            found.append(column)
    return found


def between(ink: Float32, left: Int | None, right: Int | None) -> Float32:
    """Return `ink` with everything outside of two cuts wiped away; None is the rim."""
    columns = np.arange(ink.shape[1])
    kept = np.ones(ink.shape, bool)
    if left is not None:
        kept &= columns >= left[:, None]
    if right is not None:
        kept &= columns < right[:, None]
    return np.where(kept, ink, np.float32(0))


def best_path(costs: dict[tuple[int, int], float], last: int, extra: float) -> tuple[list[tuple[int, int]], float]:
    """Return the cheapest way from cut 0 to cut `last`, as segments (from, to), and what it costs.

    Each segment beside the first costs `extra` more.

    `costs` holds the segments there are; if none leads to the end, the way is empty and its cost infinite.
    """
    reached: dict[int, tuple[float, list[int]]] = {0: (-extra, [0])}
    for end in range(1, last + 1):
        ways = [
            (reached[start][0] + cost + extra, [*reached[start][1], end])
            for (start, to), cost in costs.items()
            if to == end and start in reached
        ]
        if ways:
            reached[end] = min(ways)
    if last not in reached:
        return [], float("inf")
    total, stops = reached[last]
    return list(pairwise(stops)), total
