"""Losses and scores of each task: objectives for labels, for masks and for pages."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Protocol

import torch
import torch.nn.functional as F  # noqa: N812 - PyTorch's own convention
from torch import Tensor

from digitscope.data.negatives import NO_DIGIT
from digitscope.data.page_targets import DIGITS, NEAR, NOTHING, OCTAVE, OFFSET, PARTS, PLANE
from digitscope.data.splits import Task, UInt8
from digitscope.detections import CHANNELS, LAYOUT
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
        logits, smoothing = outputs.movedim(-1, 1), label_smoothing
        loss_of = partial(F.cross_entropy, logits, targets, label_smoothing=smoothing, ignore_index=NO_DIGIT)
        if hard_example_weight == 1:
            loss = loss_of()
        else:
            loss = mean_by_rank(loss_of(reduction="none")[~others], hard_example_weight)
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
        if hard_example_weight == 1:
            return F.binary_cross_entropy_with_logits(outputs, smoothed)
        losses = F.binary_cross_entropy_with_logits(outputs, smoothed, reduction="none").mean(dim=(2, 3))
        return mean_by_rank(losses, hard_example_weight)

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


# Pages

LOG2 = 0.6931472
HEATS = LAYOUT["heat"]

WEIGHTS = {"heat": 1.0, "classes": 0.5, "geometry": 0.4, "mask": 2.0, "kinds": 1.0, "height": 1.0, "turns": 0.5}
"""Factors of the losses; the products are of the same order at the end of a training."""

SIGN_WEIGHT = 4.0
"""Factor of a sign's places in the loss of the classes: a sign has fewer of them than a digit, often but one."""

CERTAIN = 1e-4
"""Probabilities in the focal loss are clipped to this distance from 0 and 1."""


class PageObjective:
    """To find digits and signs: maps (N, 42, h, w) with planes (N, 17, h, w) of bytes, see `page_targets`.

    The heat has the penalty-reduced focal loss of CenterNet (Zhou, Wang and Kraehenbuehl 2019, equation 1).
    """

    def loss(self, outputs: Tensor, targets: Tensor, label_smoothing: float, hard_example_weight: float) -> Tensor:
        """Return the weighted sum of all losses; the other arguments have no effect."""
        del label_smoothing, hard_example_weight
        losses = losses_of(outputs, targets)
        return torch.stack([WEIGHTS[name] * value for name, value in losses.items()]).sum()

    def batch_result(self, outputs: Tensor, targets: Tensor) -> BatchResult:
        """Keep the loss of the batch and the share of right classes at the places near a middle."""
        total = self.loss(outputs, targets, 0, 1)
        classes, near = targets[:, PLANE["class"]], _near(targets)
        right = (outputs[:, CHANNELS["classes"]].argmax(dim=1) == classes)[near].float()
        return total.reshape(1), right.mean().reshape(1) if len(right) else torch.ones(1)

    def score(self, results: Sequence[BatchResult]) -> EpochScore:
        """Return the mean loss and the mean share of right classes."""
        losses, right = (torch.cat(parts).double().mean().item() for parts in zip(*results, strict=True))
        return EpochScore((losses,), (right,))

    def validate(self, outputs: Floats, targets: UInt8) -> tuple[float, float]:
        """Return the mean loss and the F1 score of written digits with their classes."""
        from digitscope.data.page_scores import score_scenes

        with torch.inference_mode():
            loss = self.loss(torch.from_numpy(outputs), torch.from_numpy(targets).long(), 0, 1)
        return float(loss), score_scenes(outputs, targets).f1


def losses_of(outputs: Tensor, targets: Tensor) -> dict[str, Tensor]:
    """Return each loss by its name: a mean over the judged places, for the heat a sum divided by the items."""
    near, kind, turns = _near(targets), targets[:, PLANE["kind"]], targets[:, PLANE["turns"]]
    classes = targets[:, PLANE["class"]].masked_fill(~near, 0)
    told = F.cross_entropy(outputs[:, CHANNELS["classes"]], classes, reduction="none")
    digits = kind == DIGITS
    size, is_turned = LOG2 * targets[:, PLANE["size"]] / OCTAVE, turns != NOTHING
    parts = slice(PLANE["ink 0"], PLANE["ink 3"] + 1)
    turned = F.cross_entropy(outputs[:, CHANNELS["turns"]], turns * is_turned, reduction="none")
    return {
        "heat": _focal(outputs[:, CHANNELS["heat"]], targets),
        "classes": _mean(told, near * torch.where(classes >= 10, SIGN_WEIGHT, 1.0)),
        "geometry": _geometry(outputs[:, CHANNELS["geometry"]], targets, near),
        "mask": F.binary_cross_entropy_with_logits(outputs[:, CHANNELS["mask"]], targets[:, parts] / 255),
        "kinds": F.cross_entropy(outputs[:, CHANNELS["kinds"]], kind),
        "height": _mean((outputs[:, CHANNELS["height"]][:, 0] - size).abs(), digits),
        "turns": _mean(turned, is_turned),
    }


def _near(targets: Tensor) -> Tensor:
    """Return which places have the class and the box of an item, bool (N, h, w)."""
    hot = targets[:, :HEATS].amax(dim=1) >= NEAR * 255
    return hot & (targets[:, PLANE["class"]] != NOTHING) & (targets[:, PLANE["ignored"]] == 0)


def _focal(logits: Tensor, targets: Tensor) -> Tensor:
    """Return the focal loss of the heat, divided by the number of items."""
    heat = targets[:, :HEATS] / 255
    judged = (targets[:, PLANE["ignored"]] == 0)[:, None]
    probability = logits.sigmoid().clamp(CERTAIN, 1 - CERTAIN)
    is_middle = targets[:, :HEATS] == 255
    missed = -((1 - probability) ** 2) * probability.log() * is_middle
    false = -((1 - heat) ** 4) * probability**2 * (1 - probability).log() * ~is_middle
    n = (is_middle & judged).sum().clamp_min(1)
    return ((missed + false) * judged).sum() / n


def _geometry(found: Tensor, targets: Tensor, near: Tensor) -> Tensor:
    """Return the mean absolute difference of a box's four numbers, lengths as natural logarithms."""
    lengths = LOG2 * targets[:, [PLANE["width"], PLANE["height"]]] / OCTAVE
    offsets = targets[:, [PLANE["right"], PLANE["below"]]] / PARTS - OFFSET
    distances = (found - torch.cat([lengths, offsets], dim=1)).abs().sum(dim=1)
    return _mean(distances, near)


def _mean(values: Tensor, judged: Tensor) -> Tensor:
    return (values * judged).sum() / judged.sum().clamp_min(1)


DIGIT_OBJECTIVE = DigitObjective()

OBJECTIVES: Mapping[Task, Objective] = MappingProxyType(
    {
        "digit": DIGIT_OBJECTIVE,
        "two-digit": DIGIT_OBJECTIVE,
        "separation": SeparationObjective(),
        "page": PageObjective(),
        "item": DIGIT_OBJECTIVE,
    }
)
"""The loss and the score of each task."""
