"""Small pieces that the tests of training share."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - PyTorch's own convention
from torch import nn, optim

from digitscope.data import Dataset, Split, make_two_digit, random_pairs, random_separations
from digitscope.data.batches import Batch, BatchSource
from digitscope.models import DIGIT_MODELS, SEPARATION_MODELS, build
from digitscope.training import TrainingSettings, TrainingState


def new_state(model: str, settings: TrainingSettings, seed: int = 0, **options: Any) -> TrainingState:
    torch.manual_seed(seed)
    return TrainingState.start(build(model, options), settings)


def weights_bytes(model: nn.Module) -> bytes:
    return b"".join(tensor.numpy().tobytes() for tensor in model.state_dict().values())


def small_split(model: str, sample: Dataset, n: int) -> Split:
    """Return `n` training examples of the kind that `model` reads."""
    if model in DIGIT_MODELS:
        return sample.train[:n]
    draw = random_separations if model in SEPARATION_MODELS else random_pairs
    return make_two_digit(sample, n_train=2 * n, n_test=1, seed=0, draw=draw).train[:n]


@dataclass
class Watched:
    """A source that keeps the ink of each image of each epoch, in the order in which they were met.

    `plain` has what each epoch was asked for.
    """

    source: BatchSource
    epochs: list[list[int]] = field(default_factory=list)
    plain: list[bool] = field(default_factory=list)

    @property
    def n_batches(self) -> int:
        return self.source.n_batches

    def epoch(self, generator: np.random.Generator, /, *, plain: bool = False) -> Iterator[Batch]:
        self.epochs.append([])
        self.plain.append(plain)
        for images, labels in self.source.epoch(generator, plain=plain):
            self.epochs[-1].extend(images.reshape(len(images), -1).sum(axis=1, dtype=np.int64).tolist())
            yield images, labels


def course_training(split: Split, epochs: int) -> tuple[nn.Sequential, list[float]]:
    """Train the course's network with 10 hidden neurons as its scripts do; return it and each epoch's mean loss.

    Nothing of digitscope's is used: seed, shuffle once, whole batches in that order, SGD at 0.1.
    """
    np.random.seed(12321)  # noqa: NPY002  as the course does
    torch.manual_seed(12321)
    permutation = np.array(list(range(len(split))))
    np.random.shuffle(permutation)  # noqa: NPY002
    x_train = torch.tensor(split.images[permutation].reshape(-1, 784) / 256, dtype=torch.float32)
    y_train = torch.tensor(split.labels[permutation], dtype=torch.long)
    model = nn.Sequential(nn.Linear(784, 10), nn.ReLU(), nn.Linear(10, 10))
    optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.0)
    mean_losses = []
    for _ in range(epochs):
        losses = []
        for i in range(len(x_train) // 32):
            x, y = x_train[32 * i : 32 * i + 32], y_train[32 * i : 32 * i + 32]
            loss = F.cross_entropy(model(x), y)
            losses.append(loss.item())
            optimizer.zero_grad()
            torch.autograd.backward(loss)
            optimizer.step()
        mean_losses.append(float(np.mean(losses)))
    return model, mean_losses
