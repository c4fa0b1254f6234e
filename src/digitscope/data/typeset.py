"""Text that is printed in this machine's fonts, and the numbers and words that pages are made of."""

from functools import cache, lru_cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from digitscope.data.glyphs import INK, Mark, Writing, marked
from digitscope.data.splits import UInt8
from digitscope.detections import SIGNS

WORDS = [
    "name", "date", "of", "birth", "postcode", "street", "phone", "account", "number", "amount", "total",
    "signature", "please", "fill", "in", "form", "return", "office", "before", "section", "member", "city",
    "country", "email", "tax", "reference", "invoice", "customer", "order", "quantity", "price", "sum", "received",
    "paid", "cash", "card", "use", "only", "page", "from", "to", "at", "on", "is", "are", "was", "not", "with",
    "this", "that", "which", "week", "month", "year", "day", "hour", "minutes", "school", "class", "grade",
    "student", "teacher", "question", "answer", "points", "score", "result", "test", "kg", "cm", "mm", "EUR", "Nr",
    "Straße", "Kilometer", "No.", "Table", "Figure", "equation", "shows", "above", "therefore", "The", "We", "kWh",
    "Ltd", "GmbH", "Menge", "Preis", "Datum",
]  # fmt: skip

FONT_FOLDERS = ("/usr/share/fonts", "/usr/local/share/fonts", "~/.fonts", "/Library/Fonts", "C:/Windows/Fonts")

# Parts of the paths of fonts that look like handwriting or have no letters.
HANDLIKE = [
    "Kristi", "dkg", "Rufscript", "reip", "femke", "Because", "Dancing", "Kaushan", "Humor", "Ecolier", "Comic",
    "Symbol", "Emoji", "Dingbat", "D050000L", "Math", "Icon", "Braille", "Awesome",
]  # fmt: skip


@cache
def print_fonts(folders: tuple[str, ...] = FONT_FOLDERS) -> tuple[str, ...]:
    """Return the sorted paths of the fonts of print in folders and below them, by default this machine's."""
    found = [str(path) for folder in folders for path in Path(folder).expanduser().rglob("*.[ot]tf")]
    return tuple(
        sorted(path for path in found if not any(part in path for part in HANDLIKE) and _has_digits(path))
    )


def _has_digits(path: str) -> bool:
    """Tell whether a font draws digits in two sizes, and not the box that stands for what it lacks."""
    try:
        ImageFont.truetype(path, 40).getmask("2")  # fonts of bitmaps have one size, often 16
        shapes = {bytes(ImageFont.truetype(path, 16).getmask(text)) for text in "2358a\uffff"}
    except (OSError, ValueError):
        return False
    return len(shapes) == 6


@lru_cache(256)
def _font(path: str, size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.truetype(path, size) if path else ImageFont.load_default(size)


class Print:
    """One font of print."""

    def __init__(self, generator: np.random.Generator) -> None:
        fonts = print_fonts()
        self.path = str(generator.choice(fonts)) if fonts else ""

    def text(self, text: str, size: float) -> Writing:
        """Return a line of text; its digits, and the signs between digits, are marked."""
        font = _font(self.path, max(6, round(size)))
        left, top, right, bottom = font.getbbox(text, anchor="ls") if self.path else (0, -size, 8, 2)
        drawing = Image.new("L", (max(1, round(right - left) + 2), max(1, round(bottom - top) + 2)))
        brush = ImageDraw.Draw(drawing)
        brush.text((1 - left, 1 - top), text, fill=255, font=font, anchor="ls")
        coverage = np.asarray(drawing)
        marks: list[Mark] = []
        for place, character in enumerate(text):
            if _is_of_number(text, place):
                start = 1 - left + font.getlength(text[:place])
                first, last = max(0, round(start)), round(start + font.getlength(character))
                marks += _mark_in(coverage[:, first:last], first, character)
        return Writing(coverage, 1 - top, tuple(marks))


def _mark_in(coverage: UInt8, left: int, character: str) -> list[Mark]:
    """Return the mark of a character whose coverage (H, W) begins at column `left`; none if there is no ink."""
    rows, columns = (np.flatnonzero(coverage.max(axis=axis, initial=0) > INK) for axis in (1, 0))
    if not len(rows):
        return []
    one = marked(coverage[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1], 0, character)
    return [mark.moved(left + int(columns[0]), int(rows[0])) for mark in one.marks] if one else []


def _is_of_number(text: str, place: int) -> bool:
    """Tell whether a character is a digit, or a sign with a digit on both sides or right behind it."""
    is_before_digit = text[place + 1 : place + 2].isdecimal() and not text[max(place - 1, 0) : place].isalpha()
    return text[place].isdecimal() or (text[place] in SIGNS and is_before_digit)


def random_number(generator: np.random.Generator, *, most: int = 6) -> str:
    """Return digits as numbers have them: whole, decimal, negative, a date or a time; "_" is a space."""
    digits = "".join(generator.choice(list("0123456789"), generator.integers(1, most, endpoint=True)))
    two = [f"{generator.integers(1, 60):02}" for _ in range(3)]
    kind = generator.random()
    if kind < 0.45:
        return digits
    if kind < 0.5:
        return digits[0] + "000"[: most - 1]
    if kind < 0.6:
        return f"{digits[:3]}{generator.choice(['.', ','])}{two[0]}"
    if kind < 0.67:
        return f"-{digits}"
    if kind < 0.82:
        year = two[2] if generator.random() < 0.5 else str(generator.integers(1900, 2040))
        day = two[0] if generator.random() < 0.6 else str(int(two[0]))
        return str(generator.choice(["/", ".", "-"], p=[0.6, 0.25, 0.15])).join((day, two[1], year))
    if kind < 0.92:
        return f"{two[0]}:{two[1]}"
    return f"{generator.integers(1, 999)},{generator.integers(100, 1000)}"


def random_sum(generator: np.random.Generator) -> str:
    """Return a sum such as "12+(5×3)=51", "_" being a space."""
    space = str(generator.choice(["", "_"]))
    n_terms = int(generator.integers(2, 5))
    terms = [str(generator.integers(0, 10 ** int(generator.integers(1, 4)))) for _ in range(n_terms)]
    opened = int(generator.integers(len(terms) - 1)) if generator.random() < 0.35 else len(terms)
    text = ""
    for number, term in enumerate(terms):
        if number:
            text += space + str(generator.choice(list("+-×÷/:"), p=[0.27, 0.27, 0.2, 0.09, 0.12, 0.05])) + space
        text += f"({term}" if number == opened else term
    text += ")" if opened < len(terms) else ""
    if generator.random() < 0.4:
        text += f"{space}={space}{generator.integers(0, 1000)}"
    return text
