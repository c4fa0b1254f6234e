"""The course's first network: two inputs, three hidden neurons, one output, learned point by point.

You can follow it with pencil and paper, so each step is one line, with the course's names and shapes. An input is
a column, so a layer is weights @ column; in `network` it is rows @ weight. A test checks that both agree. Every
array is float64.
"""

from collections.abc import Sequence

import numpy as np

from digitscope.scratch.functions import ACTIVATIONS, Floats

Point = tuple[float, float]

TRAINING_POINTS = (((2, 1), 10), ((3, 3), 21), ((4, 5), 32), ((6, 6), 42))
TESTING_POINTS = ((1, 1), (2, 2), (3, 3), (5, 5), (10, 10))
TOLERANCE = 0.1  # of a testing point's prediction, whose right answer is 7 * x1

relu = ACTIVATIONS["relu"]
identity = ACTIVATIONS["identity"]


class RegressionNetwork:
    """Two inputs, three ReLU neurons, one linear output without a bias.

    Weights may be assigned as arrays or as the handout's matrices; they are trained as arrays.

    Attributes:
        input_to_hidden_weights: (3, 2), all 1 at first.
        hidden_to_output_weights: (1, 3), all 1 at first.
        biases: (3, 1) of the hidden neurons, all 0 at first.
        learning_rate: 0.001.
        epochs_to_train: 10.
        training_points: ((x1, x2), y), in the order of their use.
        testing_points: (x1, x2), whose right answer is 7 * x1.
    """

    def __init__(self) -> None:
        self.input_to_hidden_weights: Floats = np.ones((3, 2))
        self.hidden_to_output_weights: Floats = np.ones((1, 3))
        self.biases: Floats = np.zeros((3, 1))
        self.learning_rate = 0.001
        self.epochs_to_train = 10
        self.training_points = list(TRAINING_POINTS)
        self.testing_points = list(TESTING_POINTS)

    def train(self, x1: float, x2: float, y: float) -> None:
        """Take one step down the gradient of (1/2)(prediction - y)^2 at the point (x1, x2), whose answer is y."""
        input_values, hidden_layer_activation, activated_output = self.forward_propagation(x1, x2)
        hidden_to_output_weights = np.asarray(self.hidden_to_output_weights)

        output_layer_error = (activated_output - y) * identity.derivative(activated_output)
        hidden_layer_error = hidden_to_output_weights.T @ output_layer_error
        hidden_layer_error = hidden_layer_error * relu.derivative(hidden_layer_activation)

        hidden_to_output_weight_gradients = output_layer_error @ hidden_layer_activation.T
        input_to_hidden_weight_gradients = hidden_layer_error @ input_values.T

        rate = self.learning_rate
        self.biases = np.asarray(self.biases) - rate * hidden_layer_error
        self.hidden_to_output_weights = hidden_to_output_weights - rate * hidden_to_output_weight_gradients
        self.input_to_hidden_weights = (
            np.asarray(self.input_to_hidden_weights) - rate * input_to_hidden_weight_gradients
        )

    def forward_propagation(self, x1: float, x2: float) -> tuple[Floats, Floats, Floats]:
        """Return the values on the way from the point (x1, x2): input (2, 1), hidden (3, 1) and output (1, 1)."""
        # As arrays, because `*` between the handout's matrices is the matrix product.
        input_values = np.array([[x1], [x2]], dtype=np.float64)
        hidden_layer_weighted_input = np.asarray(self.input_to_hidden_weights) @ input_values
        hidden_layer_weighted_input = hidden_layer_weighted_input + np.asarray(self.biases)
        hidden_layer_activation = relu.function(hidden_layer_weighted_input)
        output = np.asarray(self.hidden_to_output_weights) @ hidden_layer_activation
        return input_values, hidden_layer_activation, identity.function(output)

    def predict(self, x1: float, x2: float) -> float:
        """Return the prediction for the point (x1, x2)."""
        *_, activated_output = self.forward_propagation(x1, x2)
        return float(activated_output.item())

    def train_neural_network(self) -> None:
        """Train on every point in turn, `epochs_to_train` times over."""
        for _ in range(self.epochs_to_train):
            for (x1, x2), y in self.training_points:
                self.train(x1, x2, y)


def trained_predictions(points: Sequence[Point] = TESTING_POINTS) -> tuple[float, ...]:
    """Return what the trained network predicts for each of `points`; the right answers are 7 * x1."""
    network = RegressionNetwork()
    network.train_neural_network()
    return tuple(network.predict(x1, x2) for x1, x2 in points)
