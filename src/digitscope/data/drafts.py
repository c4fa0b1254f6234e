"""The paper of a document, what is written on it, and its lines: tables, boxes, rings and crossings-out.

A document has no light yet: it says how much of each pixel is under which ink.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from digitscope.data.glyphs import Mark, Writing
from digitscope.data.hands import Hand, Material
from digitscope.data.splits import UInt8
from digitscope.data.typeset import WORDS, Print, random_number

Brush = ImageDraw.ImageDraw
Point = tuple[float, float]
Box = tuple[float, float, float, float]

# Handwritten digits and signs; other handwriting; print; and lines, boxes and rings.
LAYERS = ("digits", "writing", "print", "rules")

# Share of an item's width and height that must lie on the document; items with less are dropped.
LEAST_SEEN = 0.7


@dataclass(frozen=True, eq=False)
class Item:
    """A digit or a sign on a document."""

    mark: Mark  # in pixels of the document
    printed: bool
    size: float  # pixels, the height of the digits that it was written with


@dataclass(frozen=True, eq=False)
class Document:
    """The ink on a sheet of paper."""

    layers: Mapping[str, UInt8]  # coverage (H, W) by the names in `LAYERS`
    items: tuple[Item, ...]  # its digits and signs, written and printed
    size: float  # pixels, the usual height of its handwritten digits


class Draft:
    """A document in the making, its hand and its font."""

    def __init__(
        self, material: Material, size: float, shape: tuple[int, int], generator: np.random.Generator
    ) -> None:
        self.size, self.shape, self.generator = size, shape, generator
        self.hand, self.font = Hand(material, size, generator), Print(generator)
        self.layers = {name: np.zeros(shape, np.uint8) for name in LAYERS[:3]}
        self.lines = Image.new("L", shape[::-1])
        self.brush = ImageDraw.Draw(self.lines)
        self.items: list[Item] = []

    def draw(self, low: float, high: float) -> float:
        """Return a number drawn evenly."""
        return float(self.generator.uniform(low, high))

    def happens(self, share: float) -> bool:
        """Return True with the probability `share`."""
        return bool(self.generator.random() < share)

    def whole(self, low: int, high: int) -> int:
        """Return a whole number from `low` to below `high`, drawn evenly."""
        return int(self.generator.integers(low, high))

    def one_of(self, choices: Sequence[str], shares: Sequence[float] | None = None) -> str:
        """Return one of `choices`, drawn evenly or by their `shares`."""
        return str(self.generator.choice(list(choices), p=shares))

    def line_width(self) -> int:
        """Return the width of a line: 1 pixel to an eighth of a digit's height."""
        return max(1, round(float(np.exp(self.draw(np.log(0.02), np.log(0.13)))) * self.size))

    def place(
        self, writing: Writing | None, x: float, base: float, layer: str, *, is_crossed: bool = False
    ) -> float:
        """Put writing on a layer, its left at `x` and its baseline at row `base`; return its right end.

        A number that `is_crossed` out goes to the layer "writing" and is no item.
        """
        if writing is None or not writing.coverage.size:
            return x
        if is_crossed:
            layer = "writing"
            box = (x, base - writing.base, x + writing.coverage.shape[1], base)
            image = Image.fromarray(self.layers[layer])  # in the hand's own ink: print would cross out nothing
            self._cross_out(ImageDraw.Draw(image), box)
            self.layers[layer] = np.array(image)
        left, top = round(x), round(base - writing.base)
        rows, columns = writing.coverage.shape
        height, width = self.shape
        first, last = max(top, 0), min(top + rows, height)
        start, end = max(left, 0), min(left + columns, width)
        if first < last and start < end:
            part = writing.coverage[first - top : last - top, start - left : end - left]
            target = self.layers[layer][first:last, start:end]
            np.maximum(target, part, out=target)
            for mark in writing.marks if layer in ("digits", "print") else ():
                moved = mark.moved(left, top)
                low, high = moved.outline.min(axis=0), moved.outline.max(axis=0)
                seen = np.minimum(high, (width, height)) - np.maximum(low, 0)
                if (seen >= LEAST_SEEN * (high - low)).all():
                    self.items.append(Item(moved, layer == "print", self.hand.size))
        return float(x + columns)

    def _cross_out(self, brush: Brush, box: Box) -> None:
        """Draw one stroke (straight or bent), two strokes, or a scribble through the box with the hand's pen."""
        left, top, right, bottom = box
        height, kind = bottom - top, self.generator.random()
        single = (1, 1, 0.15) if kind < 0.4 else (1, 2, 0.2)
        strokes, turns, reach = single if kind < 0.6 else (2, 1, 0.2) if kind < 0.75 else (1, 9, 0.45)
        for _ in range(strokes):
            over = self.generator.uniform(-0.1, 0.35, 2) * height
            ys = (top + bottom) / 2 + self.generator.uniform(-reach, reach, turns + 1) * height
            draw_zigzag(brush, left - over[0], right + over[1], ys, self.hand.width)

    def text(self, size: float, *, most_words: int = 6) -> Writing:
        """Return some printed words, often with a number among them."""
        words = list(self.generator.choice(WORDS, self.whole(1, most_words + 1)))
        if self.happens(0.45):
            number = random_number(self.generator).replace("×", "x")
            words.insert(self.whole(0, len(words) + 1), number)
        text = " ".join(words)
        text = self.one_of([text, text.upper(), text.capitalize()], (0.4, 0.2, 0.4))
        return self.font.text(text + self.one_of(":.,;? "), size)

    def other(self, size: float) -> tuple[Writing | None, str]:
        """Return a word or printed text, and its layer."""
        if self.happens(0.5):
            return self.text(size), "print"
        return self.hand.word(), "writing"

    def finished(self) -> Document:
        """Return the document."""
        layers = {**self.layers, "rules": np.asarray(self.lines)}
        return Document(layers, tuple(self.items), self.size)


