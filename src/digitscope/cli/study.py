"""`digitscope study`: a question of a course answered by trainings: a figure for a slide, a table, a paragraph."""

import argparse
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from digitscope.cli.arguments import (
    DATA,
    DEVICE,
    JSON,
    TEST,
    Argument,
    Command,
    Flag,
    Folder,
    Number,
    call_of,
    cores,
    count_argument,
    seed_of,
    words_of,
)
from digitscope.cli.console import print_table, remark
from digitscope.cli.datasets import single_digits
from digitscope.cli.sweep_progress import shown, tell_failed, tell_interrupted
from digitscope.data import COURSE_SEED, Dataset, find_data_directory, load_sample
from digitscope.errors import DigitscopeError
from digitscope.experiments.machine import describe_machine
from digitscope.experiments.studies.findings import (
    as_markdown,
    as_rows,
    best_of,
    common_settings,
    findings,
    in_words,
)
from digitscope.experiments.studies.study import DESIGNS, Result, Study, run_study
from digitscope.experiments.sweep.engine import LocalEngine
from digitscope.experiments.sweep.ranking import PointScore, as_csv
from digitscope.experiments.sweep.trials import TrialData, origin_on, origins_in_words
from digitscope.files import write_text
from digitscope.plots import Line, Panel, save_in_few_colours, study_figure
from digitscope.training import choose_device

if TYPE_CHECKING:
    from matplotlib.figure import Figure

STUDIES = Path("studies")
SEEDS, QUICK_SEEDS = 3, 2

QUESTIONS = {
    "capacity": "how does accuracy change with hidden neurons, and where does the network overfit?",
    "epochs": "how does training proceed, with and without dropout and warped digits?",
    "data": "how accurate is each network with few training digits?",
    "optimizers": "which of SGD, momentum, Nesterov, Adam, AdamW and Muon, each at the best of five rates?",
}


def run(options: argparse.Namespace) -> int:
    """Train what is not finished yet, write figure, table and text, and return 1 if a training crashed."""
    if options.seeds is None:
        options.seeds = QUICK_SEEDS if options.quick else SEEDS
    if options.quick:
        if options.data != find_data_directory(None):  # which DIGITSCOPE_DATA may name for other calls
            options.parser.error("argument --quick: it is for the embedded sample: expected no --data with it")
        options.data = None
    dataset = load_sample() if options.quick else single_digits(options.data, options.unchecked)
    variants = DESIGNS[options.study](len(dataset.train), options.quick)
    study = Study(options.study, variants, options.seeds, options.seed)
    folder = options.out or STUDIES / f"{options.study}{'-quick' if options.quick else ''}"
    remark(f"{study.name} on {dataset.name} ({dataset.source}), into {folder}")
    data, ours = TrialData(dataset, device=options.device), origin_on(choose_device(options.device).type)
    try:
        with LocalEngine(data, options.cores) as engine, shown(study, folder, ours) as hooks:
            result = run_study(study, data.sha256(), engine, folder, test=options.test, hooks=hooks)
    except KeyboardInterrupt:
        return tell_interrupted(folder)
    tell_failed(study, result.failed)
    if not result.finished():
        raise DigitscopeError(f"{folder}: no training went to its end, so there is nothing to draw")
    words = words_of(options, "seeds", "test", "quick", "seed", "data", "unchecked")
    _write(folder, result, dataset, call_of("study", options.study, *words))
    _tell(result, folder, options)
    return 1 if result.failed else 0


def _write(folder: Path, result: Result, dataset: Dataset, command: str) -> None:
    name, machine = result.study.name, describe_machine()
    save_in_few_colours(FIGURES[name](result), folder / f"{name}.png")
    write_text(folder / f"{name}.csv", as_csv(as_rows(result)))
    origins = [record.made_with for score in result.scores for record in score.records]
    origin = (
        f"{dataset.name}, {len(dataset.validation):,} digits to validate on. {machine['processor']}, "
        f"{machine['cores']} cores, python {machine['python']}, {origins_in_words(origins)}; "
        f"{result.seconds:.0f} s of epochs, added over {len(origins)} trainings."
    )
    parts = (
        f"# {name[0].upper()}{name[1:]}",
        f"{QUESTIONS[name][0].upper()}{QUESTIONS[name][1:]}",
        f"![{name}]({name}.png)",
        findings(result),
        as_markdown(*in_words(result)).rstrip(),
        "Training accuracies are running means over the last epoch. Test accuracies, if any, choose nothing.",
        f"    {command}",
        origin,
    )
    write_text(folder / f"{name}.md", "\n\n".join(parts) + "\n")


def _tell(result: Result, folder: Path, options: argparse.Namespace) -> None:
    name = result.study.name
    if options.json:
        print(json.dumps({"folder": str(folder), "findings": findings(result), "table": as_rows(result)}))
        return
    print_table(name, *in_words(result))
    print(findings(result))
    print(f"{folder}: {name}.png, {name}.csv and {name}.md")


# The figure of each study: two panels made of its scores


