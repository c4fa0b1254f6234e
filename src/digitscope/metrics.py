"""Scores of readings: arrays in, numbers out.

Every function takes labels of shape (N,) for single digits or (N, P) for P digits an image; `score_page` takes
the digits of a page, each with its box.
"""

from bisect import bisect_left
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from digitscope.errors import DataError

Labels = NDArray[np.integer]
Floats = NDArray[np.floating]

N_CLASSES = 10
"""Classes of digits."""


@dataclass(frozen=True)
class Evaluation:
    """The scores of `n` images.

    Attributes:
        n: images scored.
        accuracy: fraction of digits read right, over every position.
        per_position: the same for each position: one number for single digits, two for pairs.
        both_right: fraction of images with every digit right; None for single digits.
        nll: mean negative log-likelihood of the true digit, in nats.
        ece: expected calibration error, 15 equal-width bins (Guo et al. 2017, equation 3).
        confusion: (C, C) counts, row = true digit, column = digit read, over every position.
    """

    n: int
    accuracy: float
    per_position: tuple[float, ...]
    both_right: float | None
    nll: float
    ece: float
    confusion: tuple[tuple[int, ...], ...]


def evaluate_logits(logits: Floats, labels: Labels) -> Evaluation:
    """Score `logits` of shape (N, C) or (N, P, C) against `labels` of shape (N,) or (N, P); C is 10 for digits.

    Raises:
        DataError: the shapes do not belong together, there is nothing to score, or a label is none of the C.
    """
    if logits.shape[:-1] != labels.shape or labels.size == 0 or logits.shape[-1] < N_CLASSES:
        raise DataError(
            f"logits of shape {logits.shape} cannot be scored against labels of shape {labels.shape}: "
            "expected one row of 10 for each label, and at least one label"
        )
    if labels.min() < 0 or labels.max() >= logits.shape[-1]:
        raise DataError(f"labels from {labels.min()} to {labels.max()}: expected 0 to {logits.shape[-1] - 1}")
    _check_finite(logits)
    log_probabilities = log_softmax(logits)
    predicted = logits.argmax(axis=-1)
    right = predicted == labels
    return Evaluation(
        n=len(labels),
        accuracy=float(right.mean()),
        per_position=tuple(float(share) for share in right.reshape(len(labels), -1).mean(axis=0)),
        both_right=float(right.all(axis=1).mean()) if labels.ndim > 1 else None,
        nll=negative_log_likelihood(log_probabilities, labels),
        ece=expected_calibration_error(np.exp(log_probabilities), labels),
        confusion=tuple(tuple(row) for row in confusion_matrix(predicted, labels, logits.shape[-1]).tolist()),
    )


@dataclass(frozen=True)
class MaskEvaluation:
    """The scores of `n` images of two digits that were separated pixel by pixel.

    Attributes:
        n: images scored.
        mean_iou: mean over all images and both digits of the intersection over union of found and true pixels.
        per_position: the same for the upper and for the lower digit.
        nll: mean negative log-likelihood of a pixel's truth, in nats.
    """

    n: int
    mean_iou: float
    per_position: tuple[float, ...]
    nll: float


def evaluate_masks(logits: Floats, masks: Labels) -> MaskEvaluation:
    """Score `logits` against `masks` of 0 and 1, both (N, P, H, W); a logit above 0 finds a pixel.

    Raises:
        DataError: the shapes do not belong together, there is nothing to score, or a logit is not finite.
    """
    if logits.shape != masks.shape or masks.ndim != 4 or masks.size == 0:
        raise DataError(
            f"logits of shape {logits.shape} cannot be scored against masks of shape {masks.shape}: "
            "expected (N, P, H, W) twice, N at least 1"
        )
    _check_finite(logits)
    overlaps = intersection_over_union(logits > 0, masks > 0).mean(axis=0)
    losses = np.logaddexp(0, np.where(masks > 0, -logits, logits), dtype=np.float64)
    per_position = tuple(float(overlap) for overlap in overlaps)
    return MaskEvaluation(len(masks), float(overlaps.mean()), per_position, float(losses.mean()))


