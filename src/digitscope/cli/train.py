"""`digitscope train`: one run into a run folder."""

import argparse
import json
import os
import shlex
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, nullcontext, redirect_stderr, redirect_stdout
from dataclasses import asdict, fields, replace
from importlib import import_module
from pathlib import Path
from typing import Any, get_args

from digitscope.cli.arguments import (
    add_data,
    add_device,
    add_json,
    add_seed,
    annotated_fields,
    data_words,
    path_argument,
)
from digitscope.cli.console import StepBar, let_the_first_one_speak, print_table, remark, step_bar
from digitscope.cli.datasets import dataset_for, material_for, pens_for, single_digits
from digitscope.cli.run_report import epoch_header, epoch_row, write_run
from digitscope.data import COURSE_SEED, Dataset, has_two_digit
from digitscope.errors import DataError, DigitscopeError, SettingError
from digitscope.experiments.event_log import EventLog
from digitscope.experiments.recipes import RECIPES, SCRATCH, Recipe, get_recipe
from digitscope.experiments.run import Run, run_recipe
from digitscope.experiments.run_folder import read_recipe
from digitscope.models import MODELS, options_of
from digitscope.records import EpochRecord
from digitscope.scratch import ScratchSettings
from digitscope.training import TrainingSettings, is_first_process, processes_together

RUNS = Path("runs")

