"""Test accuracy over seeds: number, mean, deviation, and the seconds that training took.

    python -m benchmarks.accuracy [NAME ...] [--seeds N] [--json]

NAME is a recipe for single digits; by default `scratch-128`, `scratch` and `fast`. Seeds are 0, 1, 2, ... The
test set is read once for each seed, after the last epoch.
"""

import argparse
import json
import os
import statistics
from dataclasses import asdict, dataclass

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before NumPy is loaded; a second thread gains it little

from digitscope.data import Dataset, load_mnist
from digitscope.experiments.machine import describe_machine
from digitscope.experiments.recipes import get_recipe
from digitscope.experiments.run import run_recipe
from digitscope.metrics import evaluate_logits


@dataclass(frozen=True)
class Trained:
    """What one seed gave: fractions right, and seconds of training with the validation in it."""

    validation: float
    test: float
    seconds: float


def train_recipe(name: str, mnist: Dataset, seed: int) -> Trained:
    """Train the recipe called `name`."""
    run = run_recipe(get_recipe(name), mnist, seed=seed)
    test = evaluate_logits(run.logits(mnist.test.images), mnist.test.labels).accuracy
    return Trained(run.history[-1].validation_accuracy, test, sum(record.seconds for record in run.history))


def in_words(name: str, results: list[Trained]) -> str:
    """Return one row: mean and deviation of the test accuracy, the lowest, the median time."""
    tests = [100 * result.test for result in results]
    deviation = statistics.stdev(tests) if len(tests) > 1 else 0.0
    seconds = statistics.median(result.seconds for result in results)
    return (
        f"{name:12} n {len(tests)}  test {statistics.mean(tests):.3f} ± {deviation:.3f} %  "
        f"lowest {min(tests):.2f} %  median {seconds:.1f} s"
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", default=["scratch-128", "scratch", "fast"], metavar="NAME")
    parser.add_argument("--seeds", type=int, default=5, help="how many (default 5)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    arguments = parser.parse_args()
    mnist = load_mnist()
    table: dict[str, list[Trained]] = {}
    for name in arguments.names:
        table[name] = [train_recipe(name, mnist, seed) for seed in range(arguments.seeds)]
        if not arguments.json:
            print(in_words(name, table[name]), flush=True)
    if arguments.json:
        rows = {name: [asdict(result) for result in results] for name, results in table.items()}
        print(json.dumps({"machine": describe_machine(), "data": mnist.source, "rows": rows}, indent=2))
    else:
        print(", ".join(f"{key} {value}" for key, value in describe_machine().items()))


if __name__ == "__main__":
    main()
