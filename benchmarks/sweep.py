"""The course's two grids, ten trainings: `digitscope sweep` beside plain PyTorch loops that train one by one.

    python -m benchmarks.sweep [--rounds N] [--epochs N] [--json]

`digitscope sweep` runs both grids at the same time, one core each. A side's time includes the start of Python,
reading MNIST, ten trainings, validation after every epoch, and the test split at the end. For `digitscope sweep`
it also includes processes, records, tables and reports. The plain loops follow PyTorch's quickstart tutorial, with
a DataLoader and an optimizer. The side "as its tutorials write it" converts each image when it is loaded, as
torchvision's ToTensor does. The side "tensors in memory" has a TensorDataset of converted images. Both use
PyTorch's default number of threads. Sides take turns within a round. Seconds are wall time; processor seconds
are summed over all processes of a side.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, TensorDataset

from digitscope.data import Split, load_mnist
from digitscope.experiments.machine import describe_machine
from digitscope.experiments.sweep.space import load_space

GRIDS = ("course-hidden-10", "course-hidden-128")
PEERS = ("as-tutorials", "in-memory")


@dataclass(frozen=True)
class Turn:
    """The time of one side in one round, and each point's validation accuracy."""

    seconds: float
    processor_seconds: float
    validation: Mapping[str, float]


class ConvertedOneByOne(Dataset[tuple[Tensor, int]]):
    """Images that become tensors when they are asked for."""

    def __init__(self, split: Split) -> None:
        self.split = split

    def __len__(self) -> int:
        return len(self.split)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        """Return one image, float32 (1, 28, 28), and its label."""
        return torch.from_numpy(self.split.images[index]).unsqueeze(0).float().div(256), int(
            self.split.labels[index]
        )


def as_dataset(peer: str, split: Split) -> Dataset[Any]:
    """Return `split` as the peer has it."""
    if peer == "as-tutorials":
        return ConvertedOneByOne(split)
    inputs = torch.tensor(split.images).unsqueeze(1).float().div(256)
    return TensorDataset(inputs, torch.from_numpy(split.labels.astype(np.int64)))


def train_plainly(peer: str, epochs: int) -> dict[str, float]:
    """Train the ten networks one after the other, and return their validation accuracies."""
    mnist = load_mnist()
    train, validation, test = (as_dataset(peer, split) for split in mnist.splits.values())
    found = {}
    for grid in GRIDS:
        space = load_space(grid)
        for point in space.points():
            recipe = space.recipe.with_changes(point)
            settings: Any = recipe.settings
            torch.manual_seed(space.seed)
            activation = nn.LeakyReLU() if recipe.options["activation"] == "leaky-relu" else nn.ReLU()
            hidden = recipe.options["hidden"]
            model = nn.Sequential(nn.Flatten(), nn.Linear(784, hidden), activation, nn.Linear(hidden, 10))
            optimizer = torch.optim.SGD(model.parameters(), lr=settings.learning_rate, momentum=settings.momentum)
            loader = DataLoader(train, batch_size=settings.batch_size, shuffle=True)
            for _ in range(epochs):
                train_one_epoch(model, loader, optimizer)
                accuracy = score(model, DataLoader(validation, batch_size=settings.batch_size))
            score(model, DataLoader(test, batch_size=settings.batch_size))
            found[f"{grid}, {space.label(point)}"] = accuracy
    return found


def train_one_epoch(model: nn.Module, loader: DataLoader[Any], optimizer: torch.optim.Optimizer) -> float:
    """Go through `loader` once, a step a batch, and return the mean loss."""
    model.train()
    total = 0.0
    for inputs, labels in loader:
        loss = nn.functional.cross_entropy(model(inputs), labels)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        optimizer.zero_grad()
        total += loss.item()
    return total / len(loader)


