"""Exports the best of some runs of one recipe into the package, and writes its model card.

Usage: DIGITSCOPE_DATA=DIR python -m scripts.ship_weights [--half] NAME RUN [RUN ...]

NAME is a shipped name, and --half is that of `digitscope export`. The run that is best on the validation split is
exported, calibrated on that split. The card has a row for every run, each scored once on the test digits: MNIST's
10,000, or 10,000 pairs made of them. Equal runs give an equal file and an equal card, whatever machine ships them.
For page and item, `ship_page.py` does the same with one run and made pages.
"""

import argparse
import statistics
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from benchmarks.calibrated import CalibratedScores, examples_for, score_calibrated
from torch import nn

from digitscope.data import Dataset, Task, find_data_directory, load_mnist
from digitscope.data.known_files import MNIST
from digitscope.data.pen_digits import pen_digits
from digitscope.data.pens import Pens, load_pens
from digitscope.errors import DigitscopeError, SettingError
from digitscope.experiments.recipes import get_recipe
from digitscope.experiments.run import Run, load_run
from digitscope.experiments.run_folder import read_config
from digitscope.experiments.sources import as_met
from digitscope.export import OPSET, export_onnx, in_half_precision
from digitscope.files import replacing
from digitscope.metrics import Evaluation, evaluate_logits
from digitscope.reading import SHIPPED, Recognizer
from digitscope.reading.shipped import WEIGHTS
from digitscope.training import predict_logits
from digitscope.training.mahalanobis import fit_distance

INTENDED_USE = {
    "digit": "Reads single digits that `digitscope.read` finds, or images framed as MNIST's are. ",
    "two-digit": "Reads pictures that are known to show two digits, one over the other. ",
}

LIMITS = {
    "digit": (
        "It knows digits framed as MNIST's: white on black, 20 pixels high or wide, centre of mass in the middle.",
        "Of a letter or a scribble its distance tells half of the time: `python -m benchmarks.outsiders`.",
        "Other countries' hands are rare in MNIST; a recipe may add some by `styles` and `pens`.",
    ),
    "two-digit": (
        "It knows pairs made by the course's rule alone: 42 x 28 pixels, the lower digit 14 rows below the upper.",
        "It reads two digits from any image, also from one with a single digit or none.",
    ),
}

INSIDE = "Normalisation and temperature are inside the graph: uint8 in, logits and probabilities out."

PENS_SOURCE = (
    "Pen strokes of UNIPEN train_r01_v07 (Guyon et al. 1994; Zenodo 10.5281/zenodo.1195803), licence CC BY 4.0, "
    "drawn with pens of many widths"
)

CHECKED = "People check readings that matter."

PROTOCOL = (
    "MNIST's last 6,000 training digits, or pairs of them, validate. Nothing was chosen on test digits. The run "
    "of the highest validation accuracy ships, then of the lowest loss; its temperature suits the validation "
    "split."
)

LICENCE = "MIT, as the package. The licences of the data are named above."


@dataclass(frozen=True)
class Scored:
    """A run, what would ship of it with the scores of that, and what the run's folder says of its machine.

    `held_back` are its scores on the pen digits of held-back writers, if its recipe has pen digits.
    """

    run: Run
    network: nn.Module
    scores: CalibratedScores
    machine: Mapping[str, Any]
    held_back: Evaluation | None = None


def ship(
    name: str,
    folders: Sequence[Path],
    mnist: Dataset,
    into: Path = WEIGHTS,
    *,
    half: bool = False,
    pens: Pens | None = None,
) -> None:
    """Write the best of the runs in `folders` as `name`.onnx with its card `name`.md, both or neither.

    Args:
        name: a shipped name.
        folders: run folders, one for each seed.
        mnist: the digits that the runs were trained on, or that their pairs were made of.
        into: where the two files go; what has their names is replaced.
        half: whether the weights are rounded to float16.
        pens: UNIPEN's digits, for a recipe that trains on them.

    Raises:
        SettingError: the card's commands would not give these weights, or the network is not for the name's task.
        DataError: a run folder is damaged.
        ExportError: the file does not compute what the network computes.
    """
    runs = [load_run(folder) for folder in folders]
    dataset, test = examples_for(runs[0].recipe.task, mnist)
    check_as_committed(name, runs, dataset)
    check_pens(runs[0], folders, pens)
    scored = []
    for run, folder in zip(runs, folders, strict=True):
        network = in_half_precision(run.model) if half else run.model
        scores = score_calibrated(replace(run, network=network), dataset.validation, test)
        scored.append(Scored(run, network, scores, read_config(folder)["machine"], score_held_back(network, pens)))
    best = max(scored, key=lambda each: (each.scores.validation.accuracy, -each.scores.validation.nll))
    with replacing(into / f"{name}.onnx") as file, replacing(into / f"{name}.md") as text:
        met = as_met(best.run.recipe, dataset.train, None if pens is None else pen_digits(pens))
        distance = fit_distance(best.network, met, dataset.validation)
        images, temperature = dataset.validation.images, best.scores.temperature
        export_onnx(best.network, file, images, temperature=temperature, distance=distance)
        content = card(name, scored, best, dataset, file.stat().st_size, half=half, pens=pens)
        text.write_text(content, encoding="utf-8")


