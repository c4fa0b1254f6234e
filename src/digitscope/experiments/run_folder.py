"""The configuration in a run folder: what a run was made of, and which run may go on there."""

import hashlib
import json
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch

from digitscope.data.hands import Material
from digitscope.data.pen_digits import PenDigits
from digitscope.data.splits import Dataset
from digitscope.data.typeset import print_fonts
from digitscope.errors import DataError, SettingError
from digitscope.experiments.machine import describe_machine
from digitscope.experiments.recipes import SCRATCH, Recipe, settings_type
from digitscope.files import write_text
from digitscope.training import is_first_process, n_processes

CONFIG_FILE = "config.json"
METRICS_FILE = "metrics.jsonl"
WEIGHTS_FILE = "model.safetensors"
STATE_FILE = "state.safetensors"

RENAMED = MappingProxyType(
    {"focus": "hard_example_weight", "plain_epochs": "epochs_without_augmentation", "non_digits": "negatives"}
)
"""Settings of older runs, and their names now."""


def describe_run(
    recipe: Recipe,
    dataset: Dataset,
    seed: int,
    singles: Dataset | None = None,
    pens: PenDigits | None = None,
    material: Material | None = None,
    start: Path | None = None,
) -> dict[str, Any]:
    """Return the content of config.json: every setting, the seed, the data and the versions.

    The arguments are those of `run_recipe`; what the recipe does not use is None.
    """
    threads = {} if recipe.model == SCRATCH else {"threads": torch.get_num_threads(), "processes": n_processes()}
    data: dict[str, Any] = {"name": dataset.name, "sha256": dataset.sha256()}
    if singles is not None:
        data |= {"singles": singles.name, "singles_sha256": singles.sha256()}
    if pens is not None:
        data |= {"pens_sha256": pens.sha256}
    if material is not None:
        data |= {"material_sha256": material.sha256(), "fonts": [Path(path).name for path in print_fonts()]}
    if start is not None:
        data |= {"start_sha256": hashlib.sha256(start.read_bytes()).hexdigest()}
    return {
        "recipe": recipe.name,
        "summary": recipe.summary,
        "task": recipe.task,
        **recipe.described(),
        "seed": seed,
        "data": data,
        "machine": {**describe_machine(), **threads},
    }


def open_folder(folder: Path, config: dict[str, Any], *, resume: bool) -> None:
    """Begin the run that `config` describes, or check that it is the one in the folder and may go on.

    It may have more epochs than it began with. Of processes that train together the first one writes.

    Raises:
        SettingError: the folder holds a run, or to resume, another run, or it cannot have more epochs.
        DataError: there is no run to resume, or its configuration is damaged.
    """
    if not resume:
        if (folder / CONFIG_FILE).exists() and is_first_process():
            raise SettingError(f"{folder} already holds a run: name another folder with --out, or pass --resume")
    else:
        kept = read_config(folder)
        _check_same_run(folder, kept, config)
        if kept["settings"]["epochs"] == config["settings"]["epochs"]:
            return
        epochs = config["settings"]["epochs"]
        config = {**kept, "settings": {**kept["settings"], "epochs": epochs}}
    if is_first_process():
        write_text(folder / CONFIG_FILE, json.dumps(config, indent=2) + "\n")


def _check_same_run(folder: Path, kept: dict[str, Any], config: dict[str, Any]) -> None:
    """Refuse to go on where something differs that decides the bytes of a run."""
    found, asked = _what_decides(kept), _what_decides(json.loads(json.dumps(config)))
    defaults = settings_type(config["model"])().as_dict()
    for name, value in asked.items():
        had = found.get(name, defaults.get(name))  # a setting that the run does not know yet was as by default
        if name == "epochs" and isinstance(had, int) and had < value:
            settings = config["settings"]
            if settings.get("schedule") != "constant" or settings["epochs_without_augmentation"]:
                raise SettingError(
                    f"{folder} holds a run planned for {had} epochs (its learning rate falls over them, or its "
                    "last ones warp nothing): train anew with another --out"
                )
        elif had != value:
            raise SettingError(
                f"{folder} holds a run whose {name} is {had}, not {value}: "
                "resume with the same, or name another --out"
            )


def read_recipe(folder: Path) -> tuple[Recipe, int]:
    """Return the recipe of the run in `folder`, with every change that was applied, and its seed.

    Raises:
        DataError: the folder holds no run, or its configuration is damaged.
    """
    config = read_config(folder)
    try:
        recipe = Recipe(
            name=config["recipe"],
            summary=config["summary"],
            model=config["model"],
            settings=settings_type(config["model"])(**config["settings"]),
            options=config["options"],
            task=config.get("task", "digit"),
        )
        recipe.check_options()
        return recipe, int(config["seed"])
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise DataError(f"{folder / CONFIG_FILE}: not a run's configuration ({error})") from None


def read_config(folder: Path) -> dict[str, Any]:
    """Return the content of config.json, of which settings, options and data are sure to be there.

    Raises:
        DataError: the folder holds no run, or its configuration is damaged.
    """
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
    content["settings"] = {RENAMED.get(name, name): value for name, value in content["settings"].items()}
    return content


def _what_decides(config: dict[str, Any]) -> dict[str, Any]:
    """Return by name all that the bytes of a run are a function of."""
    named = {name: config.get(name) for name in ("recipe", "model", "seed")}
    hashes = ("sha256", "singles_sha256", "pens_sha256", "material_sha256", "fonts", "start_sha256")
    data = {f"data's {name}": config["data"].get(name) for name in hashes}
    return {**named, **config["settings"], **config["options"], **data}
