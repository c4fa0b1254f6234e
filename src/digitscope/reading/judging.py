"""Combine what the networks say of an item into probabilities of each digit."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from digitscope.detections import Float32
from digitscope.items import UInt8, pooled
from digitscope.reading.cutting import cut_out
from digitscope.reading.finder import LEAST_SCORE, Found
from digitscope.reading.framing import frame
from digitscope.reading.recognizer import Recognizer

FEATURES = ("bias", "score", "around", "sure", "strange")
"""What the chance of a digit is computed from.

They are 1, the logit of the finder's chance, the log-probabilities of writing of its kind around it and of its
label, and its distance beyond the usual.
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
        of_finder: float32 (K, 10), those of the page network and the item network.
        scores: float32 (K,), their probability of a digit of its kind there, or of any where print is wanted.
        around: float32 (K,), log-probability of written digits around it, or of print for a printed one.
        distances: float32 (K,), how unlike training digits each is; 1 where the digit network does not tell.
        contrasts: float32 (K, 2), of its ink to the paper, in levels and as a share of the paper's level.
    """

    rows: NDArray[np.int64]
    boxes: Float32
    images: UInt8
    of_digit: Float32
    of_finder: Float32
    scores: Float32
    around: Float32
    distances: Float32
    contrasts: Float32


@dataclass(frozen=True, eq=False)
class Judged:
    """The possible digits among the detections of a page, as all networks together see them.

    Attributes:
        seen: as each sees them.
        probabilities: float32 (K, 10), of the ten digits.
        chances: float32 (K,), the probability that this is a digit and rightly read.
    """

    seen: Seen
    probabilities: Float32
    chances: Float32


def see(gray: UInt8, found: Found, digits: Recognizer) -> Seen:
    """Return what each network makes of all that may be a digit on a page, uint8 (H, W), upright."""
    detections = found.detections
    boxes, scores = detections.boxes, detections.scores
    is_printed = detections.kinds % 2
    of_digits = detections.chances[np.arange(len(boxes)), is_printed]
    rows = np.flatnonzero(of_digits > LEAST_SCORE)
    others = (boxes[(scores > scores[row] / 2) & (np.arange(len(boxes)) != row)] for row in rows)
    cut = [
        cut_out(gray, boxes[row], each, found.ink, found.ink_scale) for row, each in zip(rows, others, strict=True)
    ]
    images = np.stack([frame(ink) for ink, _, _ in cut]) if cut else np.zeros((0, 28, 28), np.uint8)
    own = np.array([box for _, box, _ in cut], np.float32).reshape(-1, 4)
    contrasts = np.array([contrast for _, _, contrast in cut], np.float32).reshape(-1, 2)
    prediction = digits.predict(images)
    of_digit = np.log(np.maximum(prediction.probabilities, 1e-7))
    distances = np.ones(len(rows), np.float32) if prediction.distances is None else prediction.distances
    of_finder, around = detections.log_probabilities[rows, :10], detections.around[rows, 1 + 2 * is_printed[rows]]
    return Seen(rows, own, images, of_digit, of_finder, of_digits[rows], around, distances, contrasts)


def judge(seen: Seen, combination: Mapping[str, float], labels: Sequence[int] = range(10)) -> Judged:
    """Return what all networks together make of digits; its weights are "digit", "finder" and `FEATURES`.

    Only `labels` occur: others have a probability of 0.
    """
    probabilities = pooled(seen.of_digit, seen.of_finder, (combination["digit"], combination["finder"]))
    weights = np.array([combination[name] for name in FEATURES])
    is_high = seen.boxes[:, 3] - seen.boxes[:, 1] >= LOWEST
    chances = expit(features(seen, probabilities) @ weights) * is_high
    is_digit = np.minimum(chances / probabilities.max(axis=1, initial=1e-9), 1)
    possible = probabilities * np.isin(np.arange(10), labels)
    total = np.maximum(possible.sum(axis=1), 1e-9)
    # Bayes' rule, given that it is one of `labels` or no digit.
    chances = is_digit * possible.max(axis=1, initial=0) / np.maximum(1 - is_digit + is_digit * total, 1e-9)
    return Judged(seen, np.asarray(possible / total[:, None], dtype=np.float32), chances)


def features(seen: Seen, probabilities: Float32) -> NDArray[np.float64]:
    """Return `FEATURES` of each digit, float64 (K, 5)."""
    score = logit(np.clip(seen.scores.astype(np.float64), 1e-9, 1 - 1e-9))
    sure = np.log(np.maximum(probabilities.max(axis=1), 1e-9))
    told = np.clip(np.column_stack([score, seen.around, sure]), -SUREST, SUREST)
    strange = np.clip(seen.distances - 1, 0, FARTHEST)
    return np.column_stack([np.ones(len(score)), told, strange])
