"""One training run, from a recipe to a run folder and back."""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from digitscope.data.batches import BatchSource, FixedOrder, FreshPairs, Reshuffled, course_order
from digitscope.data.splits import Dataset
from digitscope.errors import DataError, SettingError
from digitscope.experiments.machine import describe_machine
from digitscope.experiments.recipes import Recipe, Task
from digitscope.files import write_text
from digitscope.models import build, options_of
from digitscope.records import EpochRecord, read_history, write_history
from digitscope.training import (
    TrainingSettings,
    TrainingState,
    cpu_threads,
    keep_freed_memory,
    load_state,
    load_weights,
    place,
    save_state,
    save_weights,
    train,
)

CONFIG_FILE = "config.json"
METRICS_FILE = "metrics.jsonl"
WEIGHTS_FILE = "model.safetensors"
STATE_FILE = "state.safetensors"


@dataclass(frozen=True)
class Run:
    """A trained network and how it came about.

    Attributes:
        recipe: with every change applied.
        seed: of the weights, the order of the examples and dropout.
        model: the network after the last epoch, in evaluation mode.
        history: one record an epoch.
        data_sha256: the hash of the data it was trained and validated on.
    """

    recipe: Recipe
    seed: int
    model: nn.Module
    history: tuple[EpochRecord, ...]
    data_sha256: str


def run_recipe(
    recipe: Recipe,
    dataset: Dataset,
    *,
    seed: int,
    device: str = "auto",
    singles: Dataset | None = None,
    folder: Path | None = None,
    resume: bool = False,
    on_start: Callable[[int], None] = lambda _: None,
    on_batch: Callable[[], None] = lambda: None,
    on_epoch: Callable[[EpochRecord], None] = lambda _: None,
) -> Run:
    """Train `recipe` on `dataset`, and keep the run in `folder` if one is given.

    Args:
        recipe: what to train and how.
        dataset: single digits or pairs, as the recipe's task says.
        seed: the run is a function of it, the recipe and the data; on the CPU of one machine with one number of
            threads, to the byte of every weight.
        device: "auto", "cpu", "cuda" or "mps".
        singles: the single digits from which "fresh-pairs" makes its pairs.
        folder: where the run folder goes; it holds a resumable state after every epoch.
        resume: continue the run in `folder` after its last epoch.
        on_start: told the number of steps that are to be taken.
        on_batch: called after every step.
        on_epoch: called after every epoch, when its checkpoint is on disk.

    Raises:
        SettingError: a setting, the device, data of another task, or a folder that holds another run.
        DataError: the folder to resume from is damaged.
    """
    _check_task(recipe, dataset)
    source = make_source(recipe.settings, dataset, singles, seed)
    keep_freed_memory()
    with torch.random.fork_rng(devices=[]), cpu_threads(recipe.settings.threads):
        torch.manual_seed(seed)
        model = place(build(recipe.model, recipe.options), device)
        state = TrainingState.start(model, recipe.settings)
        if folder is not None:
            config = describe_run(recipe, dataset, seed)
            _resume(folder, config, state) if resume else _begin(folder, config)
        on_start((recipe.settings.epochs - len(state.history)) * source.n_batches)

        def after_epoch(record: EpochRecord) -> None:
            if folder is not None:
                _keep(folder, state)
            on_epoch(record)

        train(
            state,
            source,
            dataset.validation,
            recipe.settings,
            seed=seed,
            on_batch=on_batch,
            on_epoch=after_epoch,
        )
    return Run(recipe, seed, state.trained.eval(), tuple(state.history), dataset.sha256())


def make_source(settings: TrainingSettings, dataset: Dataset, singles: Dataset | None, seed: int) -> BatchSource:
    """Return the training examples in the order that the settings name.

    Raises:
        SettingError: "fresh-pairs" without single digits to make them from, a batch above the training set,
            or a seed that not every generator takes.
    """
    if not 0 <= seed < 2**32:
        raise SettingError(f"seed is {seed}: expected a whole number from 0 to {2**32 - 1}")
    if settings.order == "fixed":
        return FixedOrder(course_order(dataset.train, seed), settings.batch_size)
    if settings.order == "reshuffled":
        return Reshuffled(dataset.train, settings.batch_size, settings.augmentation)
    if singles is None:
        raise SettingError(
            "order is 'fresh-pairs', but there are no single digits to make pairs from: use reshuffled"
        )
    return FreshPairs(singles.train, settings.batch_size, len(dataset.train), settings.augmentation)