TOGETHER = """\
several processes, or machines, train one network on their CPUs; the result is that of one, up to rounding, without
dropout, whose masks differ:
  torchrun --nproc-per-node 2 -m digitscope train best
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments: the recipe, and a flag for every setting and every model option."""
    recipes = "\n".join(f"  {recipe.name:16} {recipe.summary}" for recipe in RECIPES.values())
    parser.epilog = (
        f"recipes:\n{recipes}\n\n{TOGETHER}\nexample: digitscope train fc --hidden 128 --learning-rate 0.05"
    )
    parser.add_argument("recipe", metavar="RECIPE", help="one of the recipes below")
    add_data(parser)
    add_device(parser)
    add_seed(
        parser, f"the weights, the order and dropout (default: {COURSE_SEED}, or the resumed run's)", default=None
    )
    parser.add_argument(
        "--out", type=path_argument, metavar="DIR", help="the run folder (default: the next runs/RECIPE-N)"
    )
    parser.add_argument(
        "--resume",
        action="store_true",
        help="continue the run in --out, or else the newest one, with the settings and the seed that it has; more "
        "--epochs extend a run whose learning rate is constant",
    )
    parser.add_argument(
        "--tensorboard",
        type=path_argument,
        metavar="DIR",
        help="write the curves and the settings for TensorBoard too, into DIR and there the run folder's name",
    )
    add_json(parser)
    _add_settings(parser.add_argument_group("settings (default: the recipe's)"))
    _add_options(parser.add_argument_group("options of the model (default: the recipe's, then the model's)"))
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Train, alone or with the processes that torchrun started, of which the first one speaks and writes."""
    with processes_together() as rank, ExitStack() as silent:
        if rank > 0:
            nowhere = silent.enter_context(Path(os.devnull).open("w", encoding="utf-8"))
            silent.enter_context(redirect_stdout(nowhere))
            silent.enter_context(redirect_stderr(nowhere))
        try:
            _run(options)
        except DigitscopeError:
            let_the_first_one_speak()  # while all are connected: none is to fail by another's end
            raise
    return 0


def _run(options: argparse.Namespace) -> None:
    """Train, score the test split, write the run folder with its curves, and say where it is."""
    import_module("matplotlib")  # it draws at the end: better missed before the training
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
        with step_bar() as bar, _event_log(options, recipe, folder) as log:
            trained = _train(recipe, dataset, options, folder, bar, log)
    except DigitscopeError:
        if options.out is None and is_first_process() and not any(folder.iterdir()):
            folder.rmdir()  # a run that is refused leaves nothing for --resume to find
        raise
    if not is_first_process():
        return
    test = trained.score(dataset.test)
    write_run(folder, trained, dataset, test)
    if options.tensorboard is not None:
        remark(f"TensorBoard: {shlex.join(['tensorboard', '--logdir', str(options.tensorboard)])}")
    if options.json:
        history = [asdict(record) for record in trained.history]
        print(json.dumps({"folder": str(folder), "history": history, "test_accuracy": test}))
    else:
        _print_history(trained)
        print(f"test {recipe.measure}: {test:.2%} of {len(dataset.test):,} images")
        print(f"{folder}: weights, state, metrics, curves.png and report.html")
        print(f"next: {_evaluation_of(folder, options)}")


def _train(
    recipe: Recipe, dataset: Dataset, options: argparse.Namespace, folder: Path, bar: StepBar, log: EventLog | None
) -> Run:
    settings = recipe.settings
    fresh = isinstance(settings, TrainingSettings) and settings.order == "fresh-pairs"
    singles = single_digits(options.data, options.unchecked) if fresh else None
    if dataset.train.task == "two-digit" and fresh and options.data is not None and has_two_digit(options.data):
        remark("validation: new pairs, but of digits met in training, as the course's files have them")
    try:
        pens = pens_for(settings, options.data)
    except DataError as error:
        raise DataError(f"{error}; --pens 0 trains without pen digits") from None

    def on_epoch(record: EpochRecord) -> None:
        bar.say(f"epoch {record.epoch} of {settings.epochs}: validation {record.validation_accuracy:.2%}")
        if log is not None:
            log.add(record)

    return run_recipe(
        recipe,
        dataset,
        seed=options.seed,
        device=options.device,
        singles=singles,
        pens=pens,
        material=material_for(settings, options.data, options.unchecked),
        folder=folder,
        resume=options.resume,
        on_start=lambda n_steps: bar.start(recipe.name, n_steps),
        on_batch=bar.step,
        on_epoch=on_epoch,
    )


def _event_log(
    options: argparse.Namespace, recipe: Recipe, folder: Path
) -> AbstractContextManager[EventLog | None]:
    if options.tensorboard is None or not is_first_process():
        return nullcontext()
    board = options.tensorboard / folder.resolve().name
    if board.exists() and not options.resume:
        raise SettingError(f"{board} has the curves of another run: name another --tensorboard or --out")
    return EventLog(board, recipe, options.seed)


def _print_history(trained: Run) -> None:
    rows = [epoch_row(record) for record in trained.history]
    print_table(f"{trained.recipe.name}, seed {trained.seed}", epoch_header(trained.recipe), rows)


def _evaluation_of(folder: Path, options: argparse.Namespace) -> str:
    """Return the command that scores the run on the data it was trained with."""
    return shlex.join(["digitscope", "evaluate", str(folder), *data_words(options)])


def _newest(recipe: str) -> Path:
    """Return the numbered folder of `recipe` with the highest number.

    Raises:
        SettingError: there is none.
    """
    numbers = _numbers(recipe)
    if not numbers:
        raise SettingError(f"{RUNS}: no run of {recipe} to resume: name its folder with --out")
    return RUNS / f"{recipe}-{max(numbers)}"


def _claim_next(recipe: str) -> Path:
    """Make and return the next numbered folder of `recipe`; runs that start together get one each."""
    RUNS.mkdir(exist_ok=True)
    number = max(_numbers(recipe), default=0)
    while True:
        number += 1
        folder = RUNS / f"{recipe}-{number}"
        try:
            folder.mkdir()
        except FileExistsError:
            continue
        return folder


def _numbers(recipe: str) -> list[int]:
    endings = (path.name.removeprefix(f"{recipe}-") for path in RUNS.glob(f"{recipe}-*"))
    return [int(ending) for ending in endings if ending.isdecimal()]


def _add_settings(group: Any) -> None:
    for field, kind, text in annotated_fields(TrainingSettings):
        _add_flag(group, field.name, field.default, text, get_args(kind) or None)


def _add_options(group: Any) -> None:
    for name, default in _model_options():
        users = ", ".join(_users(name))
        _add_flag(group, name, default, f"of {users}", None)


def _model_options() -> Iterator[tuple[str, Any]]:
    """Yield every option that some model has, once, with a default of its type; `scratch` has them as settings."""
    merged: dict[str, Any] = {}
    for model in MODELS:
        merged |= options_of(model)
    known = {field.name for field in fields(TrainingSettings)}
    merged |= {field.name: field.default for field in fields(ScratchSettings) if field.name not in known}
    yield from merged.items()


def _users(option: str) -> Iterator[str]:
    """Yield the models that have `option`."""
    yield from (model for model in MODELS if option in options_of(model))
    if option in (field.name for field in fields(ScratchSettings)):
        yield SCRATCH


def _add_flag(group: Any, name: str, default: Any, help_text: str, choices: tuple[str, ...] | None) -> None:
    flag = f"--{name.replace('_', '-')}"
    if isinstance(default, bool):
        group.add_argument(flag, action=argparse.BooleanOptionalAction, help=help_text)
        return
    kind = _units if isinstance(default, tuple) else type(default)
    metavar = None if choices else {int: "N", float: "X", str: "NAME", _units: "N[,N...]"}[kind]
    group.add_argument(flag, type=kind, choices=choices, metavar=metavar, help=help_text)


def _units(text: str) -> tuple[int, ...]:
    """Return the units of hidden layers: (512, 256) for "512,256"."""
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r}: expected a whole number, or 512,256 for scratch") from None


def _changes(options: argparse.Namespace, recipe: Recipe) -> dict[str, Any]:
    """Return the settings and options that the call names."""
    names = [field.name for field in fields(TrainingSettings)] + [name for name, _ in _model_options()]
    changes = {name: getattr(options, name) for name in names if getattr(options, name) is not None}
    if recipe.model != SCRATCH and len(changes.get("hidden", ())) == 1:
        (changes["hidden"],) = changes[
            "hidden"
        ]  # the networks of PyTorch have one hidden layer, and name its units
    return changes
