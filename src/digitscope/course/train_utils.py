"""The course's `train_utils.py`, of both parts: one digit, and two digits over each other.

Two things differ from the course's files: no model is pickled after every epoch, and there is no progress bar.
"""

from types import MappingProxyType
from typing import TypedDict

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn, optim

from digitscope import training

Average = float | tuple[float, float]

ONE_DIGIT = MappingProxyType(
    {
        "train": "Train loss: {:.6f} | Train accuracy: {:.6f}",
        "validation": "Val loss:   {:.6f} | Val accuracy:   {:.6f}",
        "test": "Loss on test set:{} Accuracy on test set: {}",
    }
)
TWO_DIGITS = MappingProxyType(
    {
        "train": "Train | loss1: {:.6f}  accuracy1: {:.6f} | loss2: {:.6f}  accuracy2: {:.6f}",
        "validation": "Valid | loss1: {:.6f}  accuracy1: {:.6f} | loss2: {:.6f}  accuracy2: {:.6f}",
        "test": "Test loss1: {:.6f}  accuracy1: {:.6f}  loss2: {:.6f}   accuracy2: {:.6f}",
    }
)
"""The course's output for each split, one format for each of its two parts; the spacing is the course's."""


class Batch(TypedDict):
    """One batch: `x` float32 (N, ...), `y` int64 (N,) or, for two digits, (2, N)."""

    x: Tensor
    y: Tensor


class Flatten(nn.Module):
    """A layer that views (N, ...) as (N, the product of the rest)."""

    def forward(self, images: Tensor) -> Tensor:
        """Return the flattened images."""
        return images.reshape(len(images), -1)


def batchify_data(x_data: ArrayLike, y_data: ArrayLike, batch_size: int) -> list[Batch]:
    """Group examples into batches of `batch_size`, and drop the remainder.

    Args:
        x_data: (N, ...).
        y_data: (N,), or (2, N) for two digits.
        batch_size: examples a batch.
    """
    x = torch.tensor(np.asarray(x_data), dtype=torch.float32)
    y = torch.tensor(np.asarray(y_data), dtype=torch.long)
    starts = range(0, len(x) - batch_size + 1, batch_size)
    return [{"x": x[i : i + batch_size], "y": y[..., i : i + batch_size]} for i in starts]


def compute_accuracy(predictions: Tensor, y: Tensor) -> float:
    """Return the share of `predictions` (N,) that equal `y` (N,)."""
    return float((predictions == y).double().mean())


def train_model(
    train_data: list[Batch],
    dev_data: list[Batch],
    model: nn.Module,
    lr: float = 0.01,
    momentum: float = 0.9,
    nesterov: bool = False,
    n_epochs: int = 30,
) -> Average:
    """Train `model` by SGD, print each epoch, and return the last validation accuracy (a pair for two digits)."""
    optimizer = optim.SGD(model.parameters(), lr=lr, momentum=momentum, nesterov=nesterov)
    validation_accuracy: Average = 0.0
    for epoch in range(1, n_epochs + 1):
        print(f"-------------\nEpoch {epoch}:\n")
        loss, accuracy = run_epoch(train_data, model.train(), optimizer)
        print(in_words("train", loss, accuracy))
        validation_loss, validation_accuracy = run_epoch(dev_data, model.eval(), optimizer)
        print(in_words("validation", validation_loss, validation_accuracy))
    return validation_accuracy


def run_epoch(data: list[Batch], model: nn.Module, optimizer: optim.Optimizer | None) -> tuple[Average, Average]:
    """Go through `data` once, learning if `model` is in training mode, and return the mean loss and accuracy.

    For two digits each is a pair: the upper digit's, the lower digit's.
    """
    score = training.run_epoch(
        _Stacked(model),
        ((batch["x"], batch["y"].movedim(-1, 0)) for batch in data),
        optimizer=optimizer if model.training else None,
    )
    return _average(score.losses), _average(score.accuracies)


class _Stacked(nn.Module):
    """Gives the logits of a model that returns one tensor a position as one tensor (N, 2, 10)."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, images: Tensor) -> Tensor:
        output = self.model(images)
        return torch.stack(output, dim=1) if isinstance(output, tuple | list) else output


def _average(values: tuple[float, ...]) -> Average:
    return values[0] if len(values) == 1 else (values[0], values[1])


def in_words(split: str, loss: Average, accuracy: Average) -> str:
    """Return what the course prints of `split`: "train", "validation" or "test"."""
    positions = np.stack(np.atleast_1d(loss, accuracy), axis=1)  # a row each: loss, accuracy
    words = ONE_DIGIT if len(positions) == 1 else TWO_DIGITS
    return words[split].format(*positions.ravel().tolist())
