"""Lines on documents: tables, boxes, combs, ruled and squared paper, rings, arrows and crossings-out."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from PIL import ImageDraw

Box = tuple[float, float, float, float]


def ruled(
    brush: ImageDraw.ImageDraw,
    xs: Sequence[float],
    ys: Sequence[float],
    upright: bool,
    size: float,
    generator: np.random.Generator,
) -> None:
    """Draw a line at each of the rows `ys` between the outer columns `xs`, and upright ones at `xs` if asked for.

    Their width is drawn: 1 pixel to an eighth of `size`, the height of a digit.
    """
    width, style = _line_width(size, generator), generator.random()
    for y in ys:
        draw_line(brush, (xs[0], y), (xs[-1], y), width, style)
    for x in xs if upright else ():
        draw_line(brush, (x, ys[0]), (x, ys[-1]), width, style)


def comb(brush: ImageDraw.ImageDraw, box: Box, cells: int, size: float, generator: np.random.Generator) -> None:
    """Draw the cells of a form: joined boxes, boxes apart, rounded boxes, or a comb with low teeth."""
    left, top, right, bottom = box
    width, style, kind = _line_width(size, generator), generator.random(), generator.random()
    cell = (right - left) / cells
    edges = left + cell * np.arange(cells + 1)
    if kind < 0.35:
        ruled_like = [((left, y), (right, y)) for y in (top, bottom)] + [((x, top), (x, bottom)) for x in edges]
    elif kind < 0.6:
        tooth = bottom - generator.uniform(0.2, 1) * (bottom - top)
        ruled_like = [((left, bottom), (right, bottom)), *(((x, tooth), (x, bottom)) for x in edges)]
    else:
        apart, radius = 0.5 * cell * generator.uniform(0.04, 0.2), size * generator.uniform(0.05, 0.4)
        style = generator.uniform(0.7, 1)  # boxes apart are dashed more often than other lines
        for x in edges[:-1]:
            ends = (x + apart, top, x + cell - apart, bottom)
            if ends[2] - ends[0] <= 4:
                continue
            if kind < 0.8:
                brush.rounded_rectangle(ends, min(radius, (ends[2] - ends[0]) / 2.5), outline=255, width=width)
            else:
                corners = [(ends[k], ends[m]) for k, m in ((0, 1), (2, 1), (2, 3), (0, 3), (0, 1))]
                for start, end in pairwise(corners):
                    draw_line(brush, start, end, width, style)
        return
    for start, end in ruled_like:
        draw_line(brush, start, end, width, style)


def cross_out(brush: ImageDraw.ImageDraw, box: Box, width: float, generator: np.random.Generator) -> None:
    """Draw one stroke (straight or bent), two strokes, or a scribble through the box, `width` pixels wide."""
    left, top, right, bottom = box
    height, kind = bottom - top, generator.random()
    single = (1, 1, 0.15) if kind < 0.4 else (1, 2, 0.2)
    strokes, turns, reach = single if kind < 0.6 else (2, 1, 0.2) if kind < 0.75 else (1, 9, 0.45)
    for _ in range(strokes):
        over = generator.uniform(-0.1, 0.35, 2) * height
        ys = (top + bottom) / 2 + generator.uniform(-reach, reach, turns + 1) * height
        draw_zigzag(brush, left - over[0], right + over[1], ys, width)


def draw_zigzag(
    brush: ImageDraw.ImageDraw, left: float, right: float, ys: NDArray[np.float64], width: float
) -> None:
    """Draw a line of `width` pixels through the rows `ys`, (N,), at even steps from column `left` to `right`."""
    points = np.stack([np.linspace(left, right, len(ys)), ys], axis=1).ravel().tolist()
    brush.line(points, fill=255, width=max(1, round(width)), joint="curve")


def add_clutter(
    brush: ImageDraw.ImageDraw, shape: tuple[int, int], size: float, share: float, generator: np.random.Generator
) -> None:
    """Draw what is on paper beside writing: rules, squares, rings, arrows, underlines and crossings-out.

    `share` scales how often each of them comes; `size` is the height of a digit.
    """
    height, width = shape
    if generator.random() < 0.22 * share:  # ruled or squared paper
        pitch, offset, line = (
            size * generator.uniform(0.5, 2),
            generator.uniform(0, size),
            _line_width(size, generator),
        )
        for y in np.arange(offset, height, pitch):
            brush.line((0, y, width, y), fill=255, width=min(line, 3))
        for x in np.arange(offset, width, pitch) if generator.random() < 0.5 else ():
            brush.line((x, 0, x, height), fill=255, width=min(line, 3))
    for _ in range(int(generator.integers(1, 6)) if generator.random() < 0.3 * share else 0):
        x, y = generator.uniform(0, width), generator.uniform(0, height)
        a, b = size * generator.uniform(0.7, 3.5, 2)
        line, kind = _line_width(size, generator), generator.random()
        if kind < 0.35:
            brush.ellipse((x - a, y - b, x + a, y + b), outline=255, width=line)
        elif kind < 0.5:
            brush.rounded_rectangle((x - a, y - b, x + a, y + b), 0.4 * min(a, b), outline=255, width=line)
        elif kind < 0.7:
            draw_arrow(
                brush,
                (x, y),
                (x + generator.uniform(-4, 4) * size, y + generator.uniform(-3, 3) * size),
                size,
                line,
            )
        elif kind < 0.76:  # a patch, as of a logo
            draw_patch(brush, (x, y), (a, b), generator)
        elif kind < 0.87:
            draw_line(brush, (x, y), (x + generator.uniform(1, 8) * size, y + 0.1 * size), line, 0)
        else:
            points = generator.uniform(0, 1, (int(generator.integers(2, 6)), 2)) * (width, height)
            brush.line([tuple(point) for point in points.tolist()], fill=255, width=line)


def _line_width(size: float, generator: np.random.Generator) -> int:
    return max(1, round(float(np.exp(generator.uniform(np.log(0.02), np.log(0.13)))) * size))


def draw_line(
    brush: ImageDraw.ImageDraw, start: tuple[float, float], end: tuple[float, float], width: int, style: float
) -> None:
    """Draw a straight line; from a `style` of 0.86 on it is dashed, from 0.93 on dotted."""
    if style < 0.86:
        brush.line((*start, *end), fill=255, width=width)
        return
    length = float(np.hypot(end[0] - start[0], end[1] - start[1]))
    dash = width * (4 if style < 0.93 else 1)
    for place in np.arange(0, length, 2 * dash + 1):
        near, far = place / length, min(1.0, (place + dash) / length)
        ends = [start[k] + share * (end[k] - start[k]) for share in (near, far) for k in range(2)]
        brush.line(ends, fill=255, width=width)


def draw_patch(
    brush: ImageDraw.ImageDraw,
    middle: tuple[float, float],
    sides: tuple[float, float],
    generator: np.random.Generator,
) -> None:
    """Draw a filled rectangle, ellipse or polygon of at most these sides, as logos and the keys of tables have."""
    (x, y), (a, b), shade, kind = middle, sides, int(generator.integers(60, 255)), generator.random()
    box = (x - a / 2, y - b / 2, x + a / 2, y + b / 2)
    if kind < 0.4:
        brush.rectangle(box, fill=shade)
    elif kind < 0.7:
        brush.ellipse(box, fill=shade)
    else:
        corners = int(generator.integers(3, 9))
        brush.regular_polygon((x, y, min(a, b) / 2), corners, generator.uniform(0, 360), fill=shade)


def draw_arrow(
    brush: ImageDraw.ImageDraw, start: tuple[float, float], end: tuple[float, float], size: float, width: int
) -> None:
    """Draw an arrow whose head is half a digit, of height `size`, long."""
    brush.line((*start, *end), fill=255, width=width)
    angle = np.arctan2(end[1] - start[1], end[0] - start[0])
    for turn in (2.6, -2.6):
        tip = (end[0] + 0.5 * size * np.cos(angle + turn), end[1] + 0.5 * size * np.sin(angle + turn))
        brush.line((*end, *tip), fill=255, width=width)
