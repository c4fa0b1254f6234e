"""Exports the best of some runs of one recipe into the package, and writes its model card.

Usage: DIGITSCOPE_DATA=DIR python scripts/ship_weights.py NAME RUN [RUN ...]

NAME is a shipped name. The run that is best on the validation split is exported, calibrated on that split. The
card has a row for every run, each scored once on the test digits: MNIST's 10,000, or 10,000 pairs made of them.
"""

import argparse
import statistics
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np

from digitscope.data import COURSE_SEED, Dataset, Split, load_mnist, make_two_digit
from digitscope.experiments.machine import describe_machine
from digitscope.experiments.recipes import RECIPES, default_options
from digitscope.experiments.run import Run, load_run
from digitscope.experiments.run_folder import read_config
from digitscope.export import OPSET, export_calibrated, fit_temperature
from digitscope.files import write_text
from digitscope.inference import SHIPPED, Recognizer
from digitscope.inference.shipped import WEIGHTS
from digitscope.metrics import Evaluation, evaluate_logits
from digitscope.training import predict_logits

TEST_PAIRS = 10_000

WEAKNESSES = {
    "digit": (
        "It knows digits framed as MNIST's: white on black, 20 pixels high or wide, centre of mass in the middle.",
        "Whatever else it is shown, a letter or a blank, it takes for a digit; it was never taught to refuse.",
        "Other countries' hands, such as a 1 with a long upstroke or a 7 with a bar, are rare in MNIST.",
    ),
    "two-digit": (
        "It knows pairs made by the course's rule alone: 42 x 28 pixels, the lower digit 14 rows below the upper.",
        "It reads two digits from any image, also from one with a single digit or none.",
    ),
}


INSIDE = "Normalisation and temperature are inside the graph: uint8 in, logits and probabilities out."

PROTOCOL = (
    "MNIST's last 6,000 training digits, or pairs of them, validate, and nothing was chosen on test digits. "
    "What ships is the run of the highest validation accuracy, then of the lowest loss, with the temperature "
    "that suits the validation split."
)


@dataclass(frozen=True)
class Scored:
    """A run with its scores, after the temperature that suits its validation split."""

    run: Run
    temperature: float
    validation: Evaluation
    test: Evaluation


def score(run: Run, dataset: Dataset) -> Scored:
    """Score `run` on both splits that it did not learn from."""
    raw = predict_logits(run.model, dataset.validation.images)
    temperature = fit_temperature(raw, dataset.validation.labels)

    def scores(split: Split, logits: np.ndarray) -> Evaluation:
        return evaluate_logits(logits / temperature, split.labels)

    test = scores(dataset.test, predict_logits(run.model, dataset.test.images))
    return Scored(run, temperature, scores(dataset.validation, raw), test)


def check_as_committed(name: str, runs: Sequence[Run], dataset: Dataset) -> None:
    """End unless a card's command would give the weights that it comes with."""
    recipe = runs[0].recipe
    committed = RECIPES[recipe.name]
    options = {**default_options(committed.model), **committed.options}
    for run in runs:
        if run.recipe != replace(committed, options=options):
            sys.exit(f"a run of {run.recipe.name}: expected runs of one recipe, as it is committed")
        if len(run.history) != committed.settings.epochs:
            sys.exit(f"a run of {len(run.history)} epochs: expected {committed.settings.epochs}, resume it")
        if run.data_sha256 != dataset.sha256():
            sys.exit(f"a run on other data: expected runs on {dataset.name}, from {dataset.source}")
    if Recognizer.load(name).task != recipe.task:
        sys.exit(f"{name} is no network for the task {recipe.task}: expected runs of another recipe")


def card(name: str, scored: Sequence[Scored], best: Scored, dataset: Dataset, size: int, threads: int) -> str:
    """Return the model card."""
    recipe = best.run.recipe
    tested = "pairs" if recipe.task == "two-digit" else "digits"
    lines = [
        f"# {name}",
        f"Reads {SHIPPED[name]}.",
        f"    OMP_NUM_THREADS={threads} digitscope train {recipe.name} --seed {best.run.seed}",
        f"    digitscope export runs/{recipe.name}-1 --to {name}.onnx",
        *facts(scored, best, dataset, size, threads),
        f"## {best.test.n:,} test {tested}",
        *seeds_table(scored, best),
        "## The shipped one, by digit",
        *classes_table(best.test),
        "## Known weaknesses",
        *(f"- {text}" for text in WEAKNESSES[recipe.task]),
    ]
    return "".join(f"{line}\n" for line in spaced(lines))


def spaced(lines: Sequence[str]) -> Iterator[str]:
    """Yield `lines` with an empty one between those of different kinds: text, code, list, table, title."""
    for before, line in pairwise(["", *lines]):
        if before and (before[0] != line[0] or before[0] == "#"):
            yield ""
        yield line


