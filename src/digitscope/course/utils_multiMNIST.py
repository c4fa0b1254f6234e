"""The course's `utils_multiMNIST.py`: its two-digit files."""

from pathlib import Path

from digitscope.course.utils import Arrays, as_arrays
from digitscope.data import load_two_digit


def get_data(path_to_data_dir: Path | str, use_mini_dataset: bool) -> Arrays:
    """Return X_train (N, 1, 42, 28), y_train (2, N), X_test (M, 1, 42, 28), y_test (2, M).

    Pixels are float32, pixel / 256; row 0 of the labels is the upper digit, row 1 the lower.

    Raises:
        DataError: a file is missing or damaged.
    """
    return as_arrays(load_two_digit(path_to_data_dir, mini=use_mini_dataset), 1, 42, 28)
