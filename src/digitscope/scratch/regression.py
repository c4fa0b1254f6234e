"""The course's first network: two inputs, three hidden units, one output, learnt point by point.

You can follow it with pencil and paper, so each step is one line, with the course's names and shapes. An input is
a column, so a layer is weights @ column; in `network` it is rows @ weight. A test checks that both agree. Every
array is float64.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from digitscope.scratch.functions import ACTIVATIONS

Floats = NDArray[np.floating[Any]]
Point = tuple[float, float]

LEARNING_RATE = 0.001
EPOCHS = 10
TRAINING_POINTS = (((2, 1), 10), ((3, 3), 21), ((4, 5), 32), ((6, 6), 42))
TESTING_POINTS = ((1, 1), (2, 2), (3, 3), (5, 5), (10, 10))
TOLERANCE = 0.1  # of a testing point's prediction, whose right answer is 7 * x1

relu = ACTIVATIONS["relu"]
identity = ACTIVATIONS["identity"]


class RegressionWeights(NamedTuple):
    """The weights of the network. The output has no bias.

    Attributes:
        input_to_hidden_weights: (3, 2).
        hidden_to_output_weights: (1, 3).
        biases: (3, 1), of the hidden units.
    """

    input_to_hidden_weights: Floats
    hidden_to_output_weights: Floats
    biases: Floats


class ForwardPass(NamedTuple):
    """Every value on the way from a point to its prediction.

    Attributes:
        input_values: (2, 1).
        hidden_layer_weighted_input: (3, 1).
        hidden_layer_activation: (3, 1).
        output: (1, 1).
        activated_output: (1, 1), the prediction.
    """

    input_values: Floats
    hidden_layer_weighted_input: Floats
    hidden_layer_activation: Floats
    output: Floats
    activated_output: Floats


def initial_weights() -> RegressionWeights:
    """Return the course's start: every weight 1, every bias 0."""
    return RegressionWeights(np.ones((3, 2)), np.ones((1, 3)), np.zeros((3, 1)))


def forward_propagation(weights: RegressionWeights, x1: float, x2: float) -> ForwardPass:
    """Return every step from the point (x1, x2) to its prediction."""
    input_values = np.array([[x1], [x2]], dtype=np.float64)
    hidden_layer_weighted_input = weights.input_to_hidden_weights @ input_values + weights.biases
    hidden_layer_activation = relu.function(hidden_layer_weighted_input)
    output = weights.hidden_to_output_weights @ hidden_layer_activation
    activated_output = identity.function(output)
    return ForwardPass(
        input_values, hidden_layer_weighted_input, hidden_layer_activation, output, activated_output
    )


def backpropagation(weights: RegressionWeights, passed: ForwardPass, y: float) -> RegressionWeights:
    """Return the gradient of the loss (1/2)(prediction - y)^2 with respect to every weight and bias."""
    output_layer_error = (passed.activated_output - y) * identity.derivative(passed.activated_output)
    hidden_layer_error = (weights.hidden_to_output_weights.T @ output_layer_error) * relu.derivative(
        passed.hidden_layer_activation
    )
    bias_gradients = hidden_layer_error
    hidden_to_output_weight_gradients = output_layer_error @ passed.hidden_layer_activation.T
    input_to_hidden_weight_gradients = hidden_layer_error @ passed.input_values.T
    return RegressionWeights(input_to_hidden_weight_gradients, hidden_to_output_weight_gradients, bias_gradients)


def gradient_descent(
    weights: RegressionWeights, gradients: RegressionWeights, learning_rate: float
) -> RegressionWeights:
    """Return new weights, one step of `learning_rate` down the gradient."""
    return RegressionWeights(
        weights.input_to_hidden_weights - learning_rate * gradients.input_to_hidden_weights,
        weights.hidden_to_output_weights - learning_rate * gradients.hidden_to_output_weights,
        weights.biases - learning_rate * gradients.biases,
    )


def train_on_point(
    weights: RegressionWeights, x1: float, x2: float, y: float, *, learning_rate: float = LEARNING_RATE
) -> RegressionWeights:
    """Return the weights after one point: forward, backpropagation, one step."""
    passed = forward_propagation(weights, x1, x2)
    gradients = backpropagation(weights, passed, y)
    return gradient_descent(weights, gradients, learning_rate)


def predict_point(weights: RegressionWeights, x1: float, x2: float) -> float:
    """Return the prediction for the point (x1, x2)."""
    return float(forward_propagation(weights, x1, x2).activated_output.item())


def trained_weights() -> RegressionWeights:
    """Return the weights after the course's ten epochs over its four points, in their order."""
    weights = initial_weights()
    for _ in range(EPOCHS):
        for (x1, x2), y in TRAINING_POINTS:
            weights = train_on_point(weights, x1, x2, y)
    return weights


def trained_predictions(points: Sequence[Point] = TESTING_POINTS) -> tuple[float, ...]:
    """Return what the trained network predicts for each of `points`; the right answers are 7 * x1."""
    weights = trained_weights()
    return tuple(predict_point(weights, x1, x2) for x1, x2 in points)
