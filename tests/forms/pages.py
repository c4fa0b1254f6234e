"""Forms that are drawn: one field with a 7, and five scans with three fields of the sample's digits."""

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from digitscope.data import Split

SIZE = (840, 1188)
BOX = (300, 300, 560, 370)
"""Left, top, right and bottom of the field."""

DESCRIPTION = 'reference = "empty.png"\nsize = [840, 1188]\n[fields.a]\nbox = [300, 300, 260, 70]\n'


def write_pages(folder: Path) -> Path:
    """Write empty.png, scans/one.png and scans/other.png, which is no such form, into `folder`, and return it."""
    empty = Image.new("L", SIZE, 255)
    brush = ImageDraw.Draw(empty)
    for row, word in enumerate(
        ["Application for membership", "Account number:", "Please write clearly", "Club 1912"]
    ):
        for copy in range(3):
            brush.text(
                (60, 60 + 250 * row + 60 * copy), f"{word} {'abc'[copy]}", fill=0, font=ImageFont.load_default(26)
            )
    brush.rectangle(BOX, outline=0, width=2)
    empty.save(folder / "empty.png")
    (folder / "scans").mkdir()
    filled = empty.copy()
    brush = ImageDraw.Draw(filled)
    brush.line([(400, 315), (430, 315), (410, 358)], fill=30, width=5, joint="curve")
    filled.rotate(2, fillcolor=255, resample=Image.Resampling.BILINEAR).save(folder / "scans" / "one.png")
    Image.new("L", (600, 600), 255).save(folder / "scans" / "other.png")
    return folder


MM = 3
"""Pixels of a millimetre of the page with three fields."""

PLACES = {"account": (110, 70), "born": (110, 135), "year": (110, 197)}
"""Left and top of three fields on a page without lines, in millimetres."""

WIDTH, HEIGHT = 95, 18
"""Millimetres of the fields."""


def write_five_scans(folder: Path, digits: Split) -> dict[str, dict[str, str]]:
    """Write empty.png, with nothing but print, and five scans of it into `folder`; return the true values.

    On four scans a value needs a person: two have no year, and on two others a digit is wrong.
    """
    empty = Image.new("L", (210 * MM, 297 * MM), 255)
    brush = ImageDraw.Draw(empty)
    for row, word in enumerate(
        ["Application for membership", "Account number:", "Born on:", "Club 1912, joined in"]
    ):
        for copy in range(3):
            at = (15 * MM, (10 + 62 * row + 15 * copy) * MM)
            brush.text(at, f"{word} {'abc'[copy]}", fill=0, font=ImageFont.load_default(20))
    empty.save(folder / "empty.png")
    (folder / "scans").mkdir()
    truth = {}
    for number, (written, true) in enumerate(WRITTEN):
        page = empty.copy()
        for (left, top), text in zip(PLACES.values(), written, strict=True):
            for place, digit in enumerate(text):
                rows = np.flatnonzero(digits.labels == int(digit))
                image = Image.fromarray(255 - digits.images[rows[7 * number + place]]).resize((12 * MM, 12 * MM))
                page.paste(image, (round((left + 2.5 + 11.4 * place) * MM), (top + 3) * MM))
        turned = page.rotate(number - 2, fillcolor=255, resample=Image.Resampling.BILINEAR)
        turned.save(folder / "scans" / f"{number + 1}.png")
        truth[f"{number + 1}.png"] = dict(zip(PLACES, true, strict=True))
    return truth


WRITTEN = (
    (("12345674", "03041990", "2019"), ("12345674", "03.04.1990", "2019")),
    (("49927395", "31041985", "2020"), ("49927395", "21.04.1985", "2020")),
    (("79927398", "31091972", "2003"), ("79927398", "21.09.1972", "2003")),
    (("18300004", "28052004", ""), ("18300004", "28.05.2004", "2021")),
    (("60115508", "09121999", ""), ("60115508", "09.12.1999", "2022")),
)
"""Digits as they are written on each scan, and the values that are meant."""
