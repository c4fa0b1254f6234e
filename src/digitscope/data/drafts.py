"""The paper of a document, and the pen that writes on it.

A document has no light yet: it says how much of each pixel is under which ink.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from digitscope.data.glyphs import Mark, Writing
from digitscope.data.hands import Hand, Material
from digitscope.data.rules import cross_out
from digitscope.data.splits import UInt8
from digitscope.data.typeset import WORDS, Print, random_number

LAYERS = ("digits", "writing", "print", "rules")
"""Handwritten digits and signs; other handwriting; print; and lines, boxes and rings."""

LEAST_SEEN = 0.7
"""Share of an item's width and height that must lie on the document; items with less are dropped."""


@dataclass(frozen=True, eq=False)
class Item:
    """A digit or a sign on a document.

    Attributes:
        mark: its label and outline, in pixels of the document.
        printed: whether it is print.
        size: pixels, the height of the digits that it was written with.
    """

    mark: Mark
    printed: bool
    size: float


@dataclass(frozen=True, eq=False)
class Document:
    """The ink on a sheet of paper.

    Attributes:
        layers: coverage, uint8 (H, W) each, by the names in `LAYERS`.
        items: its digits and signs, written and printed.
        size: pixels, the usual height of its handwritten digits.
    """

    layers: Mapping[str, UInt8]
    items: tuple[Item, ...]
    size: float


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
            cross_out(ImageDraw.Draw(image), box, self.hand.width, self.generator)
            self.layers[layer] = np.array(image)
        left, top = round(x), round(base - writing.base)
        rows, columns = writing.coverage.shape
        target, (height, width) = self.layers[layer], self.shape
        first, last = max(top, 0), min(top + rows, height)
        start, end = max(left, 0), min(left + columns, width)
        if first < last and start < end:
            part = writing.coverage[first - top : last - top, start - left : end - left]
            np.maximum(target[first:last, start:end], part, out=target[first:last, start:end])
            self._keep(writing.marks, left, top, layer)
        return float(x + columns)

    def _keep(self, marks: tuple[Mark, ...], left: int, top: int, layer: str) -> None:
        height, width = self.shape
        for mark in marks if layer in ("digits", "print") else ():
            moved = mark.moved(left, top)
            low, high = moved.outline.min(axis=0), moved.outline.max(axis=0)
            seen = np.minimum(high, (width, height)) - np.maximum(low, 0)
            if (seen >= LEAST_SEEN * (high - low)).all():
                self.items.append(Item(moved, layer == "print", self.hand.size))

    def text(self, size: float, *, most_words: int = 6) -> Writing:
        """Return some printed words, often with a number among them."""
        words = list(self.generator.choice(WORDS, int(self.generator.integers(1, most_words, endpoint=True))))
        if self.happens(0.45):
            number = random_number(self.generator).replace("×", "x")
            words.insert(int(self.generator.integers(len(words) + 1)), number)
        text = " ".join(words)
        text = str(self.generator.choice([text, text.upper(), text.capitalize()], p=[0.4, 0.2, 0.4]))
        return self.font.text(text + str(self.generator.choice(list(":.,;? "))), size)

    def other(self, size: float) -> tuple[Writing | None, str]:
        """Return a word or printed text, and its layer."""
        if self.happens(0.5):
            return self.text(size), "print"
        return self.hand.word(), "writing"

    def finished(self) -> Document:
        """Return the document."""
        layers = {**self.layers, "rules": np.asarray(self.lines)}
        return Document(layers, tuple(self.items), self.size)
