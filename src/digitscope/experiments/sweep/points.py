"""Which points a space has, and that each of them can be trained."""

from itertools import product
from math import prod
from typing import Any

import torch

from digitscope.errors import SettingError
from digitscope.experiments.recipes import SCRATCH
from digitscope.experiments.sweep.space import Axis, Choices, Point, Space, in_words
from digitscope.models import build

MOST_POINTS = 10_000


def one_factor_points(space: Space) -> list[Point]:
    """Return the baseline, then each other value of each setting with the baseline's of all others."""
    baseline = space.baseline
    changed = [
        {**baseline, name: value}
        for name, axis in space.axes.items()
        for value in _ends(axis)
        if value != baseline[name]
    ]
    return [baseline, *changed]


def grid_points(space: Space) -> list[Point]:
    """Return every combination of the values; of a range its two ends.

    Raises:
        SettingError: there are more than 10,000.
    """
    values = [_ends(axis) for axis in space.axes.values()]
    if (n := prod(map(len, values))) > MOST_POINTS:
        raise SettingError(
            f"{space.name} has {n:,} combinations: expected at most {MOST_POINTS:,}; leave some out"
        )
    return [dict(zip(space.axes, combination, strict=True)) for combination in product(*values)]


def check_points(space: Space) -> None:
    """Refuse a space that has a point which cannot be trained; of ranges the ends speak for what lies between.

    Raises:
        SettingError: a setting or the model's options are refused at a point, which the text names.
    """
    points = one_factor_points(space) if space.method == "one-factor" else grid_points(space)
    for point in points:
        recipe = space.recipe_at(point)
        if recipe.model == SCRATCH:
            continue
        try:
            with torch.device("meta"):  # shapes without numbers
                build(recipe.model, recipe.options)
        except SettingError as error:
            raise SettingError(f"{space.name}, at {in_words(point)}: {error}") from None


def _ends(axis: Axis) -> tuple[Any, ...]:
    return axis.values if isinstance(axis, Choices) else (axis.low, axis.high)
