"""Lines of text: what stands beside what, in reading order, and where spaces are."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

REACH = 4.0
"""Heights to the right in which the next digit of a line is looked for, to find the slope of the lines."""

FARTHEST = 0.55
"""Heights that a digit's middle may lie above or below its line."""

BESIDE = 1.6
"""Heights from a sign to the nearest digit of its line, at most."""

SPACE = 0.55
"""Heights of a gap that separates words, at least."""

WIDER, FARTHER = 1.8, 1.3
"""Usual gaps that a space is wide, at least, and usual steps, from middle to middle, that are made across it."""

USUAL = 0.3
"""Share of a line's gaps and steps that are no wider than the usual ones."""


def arrange(boxes: Floats) -> list[list[int]]:
    """Return the rows of `boxes` line by line, from top to bottom, and in a line from left to right.

    A box is left, top, right and bottom of a digit: float64 (N, 4). Lines may slope: a digit belongs to the line
    whose last digits, continued to it, come nearest.
    """
    if not len(boxes):
        return []
    middles = (boxes[:, :2] + boxes[:, 2:]) / 2
    heights = boxes[:, 3] - boxes[:, 1]
    usual = float(np.median(heights))
    slope = _slope(middles, usual)
    levels = middles[:, 1] - slope * middles[:, 0]
    lines: list[list[int]] = []
    ends = np.empty(len(boxes))  # the level of the last digits of each line
    for number in np.argsort(middles[:, 0], kind="stable"):
        away = np.abs(ends[: len(lines)] - levels[number])
        nearest = int(away.argmin()) if lines else 0
        if not lines or away[nearest] > FARTHEST * heights[number]:
            nearest = len(lines)
            lines.append([])
        lines[nearest].append(int(number))
        ends[nearest] = levels[lines[nearest][-4:]].mean()
    lines = _merged(lines, levels, heights)
    for line in lines:
        line.sort(key=lambda number: middles[number, 0])
    return sorted(lines, key=lambda line: float(np.mean(levels[line])))


def _slope(middles: Floats, height: float) -> float:
    """Return the slope of lines: the median to the next digit, then to all digits near a line of that slope."""
    slopes = []
    for x, y in middles:
        right, down = middles[:, 0] - x, middles[:, 1] - y
        near = (right > 0) & (right < REACH * height) & (np.abs(down) < 0.5 * right)
        if near.any():
            nearest = np.flatnonzero(near)[np.argmin(right[near] + 2 * np.abs(down[near]))]
            slopes.append(down[nearest] / right[nearest])
    if len(slopes) < 4:
        return 0.0
    first, slopes = float(np.median(slopes)), []
    for x, y in middles:  # the farther apart two digits are, the less it matters that one is crooked
        right, down = middles[:, 0] - x, middles[:, 1] - y
        near = (right > 0) & (right < 2 * REACH * height) & (np.abs(down - first * right) < height)
        slopes += (down[near] / right[near]).tolist()
    return float(np.median(slopes)) if slopes else first


def _merged(lines: list[list[int]], levels: Floats, heights: Floats) -> list[list[int]]:
    """Join lines of the same level, which a gap or a crooked digit had divided; `heights` are those of digits."""
    merged: list[list[int]] = []
    for line in sorted(lines, key=lambda line: float(np.mean(levels[line]))):
        height = min(np.median(heights[line]), np.median(heights[merged[-1]])) if merged else 0.0
        if merged and np.mean(levels[line]) - np.mean(levels[merged[-1]]) < FARTHEST * height:
            merged[-1].extend(line)
        else:
            merged.append(line)
    return merged


def place_of(sign: Floats, lines: Sequence[Sequence[int]], boxes: Floats) -> int | None:
    """Return the number of the line that has the nearest digit beside a sign's box (4,); None if none is near."""
    heights = boxes[:, 3] - boxes[:, 1]
    across = np.maximum(boxes[:, 0] - sign[2], sign[0] - boxes[:, 2]).clip(0)
    down = np.maximum(boxes[:, 1] - sign[3], sign[1] - boxes[:, 3]).clip(0)
    away = (across + 2 * down) / heights
    near = int(away.argmin()) if len(boxes) else -1
    if near < 0 or away[near] > BESIDE:
        return None
    return next(number for number, line in enumerate(lines) if near in line)


def spaces_before(boxes: Floats) -> list[bool]:
    """Tell for each item of a line whether a space stands before it; `boxes` (N, 4) are from left to right."""
    if len(boxes) < 2:
        return [False] * len(boxes)
    height = float(np.median(boxes[:, 3] - boxes[:, 1]))
    gaps = np.array([after[0] - before[2] for before, after in pairwise(boxes)])
    steps = np.diff((boxes[:, 0] + boxes[:, 2]) / 2)
    if len(gaps) < 3:
        return [False, *(bool(gap >= SPACE * height) for gap in gaps)]
    usual_gap, usual_step = np.quantile(gaps, USUAL), np.quantile(steps, USUAL)
    # Beside a narrow 1 the gap is wide, so the step from middle to middle counts too.
    is_wide = gaps >= max(SPACE * height, WIDER * usual_gap)
    return [False, *(bool(each) for each in is_wide & (steps >= FARTHER * usual_step))]