def check_pens(run: Run, folders: Sequence[Path], pens: Pens | None) -> None:
    """Refuse runs on other pen digits than `pens`.

    Raises:
        SettingError: a run's folder names others, or the recipe has pen digits and there are none.
    """
    if bool(getattr(run.recipe.settings, "pens", 0)) != (pens is not None):
        raise SettingError(
            f"{run.recipe.name}: expected UNIPEN's digits with a recipe that has pens, and only then"
        )
    for folder in folders:
        if pens is not None and read_config(folder)["data"].get("pens_sha256") != pens.sha256():
            raise SettingError(f"{folder}: a run on other pen digits: expected runs on those of DIGITSCOPE_DATA")


def score_held_back(network: nn.Module, pens: Pens | None) -> Evaluation | None:
    """Return the scores on the digits of held-back writers, drawn as `digitscope evaluate --split pens` does."""
    if pens is None:
        return None
    split = pen_digits(pens, held_back=True).each(np.random.default_rng(0))
    return evaluate_logits(predict_logits(network, split.images), split.labels)


def check_as_committed(name: str, runs: Sequence[Run], dataset: Dataset) -> None:
    """Refuse runs that the commands on a card would not reproduce.

    Raises:
        SettingError: a run has another recipe, changed settings, other data or NumPy's network; it is unfinished;
            or its task differs from that of the network called `name`.
    """
    recipe = runs[0].recipe
    committed = get_recipe(recipe.name)
    options = committed.all_options
    if Recognizer.load(name).task != recipe.task:
        raise SettingError(f"{name} is no network for the task {recipe.task}: expected runs of another recipe")
    data_sha256 = dataset.sha256()
    for run in runs:
        if run.recipe != replace(committed, options=options):
            raise SettingError(f"a run of {run.recipe.name}: expected runs of one recipe, as it is committed")
        if len(run.history) != committed.settings.epochs:
            raise SettingError(
                f"a run of {len(run.history)} epochs: expected {committed.settings.epochs}, resume it"
            )
        if run.data_sha256 != data_sha256:
            raise SettingError(f"a run on other data: expected runs on {dataset.name}, from {dataset.source}")
        _ = run.model  # which NumPy's network does not have


def card(
    name: str,
    scored: Sequence[Scored],
    best: Scored,
    dataset: Dataset,
    size: int,
    *,
    half: bool,
    pens: Pens | None = None,
) -> str:
    """Return the model card of `best` among `scored`, whose ONNX file has `size` bytes."""
    recipe, threads = best.run.recipe, best.machine["threads"]
    tested = "pairs" if recipe.task == "two-digit" else "digits"
    lines = [
        f"# {name}",
        f"Reads {SHIPPED[name]}.",
        "## Model",
        model_in_words(scored, best, size),
        f"    OMP_NUM_THREADS={threads} digitscope train {recipe.name} --seed {best.run.seed}",
        f"    digitscope export runs/{recipe.name}-1 --to {name}.onnx{' --half' if half else ''}",
        "## Intended use",
        INTENDED_USE[recipe.task] + CHECKED,
        "## Data",
        *data_lines(best, dataset, pens),
        "## Evaluation",
        PROTOCOL,
        f"### {best.scores.test.n:,} test {tested}",
        *seeds_table(scored, best),
        *held_back_lines(best),
        "### The shipped one, by digit",
        *classes_table(best.scores.test),
        "## Limits",
        *(f"- {text}" for text in LIMITS[recipe.task]),
        "## Licence",
        LICENCE,
    ]
    return "".join(f"{line}\n" for line in spaced(lines))


def spaced(lines: Sequence[str]) -> Iterator[str]:
    """Yield `lines` with an empty one between those of different kinds: text, code, list, table, title."""
    for before, line in pairwise(["", *lines]):
        if before and (before[0] != line[0] or before[0] == "#"):
            yield ""
        yield line