def intersection_over_union(found: NDArray[np.bool_], true: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the share (...) that masks (..., H, W) have in common of what either has; 1 for two empty masks.

    Source: Jaccard, "The distribution of the flora in the alpine zone", New Phytologist 1912.
    """
    shared, either = (part.sum(axis=(-2, -1)) for part in (found & true, found | true))
    return np.where(either > 0, _ratio(shared, either), 1.0)


def log_softmax(logits: Floats) -> NDArray[np.float64]:
    """Return the logarithm of the softmax over the last axis, in float64; finite for any finite logits."""
    shifted = logits.astype(np.float64) - logits.max(axis=-1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True)), dtype=np.float64)


def negative_log_likelihood(log_probabilities: Floats, labels: Labels) -> float:
    """Return the mean over all labels of minus the log-probability of the true digit."""
    index = labels[..., np.newaxis].astype(np.intp)
    return float(-np.take_along_axis(log_probabilities, index, axis=-1).mean())


def confusion_matrix(predicted: Labels, labels: Labels, n: int = N_CLASSES) -> NDArray[np.int64]:
    """Return (n, n) counts: row = true digit, column = digit read."""
    counts = np.zeros((n, n), dtype=np.int64)
    np.add.at(counts, (labels.ravel(), predicted.ravel()), 1)
    return counts


@dataclass(frozen=True, eq=False)
class CalibrationBins:
    """Digits sorted by the confidence they were read with; bin i holds confidences above edge i up to edge i + 1.

    Attributes:
        edges: float64 (B + 1,), ascending from 0 to 1.
        counts: int64 (B,), digits in each bin.
        right: int64 (B,), how many of them were read right.
        confidence: float64 (B,), their mean confidence; NaN in an empty bin.
    """

    edges: NDArray[np.float64]
    counts: NDArray[np.int64]
    right: NDArray[np.int64]
    confidence: NDArray[np.float64]

    @property
    def accuracy(self) -> NDArray[np.float64]:
        """The fraction read right in each bin; NaN in an empty one."""
        return _ratio(self.right, self.counts)

    @property
    def error(self) -> float:
        """The mean gap between confidence and accuracy, weighted by the bins' counts."""
        gaps = self.counts * np.abs(self.accuracy - self.confidence)
        return float(np.nansum(gaps) / self.counts.sum())


def calibration_bins(probabilities: Floats, labels: Labels, edges: Floats) -> CalibrationBins:
    """Sort the digits by confidence into the bins between `edges`, which ascend from 0 to 1.

    Raises:
        DataError: `probabilities` is not of the labels' shape and a last axis of classes, or there is no label.
    """
    n = probabilities.shape[-1] if probabilities.ndim else 0
    if probabilities.shape[:-1] != labels.shape or n < N_CLASSES or labels.size == 0:
        raise DataError(
            f"probabilities of shape {probabilities.shape} for labels of shape {labels.shape}: "
            "expected one row of 10 for each label, and at least one label"
        )
    flat = probabilities.reshape(-1, n)
    confidence = flat.max(axis=1).astype(np.float64)
    right = flat.argmax(axis=1) == labels.ravel()
    n_bins = len(edges) - 1
    bin_of = np.searchsorted(edges[1:-1], confidence, side="left")
    counts = np.bincount(bin_of, minlength=n_bins)
    return CalibrationBins(
        edges=np.asarray(edges, dtype=np.float64),
        counts=counts,
        right=np.bincount(bin_of[right], minlength=n_bins),
        confidence=_ratio(np.bincount(bin_of, weights=confidence, minlength=n_bins), counts),
    )


def expected_calibration_error(probabilities: Floats, labels: Labels, bins: int = 15) -> float:
    """Return the mean gap between confidence and accuracy over `bins` equal-width bins, weighted by size.

    Source: Guo et al., "On Calibration of Modern Neural Networks", ICML 2017, equation 3.

    Raises:
        DataError: the shapes do not belong together, or there is no label.
    """
    return calibration_bins(probabilities, labels, np.linspace(0, 1, bins + 1)).error


def wilson_interval(right: Labels, counts: Labels) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the ends of the 95 % interval for the share of which `right` of `counts` were seen; NaN for none.

    Source: Wilson, "Probable inference, the law of succession, and statistical inference", JASA 1927.

    Example:
        >>> low, high = wilson_interval(np.array([99]), np.array([100]))
        >>> f"{low[0]:.3f} to {high[0]:.3f}"
        '0.946 to 0.998'
    """
    n, z = counts.astype(np.float64), NormalDist().inv_cdf(0.975)
    centre = _ratio(right + z**2 / 2, n + z**2)
    half = _ratio(z * np.sqrt(_ratio(right * (n - right), n) + z**2 / 4), n + z**2)
    return np.clip(centre - half, 0, 1), np.clip(centre + half, 0, 1)


LEAST_OVERLAP = 0.3
"""Intersection over union from which a box that was read belongs to a box of the truth."""


@dataclass(frozen=True)
class PageScore:
    """How a page was read.

    Attributes:
        n: digits on the page.
        right: those that were found and read right, in the right order.
        false: digits read where there is none.
    """

    n: int
    right: int
    false: int


def score_page(labels: Labels, boxes: Labels, read_labels: Labels, read_boxes: Labels) -> PageScore:
    """Score the digits read on a page against those written there, both in reading order.

    Labels are (N,) and (M,), boxes (N, 4) and (M, 4): left, top, width, height. Boxes are matched one to one, the
    best overlaps first: by an intersection over union of 0.3, or where the middle of the box read lies in the
    other. A match counts if its label is right and it is part of the longest sequence in the right order.

    Raises:
        DataError: the shapes do not belong together.
    """
    for name, each, its_boxes in (("truth", labels, boxes), ("reading", read_labels, read_boxes)):
        if each.ndim != 1 or its_boxes.shape != (len(each), 4):
            raise DataError(
                f"the {name} has labels of shape {each.shape} and boxes of shape {its_boxes.shape}: "
                "expected (N,) and (N, 4)"
            )
    truth_of = match_boxes(boxes.astype(np.float64), read_boxes.astype(np.float64))
    right = [truth_of[row] for row in sorted(truth_of) if read_labels[row] == labels[truth_of[row]]]
    return PageScore(len(labels), _longest_ascent(right), len(read_labels) - len(truth_of))


def match_boxes(boxes: Floats, read: Floats) -> dict[int, int]:
    """Return the row of `boxes` (N, 4) for each row of `read` (M, 4) that has one, matched as by `score_page`."""
    ends, read_ends = boxes[:, :2] + boxes[:, 2:], read[:, :2] + read[:, 2:]
    shared = np.minimum(read_ends[:, None], ends) - np.maximum(read[:, None, :2], boxes[:, :2])
    both = shared.clip(min=0).prod(axis=2)
    overlap = _ratio(both, read[:, None, 2:].prod(axis=2) + boxes[:, 2:].prod(axis=1) - both)
    middle = (read[:, None, :2] + read_ends[:, None]) / 2
    inside = ((middle >= boxes[:, :2]) & (middle <= ends)).all(axis=2)
    rows, columns = np.nonzero((overlap >= LEAST_OVERLAP) | inside)
    matches: dict[int, int] = {}
    taken: set[int] = set()
    for pair in np.argsort(-overlap[rows, columns], kind="stable"):
        row, column = int(rows[pair]), int(columns[pair])
        if row not in matches and column not in taken:
            matches[row] = column
            taken.add(column)
    return matches


def _longest_ascent(numbers: list[int]) -> int:
    """Return the length of the longest ascending subsequence: what `numbers` has in common with itself sorted."""
    ends: list[int] = []  # the least number that an ascent of each length ends with
    for number in numbers:
        place = bisect_left(ends, number)
        ends[place : place + 1] = [number]
    return len(ends)


def _check_finite(logits: Floats) -> None:
    if not np.isfinite(logits).all():
        raise DataError(
            "logits that are not finite: the network has diverged; train it with a lower learning rate"
        )


def _ratio(part: NDArray[Any], whole: NDArray[Any]) -> NDArray[np.float64]:
    """Return part / whole, NaN where the whole is 0."""
    missing = np.full(whole.shape, np.nan)
    return np.asarray(np.divide(part, whole, out=missing, where=whole > 0))
