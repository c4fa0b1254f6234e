"""Which ink made a network read a digit as it did, and what would have changed the reading.

Both are asked by changing the picture and reading it again, which Zeiler and Fergus (2014), "Visualizing and
Understanding Convolutional Networks", call occlusion (section 4.2). Nothing but the network's readings is needed.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import combinations, product

import numpy as np
from numpy.typing import NDArray

from digitscope.data.styles import distances_from_line
from digitscope.metrics import log_softmax
from digitscope.reading import Recognizer

UInt8 = NDArray[np.uint8]
Float32 = NDArray[np.float32]

SIDE = 28

BLOT, FADE = 1.5, 2.0
"""Pixels around its middle that a blot blanks whole, and pixels further over which it fades."""

MIDDLES = range(0, SIDE + 1, 2)
"""Rows and columns of the blots' middles; the last is behind the edge, so that the whole picture lies within."""

PEN = 1.25
"""Half the width in pixels of an added stroke: about that of MNIST's."""

ENDS = range(4, 25, 4)
"""Rows and columns at which an added stroke may begin or end."""

LONGEST = 12
"""Pixels of an added stroke from end to end."""

MOST_ERASED, MOST_ADDED = 1 / 3, 1 / 2
"""Ink that a change may take away or add, as a share of what was there."""

MOST_BLOTS, MOST_STROKES = 8, 2
"""Blots or strokes that a change may consist of."""


@dataclass(frozen=True, eq=False)
class Change:
    """A digit that was changed so that it is read as another.

    Attributes:
        image: uint8 (28, 28).
        label: what it is read as.
        confidence: the probability of that, 0 to 1.
    """

    image: UInt8
    label: int
    confidence: float


def occlusion(recognizer: Recognizer, digit: UInt8) -> Float32:
    """Return by how many nats the label's log-probability falls when the ink around each pixel is blanked.

    It is 0 where no ink is near, and negative where ink speaks against the label. Every second row and column is
    measured, the rest lies on the straight lines between.

    Args:
        recognizer: reads one digit.
        digit: uint8 (28, 28).

    Returns:
        float32 (28, 28).
    """
    before = log_softmax(recognizer.logits(digit))
    label = int(before.argmax())
    blanked = _blanked(digit, _blots())
    touched = (blanked != digit).any(axis=(1, 2))
    falls = np.zeros(len(blanked), np.float32)
    falls[touched] = before[label] - log_softmax(recognizer.logits(blanked[touched]))[:, label]
    measured = falls.reshape(len(MIDDLES), len(MIDDLES))
    return _with_rows_between(_with_rows_between(measured).T).T


def _with_rows_between(values: Float32) -> Float32:
    """Return 2 N rows for N + 1: after each but the last, the mean of it and the next."""
    between = (values[:-1] + values[1:]) / 2
    return np.stack([values[:-1], between], axis=1).reshape(-1, values.shape[1])


def erasure(recognizer: Recognizer, digit: UInt8) -> Change | None:
    """Return `digit`, uint8 (28, 28), with so much ink blanked that it is read as another, or None.

    Blot after blot is blanked where it brings the other reading nearest, a third of the ink at most.
    """

    def variants(image: UInt8) -> UInt8:
        on_ink = np.pad(image, (0, 1))[np.ix_(MIDDLES, MIDDLES)].flatten() > 0
        return _blanked(image, _blots()[on_ink])

    return _change(recognizer, digit, variants, most_steps=MOST_BLOTS, most_ink=MOST_ERASED)


def addition(recognizer: Recognizer, digit: UInt8) -> Change | None:
    """Return `digit`, uint8 (28, 28), with straight strokes added until it is read as another, or None.

    Each stroke touches ink; there are two at most.
    """

    def variants(image: UInt8) -> UInt8:
        touching = (np.minimum(_strokes(), image) > 127).any(axis=(1, 2))
        return np.maximum(image, _strokes()[touching])

    return _change(recognizer, digit, variants, most_steps=MOST_STROKES, most_ink=MOST_ADDED)


def _change(
    recognizer: Recognizer,
    digit: UInt8,
    variants: Callable[[UInt8], UInt8],
    *,
    most_steps: int,
    most_ink: float,
) -> Change | None:
    """Change `digit` step by step until its label is no longer the likeliest, by as little ink as a step offers.

    `variants` takes an image and returns (N, 28, 28), the ways to take the next step from there.
    """
    label = int(recognizer.logits(digit).argmax())
    image = digit
    for _ in range(most_steps):
        candidates = variants(image)
        inks = _difference(candidates, digit)
        candidates = candidates[(inks > _difference(image, digit)) & (inks <= most_ink * digit.sum())]
        if len(candidates) == 0:
            return None
        logits = recognizer.logits(candidates)
        others = np.delete(logits, label, axis=1).max(axis=1)
        flipped = np.flatnonzero(others > logits[:, label])
        if len(flipped):
            best = flipped[_difference(candidates[flipped], digit).argmin()]
            return _as_change(candidates[best], logits[best])
        image = candidates[(logits[:, label] - others).argmin()]
    return None


def _as_change(image: UInt8, logits: Float32) -> Change:
    probabilities = np.exp(log_softmax(logits))
    return Change(image, int(probabilities.argmax()), float(probabilities.max()))


def _difference(images: UInt8, digit: UInt8) -> NDArray[np.float64]:
    return np.asarray(np.abs(images.astype(np.float64) - digit).sum(axis=(-2, -1)))


def _blanked(image: UInt8, blots: Float32) -> UInt8:
    return np.asarray(np.round(image * (1 - blots)), dtype=np.uint8)


@cache
def _blots() -> Float32:
    """Return how much of each pixel is blanked by each blot: (N, 28, 28), 0 to 1."""
    middles = list(product(MIDDLES, repeat=2))
    return _faded(_distances(middles, middles), BLOT, FADE)


@cache
def _strokes() -> UInt8:
    """Return the strokes that may be added, ink 255 on 0: (N, 28, 28)."""
    pairs = combinations(product(ENDS, repeat=2), 2)
    near = [(start, end) for start, end in pairs if np.hypot(*np.subtract(start, end)) <= LONGEST]
    starts, ends = zip(*near, strict=True)
    return np.asarray(np.round(255 * _faded(_distances(starts, ends), PEN - 0.5, 1.0)), dtype=np.uint8)


def _distances(starts: Sequence[tuple[int, ...]], ends: Sequence[tuple[int, ...]]) -> Float32:
    """Return how far every pixel is from the straight line between two points, for N pairs: (N, 28, 28)."""
    lines = zip(starts, ends, strict=True)
    return np.stack([distances_from_line((SIDE, SIDE), *line) for line in lines]).astype(np.float32)


def _faded(distances: Float32, whole: float, fade: float) -> Float32:
    """Return 1 up to the distance `whole`, and from there down to 0 over `fade`."""
    return np.asarray(np.clip((whole + fade - distances) / fade, 0, 1))
