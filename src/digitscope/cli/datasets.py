"""The data that a command works on, from its arguments.

Where a task needs single digits, a missing or unreadable set is a `DataError`.
"""

import argparse
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from digitscope.cli.console import remark
from digitscope.data import (
    COURSE_SEED,
    Dataset,
    Task,
    find_data_directory,
    has_mnist,
    has_two_digit,
    load_mnist,
    load_mnist_elsewhere,
    load_two_digit,
    make_two_digit,
    random_separations,
)
from digitscope.data.overlapping import DIGIT_SHAPE
from digitscope.data.pen_digits import PenDigits, load_pen_digits
from digitscope.errors import DataError
from digitscope.settings import TrainingSettings

if TYPE_CHECKING:
    from digitscope.data.hands import Material
    from digitscope.data.splits import Split

SCENES: Mapping[str, int] = MappingProxyType({"train": 8, "validation": 160, "test": 240})
"""Scenes in each split of made pages. Training makes its own; the 8 only show what it meets."""

GROUPS: Mapping[str, int] = MappingProxyType({"train": 2, "validation": 40, "test": 60})
"""Groups of scenes, likewise, for items."""


def settle_data(options: argparse.Namespace) -> None:
    """Use DIGITSCOPE_DATA as the default of --data, so that every command treats both alike.

    Data read by an earlier call is dropped from the cache: the environment and the files may have changed.

    Raises:
        DataError: the name is not valid for a folder.
    """
    options.data = find_data_directory(options.data)
    labelled_images.cache_clear()


@cache
def labelled_images(directory: Path | None, unchecked: bool) -> Dataset:
    """Return MNIST, or whatever IDX set `directory` holds: the folder that `settle_data` found, if any.

    Beside two-digit files alone, MNIST comes from wherever it would without a directory.
    """
    if directory is None or (has_two_digit(directory) and not has_mnist(directory)):
        return load_mnist_elsewhere(report=remark)
    return load_mnist(directory, check=not unchecked, report=remark)


def single_digits(directory: Path | None, unchecked: bool) -> Dataset:
    """Return what `labelled_images` does, as long as pairs could be made of it: its images are 28 x 28."""
    dataset = labelled_images(directory, unchecked)
    height, width = dataset.train.images.shape[1:]
    if (height, width) != DIGIT_SHAPE:
        raise DataError(f"{dataset.source}: images of {height} x {width}: expected 28 x 28, as digits have")
    return dataset


def two_digits(directory: Path | None, unchecked: bool) -> Dataset:
    """Return the course's two-digit files if `directory` has any, else the set that one fixed seed makes."""
    if directory is not None and has_two_digit(directory):
        return load_two_digit(directory)
    return make_two_digit(single_digits(directory, unchecked), seed=COURSE_SEED)


def separations(directory: Path | None, unchecked: bool) -> Dataset:
    """Return the pairs of one fixed seed, labelled by pixel, which the course's files are not."""
    return make_two_digit(single_digits(directory, unchecked), seed=COURSE_SEED, draw=random_separations)


def scenes(directory: Path | None, unchecked: bool) -> Dataset:
    """Return scenes of made documents; the test scenes have test digits and pens of held-back writers."""
    from digitscope.data.page_batches import made_scenes

    return _made("made pages", made_scenes, SCENES, directory, unchecked)


def items(directory: Path | None, unchecked: bool) -> Dataset:
    """Return what the page network finds on scenes like these."""
    from digitscope.experiments.items import made_items

    return _made("items of made pages", made_items, GROUPS, directory, unchecked)


def _made(
    name: str,
    make: "Callable[[Material, int, int], Split]",
    sizes: Mapping[str, int],
    directory: Path | None,
    unchecked: bool,
) -> Dataset:
    from digitscope.data.hands import Material

    digits = single_digits(directory, unchecked)
    writers = {split: Material.of(digits.splits[split], directory=directory) for split in ("train", "validation")}
    writers["test"] = Material.of(digits.test, held_back=True, directory=directory)
    made = [make(each, sizes[split], seed) for seed, (split, each) in enumerate(writers.items())]
    return Dataset(name, f"{digits.name} and pen strokes", *made)


LOADERS: Mapping[Task, Callable[[Path | None, bool], Dataset]] = MappingProxyType(
    {
        "digit": labelled_images,
        "two-digit": two_digits,
        "separation": separations,
        "page": scenes,
        "item": items,
    }
)


def dataset_for(task: Task, options: argparse.Namespace) -> Dataset:
    """Return the data set that `task` is about."""
    return LOADERS[task](options.data, options.unchecked)


def pens_for(settings: TrainingSettings, directory: Path | None) -> PenDigits | None:
    """Return the pen digits that training with `settings` needs; None where their `pens` is 0.

    Raises:
        DataError: the files of pen strokes are missing or damaged.
    """
    return load_pen_digits(directory) if settings.pens else None


def material_for(settings: TrainingSettings, directory: Path | None, unchecked: bool) -> "Material | None":
    """Return the digits and pen strokes from which training with `settings` makes pages; None if it makes none.

    Raises:
        DataError: there are no readable digits, or the files of pen strokes are missing or damaged.
    """
    if settings.order != "fresh-pages":
        return None
    from digitscope.data.hands import Material

    return Material.of(single_digits(directory, unchecked).train, directory=directory)