def facts(scored: Sequence[Scored], best: Scored, dataset: Dataset, size: int, threads: int) -> list[str]:
    """Return what the network is, how it was trained, on what, and how it was chosen."""
    run = best.run
    n_parameters = sum(parameter.numel() for parameter in run.model.parameters())
    minutes = statistics.mean(sum(record.seconds for record in each.run.history) / 60 for each in scored)
    network = f"`{run.recipe.model}`, {n_parameters:,} parameters; {size:,} bytes, ONNX opset {OPSET}. {INSIDE}"
    runs = f"{len(scored)} {'run' if len(scored) == 1 else 'runs'} of the recipe `{run.recipe.name}`"
    data = f"{dataset.name}, {len(dataset.train):,} examples an epoch, sha256 `{run.data_sha256[:16]}`."
    return [
        f"- **Network**: {network}",
        f"- **Training**: {runs}, {len(run.history)} epochs in {minutes:.0f} minutes on {machine(threads)}.",
        f"- **Data**: {data}",
        f"- **Protocol**: {PROTOCOL}",
    ]


def machine(threads: int) -> str:
    """Return the machine that writes the card, which is to be the one that trained."""
    known = describe_machine()
    cores = "one core" if threads == 1 else f"{threads} cores"
    return f"{cores}, shared with other work, of an {known['processor']} with PyTorch {known['torch']}"


def seeds_table(scored: Sequence[Scored], best: Scored) -> list[str]:
    """Return a row for every seed, and their means with deviations."""
    columns = [[in_percent(each.validation.accuracy) for each in scored]]
    header = ["validation"]
    if best.test.both_right is None:
        header += ["test accuracy"]
        columns += [[in_percent(each.test.accuracy) for each in scored]]
    else:
        header += ["upper", "lower", "both right"]
        columns += [[in_percent(each.test.per_position[position]) for each in scored] for position in (0, 1)]
        columns += [[in_percent(each.test.both_right or 0.0) for each in scored]]
    header += ["NLL", "ECE", "temperature"]
    columns += [[each.test.nll for each in scored], [each.test.ece for each in scored]]
    columns += [[each.temperature for each in scored]]
    digits = [2] * (len(header) - 3) + [4, 4, 2]
    rows = [
        [
            f"{each.run.seed}{' (ships)' if each is best else ''}",
            *(f"{c[i]:.{d}f}" for c, d in zip(columns, digits, strict=True)),
        ]
        for i, each in enumerate(scored)
    ]
    if len(scored) > 1:
        spread = [
            f"{statistics.mean(c):.{d + 1}f} ± {statistics.stdev(c):.{d + 1}f}"
            for c, d in zip(columns, digits, strict=True)
        ]
        rows.append([f"mean of {len(scored)}", *spread])
    return markdown(["seed", *header], rows)


def in_percent(share: float) -> float:
    """Return `share` in percent."""
    return 100 * share


def classes_table(test: Evaluation) -> list[str]:
    """Return how each digit fares: how many there are, how many are read right, what it is taken for most."""
    confusion = np.array(test.confusion)
    rows = []
    for digit, counts in enumerate(confusion):
        errors = np.where(np.arange(10) == digit, 0, counts)
        taken = f"{errors.argmax()} ({errors.max()})" if errors.any() else ""
        rows.append([str(digit), f"{counts.sum():,}", f"{100 * counts[digit] / counts.sum():.2f} %", taken])
    return markdown(["digit", "tested", "read right", "misread most often as (times)"], rows)


def markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Return a table's lines."""
    return [f"| {' | '.join(cells)} |" for cells in (header, ["---"] * len(header), *rows)]


def main() -> None:
    """Score, export, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=tuple(SHIPPED))
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN")
    arguments = parser.parse_args()
    runs = [load_run(folder) for folder in arguments.runs]
    dataset = trained_on = load_mnist()
    if runs[0].recipe.task == "two-digit":
        trained_on = make_two_digit(dataset, seed=COURSE_SEED)
        dataset = make_two_digit(dataset, n_test=TEST_PAIRS, seed=COURSE_SEED)
    check_as_committed(arguments.name, runs, trained_on)
    scored = [score(run, dataset) for run in runs]
    best = max(scored, key=lambda each: (each.validation.accuracy, -each.validation.nll))
    path = WEIGHTS / f"{arguments.name}.onnx"
    export_calibrated(best.run.model, dataset.validation, path)
    threads = read_config(arguments.runs[scored.index(best)])["machine"]["threads"]
    write_text(path.with_suffix(".md"), card(arguments.name, scored, best, dataset, path.stat().st_size, threads))


if __name__ == "__main__":
    main()
