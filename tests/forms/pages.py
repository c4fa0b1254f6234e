"""A form with one field, drawn: empty, and filled in with a 7."""

from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

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
