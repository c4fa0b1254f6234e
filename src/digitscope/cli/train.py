"""`digitscope train`: one run into a run folder."""

import argparse
import json
import os
import shlex
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout
from dataclasses import asdict, fields, replace
from importlib import import_module
from pathlib import Path
from typing import Any, get_args

from digitscope.cli.arguments import (
    DATA,
    DEVICE,
    JSON,
    Argument,
    Command,
    Flag,
    Folder,
    annotated_fields,
    call_of,
    seed_of,
    words_of,
)
from digitscope.cli.console import StepBar, print_table, remark, step_bar, wait_for_first_process
from digitscope.cli.datasets import dataset_for, single_digits
from digitscope.data import COURSE_SEED, Dataset, has_two_digit
from digitscope.data.pen_digits import load_pen_digits
from digitscope.errors import DataError, DigitscopeError, SettingError
from digitscope.experiments.event_log import EventLog
from digitscope.experiments.machine import describe_machine
from digitscope.experiments.recipes import RECIPES, SCRATCH, Recipe, get_recipe
from digitscope.experiments.run import Run, run_recipe
from digitscope.experiments.run_folder import read_recipe
from digitscope.models import MODELS, options_of
from digitscope.plots import FigureBlock, Section, Stat, Stats, Table, learning_curves, save_figure, write_report
from digitscope.reading.shipped import SHIPPED, shipped_path
from digitscope.records import EpochRecord
from digitscope.scratch import ScratchSettings
from digitscope.settings import TrainingSettings
from digitscope.training import is_first_process, processes_together

RUNS = Path("runs")


@contextmanager
def _among_processes() -> Iterator[None]:
    """Connect the processes that torchrun started, if any, within the block; only the first one prints."""
    with processes_together() as rank, ExitStack() as silent:
        if rank > 0:
            nowhere = silent.enter_context(Path(os.devnull).open("w", encoding="utf-8"))
            silent.enter_context(redirect_stdout(nowhere))
            silent.enter_context(redirect_stderr(nowhere))
        try:
            yield
        except DigitscopeError:
            wait_for_first_process()  # while all are connected: none is to fail by another's end
            raise


@_among_processes()
def run(options: argparse.Namespace) -> int:
    """Train, score the test split, write the run folder with its curves, and say where it is."""
    if options.tensorboard:
        import_module("tensorboard")
    recipe, seed = get_recipe(options.recipe), COURSE_SEED
    if options.resume:
        options.out = options.out or _newest(options.recipe)
        recipe, seed = read_recipe(options.out)
    recipe = replace(recipe.with_changes(_changes(options, recipe)), name=options.recipe)
    if options.seed is None:
        options.seed = seed
    dataset = dataset_for(recipe.task, options)
    recipe.check_data(dataset)
    folder = options.out or (_claim_next(options.recipe) if is_first_process() else RUNS)
    remark(f"{recipe.name} on {dataset.name} ({dataset.source}), into {folder}")
    try:
        with ExitStack() as stack:
            log = None
            if options.tensorboard and is_first_process():
                board = options.tensorboard / folder.resolve().name
                if board.exists() and not options.resume:
                    raise SettingError(
                        f"{board} has the curves of another run: name another --tensorboard or --out"
                    )
                log = stack.enter_context(EventLog(board, recipe, options.seed))
            trained = _train(recipe, dataset, options, folder, stack.enter_context(step_bar()), log)
    except DigitscopeError:
        if options.out is None and is_first_process() and not any(folder.iterdir()):
            folder.rmdir()  # a run that is refused leaves nothing for --resume to find
        raise
    if not is_first_process():
        return 0
    test = trained.score(dataset.test)
    write_run(folder, trained, dataset, test)
    if options.tensorboard is not None:
        remark(f"TensorBoard: {shlex.join(['tensorboard', '--logdir', str(options.tensorboard)])}")
    if options.json:
        history = [asdict(record) for record in trained.history]
        print(json.dumps({"folder": str(folder), "history": history, "test_accuracy": test}))
        return 0
    print_table(f"{recipe.name}, seed {trained.seed}", *epochs_in_words(trained))
    print(f"test {recipe.measure}: {test:.2%} of {len(dataset.test):,} images")
    print(f"{folder}: weights, state, metrics, curves.png and report.html")
    print(f"next: {call_of('evaluate', folder, *words_of(options, 'data', 'unchecked'))}")
    return 0


