"""Documents that handwritten numbers stand on: forms, tables, sums, notes and text, with the truth about them.

A document is what lies on paper before light falls on it: how much of each pixel is under which ink. `scenes`
makes pictures of it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from PIL import Image, ImageDraw

from digitscope.data.glyphs import Mark, Writing
from digitscope.data.hands import Hand, Material
from digitscope.data.pens import UInt8
from digitscope.data.rules import add_clutter, comb, cross_out, ruled
from digitscope.data.typeset import WORDS, Print, random_number, random_sum

LAYERS = ("digits", "writing", "print", "rules")
"""Handwritten digits and signs; other handwriting; print; and lines, boxes and rings."""

SIDES, SIZES_A_SIDE = (352, 704), 24
"""Pixels of a document's sides, and how many digits high they are in between."""

LEAST_SEEN = 0.7
"""Share of a digit's width and height that lies on the document, at least, where it counts as a digit."""


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
    """What lies on the paper.

    Attributes:
        layers: uint8 (H, W) each, by the names in `LAYERS`.
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
        """Tell whether something happens that does so in a `share` of the cases."""
        return bool(self.generator.random() < share)

    def place(
        self, writing: Writing | None, x: float, base: float, layer: str, *, is_crossed: bool = False
    ) -> float:
        """Put writing on a layer, its left at `x` and its baseline at row `base`; return its right end.

        What `is_crossed` out is a number no more.
        """
        if writing is None or not writing.coverage.size:
            return x
        if is_crossed:
            layer = "writing"
            cross_out(self.brush, (x, base - writing.base, x + writing.coverage.shape[1], base), self.generator)
        left, top = round(x), round(base - writing.base)
        rows, columns = writing.coverage.shape
        target, (height, width) = self.layers[layer], self.shape
        first, last = max(top, 0), min(top + rows, height)
        start, end = max(left, 0), min(left + columns, width)
        if first < last and start < end:
            part = writing.coverage[first - top : last - top, start - left : end - left]
            np.maximum(target[first:last, start:end], part, out=target[first:last, start:end])
            self._keep(writing.marks, left, top, layer)
        return x + columns

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
        """Return some writing that is no number, and its layer."""
        if self.happens(0.5):
            return self.text(size), "print"
        return self.hand.word(), "writing"

    def finished(self) -> Document:
        """Return the document."""
        layers = {**self.layers, "rules": np.asarray(self.lines)}
        return Document(layers, tuple(self.items), self.size)


def make_document(material: Material, generator: np.random.Generator, kind: str | None = None) -> Document:
    """Return a document; its kind, a name in `KINDS`, is drawn if None. Equal generators give equal documents."""
    names = list(KINDS)
    kind = kind or str(generator.choice(names, p=[KINDS[name].share for name in names]))
    size = float(np.exp(generator.uniform(*np.log(KINDS[kind].sizes))))
    shape = (int(np.clip(SIZES_A_SIDE * size, *SIDES)),) * 2
    if KINDS[kind].fits:
        height, width = (size * generator.uniform(1.05, 4.5, 2)).astype(int) + 4
        shape = (max(24, min(height, 1200)), max(24, min(width, 1200)))
    draft = Draft(material, size, shape, generator)
    KINDS[kind].lay_out(draft)
    add_clutter(draft.brush, draft.shape, draft.size, KINDS[kind].clutter, generator)
    return draft.finished()


def lines_of_numbers(draft: Draft) -> None:
    """Lines of numbers, some with words between them, or smaller, or crossed out; in some the digits touch."""
    size, (height, width) = draft.size, draft.shape
    lead, tilt = size * draft.draw(1.0, 2.6), draft.draw(-0.05, 0.05)
    smaller = draft.draw(0.33, 0.6) if draft.happens(0.15) else 1.0
    crossed = 0.1 if draft.happens(0.1) else 0.0
    gap = (-0.14, 0.02) if draft.happens(0.2) else (0.03, draft.draw(0.1, 0.4))
    base, words = size * draft.draw(0.3, 1.5), draft.draw(0, 0.4) * draft.happens(0.5)
    while base < height + size:
        x = draft.draw(-0.3, 0.3) * width * draft.happens(0.6)
        draft.hand.size = size * (smaller if draft.happens(0.5) else 1.0)
        while x < width:
            where = base + tilt * x + draft.draw(-0.05, 0.05) * size
            if draft.happens(words):
                writing, layer = draft.other(size * draft.draw(0.5, 1.1))
                x = draft.place(writing, x, where, layer)
            else:
                text = random_number(draft.generator, most=int(draft.generator.integers(1, 12)))
                number = draft.hand.number(text, gap)
                x = draft.place(number, x, where, "digits", is_crossed=draft.happens(crossed))
            x += draft.hand.size * draft.draw(0.4, 1.6)
        base += lead


def few_numbers(draft: Draft) -> None:
    """A number or a sum, or a few, on paper that is empty otherwise."""
    height, width = draft.shape
    base = draft.draw(0.1, 0.8) * height
    gap = (draft.draw(0.0, 0.2), draft.draw(0.2, 0.9))
    for _ in range(int(draft.generator.integers(1, 4))):
        text = random_sum(draft.generator) if draft.happens(0.4) else random_number(draft.generator, most=9)
        draft.place(draft.hand.number(text, gap), draft.draw(-0.1, 0.5) * width, base, "digits")
        base += draft.size * draft.draw(1.2, 3)


def form(draft: Draft) -> None:
    """Printed labels, and beside or under them fields with numbers: boxes, combs, writing lines or nothing."""
    size, (height, width) = draft.size, draft.shape
    lead = size * draft.draw(1.7, 3.2)
    field = str(draft.generator.choice(["comb", "rule", "box", "none"], p=[0.4, 0.25, 0.2, 0.15]))
    base = size * draft.draw(0.8, 1.6)
    while base < height + size:
        x = draft.draw(-0.2, 0.1) * width
        while x < width:
            label = draft.text(size * draft.draw(0.35, 0.9), most_words=4)
            above = draft.happens(0.3)
            end = draft.place(label, x, base - 1.35 * size if above else base, "print")
            x = x if above else end + size * draft.draw(0.2, 0.8)
            x = filled_field(draft, field, x, base) + size * draft.draw(0.5, 2)
            if draft.happens(0.15):
                x = draft.place(draft.hand.word(), x, base, "writing") + size
        if draft.happens(0.25):
            draft.place(
                draft.text(size * draft.draw(0.3, 0.6)), draft.draw(0, 0.4) * width, base + lead / 2, "print"
            )
        base += lead


def filled_field(draft: Draft, field: str, x: float, base: float) -> float:
    """Draw one field from column `x` on, most of them filled in; return where it ends."""
    size = draft.size
    if field == "comb":
        cells = int(draft.generator.integers(2, 12))
        return in_cells(draft, x, base, cells, draft.draw(0.9, 1.5) * size)
    number = draft.hand.number(random_number(draft.generator, most=8)) if draft.happens(0.85) else None
    if draft.happens(0.12):
        number = draft.hand.word()
    layer = "digits" if number is None or number.marks else "writing"
    end = max(draft.place(number, x + 0.2 * size, base + draft.draw(-0.15, 0.05) * size, layer), x + 2 * size)
    end += size * draft.draw(0.1, 1)
    if field != "none":
        top = base - size * draft.draw(1.1, 1.5)
        ys = [base + 0.1 * size] if field == "rule" else [top, base + 0.2 * size]
        ruled(draft.brush, [x, end], ys, field == "box", size, draft.generator)
    return end


def in_cells(draft: Draft, x: float, base: float, cells: int, cell: float) -> float:
    """Draw a comb or a row of boxes from column `x` on, with a digit in most cells; return where it ends."""
    size, generator = draft.size, draft.generator
    top, bottom = base - size * draft.draw(1.05, 1.4), base + size * draft.draw(0.05, 0.3)
    comb(draft.brush, (x, top, x + cells * cell, bottom), cells, size, generator)
    filled, slack = draft.draw(0.4, 1) if draft.happens(0.7) else 0.0, draft.draw(0.02, 0.15)
    for number in range(cells):
        if not draft.happens(filled):
            continue
        kind = generator.random()
        piece = draft.hand.digit(int(generator.integers(10))) if kind < 0.93 else draft.hand.letter()
        if piece is not None:
            shift = (number + 0.5) * cell - piece.coverage.shape[1] / 2 + generator.normal(0, slack) * cell
            layer = "digits" if piece.marks else "writing"
            draft.place(piece, x + shift, base + generator.normal(0, slack) * size, layer)
    return x + cells * cell


def combs(draft: Draft) -> None:
    """Rows of cells with digits, close together."""
    size, (height, width) = draft.size, draft.shape
    base, cell, lead = size * draft.draw(0.6, 1.4), size * draft.draw(0.85, 1.5), size * draft.draw(1.4, 2.4)
    while base < height + size:
        x = draft.draw(-2, 2) * size
        while x < width:
            x = in_cells(draft, x, base, int(draft.generator.integers(1, 12)), cell) + size * draft.draw(0, 1.5)
        base += lead


def table(draft: Draft) -> None:
    """Cells with numbers, written or printed, with words or with nothing; most tables have lines."""
    size, (height, width) = draft.size, draft.shape
    cell, lead = size * draft.draw(1.1, 5), size * draft.draw(1.0, 2.2)
    left, top = draft.draw(-1, 0.5) * cell, draft.draw(-1, 0.5) * lead
    rows, columns = int((height - top) / lead) + 1, int((width - left) / cell) + 1
    xs, ys = left + cell * np.arange(columns + 1), top + lead * np.arange(rows + 1)
    if draft.happens(0.8):
        ruled(draft.brush, xs.tolist(), ys.tolist(), draft.happens(0.8), size, draft.generator)
    most = max(1, int(cell / size / 0.75))
    empty, prints = draft.draw(0, 0.5), draft.draw(0, 0.5)
    for y in ys:
        for x in xs:
            base = y + lead / 2 + size * draft.draw(0.35, 0.65)
            start = x + size * draft.draw(0.02, 0.3)
            if draft.happens(empty):
                continue
            if draft.happens(prints):
                text = (
                    str(draft.generator.choice(WORDS))
                    if draft.happens(0.4)
                    else random_number(draft.generator, most=3)
                )
                draft.place(draft.font.text(text, size * draft.draw(0.5, 1.0)), start, base, "print")
            else:
                gap = (draft.draw(-0.08, 0.05), 0.2)
                text = random_number(draft.generator, most=most)
                text = text if len(text) <= most + 1 else text[:most].rstrip(".,/-:") or "0"
                draft.place(draft.hand.number(text, gap), start, base, "digits")


def sums(draft: Draft) -> None:
    """Handwritten sums and equations, line by line, some with a letter among them."""
    size, (height, width) = draft.size, draft.shape
    base, lead, tilt = size * draft.draw(0.5, 3), size * draft.draw(1.5, 3.5), draft.draw(-0.06, 0.06)
    gap = (draft.draw(-0.05, 0.1), draft.draw(0.2, 0.6))
    while base < height + size:
        x = draft.draw(-0.1, 0.3) * width
        while x < width:
            if draft.happens(0.12):
                piece = draft.hand.symbol() if draft.happens(0.3) else draft.hand.letter(alone=True)
                x = draft.place(piece, x, base + tilt * x, "writing") + size * draft.draw(0.1, 0.5)
            x = draft.place(draft.hand.number(random_sum(draft.generator), gap), x, base + tilt * x, "digits")
            x += size * draft.draw(1, 6)
        base += lead


def text(draft: Draft) -> None:
    """Lines of print or of handwritten words, with no handwritten number but here and there one."""
    size, (height, width) = draft.size, draft.shape
    by_hand, numbers = draft.happens(0.4), 0.06 * draft.happens(0.4)
    lead = size * draft.draw(1.0, 1.9)
    base = size * draft.draw(0.2, 1.4)
    while base < height + size:
        x = draft.draw(-0.3, 0.1) * width
        while x < width:
            if draft.happens(numbers):
                number = draft.hand.number(random_number(draft.generator))
                x = draft.place(number, x, base, "digits") + size * draft.draw(0.3, 0.8)
            elif by_hand:
                x = draft.place(draft.hand.word(), x, base, "writing") + size * draft.draw(0.3, 0.8)
            else:
                x = draft.place(draft.text(size * draft.draw(0.75, 1.0)), x, base, "print") + size * 0.4
        base += lead


def scattered(draft: Draft) -> None:
    """Digits here and there among letters, words, signs and print, of several sizes and none over another."""
    height, width = draft.shape
    taken: list[tuple[float, float, float, float]] = []
    digits = draft.draw(0.2, 1)
    for _ in range(int(draft.draw(0.02, 0.25) * height * width / draft.size**2)):
        kind, layer = draft.generator.random(), "writing"
        piece: Writing | None
        if draft.happens(digits):
            text = "".join(draft.generator.choice(list("0123456789"), int(draft.generator.integers(1, 4))))
            piece, layer = draft.hand.number(text), "digits"
        elif kind < 0.6:
            piece = draft.hand.letter(alone=True) if kind < 0.4 else draft.hand.symbol()
        else:
            piece, layer = draft.other(draft.size * draft.draw(0.4, 1.2))
        if piece is None:
            continue
        rows, columns = piece.coverage.shape
        x, y = draft.draw(-0.3 * columns, width - 0.5 * columns), draft.draw(0, height - rows / 2)
        box = (x - 4, y - 4, x + columns + 4, y + rows + 4)
        if any(box[0] < b[2] and b[0] < box[2] and box[1] < b[3] and b[1] < box[3] for b in taken):
            continue
        taken.append(box)
        draft.place(piece, x, y + piece.base, layer)


def alone(draft: Draft) -> None:
    """One digit or a short number that fills a small picture, as drawings and cut-out digits do."""
    height, width = draft.shape
    count = max(1, min(int(draft.generator.integers(1, 4)), int(width / draft.size / 0.9)))
    text = "".join(draft.generator.choice(list("0123456789"), count))
    piece = draft.hand.number(text, (0.05, 0.3))
    if draft.happens(0.06):
        piece = draft.hand.letter(alone=True)
    if piece is not None:
        rows, columns = piece.coverage.shape
        x, y = (max(0.0, room) * draft.draw(0, 1) for room in (width - columns, height - rows))
        draft.place(piece, x, y + piece.base, "digits" if piece.marks else "writing")


@dataclass(frozen=True)
class Kind:
    """A kind of document.

    Attributes:
        what: one line for people.
        lay_out: writes on a draft.
        share: of all documents that are made.
        sizes: pixels, the lowest and the highest digits.
        clutter: how much of lines, rings and the like there is, 0 for none.
        fits: whether the document is as large as its writing needs.
    """

    what: str
    lay_out: Callable[[Draft], None]
    share: float
    sizes: tuple[float, float] = (14, 90)
    clutter: float = 1.0
    fits: bool = False


KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        "numbers": Kind("lines of numbers, with words between some", lines_of_numbers, 0.17),
        "few": Kind("a few numbers on empty paper", few_numbers, 0.09, (20, 140), 0.6),
        "form": Kind("printed labels with fields that are filled in", form, 0.18, (14, 70)),
        "combs": Kind("rows of cells with digits", combs, 0.08, (14, 70), 0.3),
        "table": Kind("tables of written and printed numbers", table, 0.15, (14, 60), 0.3),
        "sums": Kind("sums and equations with signs", sums, 0.12, (16, 110)),
        "text": Kind("print and handwritten words", text, 0.09, (14, 70)),
        "scattered": Kind("digits among letters, signs and words", scattered, 0.09, (16, 110), 1.5),
        "alone": Kind("a digit or two that fill a picture", alone, 0.03, (16, 400), 0.15, fits=True),
    }
)