def describe_run(recipe: Recipe, dataset: Dataset, seed: int) -> dict[str, Any]:
    """Return the content of config.json: every setting, the seed, the data and the versions."""
    return {
        "recipe": recipe.name,
        "summary": recipe.summary,
        "task": recipe.task,
        "model": recipe.model,
        "options": {**options_of(recipe.model), **recipe.options},
        "settings": asdict(recipe.settings),
        "seed": seed,
        "data": {"name": dataset.name, "sha256": dataset.sha256()},
        "machine": {**describe_machine(), "threads": torch.get_num_threads()},
    }


def load_run(folder: Path) -> Run:
    """Read a run folder back, the model on the CPU.

    Raises:
        DataError: a file of it is missing or damaged.
    """
    recipe, seed = read_recipe(folder)
    model = place(build(recipe.model, recipe.options), "cpu")
    load_weights(folder / WEIGHTS_FILE, model)
    data_sha256 = str(_read_config(folder)["data"].get("sha256"))
    return Run(recipe, seed, model.eval(), read_history(folder / METRICS_FILE), data_sha256)


def read_recipe(folder: Path) -> tuple[Recipe, int]:
    """Return the recipe of the run in `folder`, with every change that was applied, and its seed.

    Raises:
        DataError: the folder holds no run, or its configuration is damaged.
    """
    config = _read_config(folder)
    try:
        recipe = Recipe(
            name=config["recipe"],
            summary=config["summary"],
            model=config["model"],
            settings=TrainingSettings(**config["settings"]),
            options=config["options"],
        )
        build(recipe.model, recipe.options)
        return recipe, int(config["seed"])
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise DataError(f"{folder / CONFIG_FILE}: not a run's configuration ({error})") from None


def _keep(folder: Path, state: TrainingState) -> None:
    save_weights(folder / WEIGHTS_FILE, state.trained)
    write_history(folder / METRICS_FILE, state.history)
    save_state(folder / STATE_FILE, state)  # last: a resume repeats an epoch that it does not hold


def _check_task(recipe: Recipe, dataset: Dataset) -> None:
    found: Task = "digit" if dataset.train.labels.ndim == 1 else "two-digit"
    if found != recipe.task:
        raise SettingError(
            f"the recipe {recipe.name!r} is for the task {recipe.task!r}, but {dataset.name} is for {found!r}"
        )


def _begin(folder: Path, config: dict[str, Any]) -> None:
    if (folder / CONFIG_FILE).exists():
        raise SettingError(f"{folder} already holds a run: name another folder with --out, or pass --resume")
    write_text(folder / CONFIG_FILE, json.dumps(config, indent=2) + "\n")


def _resume(folder: Path, config: dict[str, Any], state: TrainingState) -> None:
    found, asked = _what_decides(_read_config(folder)), _what_decides(config)
    for name, value in asked.items():
        if found.get(name) != value:
            raise SettingError(
                f"{folder} holds a run whose {name} is {found.get(name)}, not {value}: "
                "resume with the same, or name another --out"
            )
    if (folder / STATE_FILE).exists():  # it does not before the first epoch has ended
        load_state(folder / STATE_FILE, state)


def _what_decides(config: dict[str, Any]) -> dict[str, Any]:
    """Return by name all that the bytes of a run are a function of."""
    named = {name: config.get(name) for name in ("recipe", "model", "seed")}
    data = {"data's sha256": config["data"].get("sha256")}
    return {**named, **config["settings"], **config["options"], **data}


def _read_config(folder: Path) -> dict[str, Any]:
    path = folder / CONFIG_FILE
    if not path.is_file():
        raise DataError(f"{folder}: no run is here: expected a folder with {CONFIG_FILE}, as train makes")
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: not a run's configuration ({error}): expected a folder made by train") from None
    if not isinstance(content, dict) or not all(
        isinstance(content.get(part), dict) for part in ("settings", "options", "data")
    ):
        raise DataError(
            f"{path}: not a run's configuration: expected a JSON object with settings, options and data"
        )
    return content