def _capacity(result: Result) -> "Figure":
    """Return accuracy and loss over the number of hidden neurons."""
    scores = result.finished()
    places = [float(score.point["hidden"]) for score in scores]
    splits = (("validation", "validation"), ("training", "train"))
    accuracies, losses = (
        tuple(_over_points(split, places, scores, f"{name}_{quantity}") for split, name in splits)
        for quantity in ("accuracy", "loss")
    )
    ticks = _ticks(places, 4)
    first = Panel("accuracy (%)", accuracies, "hidden neurons", "linear", "log", ticks)
    second = Panel("loss (nats)", losses, "hidden neurons", "log", "log", ticks)
    return study_figure("How large a network?", _conditions(result), first, second)


def _epochs(result: Result) -> "Figure":
    """Return the accuracy over time of the digits learned from, and of the others."""
    scores = {str(score.point["training"]): score for score in result.finished()}
    first = Panel("training accuracy (%)", _over_time(scores, "train_accuracy"), "epoch")
    second = Panel("validation accuracy (%)", _over_time(scores, "validation_accuracy"), "epoch")
    return study_figure("What do dropout and warped digits change?", _conditions(result), first, second)


def _data(result: Result) -> "Figure":
    """Return accuracy, and errors on a logarithmic scale, over the number of training digits."""
    lines = []
    for name in dict.fromkeys(score.point["network"] for score in result.finished()):
        scores = result.finished(network=name)
        places = [float(score.point["digits"]) for score in scores]
        lines.append(_over_points(name, places, scores, "validation_accuracy"))
    errors = tuple(replace(line, means=tuple(100 - mean for mean in line.means)) for line in lines)
    ticks = _ticks(sorted({place for line in lines for place in line.places}), 3)
    first = Panel("validation accuracy (%)", tuple(lines), "training digits", "linear", "log", ticks)
    second = Panel("errors (%)", errors, "training digits", "log", "log", ticks)
    return study_figure("How many digits?", _conditions(result), first, second)


def _optimizers(result: Result) -> "Figure":
    """Return the training loss and the validation accuracy over time, each optimizer at its best rate."""
    names = dict.fromkeys(score.point["optimizer"] for score in result.finished())
    chosen = {name: best_of(result.finished(optimizer=name)) for name in names}
    first = Panel("training loss (nats)", _over_time(chosen, "train_loss"), "epoch", "log")
    second = Panel("validation accuracy (%)", _over_time(chosen, "validation_accuracy"), "epoch")
    return study_figure("Which optimizer?", _conditions(result), first, second)


def _conditions(result: Result) -> str:
    """Return what all variants have in common, and what a line and its band are."""
    settings, n_seeds = common_settings(result), result.study.n_seeds
    learned = f"{settings.train_size:,} training digits, {settings.epochs} epochs"
    if settings.epoch_size:
        learned = f"{settings.epochs * settings.epoch_size:,} digits met in each training"
    return f"{learned}; " + ("one seed" if n_seeds == 1 else f"mean of {n_seeds} seeds, band: one deviation")


def _ticks(places: Sequence[float], most: int) -> dict[float, str]:
    """Return about `most` of `places` with their words, the first and the last among them."""
    chosen = np.linspace(0, len(places) - 1, min(most, len(places))).round().astype(int)
    return {places[at]: f"{places[at]:,.0f}" for at in chosen}


def _over_points(label: str, places: Sequence[float], scores: Sequence[PointScore], quantity: str) -> Line:
    """Return a line through the last epochs of `scores`."""
    values = np.array([score.over_epochs(quantity)[:, -1] for score in scores])  # (points, seeds)
    return _line(label, places, values.T, quantity)


def _over_time(scores: Mapping[str, PointScore], quantity: str) -> tuple[Line, ...]:
    """Return a line for each score, over its epochs."""
    return tuple(
        _line(label, range(1, score.n_epochs + 1), score.over_epochs(quantity), quantity)
        for label, score in scores.items()
    )


def _line(label: str, places: Sequence[float], values: NDArray[np.float64], quantity: str) -> Line:
    """Return the line of `values` (seeds, points); accuracies are in per cent."""
    values = 100 * values if quantity.endswith("accuracy") else values
    deviations = tuple(map(float, values.std(axis=0, ddof=1))) if len(values) > 1 else ()
    return Line(label, tuple(map(float, places)), tuple(map(float, values.mean(axis=0))), deviations)


FIGURES: Mapping[str, Callable[[Result], "Figure"]] = MappingProxyType(
    {"capacity": _capacity, "epochs": _epochs, "data": _data, "optimizers": _optimizers}
)
"""Each takes a result of which at least one variant has finished."""


ABOUT = f"""\
studies:
{chr(10).join(f"  {name:11} {question}" for name, question in QUESTIONS.items())}

Finished trainings are kept in the folder. Repeat the call to continue with the rest."""

COMMAND = Command(
    run,
    (
        Argument("study STUDY", choices=tuple(DESIGNS), help="one of the studies below"),
        Flag("--quick", help="a smaller study, on the embedded sample, which takes no --data; a minute or two"),
        Number(
            "--seeds",
            type=count_argument,
            help=f"trainings of each point (default: {SEEDS}, or {QUICK_SEEDS} if quick)",
        ),
        seed_of("the first training of each point", default=COURSE_SEED),
        cores(),
        Folder("--out", help=f"the study's folder (default: {STUDIES}/STUDY)"),
        TEST,
        *DATA,
        DEVICE,
        JSON,
    ),
    "study capacity --quick",
    ABOUT,
    needs=("matplotlib", "optuna"),
)
