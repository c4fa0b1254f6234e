"""Losses and scores: one objective for labels and one for masks."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import torch
import torch.nn.functional as F  # noqa: N812 - PyTorch's own convention
from torch import Tensor

from digitscope.data.negatives import NO_DIGIT
from digitscope.data.splits import UInt8
from digitscope.metrics import Floats, evaluate_logits, evaluate_masks

BatchResult = tuple[Tensor, Tensor]
"""What an objective keeps of a batch until the epoch is scored."""


@dataclass(frozen=True)
class EpochScore:
    """Mean loss and accuracy of an epoch's examples for each position: one for single digits, two for pairs.

    The accuracy of masks is their mean intersection over union.
    """

    losses: tuple[float, ...]
    accuracies: tuple[float, ...]


class Objective(Protocol):
    """The loss and the scores of a task; the shapes of `outputs` and `targets` depend on the task."""

    def loss(self, outputs: Tensor, targets: Tensor, label_smoothing: float, hard_example_weight: float) -> Tensor:
        """Return the mean loss, in nats, with `mean_by_rank`'s weights."""

    def batch_result(self, outputs: Tensor, targets: Tensor) -> BatchResult:
        """Return the part of a batch that is scored when the epoch ends."""

    def score(self, results: Sequence[BatchResult]) -> EpochScore:
        """Return the score of all batches at once."""

    def validate(self, outputs: Floats, targets: UInt8) -> tuple[float, float]:
        """Return the mean loss, in nats, and the accuracy."""


class DigitObjective:
    """To read digits: logits (N, 10) with labels (N,), or (N, P, 10) with labels (N, P)."""

    def loss(self, outputs: Tensor, targets: Tensor, label_smoothing: float, hard_example_weight: float) -> Tensor:
        """Return the mean cross-entropy over all digits, with its labels smoothed.

        The target of a non-digit, label 255, is the uniform distribution (outlier exposure, Hendrycks et al. 2019,
        section 3).
        """
        others = targets == NO_DIGIT
        loss_of = partial(
            F.cross_entropy,
            outputs.movedim(-1, 1),
            targets,
            label_smoothing=label_smoothing,
            ignore_index=NO_DIGIT,
        )
        loss = (
            loss_of()
            if hard_example_weight == 1
            else mean_by_rank(loss_of(reduction="none")[~others], hard_example_weight)
        )
        if not others.any():
            return loss
        share = others.float().mean()
        return (1 - share) * loss - share * outputs[others].log_softmax(dim=-1).mean()

    def batch_result(self, outputs: Tensor, targets: Tensor) -> BatchResult:
        """Keep all: to score after each step would take a tenth of a small network's time."""
        return outputs, targets

    def score(self, results: Sequence[BatchResult]) -> EpochScore:
        """Return the score of digits alone, without smoothing, as in evaluation."""
        logits, labels = (torch.cat(parts) for parts in zip(*results, strict=True))
        digits = (labels != NO_DIGIT).reshape(len(labels), -1).all(dim=1)
        logits, labels = logits[digits], labels[digits]
        losses = F.cross_entropy(logits.movedim(-1, 1), labels, reduction="none")
        return EpochScore(_mean_by_position(losses), _mean_by_position(logits.argmax(dim=-1) == labels))

    def validate(self, outputs: Floats, targets: UInt8) -> tuple[float, float]:
        """Return the negative log-likelihood and the fraction of digits right."""
        scores = evaluate_logits(outputs, targets)
        return scores.nll, scores.accuracy


class SeparationObjective:
    """To tell which pixels are whose: logits (N, 2, H, W) with masks (N, 2, H, W) of 0 and 1."""

    def loss(self, outputs: Tensor, targets: Tensor, label_smoothing: float, hard_example_weight: float) -> Tensor:
        """Return the mean binary cross-entropy over all pixels of both masks, smoothed towards 1/2."""
        smoothed = (1 - label_smoothing) * targets + label_smoothing / 2
        loss_of = partial(F.binary_cross_entropy_with_logits, outputs, smoothed)
        return (
            loss_of()
            if hard_example_weight == 1
            else mean_by_rank(loss_of(reduction="none").mean(dim=(2, 3)), hard_example_weight)
        )

    def batch_result(self, outputs: Tensor, targets: Tensor) -> BatchResult:
        """Keep two numbers a mask, losses and intersections over union: all pixels would take a gigabyte."""
        losses = F.binary_cross_entropy_with_logits(outputs, targets.float(), reduction="none").mean(dim=(2, 3))
        found, true = outputs > 0, targets > 0
        shared, either = ((found & true).sum(dim=(2, 3)), (found | true).sum(dim=(2, 3)))
        return losses, torch.where(either > 0, shared / either.clamp_min(1), 1.0)

    def score(self, results: Sequence[BatchResult]) -> EpochScore:
        """Return the means over all masks of the upper digits, and of the lower ones."""
        losses, overlaps = (_mean_by_position(torch.cat(parts)) for parts in zip(*results, strict=True))
        return EpochScore(losses, overlaps)

    def validate(self, outputs: Floats, targets: UInt8) -> tuple[float, float]:
        """Return the negative log-likelihood of a pixel and the mean intersection over union."""
        scores = evaluate_masks(outputs, targets)
        return scores.nll, scores.mean_iou


DIGIT_OBJECTIVE = DigitObjective()

SEPARATION_OBJECTIVE = SeparationObjective()


def mean_by_rank(losses: Tensor, hard_example_weight: float) -> Tensor:
    """Return the mean of a batch's losses; the highest weighs `hard_example_weight` times as much as the lowest.

    The weights fall geometrically from rank to rank, as the probabilities do with which Loshchilov and Hutter
    (2016) choose examples.
    """
    losses = losses.flatten()
    ranks = losses.detach().argsort(descending=True).argsort()
    weights = hard_example_weight ** (-ranks / max(len(losses) - 1, 1))
    return (weights / weights.sum() * losses).sum()


def _mean_by_position(values: Tensor) -> tuple[float, ...]:
    """Return the mean of (N,), or of (N, P) P of them, in float64 and so on the CPU: not every device has it."""
    return tuple(values.reshape(len(values), -1).cpu().mean(dim=0, dtype=torch.float64).tolist())
