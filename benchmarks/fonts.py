"""How often print is read as handwriting: pages of nothing but print, each in one font of a folder.

    python -m benchmarks.fonts FOLDER [--each N] [--seed S] [--json]

Networks know the fonts that they learned from: choose a folder with others. Of each folder below it, at most N
fonts are drawn by the seed (default 2). A page has words and numbers, 16 to 36 pixels high, a little blurred and
with noise. An accepted digit that is told as handwriting is false.
"""

import json
from collections import defaultdict
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter, ImageFont

import digitscope
from benchmarks.arguments import parser_for
from digitscope.data.typeset import WORDS, print_fonts, random_number
from digitscope.experiments.machine import describe_machine

UInt8 = NDArray[np.uint8]

SHAPE, MARGIN, SIZES = (1500, 1100), 60, (16, 18, 20, 24, 28, 36)
"""Pixels of a page, of its margin, and of the fonts' sizes."""

NUMBERS = 0.35
"""Share of numbers among words and numbers."""

HEADER = ("font", "printed digits", "read as print", "read as handwriting")


@dataclass(frozen=True)
class Row:
    """The digits of one page of print, and how they were read."""

    font: str
    digits: int
    as_print: int
    as_handwriting: int

    def in_words(self) -> str:
        """Return one line of the table."""
        return f"| {' | '.join(str(value) for value in asdict(self).values())} |"


def page_of(font: str, generator: np.random.Generator) -> tuple[UInt8, int]:
    """Return a page of print, uint8 (1500, 1100), and the number of its digits."""
    image = Image.new("L", SHAPE[::-1], int(generator.integers(220, 256)))
    brush, y, n_digits = ImageDraw.Draw(image), MARGIN, 0
    while y < SHAPE[0] - 2 * MARGIN:
        size, x = int(generator.choice(SIZES)), float(MARGIN)
        face = ImageFont.truetype(font, size)
        while x < SHAPE[1] - 4 * MARGIN:
            is_number = generator.random() < NUMBERS
            text = random_number(generator).replace("_", " ") if is_number else str(generator.choice(WORDS))
            brush.text((x, y), text, fill=int(generator.integers(90)), font=face)
            n_digits += sum(character.isdecimal() for character in text)
            x += face.getlength(text) + size * float(generator.uniform(0.3, 2))
        y += int(size * generator.uniform(1.3, 2))
    blurred = image.filter(ImageFilter.GaussianBlur(float(generator.uniform(0.3, 1.1))))
    return np.clip(np.asarray(blurred) + generator.normal(0, 6, SHAPE), 0, 255).astype(np.uint8), n_digits


def read_in(font: str, generator: np.random.Generator) -> Row:
    """Return what is read on a page of print in `font`."""
    page, n_digits = page_of(font, generator)
    told = [digit.printed for digit in digitscope.read(page, printed=True).digits if digit.accepted]
    return Row(Path(font).name, n_digits, sum(told), len(told) - sum(told))


def main() -> None:
    """Print a table with a row for each font, those with most false digits first, and their sums."""
    parser = parser_for(__doc__, "seed")
    parser.add_argument("folder", metavar="FOLDER", help="with TrueType or OpenType fonts in it or below it")
    parser.add_argument("--each", type=int, default=2, metavar="N", help="of each folder, at most (default 2)")
    options = parser.parse_args()
    families = defaultdict(list)
    for path in print_fonts((options.folder,)):
        families[Path(path).parent].append(path)
    if not families:
        parser.error(f"{options.folder}: there is no font of print in it: name a folder with .ttf or .otf files")
    generator = np.random.default_rng(options.seed)
    chosen = [
        str(font)
        for fonts in families.values()
        for font in generator.choice(fonts, min(options.each, len(fonts)), replace=False)
    ]
    rows = sorted((read_in(font, generator) for font in chosen), key=lambda row: -row.as_handwriting)
    rows.append(
        Row(
            f"all {len(rows)}",
            sum(row.digits for row in rows),
            sum(row.as_print for row in rows),
            sum(row.as_handwriting for row in rows),
        )
    )
    if options.json:
        print(json.dumps({"machine": describe_machine(), "rows": [asdict(row) for row in rows]}, indent=2))
        return
    print(f"| {' | '.join(HEADER)} |\n| --- | ---: | ---: | ---: |")
    print("\n".join(row.in_words() for row in rows))


if __name__ == "__main__":
    main()
