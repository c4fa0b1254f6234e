"""Code that the four `main` functions of the course share."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from digitscope.course.train_utils import Average, Batch, batchify_data, in_words, run_epoch, train_model
from digitscope.course.utils import Arrays
from digitscope.data import COURSE_SEED
from digitscope.errors import SettingError


class TwoDigitNetwork(nn.Module):
    """A two-digit network of the library with the course's face: scaled pixels in, a tuple of logits out.

    Raises:
        SettingError: `input_dimension` is not 42 * 28.
    """

    def __init__(self, input_dimension: int, network: nn.Sequential) -> None:
        super().__init__()
        if input_dimension != 42 * 28:
            raise SettingError(f"input_dimension is {input_dimension}: expected 42 * 28 = 1176")
        self.layers = network[1:]  # the course's pixels are scaled already

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Turn float32 (N, 1, 42, 28) into the logits of the upper and of the lower digit, each (N, 10)."""
        upper, lower = self.layers(x).unbind(dim=1)
        return upper, lower


def split_into_batches(data: Arrays, batch_size: int) -> tuple[list[Batch], list[Batch], list[Batch]]:
    """Return train, validation and test batches.

    The last tenth of the training examples validates; the others are shuffled once.

    Args:
        data: X_train, y_train, X_test, y_test, with labels (N,) or (2, N).
        batch_size: examples a batch; a remainder is dropped.

    Raises:
        SettingError: a split gives no batch, so that it would have no mean loss.
    """
    x_train, y_train, x_test, y_test = data
    split = int(9 * len(x_train) / 10)
    sizes = {"training": split, "validation": len(x_train) - split, "test": len(x_test)}
    for name, n in sizes.items():
        if not 1 <= batch_size <= n:
            raise SettingError(
                f"the {name} split has {n} examples and batch_size is {batch_size}: expected at least one whole "
                "batch of 1 or more in each split; choose another batch_size, or take more data"
            )
    permutation = np.arange(split)
    np.random.RandomState(COURSE_SEED).shuffle(permutation)
    return (
        batchify_data(x_train[permutation], y_train[..., permutation], batch_size),
        batchify_data(x_train[split:], y_train[..., split:], batch_size),
        batchify_data(x_test, y_test, batch_size),
    )


def train_and_test(
    make_model: Callable[[], nn.Module],
    data: Arrays,
    *,
    batch_size: int,
    n_epochs: int,
    lr: float = 0.01,
    momentum: float = 0.9,
    nesterov: bool = False,
) -> tuple[Average, Average]:
    """Train a new model on `data`, print its loss and accuracy on the test set, and return the two."""
    torch.manual_seed(COURSE_SEED)  # of the weights and of dropout
    model = make_model()
    train, validation, test = split_into_batches(data, batch_size)
    train_model(train, validation, model, lr=lr, momentum=momentum, nesterov=nesterov, n_epochs=n_epochs)
    loss, accuracy = run_epoch(test, model.eval(), None)
    print(in_words("test", loss, accuracy))
    return loss, accuracy
