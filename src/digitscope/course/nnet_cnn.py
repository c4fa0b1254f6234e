"""The course's `nnet_cnn.py`: the convolutional network on MNIST."""

from digitscope.course import run_script
from digitscope.course.protocol import train_and_test
from digitscope.course.train_utils import Average
from digitscope.course.utils import get_MNIST_data
from digitscope.models.digits import course_cnn


def main(n_epochs: int = 10) -> tuple[Average, Average]:
    """Train and test the network, and return the test set's loss and accuracy."""
    x_train, y_train, x_test, y_test = get_MNIST_data()
    data = (x_train.reshape(-1, 1, 28, 28), y_train, x_test.reshape(-1, 1, 28, 28), y_test)
    # The course's data are scaled already, which the first layer would do.
    return train_and_test(lambda: course_cnn()[1:], data, batch_size=32, nesterov=True, n_epochs=n_epochs)


if __name__ == "__main__":
    run_script(main)
