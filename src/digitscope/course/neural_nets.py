"""The course's `neural_nets.py`: a 2-3-1 network that learns 7 * x1 from four points.

Names and signatures are the handout's. The steps themselves (forward propagation, backpropagation, gradient
descent) stand in `digitscope.scratch.regression`, one a line under the handout's names.
Arrays take the place of the handout's `numpy.matrix`, whose use NumPy advises against; matrices that are assigned
to the weights are taken, and trained as arrays.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from digitscope.course import run_script
from digitscope.scratch import regression
from digitscope.scratch.regression import RegressionWeights, identity, relu

Floats = NDArray[np.floating[Any]]


def rectified_linear_unit(x: ArrayLike) -> Floats:
    """Return the larger of 0 and x, for a number or each element of an array."""
    return relu.function(np.asarray(x, dtype=np.float64))


def rectified_linear_unit_derivative(x: ArrayLike) -> Floats:
    """Return 1 where x > 0 and 0 elsewhere, at 0 too, for a number or each element of an array."""
    return relu.derivative(rectified_linear_unit(x))


def output_layer_activation(x: ArrayLike) -> Floats:
    """Return x as it is."""
    return identity.function(np.asarray(x, dtype=np.float64))


def output_layer_activation_derivative(x: ArrayLike) -> Floats:
    """Return 1 for a number or each element of an array."""
    return identity.derivative(output_layer_activation(x))


class NeuralNetwork:
    """Two inputs, three ReLU units, one linear output without a bias.

    Attributes:
        input_to_hidden_weights: (3, 2), all 1 at first.
        hidden_to_output_weights: (1, 3), all 1 at first.
        biases: (3, 1) of the hidden units, all 0 at first.
        learning_rate: 0.001.
        epochs_to_train: 10.
        training_points: ((x1, x2), y), in the order of their use.
        testing_points: (x1, x2), whose right answer is 7 * x1.
    """

    def __init__(self) -> None:
        self._weights = regression.initial_weights()
        self.learning_rate = regression.LEARNING_RATE
        self.epochs_to_train = regression.EPOCHS
        self.training_points = list(regression.TRAINING_POINTS)
        self.testing_points = list(regression.TESTING_POINTS)

    @property
    def _weights(self) -> RegressionWeights:
        # As arrays, because `*` between the handout's matrices is the matrix product.
        return RegressionWeights(
            np.asarray(self.input_to_hidden_weights),
            np.asarray(self.hidden_to_output_weights),
            np.asarray(self.biases),
        )

    @_weights.setter
    def _weights(self, weights: RegressionWeights) -> None:
        self.input_to_hidden_weights, self.hidden_to_output_weights, self.biases = weights

    def train(self, x1: float, x2: float, y: float) -> None:
        """Take one step of gradient descent on the point (x1, x2), whose answer is y."""
        self._weights = regression.train_on_point(self._weights, x1, x2, y, learning_rate=self.learning_rate)

    def predict(self, x1: float, x2: float) -> float:
        """Return the prediction for the point (x1, x2)."""
        return regression.predict_point(self._weights, x1, x2)

    def train_neural_network(self) -> None:
        """Train on every point in turn, `epochs_to_train` times over."""
        for _ in range(self.epochs_to_train):
            for (x1, x2), y in self.training_points:
                self.train(x1, x2, y)

    def test_neural_network(self) -> None:
        """Print each testing point's prediction and whether it is within 0.1, up to the first that is not."""
        for x1, x2 in self.testing_points:
            prediction = self.predict(x1, x2)
            print("Point,", (x1, x2), "Prediction,", prediction)
            if abs(prediction - 7 * x1) >= regression.TOLERANCE:
                print("Point ", x1, x2, " failed to be predicted correctly.")
                return
            print("Test Passed")


def main() -> None:
    """Train a network on the course's points, and test it."""
    network = NeuralNetwork()
    network.train_neural_network()
    network.test_neural_network()


if __name__ == "__main__":
    run_script(main)
