"""Readings made by hand."""

from typing import Any

import numpy as np

from digitscope.reading import Digit, Reading
from digitscope.reading.result import Sign


def digit(label: int, box: tuple[int, int, int, int] = (10, 10, 20, 30), **changes: Any) -> Digit:
    """A digit read with 90 %, or as `changes` say."""
    confidence = changes.pop("confidence", 0.9)
    probabilities = np.full(10, (1 - confidence) / 9, np.float32)
    probabilities[label] = confidence
    image = np.zeros((28, 28), np.uint8)
    image[4:24, 10 + label] = 255
    values: dict[str, Any] = {
        "label": label,
        "confidence": confidence,
        "accepted": True,
        "reason": None,
        "box": box,
        "probabilities": probabilities,
        "line": 0,
        "page": 0,
        "image": image,
    }
    return Digit(**{**values, **changes})


def sign(label: str, box: tuple[int, int, int, int] = (32, 34, 4, 6), **changes: Any) -> Sign:
    """A sign read with 80 %, or as `changes` say."""
    return Sign(**{"label": label, "confidence": 0.8, "box": box, "line": 0, "page": 0, **changes})


def reading(*digits: Digit, size: tuple[int, int] = (200, 100), n_pages: int = 1, **changes: Any) -> Reading:
    """A reading of `digits`, its lines put together from them unless `changes` has others."""
    n_lines = max((each.line for each in digits if each.line is not None), default=-1) + 1
    lines = ("".join(each.character for each in digits if each.line == line) for line in range(n_lines))
    defaults = {"digits": digits, "lines": tuple(lines), "sizes": (size,) * n_pages, "rotations": (0,) * n_pages}
    return Reading(**{**defaults, **changes})
