"""The course's `utils.py`: MNIST as the course holds it."""

import numpy as np
from numpy.typing import NDArray

from digitscope.data import load_mnist

Floats = NDArray[np.float32]
Labels = NDArray[np.int64]


def get_MNIST_data() -> tuple[Floats, Labels, Floats, Labels]:  # noqa: N802 - the course's name
    """Return X_train (60000, 784), y_train (60000,), X_test (10000, 784), y_test (10000,).

    Pixels are float32, pixel / 256, in MNIST's order. The data are those that `load_mnist` finds;
    when that is only the embedded sample, a line says so.
    """
    mnist = load_mnist(report=print)
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
