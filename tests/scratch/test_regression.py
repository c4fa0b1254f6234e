"""The course's regression network against the general network."""

import numpy as np
import pytest

from digitscope.scratch import Layer, backward, forward, squared_error
from digitscope.scratch.regression import RegressionNetwork


def test_steps_agree_with_the_general_network() -> None:
    generator = np.random.default_rng(0)
    for _ in range(20):
        network = RegressionNetwork()
        network.learning_rate = 1.0  # so a step is the gradient
        network.input_to_hidden_weights = generator.standard_normal((3, 2))
        network.hidden_to_output_weights = generator.standard_normal((1, 3))
        network.biases = generator.standard_normal((3, 1))
        before = (network.input_to_hidden_weights, network.hidden_to_output_weights, network.biases)
        x1, x2, y = generator.standard_normal(3)
        layers = [Layer(before[0].T, before[2][:, 0]), Layer(before[1].T, np.zeros(1))]
        activations = forward(layers, np.array([[x1, x2]]), "relu")
        _, output_gradient = squared_error(activations[-1], np.array([[y]]))
        hidden, output = backward(layers, activations, output_gradient, "relu")
        assert network.predict(x1, x2) == pytest.approx(activations[-1].item(), abs=1e-12)
        network.train(x1, x2, y)
        np.testing.assert_allclose(before[0] - network.input_to_hidden_weights, hidden.weight.T, atol=1e-12)
        np.testing.assert_allclose(before[1] - network.hidden_to_output_weights, output.weight.T, atol=1e-12)
        np.testing.assert_allclose((before[2] - network.biases)[:, 0], hidden.bias, atol=1e-12)
