"""The data that a command works on, from its arguments."""

import argparse
from functools import cache
from pathlib import Path

from digitscope.cli.remarks import remark
from digitscope.data import (
    COURSE_SEED,
    Dataset,
    find_data_directory,
    has_mnist,
    has_two_digit,
    load_mnist,
    load_two_digit,
    make_two_digit,
)
from digitscope.data.overlapping import DIGIT_SHAPE
from digitscope.errors import DataError


@cache
def single_digits(directory: Path | None, unchecked: bool) -> Dataset:
    """Return MNIST, or whatever IDX set `directory` holds.

    Beside two-digit files alone, MNIST comes from wherever it would without a directory.

    Raises:
        DataError: there is no readable set, or its images are not of 28 x 28 pixels.
    """
    folder = find_data_directory(directory)
    if folder is not None and has_two_digit(folder) and not has_mnist(folder):
        directory = None
    dataset = load_mnist(directory, check=not unchecked, report=remark)
    height, width = dataset.train.images.shape[1:]
    if (height, width) != DIGIT_SHAPE:
        raise DataError(
            f"{dataset.source}: images of {height} x {width}: expected 28 x 28, as every network reads"
        )
    return dataset


def two_digits(directory: Path | None, unchecked: bool) -> Dataset:
    """Return the course's two-digit files if `directory` has them, else a set built by the same rule.

    The seed is fixed, so that all commands score on the same pairs.
    """
    folder = find_data_directory(directory)
    if folder is not None and has_two_digit(folder):
        return load_two_digit(folder)
    return make_two_digit(single_digits(directory, unchecked), seed=COURSE_SEED)


def dataset_for(task: str, options: argparse.Namespace) -> Dataset:
    """Return the data set that `task` ("digit" or "two-digit") is about."""
    load = single_digits if task == "digit" else two_digits
    return load(options.data, options.unchecked)
