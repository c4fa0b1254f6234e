"""Handwritten numbers with other ink: each function fills a whole page in one way, in reading order."""

from collections.abc import Callable
from dataclasses import replace
from math import inf

import numpy as np

from benchmarks.busy_drafts import BusyDraft, Cells, Look
from digitscope.data.drafts import draw_arrow, draw_zigzag
from digitscope.data.glyphs import Writing
from digitscope.data.typeset import WORDS, random_number, random_sum

HAIRLINE = (0.8, 1.3)
"""Pixels, the width of a hairline pen."""


def numbers(page: BusyDraft, pitches: tuple[float, float] = (1.7, 2.4)) -> None:
    """Write lines of numbers."""
    for base in page.baselines(page.draw(*pitches)):
        x, end = page.start(), page.right - page.draw(0, 0.3) * page.shape[1]
        while x < end:
            x = page.write(page.digits(), x, base) + page.size * page.draw(0.8, 1.6)


def touching_rows(page: BusyDraft) -> None:
    """Write lines of numbers so close that many digits touch the line below."""
    numbers(page, (1.0, 1.1))


def hairlines(page: BusyDraft) -> None:
    """Write lines of numbers with a pen about a pixel wide."""
    page.hand.uses_pens, page.hand.width = True, page.draw(*HAIRLINE)
    numbers(page)


def squares(page: BusyDraft) -> None:
    """Write lines of numbers on squared paper."""
    pitch, width, (height, across) = page.size * page.draw(0.6, 1.2), int(page.draw(1, 3)), page.shape
    for y in np.arange(page.draw(0, pitch), height, pitch):
        page.brush.line((0, y, across, y), fill=255, width=width)
    for x in np.arange(page.draw(0, pitch), across, pitch):
        page.brush.line((x, 0, x, height), fill=255, width=width)
    numbers(page)


def rings_and_arrows(page: BusyDraft) -> None:
    """Write lines of short numbers, some with a ring or a frame around them, and arrows between some."""
    size = page.size
    for base in page.baselines(page.draw(2.2, 2.8)):
        start = page.start() + 0.5 * size
        while start < page.right:
            end = page.write(page.digits(most=4), start, base, end=page.right - 0.5 * size)
            if end == inf:
                break
            room, kind = 0.4 * size + 0.12 * (end - start), page.draw(0, 1)
            around = (start - room, base - 1.35 * size, end + room, base + 0.35 * size)
            if kind < 0.35:
                page.brush.ellipse(around, outline=255, width=page.pen)
            elif kind < 0.5:
                page.brush.rounded_rectangle(around, 0.3 * size, outline=255, width=page.pen)
            start = end + room + size * page.draw(1.0, 1.7)
            if page.happens(0.35):
                tail, middle = start - 0.6 * size, base - size * page.draw(0.4, 0.6)
                start += size * page.draw(1.5, 2.5)
                draw_arrow(page.brush, (tail, middle), (start - 0.9 * size, middle), size, page.pen)


def crossed_out(page: BusyDraft) -> None:
    """Write lines of numbers, a third of which are crossed out and do not count."""
    for base in page.baselines(page.draw(1.8, 2.5)):
        x = page.start()
        while x < page.right:
            if page.happens(0.33):
                left, x = x, page.put(page.number(page.digits(2, 4)), x, base, "writing")
                if x < inf:
                    _cross_out(page, left - 0.2 * page.size, x + 0.2 * page.size, base)
            else:
                x = page.write(page.digits(), x, base)
            x += page.size * page.draw(0.9, 1.7)


def print_around(page: BusyDraft) -> None:
    """Print sentences, and write numbers behind printed words."""
    height = page.size * page.draw(0.45, 0.8)
    for base in page.baselines(page.draw(1.7, 2.3)):
        x, only_print = page.left, page.happens(0.25)
        while x < page.right:
            text = page.text(height, most_words=6 if only_print else 3)
            x = page.put(text, x, base, "print") + 0.4 * page.size
            if not only_print and x < page.right:
                x = page.write(page.digits(), x, base) + page.size * page.draw(0.6, 1.2)


def words_around(page: BusyDraft) -> None:
    """Write words in joined letters with numbers between them."""
    _among(page, page.hand.joined_word)


def letters_around(page: BusyDraft) -> None:
    """Write words in separate letters with numbers between them."""
    _among(page, page.hand.spelled_word)


def _among(page: BusyDraft, word: Callable[[], Writing | None]) -> None:
    """Write numbers, and three words for two numbers."""
    for base in page.baselines(page.draw(1.8, 2.5)):
        x = page.start()
        while x < page.right:
            is_number = page.happens(0.4)
            x = page.write(page.digits(), x, base) if is_number else page.put(word(), x, base, "writing")
            x += page.size * page.draw(0.7, 1.2)