def ruled(draft: Draft, xs: Sequence[float], ys: Sequence[float], upright: bool) -> None:
    """Draw a line at each row of `ys` from the first to the last column of `xs`, and `upright` ones at `xs`."""
    width, style = draft.line_width(), draft.generator.random()
    for y in ys:
        draw_line(draft.brush, (xs[0], y), (xs[-1], y), width, style)
    for x in xs if upright else ():
        draw_line(draft.brush, (x, ys[0]), (x, ys[-1]), width, style)


def comb(draft: Draft, box: Box, cells: int) -> None:
    """Draw the cells of a form: joined boxes, boxes apart, rounded boxes, or a comb with low teeth."""
    left, top, right, bottom = box
    cell = (right - left) / cells
    edges = left + cell * np.arange(cells + 1)
    width, style, kind = draft.line_width(), draft.generator.random(), draft.generator.random()
    lines: list[tuple[Point, Point]] = []
    if kind < 0.35:
        lines = [((left, y), (right, y)) for y in (top, bottom)] + [((x, top), (x, bottom)) for x in edges]
    elif kind < 0.6:
        tooth = bottom - draft.draw(0.2, 1) * (bottom - top)
        lines = [((left, bottom), (right, bottom)), *(((x, tooth), (x, bottom)) for x in edges)]
    else:
        apart, radius = 0.5 * cell * draft.draw(0.04, 0.2), draft.size * draft.draw(0.05, 0.4)
        style = draft.draw(0.7, 1)  # boxes apart are dashed more often than other lines
        for near, far in [(x + apart, x + cell - apart) for x in edges[:-1]]:
            if far - near > 4 and kind < 0.8:
                ends, curve = (near, top, far, bottom), min(radius, (far - near) / 2.5)
                draft.brush.rounded_rectangle(ends, curve, outline=255, width=width)
            elif far - near > 4:
                lines += pairwise([(near, top), (far, top), (far, bottom), (near, bottom), (near, top)])
    for start, end in lines:
        draw_line(draft.brush, start, end, width, style)


def add_clutter(draft: Draft, share: float) -> None:
    """Draw what is on paper beside writing: rules, squares, rings, arrows, underlines and long strokes.

    `share` scales how often each of them comes.
    """
    brush, size, generator, (height, width) = draft.brush, draft.size, draft.generator, draft.shape
    if draft.happens(0.22 * share):  # ruled or squared paper
        pitch, offset, line = size * draft.draw(0.5, 2), draft.draw(0, size), min(draft.line_width(), 3)
        for y in np.arange(offset, height, pitch):
            brush.line((0, y, width, y), fill=255, width=line)
        for x in np.arange(offset, width, pitch) if draft.happens(0.5) else ():
            brush.line((x, 0, x, height), fill=255, width=line)
    for _ in range(draft.whole(1, 6) if draft.happens(0.3 * share) else 0):
        x, y = draft.draw(0, width), draft.draw(0, height)
        a, b = size * generator.uniform(0.7, 3.5, 2)
        line, kind = draft.line_width(), generator.random()
        if kind < 0.35:
            brush.ellipse((x - a, y - b, x + a, y + b), outline=255, width=line)
        elif kind < 0.5:
            brush.rounded_rectangle((x - a, y - b, x + a, y + b), 0.4 * min(a, b), outline=255, width=line)
        elif kind < 0.7:
            tip = x + draft.draw(-4, 4) * size, y + draft.draw(-3, 3) * size
            draw_arrow(brush, (x, y), tip, size, line)
        elif kind < 0.76:
            _draw_patch(draft, x, y, a, b)
        elif kind < 0.87:
            draw_line(brush, (x, y), (x + draft.draw(1, 8) * size, y + 0.1 * size), line, 0)
        else:
            points = generator.uniform(0, 1, (draft.whole(2, 6), 2)) * (width, height)
            brush.line([tuple(point) for point in points.tolist()], fill=255, width=line)


def _draw_patch(draft: Draft, x: float, y: float, width: float, height: float) -> None:
    """Draw a filled rectangle, ellipse or polygon around (x, y), as logos and the keys of tables have."""
    shade, kind = draft.whole(60, 255), draft.generator.random()
    box = (x - width / 2, y - height / 2, x + width / 2, y + height / 2)
    if kind < 0.4:
        draft.brush.rectangle(box, fill=shade)
    elif kind < 0.7:
        draft.brush.ellipse(box, fill=shade)
    else:
        circle = (x, y, min(width, height) / 2)
        draft.brush.regular_polygon(circle, draft.whole(3, 9), draft.draw(0, 360), fill=shade)


def draw_zigzag(brush: Brush, left: float, right: float, ys: NDArray[np.float64], width: float) -> None:
    """Draw a line of `width` pixels through the rows `ys`, (N,), at even steps from column `left` to `right`."""
    points = np.stack([np.linspace(left, right, len(ys)), ys], axis=1).ravel().tolist()
    brush.line(points, fill=255, width=max(1, round(width)), joint="curve")


def draw_line(brush: Brush, start: Point, end: Point, width: int, style: float) -> None:
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


def draw_arrow(brush: Brush, start: Point, end: Point, size: float, width: int) -> None:
    """Draw an arrow whose head is half a digit, of height `size`, long."""
    brush.line((*start, *end), fill=255, width=width)
    angle = np.arctan2(end[1] - start[1], end[0] - start[0])
    for turn in (2.6, -2.6):
        tip = (end[0] + 0.5 * size * np.cos(angle + turn), end[1] + 0.5 * size * np.sin(angle + turn))
        brush.line((*end, *tip), fill=255, width=width)
