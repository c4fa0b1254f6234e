import math
import pickle
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch.nn import functional

from digitscope.errors import DataError
from digitscope.scratch import ACTIVATIONS, softmax_cross_entropy, squared_error

TORCH: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "relu": functional.relu,
    "leaky-relu": functional.leaky_relu,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "identity": lambda x: x * 1,
}


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_function_and_derivative_equal_torch(name: str) -> None:
    x = np.array([-1000.0, -3.0, -0.5, -1e-9, 0.0, 1e-9, 0.5, 3.0, 1000.0])
    inputs = torch.tensor(x, requires_grad=True)
    expected = TORCH[name](inputs)
    torch.autograd.backward(expected.sum())
    assert inputs.grad is not None
    outputs = ACTIVATIONS[name].function(x)
    np.testing.assert_allclose(outputs, expected.detach().numpy(), rtol=1e-12, atol=1e-15)
    slopes = ACTIVATIONS[name].derivative(outputs)
    np.testing.assert_allclose(slopes, inputs.grad.numpy(), rtol=1e-8, atol=1e-15)


def test_float32_stays_float32() -> None:
    for activation in ACTIVATIONS.values():
        outputs = activation.function(np.array([-1, 0, 1], np.float32))
        assert outputs.dtype == np.float32
        assert activation.derivative(outputs).dtype == np.float32


def test_uniform_logits_cost_ln_10() -> None:
    n = 64
    loss, _ = softmax_cross_entropy(np.full((n, 10), 3.0), np.eye(10)[np.arange(n) % 10])
    assert loss == pytest.approx(math.log(10), abs=1e-12)


def test_logits_of_1000_stay_finite() -> None:
    dtype = np.float32
    logits = np.array([[1000, -1000, 0], [1000, -1000, 0]], dtype)
    loss, gradient = softmax_cross_entropy(logits, np.array([[1, 0, 0], [0, 1, 0]], dtype))
    assert loss == pytest.approx(1000)  # right at no cost, and wrong by 2000 nats: 1000 on average
    assert gradient.dtype == dtype
    np.testing.assert_allclose(gradient, np.array([[0, 0, 0], [0.5, -0.5, 0]], dtype), atol=1e-12)


def test_cross_entropy_equals_torch() -> None:
    generator = np.random.default_rng(0)
    logits = generator.standard_normal((7, 10)) * 5
    labels = generator.integers(0, 10, 7)
    tensor = torch.tensor(logits, requires_grad=True)
    expected = functional.cross_entropy(tensor, torch.tensor(labels))
    torch.autograd.backward(expected)
    assert tensor.grad is not None
    loss, gradient = softmax_cross_entropy(logits, np.eye(10)[labels])
    assert loss == pytest.approx(expected.item(), rel=1e-12)
    np.testing.assert_allclose(gradient, tensor.grad.numpy(), atol=1e-14)


def test_activations_can_be_sent_to_other_processes() -> None:
    for activation in ACTIVATIONS.values():
        assert pickle.loads(pickle.dumps(activation)) == activation


def test_squared_error_is_half_the_square_summed_over_outputs() -> None:
    loss, gradient = squared_error(np.array([[3.0, 1.0], [0.0, 0.0]]), np.array([[1.0, 1.0], [0.0, 4.0]]))
    assert loss == (0.5 * 4 + 0.5 * 16) / 2
    np.testing.assert_array_equal(gradient, [[1, 0], [0, -2]])


@pytest.mark.parametrize("shapes", [((2, 3), (3, 2)), ((0, 3), (0, 3))])
def test_shapes_that_do_not_belong_together(shapes: tuple[tuple[int, ...], ...]) -> None:
    for loss in (softmax_cross_entropy, squared_error):
        with pytest.raises(DataError, match="cannot be compared with targets"):
            loss(np.zeros(shapes[0]), np.zeros(shapes[1]))
