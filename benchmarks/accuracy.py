"""Accuracy and calibration over seeds: number, mean, deviation, and the seconds that training took.

    python -m benchmarks.accuracy [NAME ...] [--seeds N] [--json]

NAME is a recipe; by default `scratch-128`, `scratch` and `fast`. Seeds are 0, 1, 2, ... The test set is read once
for each seed, after the last epoch: MNIST's 10,000 digits, or 10,000 pairs made of them. Likelihood and
calibration error are those after the temperature that suits the validation split. Seconds include the validation
after every epoch.
"""

import json
import os
import statistics
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before NumPy is loaded; a second thread gains it little

from benchmarks.arguments import parser_for
from benchmarks.calibrated import CalibratedScores, examples_for, score_calibrated
from digitscope.data import Dataset, load_mnist
from digitscope.data.pen_digits import load_pen_digits
from digitscope.experiments.machine import describe_machine
from digitscope.experiments.recipes import get_recipe
from digitscope.experiments.run import run_recipe


@dataclass(frozen=True)
class Trained:
    """The scores of one seed, and its training time in seconds, validation included."""

    scores: CalibratedScores
    seconds: float


def train_recipe(name: str, mnist: Dataset, seed: int) -> Trained:
    """Train the recipe called `name`."""
    recipe = get_recipe(name)
    dataset, test = examples_for(recipe.task, mnist)
    pens = load_pen_digits() if getattr(recipe.settings, "pens", 0) else None
    run = run_recipe(recipe, dataset, seed=seed, singles=mnist, pens=pens)
    seconds = sum(record.seconds for record in run.history)
    return Trained(score_calibrated(run, dataset.validation, test), seconds)


def in_words(name: str, results: Sequence[Trained]) -> str:
    """Return one row: means and deviations over the seeds, the lowest accuracy, the median time."""

    def spread(value: Callable[[Trained], float], form: str) -> str:
        values = [value(result) for result in results]
        deviation = statistics.stdev(values) if len(values) > 1 else 0.0
        return f"{statistics.mean(values):{form}} ± {deviation:{form}}"

    parts = [
        f"{name:12} n {len(results)}",
        f"validation {spread(lambda each: 100 * each.scores.validation.accuracy, '.3f')} %",
        f"test {spread(lambda each: 100 * each.scores.test.accuracy, '.3f')} %",
        f"lowest {100 * min(result.scores.test.accuracy for result in results):.2f} %",
        f"NLL {spread(lambda each: each.scores.test.nll, '.4f')}",
        f"ECE {spread(lambda each: each.scores.test.ece, '.4f')}",
        f"median {statistics.median(result.seconds for result in results):.1f} s",
    ]
    if results[0].scores.test.both_right is not None:
        parts.insert(3, f"both right {spread(lambda each: 100 * (each.scores.test.both_right or 0), '.3f')} %")
    return "  ".join(parts)


def main() -> None:
    """Measure and print."""
    parser = parser_for(__doc__)
    parser.add_argument("names", nargs="*", default=["scratch-128", "scratch", "fast"], metavar="NAME")
    parser.add_argument("--seeds", type=int, default=5, help="how many (default 5)")
    arguments = parser.parse_args()
    mnist = load_mnist()
    table: dict[str, list[Trained]] = {}
    for name in arguments.names:
        table[name] = [train_recipe(name, mnist, seed) for seed in range(arguments.seeds)]
        if not arguments.json:
            print(in_words(name, table[name]), flush=True)
    if arguments.json:
        rows = {
            name: [{**asdict(each.scores), "seconds": each.seconds} for each in results]
            for name, results in table.items()
        }
        print(json.dumps({"machine": describe_machine(), "data": mnist.source, "rows": rows}, indent=2))
    else:
        print(", ".join(f"{key} {value}" for key, value in describe_machine().items()))


if __name__ == "__main__":
    main()
