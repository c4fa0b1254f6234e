"""Combine what the networks say of an item into probabilities of each digit."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit, softmax

from digitscope.reading.cutting import cut_out
from digitscope.reading.finder import LEAST_SCORE, Found
from digitscope.reading.framing import frame
from digitscope.reading.recognizer import Recognizer

UInt8 = NDArray[np.uint8]
Float32 = NDArray[np.float32]

FEATURES = ("bias", "score", "reconsidered", "around", "sure", "strange")
"""What the chance of a digit is computed from: 1, the logits of a digit by the page and by the item network, the
log-probabilities of writing of its kind around it and of its label, and its distance beyond the usual.
"""

SUREST = 8.0
"""Logit or log-probability, above or below 0, that counts at most."""

LOWEST = 7.0
"""Pixels of the page that a digit is high, at least: fewer show no shape, and noise has them everywhere."""

FARTHEST = 3.0
"""Distance beyond the usual from which a digit gets no stranger."""


@dataclass(frozen=True, eq=False)
class Seen:
    """The possible digits among the detections of a page, as each network sees them.

    Attributes:
        rows: int64 (K,), of the detections.
        boxes: float32 (K, 4), left, top, right and bottom of their ink.
        images: uint8 (K, 28, 28), what the digit network saw.
        of_digit: float32 (K, 10), the logarithms of its probabilities.
        of_item: float32 (K, 10), those of the item network.
        scores: float32 (K,), the page network's probability of a digit of the right kind there.
        reconsidered: float32 (K,), the item network's.
        around: float32 (K,), log-probability of digits of that kind around it.
        distances: float32 (K,), how unlike training digits each is; 1 where the digit network does not tell.
    """

    rows: NDArray[np.int64]
    boxes: Float32
    images: UInt8
    of_digit: Float32
    of_item: Float32
    scores: Float32
    reconsidered: Float32
    around: Float32
    distances: Float32


@dataclass(frozen=True, eq=False)
class Judged:
    """The possible digits among the detections of a page, as both networks together see them.

    Attributes:
        seen: as each sees them.
        probabilities: float32 (K, 10), of the ten digits.
        chances: float32 (K,), the probability that this is a digit and rightly read.
    """

    seen: Seen
    probabilities: Float32
    chances: Float32


def see(gray: UInt8, found: Found, digits: Recognizer, *, printed: bool = False) -> Seen:
    """Return what each network makes of all that may be a digit on a page, uint8 (H, W), upright.

    With `printed`, a digit may be written or printed; else it is of the kind that is the more probable one.
    """
    detections = found.detections
    boxes, scores = detections.boxes, detections.scores
    counts = np.ones((len(boxes), 2), bool) if printed else np.eye(2, dtype=bool)[detections.kinds % 2]
    of_digits, again = (
        np.minimum((told[:, :2] * counts).sum(axis=1), 1) for told in (detections.chances, detections.reconsidered)
    )
    around = np.logaddexp.reduce(np.where(counts, detections.around[:, 1::2], -np.inf), axis=1)
    rows = np.flatnonzero(of_digits > LEAST_SCORE)
    others = (boxes[(scores > scores[row] / 2) & (np.arange(len(boxes)) != row)] for row in rows)
    cut = [
        cut_out(gray, boxes[row], each, found.ink, found.ink_scale) for row, each in zip(rows, others, strict=True)
    ]
    images = np.stack([frame(ink) for ink, _ in cut]) if cut else np.zeros((0, 28, 28), np.uint8)
    own = np.array([box for _, box in cut], np.float32).reshape(-1, 4)
    prediction = digits.predict(images)
    of_digit = np.log(np.maximum(prediction.probabilities, 1e-7))
    distances = np.ones(len(rows), np.float32) if prediction.distances is None else prediction.distances
    of_item = detections.log_probabilities[rows, :10]
    return Seen(rows, own, images, of_digit, of_item, of_digits[rows], again[rows], around[rows], distances)


def judge(seen: Seen, combination: Mapping[str, float], labels: Sequence[int] = range(10)) -> Judged:
    """Return what the networks make of digits, weighted by "digit", "item" and `FEATURES`; only `labels` occur."""
    probabilities = together(seen, combination["digit"], combination["item"]) * np.isin(np.arange(10), labels)
    probabilities /= np.maximum(probabilities.sum(axis=1, keepdims=True), 1e-9)
    weights = np.array([combination[name] for name in FEATURES])
    is_high = seen.boxes[:, 3] - seen.boxes[:, 1] >= LOWEST
    return Judged(seen, probabilities, expit(features(seen, probabilities) @ weights) * is_high)


def together(seen: Seen, digit: float, item: float) -> Float32:
    """Return the probabilities (K, 10) whose logarithms are the networks' own, weighted, up to a constant."""
    return np.asarray(softmax(digit * seen.of_digit + item * seen.of_item, axis=1), dtype=np.float32)


def features(seen: Seen, probabilities: Float32) -> NDArray[np.float64]:
    """Return `FEATURES` of each digit, float64 (K, 6)."""
    scores = logit(np.clip(np.column_stack([seen.scores, seen.reconsidered]).astype(np.float64), 1e-9, 1 - 1e-9))
    sure = np.log(np.maximum(probabilities.max(axis=1), 1e-9))
    told = np.clip(np.column_stack([scores, seen.around, sure]), -SUREST, SUREST)
    strange = np.clip(seen.distances - 1, 0, FARTHEST)
    return np.column_stack([np.ones(len(sure)), told, strange])
