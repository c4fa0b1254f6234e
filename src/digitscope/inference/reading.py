"""What was read in a picture, as values: they print, show themselves in a notebook and turn into plain JSON."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

UInt8 = NDArray[np.uint8]
Float32 = NDArray[np.float32]

UNSURE = "?"
"""What stands in a text for ink that may be a digit but was not accepted as one."""

LONGEST_REPR = 60
"""Characters of the text that are shown where a reading stands for itself."""


@dataclass(frozen=True, eq=False)
class Digit:
    """One digit, or what might have been one.

    Attributes:
        label: the most probable digit, 0 to 9.
        confidence: its probability, 0 to 1.
        accepted: whether it counts as read.
        reason: why it is not accepted; None if it is.
        box: left, top, width and height of its ink, in pixels of the picture as it is looked at.
        probabilities: of the ten digits, float32 (10,).
        line: the number of its line in `Reading.lines`, from 0.
        page: the number of its page, from 0; a picture has one, a TIFF file may have more.
        image: what the network saw, uint8 (28, 28), or (42, 28) for two digits over each other.
        alternatives: other readings of the same ink, the next best first, such as "13" for a 3 drawn loosely.
    """

    label: int
    confidence: float
    accepted: bool
    reason: str | None
    box: tuple[int, int, int, int]
    probabilities: Float32 = field(repr=False)
    line: int
    page: int
    image: UInt8 = field(repr=False)
    alternatives: tuple[str, ...] = ()

    @property
    def character(self) -> str:
        """The label as a text shows it: "?" if it is not accepted."""
        return str(self.label) if self.accepted else UNSURE

    def to_json(self) -> dict[str, Any]:
        """Return everything but the image, as JSON has it."""
        return {
            "label": self.label,
            "confidence": round(self.confidence, 6),
            "accepted": self.accepted,
            "reason": self.reason,
            "box": list(self.box),
            "probabilities": [round(float(p), 6) for p in self.probabilities],
            "line": self.line,
            "page": self.page,
            "alternatives": list(self.alternatives),
        }


@dataclass(frozen=True, eq=False, repr=False)
class Reading:
    """All that was read in one picture.

    Attributes:
        digits: in reading order: page by page, line by line, from left to right.
        lines: the text of every line, a space where a gap says so, "?" for what was not accepted.
        sizes: width and height of every page, in the pixels that the boxes count in.
    """

    digits: tuple[Digit, ...]
    lines: tuple[str, ...]
    sizes: tuple[tuple[int, int], ...]

    @property
    def text(self) -> str:
        """The lines, joined by newlines; empty if nothing was found."""
        return "\n".join(self.lines)

    def to_json(self) -> dict[str, Any]:
        """Return plain lists, numbers and strings: `text`, `lines`, `digits` and `sizes`."""
        return {
            "text": self.text,
            "lines": list(self.lines),
            "digits": [digit.to_json() for digit in self.digits],
            "sizes": [list(size) for size in self.sizes],
        }

    def __repr__(self) -> str:
        text = self.text if len(self.text) <= LONGEST_REPR else f"{self.text[:LONGEST_REPR]}…"
        return f"Reading({text!r}, {len(self.digits)} digit{'' if len(self.digits) == 1 else 's'})"

    def _repr_html_(self) -> str:
        from digitscope.inference.notebook import reading_as_html  # only notebooks need it, and Pillow with it

        return reading_as_html(self)
