"""Documents with handwritten numbers: forms, tables, sums, notes and text, with the truth about them.

`scenes` makes pictures of them. Each kind of document is one function that writes on a draft.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from string import ascii_uppercase
from types import MappingProxyType

import numpy as np

from digitscope.data.drafts import Box, Document, Draft, add_clutter, comb, ruled
from digitscope.data.glyphs import Writing
from digitscope.data.hands import Material
from digitscope.data.typeset import WORDS, random_number, random_sum

# Share of the numbers in fields, in tables and on empty paper that are crossed out.
CROSSED = 0.06

# Pixels: the shortest and the longest sides of documents; sides in between are 24 digits long.
SIDES, SIZES_A_SIDE = (352, 704), 24

DIGITS = "0123456789"


def make_document(material: Material, generator: np.random.Generator, kind: str | None = None) -> Document:
    """Return a document; its kind, a name in `KINDS`, is drawn if None. Equal generators give equal documents."""
    made = KINDS[kind or str(generator.choice(list(KINDS), p=[each.share for each in KINDS.values()]))]
    size = float(np.exp(generator.uniform(*np.log(made.sizes))))
    shape = (int(np.clip(SIZES_A_SIDE * size, *SIDES)),) * 2
    if made.fits:
        height, width = (size * generator.uniform(1.05, 4.5, 2)).astype(int) + 4
        shape = (max(24, min(height, 1200)), max(24, min(width, 1200)))
    draft = Draft(material, size, shape, generator)
    made.lay_out(draft)
    add_clutter(draft, made.clutter)
    return draft.finished()


@dataclass(frozen=True)
class Kind:
    """A kind of document: a function that writes on a draft, and its figures."""

    lay_out: Callable[[Draft], None]
    share: float  # of all documents that are made
    sizes: tuple[float, float] = (14, 90)  # pixels, the lowest and the highest digits
    clutter: float = 1.0  # factor on the share of documents with lines, rings and the like; 0 for none
    fits: bool = False  # whether the document is only as large as its writing


def lines_of_numbers(draft: Draft) -> None:
    """Lines of numbers, some with words between them, or smaller, or crossed out; in some the digits touch."""
    size, (height, width) = draft.size, draft.shape
    lead, tilt = size * draft.draw(1.0, 2.6), draft.draw(-0.05, 0.05)
    smaller = draft.draw(0.33, 0.75) if draft.happens(0.2) else 1.0
    crossed = draft.draw(0.1, 0.6) if draft.happens(0.6) else 0.0
    gap, is_tight = (0.03, draft.draw(0.1, 0.4)), draft.happens(0.35)
    by_ink = is_tight and draft.happens(0.7)
    if is_tight:
        gap = (draft.draw(-0.1, 0), 0.04) if by_ink else (draft.draw(-0.25, -0.05), 0.02)
    base, words = size * draft.draw(0.3, 1.5), draft.draw(0, 0.7) * draft.happens(0.5)
    while base < height + size:
        x = draft.draw(-0.3, 0.3) * width * draft.happens(0.6)
        draft.hand.size = size * (smaller if draft.happens(0.5) else 1.0)
        while x < width:
            where = base + tilt * x + draft.draw(-0.05, 0.05) * size
            if draft.happens(words):
                writing, layer = draft.other(size * draft.draw(0.5, 1.1))
                x = draft.place(writing, x, where, layer)
            else:
                text = random_number(draft.generator, most=draft.whole(1, 12))
                number = draft.hand.number(text, gap, by_ink=by_ink)
                x = draft.place(number, x, where, "digits", is_crossed=draft.happens(crossed))
            x += draft.hand.size * draft.draw(0.4, 1.6)
        base += lead


def few_numbers(draft: Draft) -> None:
    """One to three numbers or sums on otherwise empty paper."""
    height, width = draft.shape
    base = draft.draw(0.1, 0.8) * height
    gap = (draft.draw(0.0, 0.2), draft.draw(0.2, 0.9))
    for _ in range(draft.whole(1, 4)):
        text = random_sum(draft.generator) if draft.happens(0.4) else random_number(draft.generator, most=9)
        x, is_crossed = draft.draw(-0.1, 0.5) * width, draft.happens(CROSSED)
        draft.place(draft.hand.number(text, gap), x, base, "digits", is_crossed=is_crossed)
        base += draft.size * draft.draw(1.2, 3)


def form(draft: Draft) -> None:
    """Printed labels, and beside or under them fields with numbers: boxes, combs, writing lines or nothing."""
    size, (height, width) = draft.size, draft.shape
    lead = size * draft.draw(1.7, 3.2)
    field = draft.one_of(["comb", "rule", "box", "none"], (0.4, 0.25, 0.2, 0.15))
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
            note = draft.text(size * draft.draw(0.3, 0.6))
            draft.place(note, draft.draw(0, 0.4) * width, base + lead / 2, "print")
        base += lead


def filled_field(draft: Draft, field: str, x: float, base: float) -> float:
    """Draw one field from column `x` on and fill in most of them; return its right end."""
    size = draft.size
    if field == "comb":
        return in_cells(draft, x, base, draft.whole(2, 12), draft.draw(0.9, 1.5) * size)
    number = draft.hand.number(random_number(draft.generator, most=8)) if draft.happens(0.85) else None
    if draft.happens(0.25):
        number = draft.hand.word()
    layer = "digits" if number is None or number.marks else "writing"
    y, is_crossed = base + draft.draw(-0.15, 0.05) * size, draft.happens(CROSSED)
    end = max(draft.place(number, x + 0.2 * size, y, layer, is_crossed=is_crossed), x + 2 * size)
    end += size * draft.draw(0.1, 1)
    if field != "none":
        top = base - size * draft.draw(1.1, 1.5)
        ys = [base + 0.1 * size] if field == "rule" else [top, base + 0.2 * size]
        ruled(draft, [x, end], ys, field == "box")
    return end


def in_cells(draft: Draft, x: float, base: float, cells: int, cell: float) -> float:
    """Draw a comb or a row of boxes from column `x` on, with digits in most cells; return its right end."""
    size, generator = draft.size, draft.generator
    top, bottom = base - size * draft.draw(1.05, 1.4), base + size * draft.draw(0.05, 0.3)
    comb(draft, (x, top, x + cells * cell, bottom), cells)
    filled, slack = draft.draw(0.4, 1) if draft.happens(0.7) else 0.0, draft.draw(0.02, 0.15)
    is_word = cells > 2 and draft.happens(0.15)
    digits = 0.0 if is_word else 0.93 if draft.happens(0.8) else draft.draw(0, 0.3)
    is_print, height = draft.happens(0.1), size * draft.draw(0.5, 1.0)
    for number in range(cells):
        if not draft.happens(filled):
            continue
        piece: Writing | None
        if is_print:
            character = draft.one_of(DIGITS if draft.happens(digits) else ascii_uppercase)
            piece, layer = draft.font.text(character, height), "print"
        elif draft.happens(digits):
            piece, layer = draft.hand.digit(draft.whole(0, 10)), "digits"
        else:
            piece, layer = draft.hand.any_letter() if is_word else draft.hand.letter(), "writing"
        if piece is not None:
            shift = (number + 0.5) * cell - piece.coverage.shape[1] / 2 + generator.normal(0, slack) * cell
            draft.place(piece, x + shift, base + generator.normal(0, slack) * size, layer)
    return x + cells * cell


def combs(draft: Draft) -> None:
    """Rows of cells with digits, close together."""
    size, (height, width) = draft.size, draft.shape
    base, cell, lead = size * draft.draw(0.6, 1.4), size * draft.draw(0.85, 1.5), size * draft.draw(1.4, 2.4)
    while base < height + size:
        x = draft.draw(-2, 2) * size
        while x < width:
            x = in_cells(draft, x, base, draft.whole(1, 12), cell) + size * draft.draw(0, 1.5)
        base += lead


def table(draft: Draft) -> None:
    """Cells with numbers, written or printed, with letters, words or nothing; most tables have lines."""
    size, (height, width) = draft.size, draft.shape
    cell, lead = size * draft.draw(1.1, 5), size * draft.draw(1.0, 2.2)
    left, top = draft.draw(-1, 0.5) * cell, draft.draw(-1, 0.5) * lead
    rows, columns = int((height - top) / lead) + 1, int((width - left) / cell) + 1
    xs, ys = left + cell * np.arange(columns + 1), top + lead * np.arange(rows + 1)
    if draft.happens(0.8):
        ruled(draft, xs.tolist(), ys.tolist(), draft.happens(0.8))
    most = max(1, int(cell / size / 0.75))
    empty, prints = draft.draw(0, 0.5), draft.draw(0, 0.5)
    others = draft.draw(0.1, 1) if draft.happens(0.45) else 0.0
    for y in ys:
        row_of_others = others * draft.happens(0.5)
        for x in xs:
            base = y + lead / 2 + size * draft.draw(0.35, 0.65)
            start = x + size * draft.draw(0.02, 0.3)
            if draft.happens(empty):
                continue
            if draft.happens(prints):
                is_word = draft.happens(0.4)
                text = draft.one_of(WORDS) if is_word else random_number(draft.generator, most=3)
                draft.place(draft.font.text(text, size * draft.draw(0.5, 1.0)), start, base, "print")
            elif draft.happens(row_of_others):
                for _ in range(min(most, draft.whole(1, 4))):
                    start = draft.place(draft.hand.letter(), start, base, "writing") + 0.1 * size
            else:
                gap = (draft.draw(-0.08, 0.05), 0.2)
                text = random_number(draft.generator, most=most)
                text = text if len(text) <= most + 1 else text[:most].rstrip(".,/-:") or "0"
                number, is_crossed = draft.hand.number(text, gap), draft.happens(CROSSED)
                draft.place(number, start, base, "digits", is_crossed=is_crossed)


def sums(draft: Draft) -> None:
    """Handwritten sums and equations, line by line, some with a letter among them."""
    size, (height, width) = draft.size, draft.shape
    base, lead, tilt = size * draft.draw(0.5, 3), size * draft.draw(1.5, 3.5), draft.draw(-0.06, 0.06)
    gap = (draft.draw(-0.05, 0.1), draft.draw(0.2, 0.6))
    while base < height + size:
        x = draft.draw(-0.1, 0.3) * width
        while x < width:
            if draft.happens(0.12):
                piece = draft.hand.symbol() if draft.happens(0.3) else draft.hand.letter()
                x = draft.place(piece, x, base + tilt * x, "writing") + size * draft.draw(0.1, 0.5)
            x = draft.place(draft.hand.number(random_sum(draft.generator), gap), x, base + tilt * x, "digits")
            x += size * draft.draw(1, 6)
        base += lead


def text(draft: Draft) -> None:
    """Lines of print or of handwritten words; some have a few handwritten numbers."""
    size, (height, width) = draft.size, draft.shape
    by_hand, numbers = draft.happens(0.5), draft.draw(0.03, 0.3) * draft.happens(0.5)
    lead, base = size * draft.draw(1.0, 1.9), size * draft.draw(0.2, 1.4)
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
    """Digits among letters, words, signs and print, at random places that do not overlap."""
    height, width = draft.shape
    taken: list[Box] = []
    digits = draft.draw(0.2, 1)
    for _ in range(int(draft.draw(0.02, 0.25) * height * width / draft.size**2)):
        kind, layer = draft.generator.random(), "writing"
        piece: Writing | None
        if draft.happens(digits):
            text = "".join(draft.generator.choice(list(DIGITS), draft.whole(1, 4)))
            piece, layer = draft.hand.number(text), "digits"
        elif kind < 0.5:
            piece = draft.hand.letter() if kind < 0.35 else draft.hand.symbol()
        elif kind < 0.65:
            piece, layer = draft.hand.sign(draft.one_of("+×÷=()")), "digits"
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


def drill(draft: Draft) -> None:
    """Rows that repeat one digit, sign or letter each, as people write them to collect samples."""
    size, (height, width) = draft.size, draft.shape
    step, lead = size * draft.draw(0.9, 2.4), size * draft.draw(1.2, 2.4)
    base = size * draft.draw(0.8, 1.6)
    while base < height + size:
        kind, x = draft.generator.random(), draft.draw(-0.5, 1) * size
        character = draft.one_of(DIGITS if kind < 0.45 else "////()+-×÷=")
        while x < width:
            if kind < 0.75:
                piece, layer = draft.hand.number(character), "digits"
            else:
                piece, layer = draft.hand.letter(), "writing"
            draft.place(piece, x + draft.draw(-0.1, 0.1) * size, base + draft.draw(-0.1, 0.1) * size, layer)
            x += step
        base += lead


def alone(draft: Draft) -> None:
    """One digit or a short number that fills a small picture, as drawings and cut-out digits do."""
    height, width = draft.shape
    count = max(1, min(draft.whole(1, 4), int(width / draft.size / 0.9)))
    text = "".join(draft.generator.choice(list(DIGITS), count))
    piece = draft.hand.number(text, (0.05, 0.3))
    if draft.happens(0.06):
        piece = draft.hand.letter()
    if piece is not None:
        rows, columns = piece.coverage.shape
        x, y = (max(0.0, room) * draft.draw(0, 1) for room in (width - columns, height - rows))
        draft.place(piece, x, y + piece.base, "digits" if piece.marks else "writing")


KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        "numbers": Kind(lines_of_numbers, 0.16),
        "few": Kind(few_numbers, 0.09, (20, 140), 0.6),
        "form": Kind(form, 0.15, (14, 70)),
        "combs": Kind(combs, 0.07, (14, 70), 0.3),
        "table": Kind(table, 0.15, (14, 60), 0.3),
        "sums": Kind(sums, 0.13, (16, 110)),
        "text": Kind(text, 0.09, (14, 70)),
        "scattered": Kind(scattered, 0.08, (16, 110), 1.5),
        "drill": Kind(drill, 0.05, (16, 80)),
        "alone": Kind(alone, 0.03, (16, 400), 0.15, fits=True),
    }
)
