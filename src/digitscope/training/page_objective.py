"""The losses of the page network: heat, classes, boxes, ink, and the kind, size and direction of the writing.

The heat has the penalty-reduced focal loss of CenterNet (Zhou, Wang and Kraehenbuehl 2019, equation 1).
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F  # noqa: N812 - PyTorch's own convention
from torch import Tensor

from digitscope.data.page_targets import DIGITS, NEAR, NOTHING, OCTAVE, OFFSET, PARTS, PLANE
from digitscope.data.splits import UInt8
from digitscope.detections import CHANNELS, LAYOUT
from digitscope.metrics import Floats
from digitscope.training.objectives import BatchResult, EpochScore

LOG2 = 0.6931472
HEATS = LAYOUT["heat"]

WEIGHTS = {"heat": 1.0, "classes": 0.5, "geometry": 0.4, "mask": 2.0, "kinds": 1.0, "height": 1.0, "turns": 0.5}
"""Factors of the losses; the products are of the same order at the end of a training."""

SIGN_WEIGHT = 4.0
"""Factor of a sign's places in the loss of the classes: a sign has fewer of them than a digit, often but one."""

CERTAIN = 1e-4
"""Probabilities in the focal loss are clipped to this distance from 0 and 1."""


class PageObjective:
    """To find digits and signs: maps (N, 42, h, w) with planes (N, 17, h, w) of bytes, see `page_targets`."""

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
    return {
        "heat": _focal(outputs[:, CHANNELS["heat"]], targets),
        "classes": _mean(told, near * torch.where(classes >= 10, SIGN_WEIGHT, 1.0)),
        "geometry": _geometry(outputs[:, CHANNELS["geometry"]], targets, near),
        "mask": F.binary_cross_entropy_with_logits(outputs[:, CHANNELS["mask"]], targets[:, parts] / 255),
        "kinds": F.cross_entropy(outputs[:, CHANNELS["kinds"]], kind),
        "height": _mean((outputs[:, CHANNELS["height"]][:, 0] - size).abs(), digits),
        "turns": _mean(
            F.cross_entropy(outputs[:, CHANNELS["turns"]], turns * is_turned, reduction="none"), is_turned
        ),
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
