"""Which points a space has, and that each of them can be trained."""

from collections.abc import Iterator
from itertools import product
from math import prod
from typing import Any

import numpy as np
import torch

from digitscope.errors import SettingError
from digitscope.experiments.recipes import SCRATCH
from digitscope.experiments.sweep.space import Axis, Choices, Point, Space, in_words
from digitscope.models import build

MOST_POINTS = 10_000
TRIES = 200
"""Combinations that are drawn in search of one that has a value and can be trained."""


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
            f"{space.name} has {n:,} combinations: expected at most {MOST_POINTS:,} for grid; "
            "leave some out, or search with tpe"
        )
    return [dict(zip(space.axes, combination, strict=True)) for combination in product(*values)]


def check_points(space: Space) -> None:
    """Refuse a space with a point that cannot be trained; ranges are checked at their ends.

    "tpe" can draw too many combinations to check. So each value must only have one combination that can be
    trained; drawn combinations are checked when they are drawn.

    Raises:
        SettingError: a setting or the model's options are refused at a point, which the text names.
    """
    if space.method == "tpe":
        _check_values(space)
        return
    for point in one_factor_points(space) if space.method == "one-factor" else grid_points(space):
        check_point(space, point)


def check_point(space: Space, point: Point) -> None:
    """Refuse `point` if it cannot be trained.

    Raises:
        SettingError: a setting or the model's options are refused; the text names the point.
    """
    recipe = space.recipe_at(point)
    if recipe.model == SCRATCH:
        return
    try:
        with torch.device("meta"):  # shapes without numbers
            build(recipe.model, recipe.options)
    except SettingError as error:
        raise SettingError(f"{space.name}, at {in_words(point)}: {error}") from None


def _check_values(space: Space) -> None:
    for name, axis in space.axes.items():
        for value in _ends(axis):
            alone = {**space.baseline, name: value}
            if _is_refused(space, alone) and all(_is_refused(space, each) for each in _drawn(space, name, value)):
                check_point(space, alone)  # which says why


def _drawn(space: Space, name: str, value: object) -> Iterator[Point]:
    """Yield combinations that have `value`, the same ones in each call."""
    generator = np.random.default_rng(space.seed)
    ends = {other: _ends(axis) for other, axis in space.axes.items()}
    for _ in range(TRIES):
        drawn = {other: values[generator.integers(len(values))] for other, values in ends.items()}
        yield {**drawn, name: value}


def _is_refused(space: Space, point: Point) -> bool:
    try:
        check_point(space, point)
    except SettingError:
        return True
    return False


def _ends(axis: Axis) -> tuple[Any, ...]:
    return axis.values if isinstance(axis, Choices) else (axis.low, axis.high)
