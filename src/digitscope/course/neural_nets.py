"""The course's `neural_nets.py`: a 2-3-1 network and the four points that it learns from.

The training points follow 3 * x1 + 4 * x2; the course's test expects 7 * x1, which is the same where x1 = x2.

Names and signatures are the handout's. The steps themselves (forward propagation, backpropagation, gradient
descent) stand in `digitscope.scratch.regression`, one a line under the handout's names.
Arrays take the place of the handout's `numpy.matrix`, whose use NumPy advises against; matrices that are assigned
to the weights are taken, and trained as arrays.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from digitscope.course import run_script
from digitscope.scratch.regression import TOLERANCE, RegressionNetwork, identity, relu

Floats = NDArray[np.floating[Any]]


def rectified_linear_unit(x: ArrayLike) -> Floats:
    """Return the larger of 0 and x, for a number or each element of an array.

    Example:
        >>> rectified_linear_unit([-2.0, 0.0, 3.0])
        array([0., 0., 3.])
    """
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


class NeuralNetwork(RegressionNetwork):
    """The course's network with its test; see `RegressionNetwork` for its attributes."""

    def test_neural_network(self) -> None:
        """Print each testing point's prediction and whether it is within 0.1, up to the first that is not."""
        for x1, x2 in self.testing_points:
            prediction = self.predict(x1, x2)
            print("Point,", (x1, x2), "Prediction,", prediction)
            if abs(prediction - 7 * x1) >= TOLERANCE:
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
