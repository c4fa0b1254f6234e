"""The course's `utils.py`: MNIST as the course holds it."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from digitscope.data import load_mnist

Floats = NDArray[np.float32]
Labels = NDArray[np.int64]

COURSE_PLACE = Path("../Datasets/")  # from the folder of the course's scripts
COURSE_FILE = "mnist.pkl.gz"


def get_MNIST_data() -> tuple[Floats, Labels, Floats, Labels]:  # noqa: N802 - the course's name
    """Return X_train (60000, 784), y_train (60000,), X_test (10000, 784), y_test (10000,).

    Pixels are float32, pixel / 256, in MNIST's order. The course's own place comes first: the folder ../Datasets/
    if `mnist.pkl.gz` is in it. Else the data are those that `load_mnist` finds; when that is only the embedded
    sample, a line says so.

    Raises:
        DataError: the file in ../Datasets/, or what DIGITSCOPE_DATA names, is damaged or not MNIST.
    """
    in_course = (COURSE_PLACE / COURSE_FILE).is_file()
    mnist = load_mnist(COURSE_PLACE if in_course else None, report=print)
    train_images = np.concatenate([mnist.train.images, mnist.validation.images])
    train_labels = np.concatenate([mnist.train.labels, mnist.validation.labels])
    return (
        as_course_rows(train_images),
        train_labels.astype(np.int64),
        as_course_rows(mnist.test.images),
        mnist.test.labels.astype(np.int64),
    )


def as_course_rows(images: NDArray[np.uint8]) -> Floats:
    """Turn uint8 (N, 28, 28) into float32 (N, 784), pixel / 256."""
    return np.divide(images.reshape(len(images), -1), 256, dtype=np.float32)