def _train(
    recipe: Recipe, dataset: Dataset, options: argparse.Namespace, folder: Path, bar: StepBar, log: EventLog | None
) -> Run:
    settings, start, material = recipe.settings, None, None
    fresh = settings.order == "fresh-pairs"
    if recipe.task == "two-digit" and fresh and options.data is not None and has_two_digit(options.data):
        remark("validation: new pairs, but of digits met in training, as the course's files have them")
    try:
        pens = load_pen_digits(options.data) if settings.pens else None
    except DataError as error:
        raise DataError(f"{error}; --pens 0 trains without pen digits") from None
    if settings.order == "fresh-pages":
        from digitscope.data.hands import Material

        material = Material.of(single_digits(options.data, options.unchecked).train, directory=options.data)

    if options.start is not None:
        start = shipped_path(options.start) if options.start in SHIPPED else Path(options.start)

    def on_epoch(record: EpochRecord) -> None:
        bar.say(f"epoch {record.epoch} of {settings.epochs}: validation {record.validation_accuracy:.2%}")
        if log is not None:
            log.add(record)

    return run_recipe(
        recipe,
        dataset,
        seed=options.seed,
        device=options.device,
        singles=single_digits(options.data, options.unchecked) if fresh else None,
        pens=pens,
        material=material,
        start=start,
        folder=folder,
        resume=options.resume,
        on_start=lambda n_steps: bar.start(recipe.name, n_steps),
        on_batch=bar.step,
        on_epoch=on_epoch,
    )


def _newest(recipe: str) -> Path:
    """Return the numbered folder of `recipe` with the highest number."""
    number = _highest(recipe)
    if number < 0:
        raise SettingError(f"{RUNS}: no run of {recipe} to resume: name its folder with --out")
    return RUNS / f"{recipe}-{number}"


def _claim_next(recipe: str) -> Path:
    """Make and return the next numbered folder of `recipe`; runs that start together get one each."""
    RUNS.mkdir(exist_ok=True)
    number = max(0, _highest(recipe))
    while True:
        number += 1
        folder = RUNS / f"{recipe}-{number}"
        try:
            folder.mkdir()
        except FileExistsError:
            continue
        return folder


def _highest(recipe: str) -> int:
    """Return the highest number of a run of `recipe`, -1 without any."""
    endings = (path.name.removeprefix(f"{recipe}-") for path in RUNS.glob(f"{recipe}-*"))
    return max((int(ending) for ending in endings if ending.isdecimal()), default=-1)


# The report


def epochs_in_words(run: Run) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    """Return the header and the rows of a table of the epochs of `run`."""
    recipe = run.recipe
    header = ("epoch", "train loss", recipe.training_measure, "validation loss", recipe.measure, "seconds")
    rows = tuple(
        (
            str(record.epoch),
            f"{record.train_loss:.4f}",
            f"{record.train_accuracy:.2%}",
            f"{record.validation_loss:.4f}",
            f"{record.validation_accuracy:.2%}",
            f"{record.seconds:.1f}",
        )
        for record in run.history
    )
    return header, rows


def write_run(folder: Path, run: Run, dataset: Dataset, test: float) -> None:
    """Write curves.png and report.html into the folder of a run on `dataset`, with its `test` accuracy."""
    recipe, last, measure = run.recipe, run.history[-1], run.recipe.measure
    both = measure if recipe.training_measure == measure else f"{measure} (train: {recipe.training_measure})"
    unit = "weighted sum" if recipe.task == "page" else "nats"
    figure = learning_curves({recipe.name: run.history}, both, unit)
    save_figure(figure, folder / "curves.png")
    caption = f"Loss and {both} of every epoch: of training as it went on, of validation after it."
    seconds = sum(record.seconds for record in run.history)
    validated = f"{len(dataset.validation):,} images"
    stats = (
        Stat(f"validation {measure}", f"{last.validation_accuracy:.2%}", validated),
        Stat("validation loss", f"{last.validation_loss:.4f}", unit),
        Stat(f"test {measure}", f"{test:.2%}", f"{len(dataset.test):,} images"),
        Stat("time", f"{seconds:.1f} s", f"epochs: {last.epoch}, validation included"),
    )
    data = {"data": f"{dataset.name}, from {dataset.source}", "training images": f"{len(dataset.train):,}"}
    facts = {**recipe.settings.as_dict(), **recipe.options, "seed": run.seed, **data, **describe_machine()}
    header, rows = epochs_in_words(run)
    sections = [
        Section("Result", (Stats(stats),)),
        Section("How it learned", (FigureBlock(figure, caption), Table(header, rows))),
        Section("What it was", (Table(("setting", "value"), tuple((name, str(facts[name])) for name in facts)),)),
    ]
    write_report(folder / "report.html", f"{recipe.name}: {recipe.summary}", sections)