def model_in_words(scored: Sequence[Scored], best: Scored, size: int) -> str:
    """Return what the network is, and how long its training took."""
    run = best.run
    n_parameters = sum(parameter.numel() for parameter in run.model.parameters())
    minutes = statistics.mean(sum(record.seconds for record in each.run.history) / 60 for each in scored)
    runs = f"{len(scored)} {'run' if len(scored) == 1 else 'runs'} of the recipe `{run.recipe.name}`"
    return (
        f"`{run.recipe.model}`, {n_parameters:,} parameters; {size:,} bytes, ONNX opset {OPSET}. {INSIDE} "
        f"Training: {runs}, {len(run.history)} epochs in {minutes:.0f} minutes on {machine(best)}."
    )


def data_lines(best: Scored, dataset: Dataset, pens: Pens | None) -> list[str]:
    """Return what the network was trained on, with licences."""
    run = best.run
    whose = "Licence" if dataset.name == MNIST else "The digits are MNIST's, licence"
    n, digest = len(dataset.train), run.data_sha256[:16]
    lines = [f"- {dataset.name}, {n:,} examples an epoch, sha256 `{digest}`. {whose} CC BY-SA 3.0."]
    if pens is not None:
        n, share = len(pen_digits(pens)), getattr(run.recipe.settings, "pens", 0)
        lines.append(f"- {PENS_SOURCE}: {n:,} digits, {share} for each of MNIST's, sha256 `{pens.sha256()[:16]}`.")
    return lines


def held_back_lines(best: Scored) -> list[str]:
    """Return how many of the held-back writers' digits it reads."""
    if best.held_back is None:
        return []
    share, n = best.held_back.accuracy, best.held_back.n
    by = "by a tenth of UNIPEN's writers, who are no part of training (`digitscope evaluate digit --split pens`)."
    return [f"It reads {share:.2%} of {n:,} digits {by}"]


def machine(scored: Scored) -> str:
    """Return in words what the run was trained on."""
    known = scored.machine
    cores = "one core" if known["threads"] == 1 else f"{known['threads']} cores"
    return f"{cores}, shared with other work, of an {known['processor']} with PyTorch {known['torch']}"


def seeds_table(scored: Sequence[Scored], best: Scored) -> list[str]:
    """Return a row for every seed, and their means with deviations."""
    tests = [each.scores.test for each in scored]
    columns = [[in_percent(each.scores.validation.accuracy) for each in scored]]
    header = ["validation"]
    if best.scores.test.both_right is None:
        header += ["test accuracy"]
        columns += [[in_percent(test.accuracy) for test in tests]]
    else:
        header += ["upper", "lower", "both right"]
        columns += [[in_percent(test.per_position[position]) for test in tests] for position in (0, 1)]
        columns += [[in_percent(test.both_right or 0.0) for test in tests]]
    header += ["NLL", "ECE", "temperature"]
    columns += [[test.nll for test in tests], [test.ece for test in tests]]
    columns += [[each.scores.temperature for each in scored]]
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


def ship_for_pages(arguments: argparse.Namespace, task: Task) -> None:
    """Ship the one run of the page or the item network that the call names.

    Raises:
        SettingError: there are several runs, or the run or the name is for another task.
    """
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # a script's folder alone is there
    from scripts.ship_page import ship_item, ship_page

    from digitscope.cli.datasets import LOADERS
    from digitscope.data.hands import Material

    if arguments.name != task or len(arguments.runs) > 1:
        raise SettingError(f"a network for the task {task} ships as {task}, from one run: expected {task} RUN")
    dataset, (run,), half = LOADERS[task](find_data_directory(), False), arguments.runs, arguments.half
    if task == "page":
        ship_page(run, dataset, half=half, start=arguments.mean_with)
    else:
        ship_item(run, dataset, material=Material.of(load_mnist().validation), half=half)


def main() -> None:
    """Ship what the call names, or end with one line that says why not."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=tuple(SHIPPED))
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN")
    parser.add_argument("--half", action="store_true")
    parser.add_argument(
        "--mean-with", type=Path, metavar="FILE", help="of page: the file that the run started from"
    )
    arguments = parser.parse_args()
    try:
        recipe = load_run(arguments.runs[0]).recipe
        for task in ("page", "item"):
            if task in (arguments.name, recipe.task):
                ship_for_pages(arguments, task)
                return
        pens = load_pens("digits") if getattr(recipe.settings, "pens", 0) else None
        ship(arguments.name, arguments.runs, load_mnist(), half=arguments.half, pens=pens)
    except DigitscopeError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
