"""Load a space from a TOML file, a shipped file or a recipe, with the command line's changes."""

import re
import tomllib
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

from digitscope.errors import DataError, SettingError
from digitscope.experiments.recipes import RECIPES, Recipe, get_recipe
from digitscope.experiments.sweep.space import Axis, Choices, Range, Space, setting_of

NAMES: Mapping[str, str] = {"method": "method", "seeds": "n_seeds", "seed": "seed", "trials": "n_trials"}
"""Keys of a file or a call other than settings, and the fields of `Space` that they set."""

_KEYS = ("recipe", *NAMES, "baseline", "vary")
_FOLDER = files("digitscope.experiments.sweep").joinpath("spaces")
_RANGE = re.compile(r"([^.:,]+(?:\.[^.:,]+)?)\.\.([^:,]+)(:log)?")

SHIPPED = tuple(sorted(Path(entry.name).stem for entry in _FOLDER.iterdir() if entry.name.endswith(".toml")))
"""The names of the spaces that come with the package."""


def load_space(source: str, assignments: Sequence[str] = (), **named: Any) -> Space:
    """Return the space that `source` names, with what a call changes.

    Args:
        source: a file that ends in .toml, a name in `SHIPPED`, or a recipe of which nothing varies yet.
        assignments: "epochs=3" changes the baseline, "momentum=0,0.9" and "learning_rate=0.01..1:log" say what
            varies; each replaces what the source says of that setting.
        named: method, seeds, seed and trials; None leaves what the source says.

    Raises:
        DataError: the file cannot be read, or is no TOML.
        SettingError: the source is unknown, or says something that no space has.
    """
    content = _content(source)
    for key, value in content.items():
        if key not in _KEYS:
            raise SettingError(f"{source}: {key!r} is no part of a space: expected {', '.join(_KEYS)}")
        if key in ("baseline", "vary") and not isinstance(value, dict):
            raise SettingError(f"{source}: {key} is {value!r}: expected a table of settings under [{key}]")
    recipe = get_recipe(str(content.get("recipe")))
    baseline, vary = dict(content.get("baseline", {})), dict(content.get("vary", {}))
    for assignment in assignments:
        name, value = _parse_assignment(assignment)
        if isinstance(value, Range) or len(value) > 1:
            vary[name] = value
        else:
            vary.pop(name, None)
            (baseline[name],) = value
    fixed = {name: _like(setting_of(recipe, name), value) for name, value in baseline.items()}
    said = {key: content[key] for key in NAMES if key in content}
    said |= {key: value for key, value in named.items() if value is not None}
    recipe = recipe.with_changes(fixed)
    axes = {name: _axis(recipe, name, value) for name, value in vary.items()}
    return Space(Path(source).stem, recipe, axes, **{NAMES[key]: value for key, value in said.items()})


def _content(source: str) -> dict[str, Any]:
    if source in RECIPES:
        return {"recipe": source}
    if source not in SHIPPED and not source.endswith(".toml"):
        raise SettingError(
            f"no space is called {source!r}: expected a file that ends in .toml, one of {', '.join(SHIPPED)}, "
            f"or a recipe: {', '.join(RECIPES)}"
        )
    file = _FOLDER.joinpath(f"{source}.toml") if source in SHIPPED else Path(source)
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise DataError(
            f"{source}: cannot be read ({error.strerror or error}): expected a space in TOML"
        ) from None
    except ValueError as error:
        raise DataError(f"{source}: not a space in TOML ({error})") from None


def _axis(recipe: Recipe, name: str, value: object) -> Axis:
    """Return what a file or a call says of a setting that varies, its numbers of the type that the setting has."""
    like = setting_of(recipe, name)
    try:
        if isinstance(value, list):
            return Choices(tuple(_like(like, each) for each in value))
        if isinstance(value, dict):
            value = Range(**value)
        if isinstance(value, Range):
            return Range(_like(like, value.low), _like(like, value.high), value.log)
    except (TypeError, SettingError) as error:
        raise SettingError(f"{name}: {error}") from None
    raise SettingError(
        f"{name} is {value!r}: expected a list of values, or {{ low = 0.01, high = 1.0, log = true }}"
    )


def _like(example: object, value: Any) -> Any:
    """Return `value` as the type of `example`, where TOML has another: 1 for 1.0, [512, 256] for layers."""
    if isinstance(example, float) and type(value) is int:
        return float(value)
    if isinstance(example, tuple):
        return tuple(value) if isinstance(value, list) else (value,)
    return value


def _parse_assignment(text: str) -> tuple[str, list[Any] | Range]:
    """Return the setting and what it is to be: one value or more, or a range."""
    name, separator, value = text.partition("=")
    if not (name and separator and value):
        raise SettingError(f"{text!r} changes nothing: expected SETTING=VALUE, such as learning_rate=0.1,0.01")
    name = name.strip().replace("-", "_")
    if bounds := _RANGE.fullmatch(value):
        return name, Range(_as_toml(bounds[1]), _as_toml(bounds[2]), bounds[3] is not None)
    several = _as_toml(f"[{value}]")
    return name, several if isinstance(several, list) else [_as_toml(part) for part in value.split(",")]


def _as_toml(text: str) -> Any:
    """Return a value written as in TOML; what is none is a word."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text
