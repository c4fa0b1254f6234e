"""Digits written with a pen, drawn from their strokes and framed as MNIST's are.

Their writers use forms that are rare in MNIST: zeros with a slash, ones with a flag and a foot, sevens with a bar,
open fours. Each drawing has a pen, a slant and proportions of its own.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from digitscope.data.pens import Pens, Points, draw_strokes, load_pens
from digitscope.data.splits import Split, UInt8

# Pixels of an image, and of the longer side of its ink (LeCun et al. 1998, section III.A).
SIDE, BOX = 28, 20

# Widths of the pen, as shares of the longer side. The median of MNIST's strokes is 0.125.
FINEST, BOLDEST = 0.05, 0.2

# Columns a row that a digit leans at most, beside its writer's own slant.
SLANT = 0.15

# Share by which its width changes at most.
STRETCH = 0.12

# Standard deviation of each point's displacement, of 1000 along the longer side; points are 18 or more apart.
TREMOR = 6

# Ratio of the spreads across and along the main direction below which points lie on a line. Such a sample is
# complete if it is a 1. Of UNIPEN's other digits 34 of 10,391 are below it: stems and dashes.
STRAIGHTEST = 0.08


@dataclass(frozen=True, eq=False)
class PenDigits:
    """Digits as strokes, to be drawn anew whenever they are met."""

    strokes: tuple[tuple[Points, ...], ...]  # of each digit, (n, 2), 0 to 1000 along the longer side, y down
    labels: UInt8  # (N,)
    sha256: str  # of the samples that they were taken from, those of held-back writers included

    def __len__(self) -> int:
        return len(self.labels)

    def sample(self, n: int, generator: np.random.Generator) -> Split:
        """Return drawings of `n` digits, each chosen evenly, by `generator`."""
        return self.drawn(generator.integers(len(self), size=n), generator)

    def each(self, generator: np.random.Generator) -> Split:
        """Return a drawing of every digit, in order."""
        return self.drawn(np.arange(len(self)), generator)

    def drawn(self, rows: NDArray[np.int64], generator: np.random.Generator) -> Split:
        """Return drawings of the digits at `rows`, each with a pen of its own."""
        images = np.zeros((len(rows), SIDE, SIDE), np.uint8)
        for image, row in zip(images, rows, strict=True):
            width = generator.uniform(FINEST, BOLDEST)
            image[:] = draw_digit(rewritten(self.strokes[row], generator), width)
        return Split(images, self.labels[rows])


def load_pen_digits(directory: Path | str | None = None, *, held_back: bool = False) -> PenDigits:
    """Return the digits of the writers to learn from, or of those who are held back, without incomplete samples.

    Raises:
        DataError: there are no pen strokes, or their file is damaged.
    """
    return pen_digits(load_pens("digits", directory), held_back=held_back)


def pen_digits(pens: Pens, *, held_back: bool = False) -> PenDigits:
    """Return the digits among `pens` as `load_pen_digits` does."""
    samples = ((tuple(pens.strokes(row)), pens.labels[row]) for row in pens.rows_of(held_back=held_back))
    whole = [sample for sample in samples if is_complete(*sample)]
    labels = np.array([int(label) for _, label in whole], np.uint8)
    return PenDigits(tuple(strokes for strokes, _ in whole), labels, pens.sha256())


def is_complete(strokes: tuple[Points, ...], label: str) -> bool:
    """Tell whether `strokes` can be the digit `label`: they are no dot, and no straight line unless it is a 1."""
    points = np.concatenate(strokes)
    if not np.ptp(points, axis=0).any():
        return False
    across, along = np.sqrt(np.maximum(np.linalg.eigvalsh(np.cov(points.T)), 0))
    return label == "1" or bool(across >= STRAIGHTEST * along)


def rewritten(strokes: tuple[Points, ...], generator: np.random.Generator) -> list[Points]:
    """Return `strokes` with another slant, other proportions and a tremor."""
    slant, stretch = generator.uniform(-SLANT, SLANT), 1 + generator.uniform(-STRETCH, STRETCH)
    shape = np.array([[stretch, 0.0], [slant, 1.0]])
    return [stroke @ shape + generator.normal(0, TREMOR, stroke.shape) for stroke in strokes]


def draw_digit(strokes: list[Points], width: float) -> UInt8:
    """Return a digit as MNIST frames it, uint8 (28, 28), drawn with a pen of `width`, a share of its longer side.

    The ink, pen included, is 20 pixels long, and its centre of mass in the middle, as near as whole pixels go.
    """
    pen = width * BOX
    longest = float(np.ptp(np.concatenate(strokes), axis=0).max())
    ink = _trimmed(draw_strokes([stroke * ((BOX - pen) / longest) for stroke in strokes], pen))
    edges = []
    for length, weights in zip(ink.shape, (ink.sum(axis=1), ink.sum(axis=0)), strict=True):
        middle = weights @ np.arange(length) / max(int(ink.sum()), 1)
        before = int(np.clip(round(SIDE / 2 - middle), 0, SIDE - length))
        edges.append((before, SIDE - length - before))
    return np.pad(ink, edges)


def _trimmed(ink: UInt8) -> UInt8:
    """Return `ink` without faint rims that make it longer than `BOX`: strokes are rounded to parts of a pixel."""
    while ink.shape[0] > BOX:
        ink = ink[1:] if ink[0].sum() < ink[-1].sum() else ink[:-1]
    while ink.shape[1] > BOX:
        ink = ink[:, 1:] if ink[:, 0].sum() < ink[:, -1].sum() else ink[:, :-1]
    return ink
