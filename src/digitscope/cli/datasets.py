"""The data that a command works on, from its arguments."""

import argparse
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from digitscope import data
from digitscope.cli.console import remark
from digitscope.data import COURSE_SEED, Dataset, Task
from digitscope.data.overlapping import DIGIT_SHAPE
from digitscope.errors import DataError

if TYPE_CHECKING:
    from digitscope.data.hands import Material
    from digitscope.data.splits import Split

SCENES = (8, 160, 240)
"""Made pages to train, validate and test on. Training makes its own; the 8 only show what it meets."""

GROUPS = (2, 40, 60)  # groups of scenes, likewise, for items


def settle_data(options: argparse.Namespace) -> None:
    """Use DIGITSCOPE_DATA as the default of --data, so that every command treats both alike.

    Data read by an earlier call is dropped from the cache: the environment and the files may have changed.

    Raises:
        DataError: the name is not valid for a folder.
    """
    options.data = data.find_data_directory(options.data)
    labelled_images.cache_clear()


@cache
def labelled_images(directory: Path | None, unchecked: bool) -> Dataset:
    """Return MNIST, or whatever IDX set `directory` holds: the folder that `settle_data` found, if any.

    Beside two-digit files alone, MNIST comes from wherever it would without a directory.

    Raises:
        DataError: the files are damaged, or unknown and not to be taken unchecked.
    """
    if directory is None or (data.has_two_digit(directory) and not data.has_mnist(directory)):
        return data.load_mnist_elsewhere(report=remark)
    return data.load_mnist(directory, check=not unchecked, report=remark)


def single_digits(directory: Path | None, unchecked: bool) -> Dataset:
    """Return what `labelled_images` does, as long as pairs could be made of it: its images are 28 x 28.

    Raises:
        DataError: the digits cannot be read, or have another size.
    """
    dataset = labelled_images(directory, unchecked)
    height, width = dataset.train.images.shape[1:]
    if (height, width) != DIGIT_SHAPE:
        raise DataError(f"{dataset.source}: images of {height} x {width}: expected 28 x 28, as digits have")
    return dataset


def two_digits(directory: Path | None, unchecked: bool) -> Dataset:
    """Return the course's two-digit files if `directory` has any, else the set that one fixed seed makes.

    Raises:
        DataError: the files, or the digits to make pairs of, cannot be read.
    """
    if directory is not None and data.has_two_digit(directory):
        return data.load_two_digit(directory)
    return data.make_two_digit(single_digits(directory, unchecked), seed=COURSE_SEED)


def separations(directory: Path | None, unchecked: bool) -> Dataset:
    """Return the pairs of one fixed seed, labelled by pixel, which the course's files are not.

    Raises:
        DataError: the digits cannot be read, or have another size.
    """
    return data.make_two_digit(single_digits(directory, unchecked), seed=COURSE_SEED, draw=data.random_separations)


def scenes(directory: Path | None, unchecked: bool) -> Dataset:
    """Return scenes of made documents; the test scenes have test digits and pens of held-back writers.

    Raises:
        DataError: the digits or the pen strokes cannot be read.
    """
    from digitscope.data.page_batches import made_scenes

    return _made("made pages", made_scenes, SCENES, single_digits(directory, unchecked), directory)


def items(directory: Path | None, unchecked: bool) -> Dataset:
    """Return what the page network finds on scenes like these.

    Raises:
        DataError: the digits or the pen strokes cannot be read.
    """
    from digitscope.experiments.items import made_items

    return _made("items of made pages", made_items, GROUPS, single_digits(directory, unchecked), directory)


def _made(
    name: str,
    make: "Callable[[Material, int, int], Split]",
    sizes: Sequence[int],
    digits: Dataset,
    directory: Path | None,
) -> Dataset:
    from digitscope.data.hands import Material

    writers = [Material.of(split, directory=directory) for split in (digits.train, digits.validation)]
    writers.append(Material.of(digits.test, held_back=True, directory=directory))
    made = [make(each, n, seed) for seed, (each, n) in enumerate(zip(writers, sizes, strict=True))]
    return Dataset(name, f"{digits.name} and pen strokes", *made)


LOADERS: Mapping[Task, Callable[[Path | None, bool], Dataset]] = MappingProxyType(
    {"digit": labelled_images, "two-digit": two_digits, "separation": separations, "page": scenes, "item": items}
)


def dataset_for(task: Task, options: argparse.Namespace) -> Dataset:
    """Return the data set that `task` is about.

    Raises:
        DataError: it cannot be read, or what it is made of.
    """
    return LOADERS[task](options.data, options.unchecked)
