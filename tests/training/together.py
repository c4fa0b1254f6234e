"""A training that no rounding hides anything in; `torchrun -m tests.training.together FOLDER` shares it out."""

import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch
from torch import nn

from digitscope.data import Dataset, Reshuffled, load_sample
from digitscope.experiments.recipes import get_recipe
from digitscope.experiments.run import run_recipe
from digitscope.models.layers import Columns
from digitscope.records import EpochRecord
from digitscope.training import TrainingSettings, TrainingState, processes_together, save_weights, train


class Doubles(nn.Module):
    """uint8 (N, H, W) to float64 (N, 1, H, W): what is equal up to rounding stays so."""

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        return pixels.unsqueeze(1).double() / 255


def column() -> nn.Sequential:
    layers = (nn.Conv2d(1, 4, 5, stride=3, bias=False), nn.BatchNorm2d(4), nn.Tanh(), nn.Flatten())
    return nn.Sequential(*layers, nn.Linear(256, 10)).double()


def train_small_columns(weights: Path) -> None:
    """Train three columns with Muon, warps, non-digits and an average, on batches that nothing divides.

    Of 58 examples come batches of 31 and 27, with 5 and 4 that are no digits: 36 and 31.
    """
    settings = TrainingSettings(
        epochs=3, batch_size=31, order="reshuffled", optimizer="muon", momentum=0.6, nesterov=True,
        learning_rate=0.05, schedule="one-cycle", label_smoothing=0.05, rotation=15, shift=2, negatives=0.15,
        ema=0.9,
    )  # fmt: skip
    sample = load_sample()
    split = sample.train[:58]
    source = Reshuffled(split, 31, settings.augmentation, None, settings.negatives)
    torch.manual_seed(1)
    state = TrainingState.start(nn.Sequential(Doubles(), Columns(column(), column(), column())), settings)
    train(state, source, sample.validation[:50], settings, seed=5)
    save_weights(weights, state.trained)


def train_with_dropout(folder: Path, **named: Any) -> None:
    recipe = get_recipe("cnn").with_changes({"epochs": 2, "batch_size": 10})
    sample = load_sample()
    data = Dataset(sample.name, sample.source, sample.train[:40], sample.validation[:20], sample.test[:20])
    run_recipe(recipe, data, seed=5, folder=folder, **named)


def stop(_: EpochRecord) -> None:
    raise InterruptedError


if __name__ == "__main__":
    to = Path(sys.argv[1])
    with processes_together() as rank:
        train_small_columns(to / f"{rank}.safetensors")
        train_with_dropout(to / "at-once")
        with suppress(InterruptedError):
            train_with_dropout(to / "resumed", on_epoch=stop)
        train_with_dropout(to / "resumed", resume=True)
