"""The course's training loop as its handout describes it: plain, one batch at a time, with PyTorch alone."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812 - PyTorch's own convention
from torch import Tensor, nn, optim

PlainBatch = tuple[Tensor, Tensor]
Figures = tuple[float, float]


@dataclass
class Epoch:
    """Mean of the batches' losses, and of their accuracies, for each digit of an image."""

    losses: Figures
    accuracies: Figures


def plain_epoch(
    batches: list[PlainBatch], model: nn.Module, *, two_digits: bool, optimizer: optim.Optimizer | None
) -> Epoch:
    losses, accuracies = [], []
    for x, y in batches:
        outputs, targets = (model(x), (y[0], y[1])) if two_digits else ((model(x),), (y,))
        each = [F.cross_entropy(output, target) for output, target in zip(outputs, targets, strict=True)]
        loss = 0.5 * (each[0] + each[1]) if two_digits else each[0]
        if optimizer is not None:
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
        losses.append([value.item() for value in each])
        accuracies.append(
            [
                sum(int(row.argmax()) == int(digit) for row, digit in zip(output, target, strict=True))
                / len(target)
                for output, target in zip(outputs, targets, strict=True)
            ]
        )
    return Epoch(_means(losses), _means(accuracies))


def plain_batches(images: Tensor, labels: Tensor, size: int) -> list[PlainBatch]:
    """Whole batches only; `labels` (N,) or (2, N)."""
    starts = range(0, len(images) - size + 1, size)
    return [(images[start : start + size], labels[..., start : start + size]) for start in starts]


def _means(rows: list[list[float]]) -> Figures:
    means = torch.tensor(rows, dtype=torch.float64).mean(dim=0).tolist()
    return means[0], means[-1]
