"""Search spaces: a baseline, the settings that vary, and the method."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

from digitscope.data import COURSE_SEED
from digitscope.errors import SettingError
from digitscope.experiments.recipes import Recipe, default_options

MethodName = Literal["one-factor", "grid", "tpe"]
Point = Mapping[str, Any]
"""One value for each setting that varies, in the order of the space."""

MOST_SEEDS, MOST_TRIALS = 1_000, 10_000


@dataclass(frozen=True)
class Choices:
    """The values that a setting takes.

    Raises:
        SettingError: there is none, or one of them twice.
    """

    values: tuple[Any, ...]

    def __post_init__(self) -> None:
        if not self.values or len(set(self.values)) < len(self.values):
            raise SettingError(f"the values {', '.join(map(str, self.values))}: expected one or more, each once")


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
    def whole(self) -> bool:
        """Whether it is of whole numbers."""
        return type(self.low) is int and type(self.high) is int


Axis = Choices | Range


@dataclass(frozen=True)
class Space:
    """A baseline and what to try beside it.

    Attributes:
        name: what people call it.
        recipe: the baseline: a recipe with its changes.
        axes: the settings that vary. With "one-factor" their values are tried beside the baseline's own.
        method: "one-factor" changes one setting of the baseline at a time; "grid" tries all combinations; "tpe"
            searches near the best ones (Bergstra et al. 2011) and stops trainings that fall behind.
        n_seeds: trainings of each point.
        seed: for the first training of a point and for "tpe"; the next trainings have seed + 1, seed + 2, ...
        n_trials: the number of points that "tpe" tries.

    Raises:
        SettingError: nothing varies, what varies is no setting of the recipe, a range without "tpe", a number
            out of range, or a recipe that makes pages.
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
        for name, value, most in (("seeds", self.n_seeds, MOST_SEEDS), ("trials", self.n_trials, MOST_TRIALS)):
            if type(value) is not int or not 1 <= value <= most:
                raise SettingError(f"{name} is {value!r}: expected a whole number from 1 to {most}")
        if type(self.seed) is not int or not 0 <= self.seed <= 2**32 - self.n_seeds:
            raise SettingError(f"seed is {self.seed!r}: expected a whole number from 0 to {2**32 - self.n_seeds}")
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
    def seeds(self) -> tuple[int, ...]:
        """The seeds that each point is trained with, the same for all of them."""
        return tuple(range(self.seed, self.seed + self.n_seeds))

    @property
    def baseline(self) -> Point:
        """The baseline's own values of what varies."""
        return {name: setting_of(self.recipe, name) for name in self.axes}

    @property
    def measure(self) -> str:
        """Its accuracy measure, in words; see `Recipe.measure`."""
        return self.recipe.measure

    def recipe_at(self, point: Point) -> Recipe:
        """Return the recipe of `point`.

        Raises:
            SettingError: it is refused; the text names the point.
        """
        try:
            return self.recipe.with_changes(point)
        except SettingError as error:
            raise SettingError(f"{self.name}, at {in_words(point)}: {error}") from None

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
            "model": self.recipe.model,
            "options": {**default_options(self.recipe.model), **self.recipe.options},
            "settings": self.recipe.settings.as_dict(),
            "vary": {name: asdict(axis) for name, axis in self.axes.items()},
            "method": self.method,
            "seed": self.seed,
            "seeds": self.n_seeds,
            "trials": self.n_trials if self.method == "tpe" else None,
        }


def setting_of(recipe: Recipe, name: str) -> Any:
    """Return the value that a setting or a model's option has in `recipe`.

    Raises:
        SettingError: there is none of that name.
    """
    values = {**default_options(recipe.model), **recipe.options, **recipe.settings.as_dict()}
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
