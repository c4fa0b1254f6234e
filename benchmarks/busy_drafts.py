"""The paper of a busy page: its numbers keep inside of the margins and stand in clear lines."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import inf

import numpy as np

from digitscope.data.drafts import Draft, draw_line
from digitscope.data.glyphs import Writing
from digitscope.data.hands import Material
from digitscope.errors import DataError

MOST_DIGITS = 70
"""Handwritten digits on a page, after which no line begins."""

EVERYDAY, THINNEST = (0.04, 0.13), 1.4
"""Widths of an everyday pen, as shares of a digit's height, and the least in pixels."""

GAPS = (0.06, 0.25)
"""Gaps between the digits of a number, in heights of a digit."""

ASCENT, DESCENT = 1.4, 0.3
"""Heights of a digit that a line needs above and below its baseline."""

TRIES = 8
"""Drawings of a number, at most, until all of its samples are whole."""


class BusyDraft(Draft):
    """A page in the making.

    Attributes:
        left, top, right, bottom: pixels, the room for writing.
        texts: the numbers of each line.
        line_of: the line of each item.
    """

    def __init__(
        self,
        material: Material,
        size: float,
        shape: tuple[int, int],
        generator: np.random.Generator,
        margin: float,
    ) -> None:
        super().__init__(material, size, shape, generator)
        height, width = shape
        self.left, self.top = margin * width, margin * height
        self.right, self.bottom = width - self.left, height - self.top
        self.texts: list[list[str]] = []
        self.line_of: list[int] = []
        if self.hand.uses_pens:
            self.hand.width = max(THINNEST, size * self.draw(*EVERYDAY))

    @property
    def pen(self) -> int:
        """Pixels, the width of the pen's lines."""
        return max(1, round(self.hand.width))

    @property
    def n_digits(self) -> int:
        """Handwritten digits so far."""
        return sum(character.isdecimal() for numbers in self.texts for text in numbers for character in text)

    def baselines(self, pitch: float) -> Iterator[float]:
        """Begin line after line, `pitch` heights of a digit apart, and yield the baseline of each."""
        base = self.top + ASCENT * self.size
        while base + DESCENT * self.size < self.bottom and self.n_digits < MOST_DIGITS:
            self.texts.append([])
            yield base
            base += pitch * self.size

    def start(self) -> float:
        """Return the column where a line begins."""
        return self.left + self.draw(0, 0.06) * (self.right - self.left)

    def place(
        self, writing: Writing | None, x: float, base: float, layer: str, *, is_crossed: bool = False
    ) -> float:
        """Put writing on a layer as `Draft.place` does, and note the line of its digits."""
        end = super().place(writing, x, base, layer, is_crossed=is_crossed)
        self.line_of += [len(self.texts) - 1] * (len(self.items) - len(self.line_of))
        return end

    def put(self, piece: Writing | None, x: float, base: float, layer: str, end: float = inf) -> float:
        """Put writing on a layer and return its right end; infinity if it does not fit before column `end`."""
        if piece is None or x + piece.coverage.shape[1] > min(end, self.right):
            return inf
        return self.place(piece, x, base, layer)

    def write(self, text: str, x: float, base: float, gaps: tuple[float, float] = GAPS, end: float = inf) -> float:
        """Write a number and return its right end; infinity if it does not fit before column `end`."""
        place = self.put(self.number(text, gaps), x, base + self.draw(-0.04, 0.04) * self.size, "digits", end)
        if place < inf:
            self.texts[-1].append(text.replace("_", " "))
        return place

    def number(self, text: str, gaps: tuple[float, float] = GAPS) -> Writing:
        """Return a handwritten number; one with a sample that is degenerate is drawn anew.

        Raises:
            DataError: no drawing is whole.
        """
        for _ in range(TRIES):
            number = self.hand.number(text, gaps)
            if number is not None:
                return number
        raise DataError(f"{text} cannot be drawn: {TRIES} times a pen sample was degenerate: expected whole ones")

    def digits(self, least: int = 1, most: int = 6) -> str:
        """Return `least` to `most` digits as text."""
        count = int(self.generator.integers(least, most, endpoint=True))
        return "".join(self.generator.choice(list("0123456789"), count))


@dataclass(frozen=True)
class Look:
    """How boxes are drawn.

    Attributes:
        width: pixels, of the lines.
        radius: heights of a digit, of the corners.
        is_dashed: whether the lines are dashed; they have no round corners then.
    """

    width: int = 1
    radius: float = 0.0
    is_dashed: bool = False

    def frame(self, page: Draft, left: float, top: float, right: float, bottom: float) -> None:
        """Draw a box."""
        if not self.is_dashed:
            radius = self.radius * page.size
            page.brush.rounded_rectangle((left, top, right, bottom), radius, outline=255, width=self.width)
            return
        for y in (top, bottom):
            self.rule(page, (left, y), (right, y))
        for x in (left, right):
            self.rule(page, (x, top), (x, bottom))

    def rule(self, page: Draft, start: tuple[float, float], end: tuple[float, float]) -> None:
        """Draw a line."""
        draw_line(page.brush, start, end, self.width, 0.9 if self.is_dashed else 0.0)


@dataclass(frozen=True)
class Cells:
    """Cells of a form, one for each digit.

    Attributes:
        look: how they are drawn.
        width: pixels, from one cell to the next.
        apart: share of the width that is between two boxes; 0 for joined ones.
        tooth: heights of the lines between joined cells, as a share; below 1 they have no upper line.
    """

    look: Look
    width: float
    apart: float = 0.0
    tooth: float = 1.0

    def write(self, page: BusyDraft, text: str, x: float, base: float, empty: int = 0) -> float:
        """Write digits into cells and leave `empty` more; return the column where they end, or infinity."""
        end = x + self.width * (len(text) + empty)
        if end > page.right:
            return inf
        self._draw(page, x, base, len(text) + empty)
        middle = x + self.width * (1 - self.apart) / 2
        for k, digit in enumerate(text):
            piece = page.number(digit)
            left = middle + self.width * (k + page.draw(-0.07, 0.07)) - piece.coverage.shape[1] / 2
            page.place(piece, left, base + page.draw(-0.07, 0.07) * page.size, "digits")
        page.texts[-1].append(text)
        return end

    def _draw(self, page: Draft, x: float, base: float, number: int) -> None:
        top, bottom = base - 1.25 * page.size, base + 0.2 * page.size
        edges = [x + self.width * k for k in range(number + 1)]
        if self.tooth == 1:
            for left in edges[:-1]:
                self.look.frame(page, left, top, left + self.width * (1 - self.apart), bottom)
            return
        self.look.rule(page, (x, bottom), (edges[-1], bottom))
        for left in edges:
            self.look.rule(page, (left, bottom - self.tooth * (bottom - top)), (left, bottom))
