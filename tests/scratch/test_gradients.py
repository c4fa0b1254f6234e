"""Every derivative against central differences, which know only the function."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from digitscope.scratch import (
    Layer,
    backward,
    forward,
    init_layers,
    softmax_cross_entropy,
    squared_error,
    zeros_like,
)

Floats = NDArray[np.floating[Any]]
Loss = Callable[[Floats, Floats], tuple[float, Floats]]
H = 1e-6


def random_problem(sizes: tuple[int, ...], n: int, seed: int = 0) -> tuple[list[Layer], Floats, Floats]:
    generator = np.random.default_rng(seed)
    layers = [
        Layer(weight, generator.standard_normal(bias.shape))
        for weight, bias in init_layers(sizes, generator=generator, dtype=np.float64)
    ]
    inputs = generator.standard_normal((n, sizes[0]))
    return layers, inputs, generator.dirichlet(np.ones(sizes[-1]), n)


def loss_and_gradients(
    layers: list[Layer], inputs: Floats, targets: Floats, activation: str, loss: Loss
) -> tuple[float, list[Layer]]:
    activations = forward(layers, inputs, activation)
    value, output_gradient = loss(activations[-1], targets)
    return value, list(backward(layers, activations, output_gradient, activation))


def relative_error(a: Floats, b: Floats) -> float:
    return float(np.linalg.norm(a - b) / (np.linalg.norm(a) + np.linalg.norm(b)))


@pytest.mark.parametrize(
    ("activation", "loss"),
    [("leaky-relu", softmax_cross_entropy), ("sigmoid", softmax_cross_entropy), ("tanh", squared_error)],
)
def test_gradients_equal_central_differences(activation: str, loss: Loss) -> None:
    layers, inputs, targets = random_problem((5, 7, 6, 4), n=9)
    _, gradients = loss_and_gradients(layers, inputs, targets, activation, loss)
    for layer, gradient in zip(layers, gradients, strict=True):
        for p, g in zip(layer, gradient, strict=True):
            numeric = np.empty_like(p)
            for index in np.ndindex(p.shape):
                kept = p[index]
                p[index] = kept + H
                above, _ = loss_and_gradients(layers, inputs, targets, activation, loss)
                p[index] = kept - H
                below, _ = loss_and_gradients(layers, inputs, targets, activation, loss)
                p[index] = kept
                numeric[index] = (above - below) / (2 * H)
            assert relative_error(g, numeric) < 1e-6


@pytest.mark.parametrize("loss", [softmax_cross_entropy, squared_error])
def test_an_example_weighs_the_same_in_any_batch(loss: Loss) -> None:
    activation = "tanh"
    layers, inputs, targets = random_problem((5, 7, 4), n=8)
    value, whole = loss_and_gradients(layers, inputs, targets, activation, loss)
    first_value, first = loss_and_gradients(layers, inputs[:4], targets[:4], activation, loss)
    second_value, second = loss_and_gradients(layers, inputs[4:], targets[4:], activation, loss)
    assert value == pytest.approx((first_value + second_value) / 2, rel=1e-12)
    for k in range(len(layers)):
        for a, b, c in zip(whole[k], first[k], second[k], strict=True):
            np.testing.assert_allclose(a, (b + c) / 2, rtol=1e-10, atol=1e-14)


def test_gradients_are_written_where_asked() -> None:
    layers, inputs, targets = random_problem((5, 7, 4), n=8)
    activations = forward(layers, inputs, "tanh")
    out = zeros_like(layers)
    returned = backward(layers, activations, activations[-1] - targets, "tanh", out=out)
    assert returned is out
    fresh = backward(layers, activations, activations[-1] - targets, "tanh")
    for a, b in zip(out, fresh, strict=True):
        np.testing.assert_array_equal(a.weight, b.weight)
        np.testing.assert_array_equal(a.bias, b.bias)