def score(model: nn.Module, loader: DataLoader[Any]) -> float:
    """Return the share of `loader`'s images that are read right."""
    model.eval()
    right = n = 0
    with torch.no_grad():
        for inputs, labels in loader:
            right += int((model(inputs).argmax(1) == labels).sum())
            n += len(labels)
    return right / n


def take_turn(commands: Sequence[Sequence[str]]) -> Turn:
    """Run `commands` side by side; each prints JSON that holds validation accuracies."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), perf_counter()
    # Every side as a terminal starts it, with the threads that it takes by itself.
    environment = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}
    run = partial(subprocess.run, env=environment, check=True, capture_output=True, text=True)
    with ThreadPoolExecutor(len(commands)) as side_by_side:
        printed = [json.loads(done.stdout) for done in side_by_side.map(run, commands)]
    seconds, after = perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    validation: dict[str, float] = {}
    for told in printed:
        grid = Path(told.pop("folder", "")).name
        rows = told.pop("ranking", [])
        validation |= {f"{grid}, {row['point']}": row["validation_accuracy"] for row in rows} or told["validation"]
    return Turn(seconds, processor, validation)


def sides(folder: Path, epochs: int) -> dict[str, list[list[str]]]:
    """Return the commands of each side."""
    python = [sys.executable, "-m"]
    sweeps = [
        [
            *python,
            "digitscope",
            "sweep",
            grid,
            f"epochs={epochs}",
            "--cores",
            "1",
            "--json",
            "--test",
            "--out",
            str(folder / grid),
        ]
        for grid in GRIDS
    ]
    plain = {peer: [[*python, "benchmarks.sweep", "--peer", peer, "--epochs", str(epochs)]] for peer in PEERS}
    return {
        "digitscope sweep": sweeps,
        "PyTorch loop as its tutorials write it": plain["as-tutorials"],
        "PyTorch loop, tensors in memory": plain["in-memory"],
    }


def print_turns(turns: Mapping[str, Sequence[Turn]]) -> None:
    """Print a row per side, its share the median of the rounds, and the rankings of hidden 10."""
    first, *_ = turns.values()
    for side, taken in turns.items():
        seconds = statistics.median(turn.seconds for turn in taken)
        processor = statistics.median(turn.processor_seconds for turn in taken)
        share = statistics.median(ours.seconds / turn.seconds for ours, turn in zip(first, taken, strict=True))
        print(f"{side:40} {seconds:7.1f} s   processor {processor:7.1f} s   sweep's share {share:.2f}")
    for side, taken in turns.items():
        grid = {name: value for name, value in taken[0].validation.items() if name.startswith(f"{GRIDS[0]},")}
        ranked = sorted(grid, key=lambda name: -grid[name])
        print(f"{side}: " + "; ".join(f"{name.partition(', ')[2]} {grid[name]:.4f}" for name in ranked))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=1, help="turns of each side (default 1)")
    parser.add_argument("--epochs", type=int, default=10, help="of each training (default 10, as the course has)")
    parser.add_argument("--peer", choices=PEERS, help="only train the ten networks in this loop, and print JSON")
    parser.add_argument("--json", action="store_true", help="print JSON")
    arguments = parser.parse_args()
    if arguments.peer:
        print(json.dumps({"validation": train_plainly(arguments.peer, arguments.epochs)}))
        return
    turns: dict[str, list[Turn]] = {}
    for _ in range(arguments.rounds):
        with tempfile.TemporaryDirectory() as folder:
            for side, commands in sides(Path(folder), arguments.epochs).items():
                turns.setdefault(side, []).append(take_turn(commands))
    if arguments.json:
        told = {side: [turn.__dict__ for turn in taken] for side, taken in turns.items()}
        print(json.dumps({"machine": describe_machine(), "epochs": arguments.epochs, "sides": told}, indent=2))
    else:
        print_turns(turns)
        print(", ".join(f"{key} {value}" for key, value in describe_machine().items()))


if __name__ == "__main__":
    main()
