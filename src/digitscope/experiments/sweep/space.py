"""Search spaces: a baseline, what varies, the method, and the points that these make, from files and words."""

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.resources import files
from itertools import product
from math import prod
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np

from digitscope.data import COURSE_SEED
from digitscope.errors import DataError, SettingError
from digitscope.experiments.recipes import RECIPES, Recipe, get_recipe

MethodName = Literal["one-factor", "grid", "tpe"]
Point = Mapping[str, Any]
"""One value for each setting that varies, in the order of the space."""

MOST_SEEDS, MOST_TRIALS, MOST_POINTS = 1_000, 10_000, 10_000
TRIES = 200
"""Combinations that are drawn in search of one that has a value and can be trained."""

_FIELDS = {"method": "method", "seeds": "n_seeds", "seed": "seed", "trials": "n_trials"}
"""Keys of a file or a call other than settings, and the fields of `Space` that they set."""

_KEYS = ("recipe", *_FIELDS, "baseline", "vary")
_RANGE = re.compile(r"([^.:,]+(?:\.[^.:,]+)?)\.\.([^:,]+)(:log)?")
_FOLDER = files("digitscope.experiments.sweep").joinpath("spaces")

SHIPPED = tuple(sorted(Path(entry.name).stem for entry in _FOLDER.iterdir() if entry.name.endswith(".toml")))
"""The names of the spaces that come with the package."""


@dataclass(frozen=True)
class Choices:
    """The values that a setting takes.

    Raises:
        SettingError: there is none, or one of them twice.
    """

    values: tuple[Any, ...]

    def __post_init__(self) -> None:
        if not self.values or len(set(self.values)) < len(self.values):
            raise SettingError(f"the values {self}: expected one or more, each once")

    def __str__(self) -> str:
        return ", ".join(map(value_in_words, self.values))

    @property
    def ends(self) -> tuple[Any, ...]:
        """All values."""
        return self.values


@dataclass(frozen=True)
class Range:
    """Numbers from `low` to `high`, both included, whole ones if both are; drawn evenly, on a `log` scale or not.

    Raises:
        SettingError: they are no numbers, `low` is not below `high`, or `log` has no place to begin.
    """

    low: float
    high: float
    log: bool = False

    def __post_init__(self) -> None:
        if not all(type(end) in (int, float) and abs(end) < float("inf") for end in (self.low, self.high)):
            raise SettingError(f"the range {self}: expected two numbers")
        if self.low >= self.high or type(self.log) is not bool:
            raise SettingError(f"the range {self}: expected its low end below its high end")
        if self.log and self.low <= 0:
            raise SettingError(f"the range {self}: expected it to begin above 0, for a log scale")

    def __str__(self) -> str:
        return f"{self.low}..{self.high}{':log' if self.log else ''}"

    @property
    def ends(self) -> tuple[float, float]:
        """Its two ends, which stand for all that lies between."""
        return self.low, self.high

    @property
    def whole(self) -> bool:
        """Whether it is of whole numbers."""
        return type(self.low) is int and type(self.high) is int


Axis = Choices | Range


@dataclass(frozen=True)
class Space:
    """A baseline and what to try beside it.

    Attributes:
        name: what people call it.
        recipe: the baseline.
        axes: what varies. With "one-factor" the values are tried beside the baseline's own.
        method: "one-factor" changes one setting of the baseline at a time; "grid" tries all combinations; "tpe"
            searches near the best ones (Bergstra et al. 2011) and stops trainings that fall behind.
        n_seeds: trainings of each point.
        seed: of the first one, and for "tpe"; the next ones have seed + 1, seed + 2, ...
        n_trials: points that "tpe" tries.

    Raises:
        SettingError: what varies or a number is refused, or the recipe makes pages.
    """

    name: str
    recipe: Recipe
    axes: Mapping[str, Axis]
    method: MethodName = "one-factor"
    n_seeds: int = 1
    seed: int = COURSE_SEED
    n_trials: int = 20

    def __post_init__(self) -> None:
        if self.method not in get_args(MethodName):
            raise SettingError(f"method is {self.method!r}: expected one of {', '.join(get_args(MethodName))}")
        check_seeds(self.seed, self.n_seeds)
        _check_number("trials", self.n_trials, 1, MOST_TRIALS)
        if self.recipe.task == "page":
            raise SettingError(f"{self.name}: a sweep makes no pages to train on: expected a recipe for digits")
        if not self.axes:
            raise SettingError(f"{self.name}: nothing varies: expected values such as learning_rate=0.1,0.01")
        for name, axis in self.axes.items():
            setting_of(self.recipe, name)
            if isinstance(axis, Range) and self.method != "tpe":
                raise SettingError(
                    f"{name} is the range {axis}, which {self.method} cannot go through: expected values, or tpe"
                )

    @property
    def seeds(self) -> range:
        """The seeds that each point is trained with."""
        return range(self.seed, self.seed + self.n_seeds)

    @property
    def baseline(self) -> Point:
        """The baseline's values of what varies."""
        return {name: setting_of(self.recipe, name) for name in self.axes}

    @property
    def parameters(self) -> Mapping[str, Axis]:
        """All values that a point may have: with "one-factor" the baseline's own too."""
        if self.method != "one-factor":
            return self.axes
        own = self.baseline
        return {name: Choices(tuple(dict.fromkeys((own[name], *axis.ends)))) for name, axis in self.axes.items()}

    def points(self) -> list[Point]:
        """Return the points of a method that knows them all, in order: of a range its two ends.

        With "one-factor" they are the baseline, then each other value of each setting with the baseline's of all
        others; else every combination.

        Raises:
            SettingError: there are more than 10,000 combinations.
        """
        if self.method == "one-factor":
            baseline = self.baseline
            values = [(name, value) for name, axis in self.parameters.items() for value in axis.ends]
            return [baseline, *({**baseline, name: value} for name, value in values if value != baseline[name])]
        ends = [axis.ends for axis in self.axes.values()]
        if (n := prod(map(len, ends))) > MOST_POINTS:
            raise SettingError(
                f"{self.name} has {n:,} combinations: expected at most {MOST_POINTS:,} for grid; "
                "leave some out, or search with tpe"
            )
        return [dict(zip(self.axes, combination, strict=True)) for combination in product(*ends)]

    @property
    def measure(self) -> str:
        """Its accuracy measure, in words; see `Recipe.measure`."""
        return self.recipe.measure

    def label(self, point: Point) -> str:
        """Return what people call `point`: with "one-factor" its difference from the baseline, else all of it."""
        if self.method != "one-factor":
            return in_words(point)
        changed = {name: value for name, value in point.items() if value != self.baseline[name]}
        return in_words(changed) or "baseline"

    def described(self) -> dict[str, Any]:
        """Return all that decides which points there are, ready for JSON."""
        return {
            "recipe": self.recipe.name,
            **self.recipe.described(),
            "vary": {name: asdict(axis) for name, axis in self.axes.items()},
            "method": self.method,
            "seed": self.seed,
            "seeds": self.n_seeds,
            "trials": self.n_trials if self.method == "tpe" else None,
        }


