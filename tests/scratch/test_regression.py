"""The course's regression network against the course's figures and against the general network."""

import numpy as np
import pytest

from digitscope.scratch import Layer, backward, forward, regression, squared_error, trained_predictions

EXPECTED = (
    7.038453196038151,
    14.042814826755537,
    21.047176457472922,
    35.055899718907696,
    70.07770787249461,
)


def test_predictions_are_the_course_s() -> None:
    assert trained_predictions() == pytest.approx(EXPECTED, abs=1e-9, rel=0)
    assert trained_predictions([(2, 2)]) == pytest.approx(EXPECTED[1:2], abs=1e-9, rel=0)


def test_steps_agree_with_the_general_network() -> None:
    generator = np.random.default_rng(0)
    for _ in range(20):
        weights = regression.RegressionWeights(
            generator.standard_normal((3, 2)), generator.standard_normal((1, 3)), generator.standard_normal((3, 1))
        )
        x1, x2, y = generator.standard_normal(3)
        layers = [
            Layer(weights.input_to_hidden_weights.T, weights.biases[:, 0]),
            Layer(weights.hidden_to_output_weights.T, np.zeros(1)),
        ]
        activations = forward(layers, np.array([[x1, x2]]), "relu")
        _, output_gradient = squared_error(activations[-1], np.array([[y]]))
        hidden, output = backward(layers, activations, output_gradient, "relu")
        passed = regression.forward_propagation(weights, x1, x2)
        gradients = regression.backpropagation(weights, passed, y)
        np.testing.assert_allclose(passed.activated_output, activations[-1], atol=1e-12)
        np.testing.assert_allclose(gradients.input_to_hidden_weights, hidden.weight.T, atol=1e-12)
        np.testing.assert_allclose(gradients.biases[:, 0], hidden.bias, atol=1e-12)
        np.testing.assert_allclose(gradients.hidden_to_output_weights, output.weight.T, atol=1e-12)
