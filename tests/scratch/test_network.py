from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional

from digitscope.errors import DataError, SettingError
from digitscope.scratch import (
    Layer,
    backward,
    forward,
    init_layers,
    sgd_step,
    softmax_cross_entropy,
    zeros_like,
)

CASES = [(0.01, 0.9, False), (1.0, 0.9, True)]


def torch_copy(layers: list[Layer]) -> torch.nn.Sequential:
    modules: list[torch.nn.Module] = []
    for weight, bias in layers:
        linear = torch.nn.Linear(weight.shape[0], weight.shape[1], dtype=torch.float64)
        linear.weight.data = torch.tensor(weight.T.copy())
        linear.bias.data = torch.tensor(bias)
        modules += [linear, torch.nn.Tanh()]
    return torch.nn.Sequential(*modules[:-1])


@pytest.mark.parametrize(("rate", "momentum", "nesterov"), CASES)
def test_ten_steps_equal_torch(rate: float, momentum: float, nesterov: bool) -> None:
    generator = np.random.default_rng(1)
    layers = init_layers((6, 8, 7, 10), generator=generator, dtype=np.float64)
    model = torch_copy(layers)
    optimizer = torch.optim.SGD(model.parameters(), lr=rate, momentum=momentum, nesterov=nesterov)
    velocities = zeros_like(layers)
    for _ in range(10):
        inputs, labels = generator.standard_normal((5, 6)), generator.integers(0, 10, 5)
        activations = forward(layers, inputs, "tanh")
        _, output_gradient = softmax_cross_entropy(activations[-1], np.eye(10)[labels])
        gradients = backward(layers, activations, output_gradient, "tanh")
        sgd_step(layers, gradients, velocities, learning_rate=rate, momentum=momentum, nesterov=nesterov)
        optimizer.zero_grad()
        torch.autograd.backward(functional.cross_entropy(model(torch.tensor(inputs)), torch.tensor(labels)))
        optimizer.step()
    for (weight, bias), linear in zip(layers, list(model)[::2], strict=True):
        assert isinstance(linear, torch.nn.Linear)
        np.testing.assert_allclose(weight, linear.weight.detach().numpy().T, rtol=0, atol=1e-10)
        np.testing.assert_allclose(bias, linear.bias.detach().numpy(), rtol=0, atol=1e-10)


def test_one_step_worked_by_hand() -> None:
    # x = 2 -> z = 2*3 - 1 = 5, relu 5 -> output 5*0.5 + 1 = 3.5; target 1.5, so the error is 2.
    # Output layer: dW = 5*2 = 10, db = 2. Hidden: error 2*0.5 = 1, dW = 2*1 = 2, db = 1. Rate 0.1.
    layers = [Layer(np.array([[3.0]]), np.array([-1.0])), Layer(np.array([[0.5]]), np.array([1.0]))]
    activations = forward(layers, np.array([[2.0]]), "relu")
    assert [a.item() for a in activations] == [2, 5, 3.5]
    gradients = backward(layers, activations, activations[-1] - 1.5, "relu")
    assert [(g.weight.item(), g.bias.item()) for g in gradients] == [(2, 1), (10, 2)]
    sgd_step(layers, gradients, zeros_like(layers), learning_rate=0.1)
    moved = [array.item() for layer in layers for array in layer]
    assert moved == pytest.approx([2.8, -1.1, -0.5, 0.8])


def test_he_initialisation() -> None:
    layers = init_layers((400, 300, 10), generator=np.random.default_rng(0))
    assert [layer.weight.shape for layer in layers] == [(400, 300), (300, 10)]
    assert layers[0].weight.dtype == np.float32
    assert layers[0].weight.var() == pytest.approx(2 / 400, rel=0.02)
    assert layers[0].weight.mean() == pytest.approx(0, abs=1e-3)
    assert not layers[0].bias.any()


def test_sizes_that_make_no_network() -> None:
    sizes = (3, 0, 2)
    with pytest.raises(SettingError, match="expected inputs and outputs at least"):
        init_layers(sizes, generator=np.random.default_rng(0))


def test_a_network_of_3_inputs_takes_3() -> None:
    shape = (4, 2)
    layers = init_layers((3, 2), generator=np.random.default_rng(0))
    with pytest.raises(DataError, match=r"expects \(N, 3\)"):
        forward(layers, np.zeros(shape, np.float32), "relu")


def test_an_output_gradient_has_the_shape_of_the_outputs() -> None:
    layers = init_layers((3, 2), generator=np.random.default_rng(0), dtype=np.float64)
    activations = forward(layers, np.zeros((4, 3)), "relu")
    with pytest.raises(DataError, match=r"expected the outputs' \(4, 2\)"):
        backward(layers, activations, np.zeros((4, 1)), "relu")


def test_weights_are_float32_or_float64() -> None:
    dtype: Any = "nonsense"
    with pytest.raises(SettingError, match="expected float32 or float64") as raised:
        init_layers((3, 2), generator=np.random.default_rng(0), dtype=dtype)
    assert repr(dtype) in str(raised.value)


def test_a_forward_pass_needs_layers() -> None:
    with pytest.raises(DataError, match="without layers: expected at least one"):
        forward([], np.zeros((4, 3)), "relu")