def check_seeds(seed: int, n_seeds: int) -> None:
    """Check a number of seeds, and the first one.

    Raises:
        SettingError: one of them is out of range.
    """
    _check_number("seeds", n_seeds, 1, MOST_SEEDS)
    _check_number("seed", seed, 0, 2**32 - n_seeds)


def _check_number(name: str, value: Any, least: int, most: int) -> None:
    if type(value) is not int or not least <= value <= most:
        raise SettingError(f"{name} is {value!r}: expected a whole number from {least} to {most}")


def check_points(space: Space) -> None:
    """Check that the points of `space` can be trained; of a range only the ends count.

    "tpe" can draw too many combinations to check. So each value must only have one combination that can be
    trained; drawn combinations are checked when they are drawn.

    Raises:
        SettingError: a setting or the model's options are refused at a point, which the text names.
    """
    if space.method != "tpe":
        for point in space.points():
            if reason := refusal(space, point):
                raise SettingError(reason)
        return
    for name, axis in space.axes.items():
        for value in axis.ends:
            reason = refusal(space, {**space.baseline, name: value})
            if reason and all(refusal(space, {**drawn, name: value}) for drawn in _drawn(space)):
                raise SettingError(reason)


def _drawn(space: Space) -> Iterator[Point]:
    """Yield combinations of values, the same ones in each call."""
    generator = np.random.default_rng(space.seed)
    for _ in range(TRIES):
        yield {name: axis.ends[generator.integers(len(axis.ends))] for name, axis in space.axes.items()}


def refusal(space: Space, point: Point) -> str:
    """Return why the recipe does not take `point`, which the text names; nothing if it does."""
    try:
        space.recipe.with_changes(point).check_options()
    except SettingError as error:
        return f"{space.name}, at {in_words(point)}: {error}"
    return ""


def setting_of(recipe: Recipe, name: str) -> Any:
    """Return the value that a setting or a model's option has in `recipe`.

    Raises:
        SettingError: there is none of that name.
    """
    values = {**recipe.all_options, **recipe.settings.as_dict()}
    if name not in values:
        raise SettingError(
            f"the recipe {recipe.name!r} has no setting {name!r}: expected one of {', '.join(values)}"
        )
    return values[name]


def in_words(values: Mapping[str, Any]) -> str:
    """Return settings as people read them: "batch size 64, learning rate 0.0123"."""
    return ", ".join(f"{name.replace('_', ' ')} {value_in_words(value)}" for name, value in values.items())


def value_in_words(value: object) -> str:
    """Return a value as people read it: three digits of a fraction, the units of layers with a dash between."""
    if isinstance(value, float):
        return f"{value:.3g}"
    return "-".join(map(str, value)) if isinstance(value, tuple) else str(value)


def as_scalar(value: Any) -> Any:
    """Return a value as tables and Optuna have it: the units of layers in words."""
    return value_in_words(value) if isinstance(value, tuple) else value


# Spaces as files and as words of the command line


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
    baseline, vary = content.get("baseline", {}), content.get("vary", {})
    for assignment in assignments:
        name, value = _parse_assignment(assignment)
        if isinstance(value, Range) or len(value) > 1:
            vary[name] = value
        else:
            vary.pop(name, None)
            (baseline[name],) = value
    fixed = {name: _like(setting_of(recipe, name), value) for name, value in baseline.items()}
    said = {key: content[key] for key in _FIELDS if key in content}
    said |= {key: value for key, value in named.items() if value is not None}
    recipe = recipe.with_changes(fixed)
    axes = {name: _axis(recipe, name, value) for name, value in vary.items()}
    return Space(Path(source).stem, recipe, axes, **{_FIELDS[key]: value for key, value in said.items()})


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