# A flag for every setting and every option of some model


def _options() -> dict[str, tuple[Any, list[str]]]:
    """Return every option that some model has: a default of its type, and the models that have it."""
    of_models = {model: options_of(model) for model in MODELS}
    of_models[SCRATCH] = {
        each.name: each.default for each in fields(ScratchSettings) if each.name not in TrainingSettings.names()
    }
    merged: dict[str, tuple[Any, list[str]]] = {}
    for model, options in of_models.items():
        for name, default in options.items():
            _, users = merged.get(name, (None, []))
            merged[name] = default, [*users, model]
    return merged


def _flag_for(name: str, default: Any, text: str, choices: tuple[str, ...] | None) -> Argument:
    flag = f"--{name.replace('_', '-')}"
    if isinstance(default, bool):
        return Argument(flag, action=argparse.BooleanOptionalAction, help=text)
    kind = _units if isinstance(default, tuple) else type(default)
    metavar = None if choices else {int: "N", float: "X", str: "NAME", _units: "N[,N...]"}[kind]
    return Argument(flag, type=kind, choices=choices, metavar=metavar, help=text)


def _units(text: str) -> tuple[int, ...]:
    """Return the units of hidden layers: (512, 256) for "512,256"."""
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r}: expected a whole number, or 512,256 for scratch") from None


def _changes(options: argparse.Namespace, recipe: Recipe) -> dict[str, Any]:
    """Return the settings and options that the call names."""
    names = (*TrainingSettings.names(), *_options())
    changes = {name: getattr(options, name) for name in names if getattr(options, name) is not None}
    if recipe.model != SCRATCH and len(changes.get("hidden", ())) == 1:
        (units,) = changes["hidden"]  # the networks of PyTorch have one hidden layer, and name its units
        changes["hidden"] = units
    return changes


ABOUT = f"""\
recipes:
{chr(10).join(f"  {recipe.name:16} {recipe.summary}" for recipe in RECIPES.values())}

several processes, or machines, train one network on their CPUs; the result is that of one, up to rounding, without
dropout, whose masks differ:
  torchrun --nproc-per-node 2 -m digitscope train best"""

COMMAND = Command(
    run,
    (
        Argument("recipe RECIPE", help="one of the recipes below"),
        *DATA,
        DEVICE,
        seed_of(f"the weights, the order and dropout (default: {COURSE_SEED}, or the resumed run's)"),
        Folder("--out", help="the run folder (default: the next runs/RECIPE-N)"),
        Flag(
            "--resume",
            help="continue the run in --out, or else the newest one, with the settings and the seed that it has; "
            "more --epochs extend a run whose learning rate is constant",
        ),
        Argument(
            "--start MODEL",
            help=f"start from the weights of a shipped network ({', '.join(SHIPPED)}) or of an .onnx file, "
            "which the same network was exported to; they are random otherwise",
        ),
        Folder(
            "--tensorboard",
            help="write the curves and the settings for TensorBoard too, into DIR and there the run folder's name",
        ),
        JSON,
    ),
    "train fc --hidden 128 --learning-rate 0.05",
    ABOUT,
    groups={
        "settings (default: the recipe's)": tuple(
            _flag_for(field.name, field.default, text, get_args(kind) or None)
            for field, kind, text in annotated_fields(TrainingSettings)
        ),
        "options of the model (default: the recipe's, then the model's)": tuple(
            _flag_for(name, default, f"of {', '.join(users)}", None)
            for name, (default, users) in _options().items()
        ),
    },
    needs=("matplotlib", "rich", "jinja2"),
)
