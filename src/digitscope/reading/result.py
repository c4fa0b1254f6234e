"""Readings as values, which print, render in notebooks and convert to JSON."""

from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

UInt8 = NDArray[np.uint8]
Float32 = NDArray[np.float32]
Box = tuple[int, int, int, int]

UNSURE = "?"
"""Marks a rejected digit in a text."""

LONGEST_REPR = 60
"""Characters of the text that are shown where a reading stands for itself."""


@dataclass(frozen=True, eq=False)
class _Item:
    def to_json(self) -> dict[str, Any]:
        """Return all attributes but the image as JSON has them, with six decimals."""
        values = {each.name: getattr(self, each.name) for each in fields(self) if each.name != "image"}
        for name, value in values.items():
            if isinstance(value, float):
                values[name] = round(value, 6)
            elif isinstance(value, tuple | np.ndarray):
                values[name] = [round(float(each), 6) if isinstance(each, np.floating) else each for each in value]
        return values


@dataclass(frozen=True, eq=False)
class Digit(_Item):
    """One digit, or what might have been one.

    Attributes:
        label: the most probable digit, 0 to 9.
        confidence: its probability, 0 to 1.
        accepted: whether it counts as read.
        reason: why it is not accepted; None if it is.
        box: left, top, width and height of its ink, in pixels of the picture as it was given.
        probabilities: of the ten digits, float32 (10,).
        line: the number of its line in `Reading.lines`, from 0; None if it is print that the text leaves out.
        page: the number of its page, from 0; a picture has one, a TIFF or PDF file may have more.
        image: what the digit network saw, uint8 (28, 28), or (42, 28) for two digits over each other.
        printed: whether it is print and not handwriting.
        alternatives: the next best labels, the best first, such as ("7",) for a 1 with a flag.
        chance: the probability that it is a digit at all and this one, 0 to 1.
    """

    label: int
    confidence: float
    accepted: bool
    reason: str | None
    box: Box
    probabilities: Float32 = field(repr=False)
    line: int | None
    page: int
    image: UInt8 = field(repr=False)
    printed: bool = False
    alternatives: tuple[str, ...] = ()
    chance: float = 1.0

    @property
    def character(self) -> str:
        """The label as a text shows it: "?" if it is not accepted."""
        return str(self.label) if self.accepted else UNSURE


@dataclass(frozen=True, eq=False)
class Sign(_Item):
    """A sign beside digits: one of . , - / : + \u00d7 \u00f7 = ( and ).

    Attributes:
        label: the sign.
        confidence: its probability, 0 to 1.
        box: left, top, width and height of its ink, in pixels of the picture as it was given.
        line: the number of its line in `Reading.lines`, from 0; None if it is print that the text leaves out.
        page: the number of its page, from 0.
        printed: whether it is print and not handwriting.
    """

    label: str
    confidence: float
    box: Box
    line: int | None
    page: int
    printed: bool = False


@dataclass(frozen=True, eq=False, repr=False)
class Reading:
    """All that was read in one picture.

    Attributes:
        digits: in reading order: page by page, line by line, from left to right. Print that the text leaves out
            stands at the end of its page.
        lines: the text of every line: digits and signs as written, a space where a gap says so, "?" for a digit
            that was not accepted.
        sizes: width and height of every page, in the pixels that the boxes count in.
        signs: in reading order, as `digits`.
        rotations: degrees, clockwise, that each page was turned by to be read: 0, 90, 180 or 270.
        remarks: what a person should know, a sentence each: ink that was not read, a page that was turned.
        regions: the text of each region that was asked for, page by page, "" where nothing was read.
        gray: the first page as it was read, uint8 (H, W); `table` looks for lines there.
    """

    digits: tuple[Digit, ...]
    lines: tuple[str, ...]
    sizes: tuple[tuple[int, int], ...]
    signs: tuple[Sign, ...] = ()
    rotations: tuple[int, ...] = ()
    remarks: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    gray: UInt8 | None = field(default=None, repr=False)

    @property
    def text(self) -> str:
        """The lines, joined by newlines; empty if nothing was found."""
        return "\n".join(self.lines)

    @property
    def rotation(self) -> int:
        """Degrees, clockwise, that the first page was turned by to be read."""
        return self.rotations[0] if self.rotations else 0

    @cached_property
    def table(self) -> list[list[str | None]] | None:
        """The rows of the first page's table, None where a cell is empty; None if it shows no table."""
        from digitscope.tables import table_of  # which is built on readings

        return table_of(self, self.gray)

    def __getstate__(self) -> dict[str, Any]:
        """Return what another process gets: the table in place of the page, which has megabytes."""
        return {**vars(self), "table": self.table, "gray": None}

    def to_json(self) -> dict[str, Any]:
        """Return plain lists, numbers and strings, by the names of the attributes, and `text` and `rotation`."""
        return {
            "text": self.text,
            "lines": list(self.lines),
            "digits": [digit.to_json() for digit in self.digits],
            "signs": [sign.to_json() for sign in self.signs],
            "rotation": self.rotation,
            "remarks": list(self.remarks),
            "sizes": [list(size) for size in self.sizes],
            "regions": list(self.regions),
            "table": self.table,
        }

    def __repr__(self) -> str:
        text = self.text if len(self.text) <= LONGEST_REPR else f"{self.text[:LONGEST_REPR]}…"
        return f"Reading({text!r}, {len(self.digits)} digit{'' if len(self.digits) == 1 else 's'})"

    def _repr_html_(self) -> str:
        from digitscope.drawing.notebook import reading_as_html  # only notebooks need it, and Pillow with it

        return reading_as_html(self)
