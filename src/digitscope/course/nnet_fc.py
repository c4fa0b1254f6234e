"""The course's `nnet_fc.py`: the fully connected network on MNIST."""

from digitscope.course import run_script
from digitscope.course.protocol import train_and_test
from digitscope.course.train_utils import Average
from digitscope.course.utils import get_MNIST_data
from digitscope.models.digits import fully_connected


def main(
    batch_size: int = 32,
    hidden: int = 10,
    activation: str = "relu",
    lr: float = 0.1,
    momentum: float = 0.0,
    n_epochs: int = 10,
) -> tuple[Average, Average]:
    """Train and test the network, and return the test set's loss and accuracy.

    The defaults are the course's baseline; its small grid changes one argument at a time.
    """
    return train_and_test(
        lambda: fully_connected(hidden, activation)[1:],  # the course's data are scaled already
        get_MNIST_data(),
        batch_size=batch_size,
        lr=lr,
        momentum=momentum,
        n_epochs=n_epochs,
    )


if __name__ == "__main__":
    run_script(main)
