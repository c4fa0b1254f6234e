"""The course's `utils.py`: MNIST as the course holds it."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from digitscope.data import Dataset, load_mnist
from digitscope.data.splits import joined

Arrays = tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.float32], NDArray[np.int64]]

COURSE_PLACE = Path("../Datasets/")  # from the folder of the course's scripts
COURSE_FILE = "mnist.pkl.gz"


def get_MNIST_data() -> Arrays:  # noqa: N802 - the course's name
    """Return X_train (60000, 784), y_train (60000,), X_test (10000, 784), y_test (10000,).

    Pixels are float32, pixel / 256, in MNIST's order. The course's own place comes first: the folder ../Datasets/
    if `mnist.pkl.gz` is in it. Else the data are those that `load_mnist` finds; when that is only the embedded
    sample, a line says so.

    Raises:
        DataError: the file in ../Datasets/, or what DIGITSCOPE_DATA names, is damaged or not MNIST.
    """
    in_course = (COURSE_PLACE / COURSE_FILE).is_file()
    return as_arrays(load_mnist(COURSE_PLACE if in_course else None, report=print), 784)


def as_arrays(dataset: Dataset, *shape: int) -> Arrays:
    """Return X_train, y_train, X_test and y_test: images (N, *shape), pixel / 256, and labels (N,) or (2, N).

    The examples for validation follow those for training.
    """
    train, test = joined(dataset.train, dataset.validation), dataset.test
    x_train, x_test = (
        np.divide(split.images, 256, dtype=np.float32).reshape(-1, *shape) for split in (train, test)
    )
    return x_train, train.labels.T.astype(np.int64), x_test, test.labels.T.astype(np.int64)
