"""The course's `utils_multiMNIST.py`: its two-digit files."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from digitscope.data import load_two_digit
from digitscope.data.splits import Split

Floats = NDArray[np.float32]
Labels = NDArray[np.int64]


def get_data(path_to_data_dir: Path | str, use_mini_dataset: bool) -> tuple[Floats, Labels, Floats, Labels]:
    """Return X_train (N, 1, 42, 28), y_train (2, N), X_test (M, 1, 42, 28), y_test (2, M).

    Pixels are float32, pixel / 256; row 0 of the labels is the upper digit, row 1 the lower.

    Raises:
        DataError: a file is missing or damaged.
    """
    dataset = load_two_digit(path_to_data_dir, mini=use_mini_dataset)
    train = Split(
        np.concatenate([dataset.train.images, dataset.validation.images]),
        np.concatenate([dataset.train.labels, dataset.validation.labels]),
    )
    return (*_as_course(train), *_as_course(dataset.test))


def _as_course(split: Split) -> tuple[Floats, Labels]:
    return np.divide(split.images[:, np.newaxis], 256, dtype=np.float32), split.labels.T.astype(np.int64)
