"""The course's `mlp.py`: a fully connected network that reads two digits."""

from pathlib import Path

from digitscope.course import run_script
from digitscope.course.protocol import TwoDigitNetwork, train_and_test
from digitscope.course.train_utils import Average
from digitscope.course.utils_multiMNIST import get_data
from digitscope.models.digits import two_digit_mlp


class MLP(TwoDigitNetwork):
    """The network of `digitscope.models.digits.two_digit_mlp`."""

    def __init__(self, input_dimension: int) -> None:
        super().__init__(input_dimension, two_digit_mlp())


def main(
    path_to_data_dir: Path | str = "../Datasets/", use_mini_dataset: bool = True, n_epochs: int = 30
) -> tuple[Average, Average]:
    """Train and test the network, and return the test set's losses and accuracies, upper digit first."""
    data = get_data(path_to_data_dir, use_mini_dataset)
    return train_and_test(lambda: MLP(42 * 28), data, batch_size=64, n_epochs=n_epochs)


if __name__ == "__main__":
    run_script(main)
