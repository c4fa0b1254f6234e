"""Seconds an epoch takes: the NumPy network beside the same network and optimiser in a plain PyTorch loop.

    python -m benchmarks.scratch_epoch [--rounds N] [--threads N] [--flush-denormal] [--json]

784-128-10, batches of 64, the settings that `ScratchSettings` has by default. Both sides hold their data as
float32 before the clock starts, gather one reshuffled mini-batch a step, and add up loss and digits right;
neither validates. They take turns in one process, on the same number of threads, and each first does one
epoch that is not counted. It needs full MNIST.

Part of the difference is subnormal numbers. The velocity of a pixel that rarely holds ink decays into them, and
they are slow; the NumPy loop sets such velocities to 0, a plain PyTorch loop does not. With --flush-denormal
the processor does it for both sides, so that what remains is the loop itself.
"""

import argparse
import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from digitscope.data import Split

THREAD_VARIABLES = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
Epoch = Callable[[], float]


def numpy_epochs(split: "Split", seed: int) -> Epoch:
    """Return a function that trains the NumPy network one epoch more and returns its mean loss."""
    import numpy as np

    from digitscope.scratch import ScratchSettings, init_layers, scale_pixels, zeros_like
    from digitscope.scratch.training import train_epoch

    settings = ScratchSettings()
    generator = np.random.default_rng(seed)
    inputs, targets = scale_pixels(split.images, np.float32), np.eye(10, dtype=np.float32)[split.labels]
    layers = init_layers((784, 128, 10), generator=generator)
    velocities = zeros_like(layers)
    rates = [settings.learning_rate] * -(-len(split) // settings.batch_size)

    def epoch() -> float:
        order = generator.permutation(len(split))
        return train_epoch(layers, velocities, inputs, targets, order, rates, settings)[0]

    return epoch


def torch_epochs(split: "Split", seed: int) -> Epoch:
    """Return a function that trains the PyTorch network one epoch more and returns its mean loss."""
    import torch
    from torch.nn import functional

    from digitscope.scratch import ScratchSettings

    settings = ScratchSettings()
    torch.manual_seed(seed)
    inputs = torch.tensor(split.images).reshape(len(split), 784).float() / 255
    labels = torch.tensor(split.labels).long()
    model = torch.nn.Sequential(torch.nn.Linear(784, 128), torch.nn.ReLU(), torch.nn.Linear(128, 10))
    optimiser = torch.optim.SGD(
        model.parameters(), lr=settings.learning_rate, momentum=settings.momentum, nesterov=settings.nesterov
    )

    def epoch() -> float:
        order = torch.randperm(len(split))
        total, right = 0.0, 0
        for i in range(0, len(split), settings.batch_size):
            chosen = order[i : i + settings.batch_size]
            digits = labels[chosen]
            logits = model(inputs[chosen])
            loss = functional.cross_entropy(logits, digits)
            optimiser.zero_grad()
            torch.autograd.backward(loss)
            optimiser.step()
            total += loss.item() * len(chosen)
            right += int((logits.argmax(dim=1) == digits).sum())
        return total / len(split)

    return epoch


def measure(epochs: dict[str, Epoch], rounds: int) -> dict[str, list[float]]:
    """Return the seconds of `rounds` epochs of each side, taken in turns, after one each that is not counted."""
    seconds: dict[str, list[float]] = {name: [] for name in epochs}
    for taken in range(rounds + 1):
        for name, epoch in epochs.items():
            start = time.perf_counter()
            epoch()
            if taken > 0:
                seconds[name].append(time.perf_counter() - start)
    return seconds


def report(seconds: dict[str, list[float]], threads: int, n: int) -> dict[str, Any]:
    """Return medians, the ratio of each round with its spread, and the machine."""
    from digitscope.experiments.machine import describe_machine

    ratios = [a / b for a, b in zip(seconds["numpy"], seconds["torch"], strict=True)]
    return {
        "network": "784-128-10",
        "batch_size": 64,
        "n": n,
        "rounds": len(ratios),
        "seconds": seconds,
        "median_seconds": {name: statistics.median(values) for name, values in seconds.items()},
        "ratio": {"median": statistics.median(ratios), "lowest": min(ratios), "highest": max(ratios)},
        "machine": describe_machine() | {"threads": threads},
    }


def print_report(result: dict[str, Any]) -> None:
    """Print `result` for people."""
    machine, ratio = result["machine"], result["ratio"]
    print(f"{result['network']}, batch {result['batch_size']}, {result['n']} images, {result['rounds']} rounds")
    for name, median in result["median_seconds"].items():
        print(f"  {name:6} {median:.3f} s an epoch (median)")
    print(f"  ratio  {ratio['median']:.2f} (median; {ratio['lowest']:.2f} to {ratio['highest']:.2f})")
    print("  " + ", ".join(f"{key} {value}" for key, value in machine.items()))


def limit_threads(threads: int) -> None:
    """Restart with the numerical libraries limited to `threads`: they read the variables when first loaded."""
    if os.environ.get(THREAD_VARIABLES[0]) != str(threads):
        os.environ.update(dict.fromkeys(THREAD_VARIABLES, str(threads)))
        os.execv(sys.executable, [sys.executable, "-m", "benchmarks.scratch_epoch", *sys.argv[1:]])  # noqa: S606


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7, help="epochs of each side (default 7)")
    parser.add_argument("--threads", type=int, default=1, help="threads of each side (default 1)")
    parser.add_argument("--flush-denormal", action="store_true", help="treat subnormal numbers as 0, both sides")
    parser.add_argument("--json", action="store_true", help="print JSON")
    arguments = parser.parse_args()
    limit_threads(arguments.threads)

    import torch

    from digitscope.data import load_mnist

    torch.set_num_threads(arguments.threads)
    torch.set_flush_denormal(arguments.flush_denormal)
    train = load_mnist().train
    seconds = measure({"numpy": numpy_epochs(train, 0), "torch": torch_epochs(train, 0)}, arguments.rounds)
    result = report(seconds, arguments.threads, len(train)) | {"flush_denormal": arguments.flush_denormal}
    if arguments.json:
        print(json.dumps(result, indent=2))
    else:
        print_report(result)


if __name__ == "__main__":
    main()