def form(page: BusyDraft) -> None:
    """Print labels, and beside each a field that is filled in: a box, a writing line or cells."""
    size, field = page.size, str(page.generator.choice(["box", "rule", "cells"]))
    look, height = _look(page, 0.02, 0.07), size * page.draw(0.4, 0.75)
    cells = Cells(look, size * page.draw(1.05, 1.4))
    for base in page.baselines(page.draw(2.0, 2.8)):
        x = page.left
        while x < page.right:
            x = page.put(page.text(height, most_words=3), x, base, "print") + size * page.draw(0.4, 0.8)
            if field == "cells":
                x = cells.write(page, page.digits(2, 8), x, base, int(page.draw(0, 3)))
            elif x < page.right:
                left, x = x, page.write(random_number(page.generator, most=7), x + 0.3 * size, base)
                end, bottom = min(x + size * page.draw(0.4, 1.2), page.right), base + 0.25 * size
                if x < inf and field == "box":
                    look.frame(page, left, base - 1.35 * size, end, bottom)
                elif x < inf:
                    look.rule(page, (left, bottom), (end, bottom))
            x += size * page.draw(1.2, 2)


def combs(page: BusyDraft) -> None:
    """Write rows of digits into joined cells, or between the teeth of a comb."""
    tooth = page.draw(0.25, 0.8) if page.happens(0.5) else 1.0
    cells = Cells(_look(page, 0.02, 0.07), page.size * page.draw(1.0, 1.3), tooth=tooth)
    for base in page.baselines(page.draw(1.9, 2.6)):
        x = page.start()
        while x < page.right:
            x = cells.write(page, page.digits(3, 9), x, base, int(page.draw(0, 4)))
            x += page.size * page.draw(0.8, 1.6)


def thin_boxes(page: BusyDraft) -> None:
    """Write each digit into a box of lines a pixel wide."""
    _boxes(page, Look())


def thick_boxes(page: BusyDraft) -> None:
    """Write each digit into a box of lines about as wide as a bold pen's."""
    _boxes(page, _look(page, 0.09, 0.15))


def rounded_boxes(page: BusyDraft) -> None:
    """Write each digit into a box with round corners."""
    _boxes(page, replace(_look(page, 0.02, 0.08), radius=page.draw(0.2, 0.5)))


def dashed_boxes(page: BusyDraft) -> None:
    """Write each digit into a box of dashed lines."""
    _boxes(page, replace(_look(page, 0.02, 0.06), is_dashed=True))


def table(page: BusyDraft) -> None:
    """Rule a table, print its heads and some of its cells, and write numbers into the others."""
    size, columns, lead = page.size, int(page.generator.integers(4, 7)), page.draw(1.6, 2.2)
    width, look = (page.right - page.left) / columns, _look(page, 0.02, 0.07)
    lefts = page.left + width * np.arange(columns)
    bottoms = [page.top + 0.05 * size]
    for row, base in enumerate(page.baselines(lead)):
        bottoms.append(base + 0.35 * size)
        for column, left in enumerate(lefts):
            start, end, kind = left + 0.2 * size, left + width - 0.1 * size, page.draw(0, 1)
            if row == 0 or (column == 0 and kind < 0.8):
                page.put(page.font.text(str(page.generator.choice(WORDS)), 0.6 * size), start, base, "print", end)
            elif kind < 0.3:
                text = random_number(page.generator, most=3)
                page.put(page.font.text(text, size * page.draw(0.6, 0.85)), start, base, "print", end)
            elif kind < 0.85:
                most = max(1, int((end - start) / size / 0.9))
                page.write(page.digits(most=most), start, base, end=end)
    for y in bottoms:
        look.rule(page, (page.left, y), (page.right, y))
    for x in [*lefts, page.right]:
        look.rule(page, (x, bottoms[0]), (x, bottoms[-1]))


def sums(page: BusyDraft) -> None:
    """Write sums and equations."""
    gaps = (0.1, page.draw(0.25, 0.45))
    for base in page.baselines(page.draw(1.9, 2.7)):
        x = page.start()
        while x < page.right:
            x = page.write(random_sum(page.generator), x, base, gaps) + page.size * page.draw(2.5, 4)


def _cross_out(page: BusyDraft, left: float, right: float, base: float) -> None:
    """Draw one stroke, two, or a scribble through a number."""
    turns = int(page.generator.choice([1, 2, 8]))
    reach = page.size * (0.12 if turns < 3 else 0.4)
    ys = base - 0.5 * page.size + page.generator.uniform(-reach, reach, turns + 1)
    draw_zigzag(page.brush, left, right, ys, page.pen)


def _boxes(page: BusyDraft, look: Look) -> None:
    cells = Cells(look, page.size * page.draw(1.3, 1.65), apart=page.draw(0.05, 0.15))
    for base in page.baselines(page.draw(1.9, 2.6)):
        x = page.start()
        while x < page.right:
            x = cells.write(page, page.digits(), x, base, int(page.happens(0.2))) + page.size * page.draw(0.6, 1.4)


def _look(page: BusyDraft, finest: float, boldest: float) -> Look:
    """Return a look whose lines are this share of a digit's height wide."""
    return Look(max(1, round(page.size * page.draw(finest, boldest))))
