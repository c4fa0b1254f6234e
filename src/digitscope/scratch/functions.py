"""Activation functions of hidden layers with their derivatives, and losses: a read-only table of each.

A loss takes outputs and targets of shape (N, n_out) and returns its value and its gradient with respect to
the outputs, same shape. Both are means over the N examples, so neither depends on the size of a batch.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from digitscope.errors import DataError, SettingError

Floats = NDArray[np.floating[Any]]

LEAKY_SLOPE = 0.01  # the default of torch.nn.LeakyReLU


class Activation(NamedTuple):
    """A function of a layer's weighted inputs, and its derivative.

    Attributes:
        function: weighted inputs of any shape -> outputs, same shape and dtype.
        derivative: those *outputs* -> the slope at the inputs that gave them. Every function here can be
            differentiated from its output, so a forward pass keeps one array a layer and not two.
    """

    function: Callable[[Floats], Floats]
    derivative: Callable[[Floats], Floats]


def relu(x: Floats) -> Floats:
    """Return max(x, 0)."""
    return np.maximum(x, 0)


def relu_derivative(output: Floats) -> Floats:
    """Return 1 where x > 0, else 0; at 0, where ReLU has none, the derivative is taken as 0, as torch does."""
    return (output > 0).astype(output.dtype)


def leaky_relu(x: Floats) -> Floats:
    """Return x where x > 0, else 0.01 x."""
    return np.asarray(np.maximum(x, LEAKY_SLOPE * x))


def leaky_relu_derivative(output: Floats) -> Floats:
    """Return 1 where x > 0, else 0.01: an output has its input's sign."""
    return np.where(output > 0, 1, LEAKY_SLOPE).astype(output.dtype)


def sigmoid(x: Floats) -> Floats:
    """Return 1 / (1 + exp(-x)), written as (1 + tanh(x/2)) / 2 because that never overflows."""
    return 0.5 * (1 + tanh(0.5 * x))


def sigmoid_derivative(output: Floats) -> Floats:
    """Return s (1 - s) for the sigmoid's output s."""
    return output * (1 - output)


def tanh(x: Floats) -> Floats:
    """Return the hyperbolic tangent of x."""
    return np.asarray(np.tanh(x))


def tanh_derivative(output: Floats) -> Floats:
    """Return 1 - t^2 for the tangent's output t."""
    return 1 - output * output


def identity(x: Floats) -> Floats:
    """Return x as it is."""
    return x


def identity_derivative(output: Floats) -> Floats:
    """Return 1 everywhere."""
    return np.ones_like(output)


ACTIVATIONS: Mapping[str, Activation] = MappingProxyType(
    {
        "relu": Activation(relu, relu_derivative),
        "leaky-relu": Activation(leaky_relu, leaky_relu_derivative),
        "sigmoid": Activation(sigmoid, sigmoid_derivative),
        "tanh": Activation(tanh, tanh_derivative),
        "identity": Activation(identity, identity_derivative),
    }
)
"""The activations of hidden layers, by the names that settings use."""


def activation_named(name: str) -> Activation:
    """Return the activation called `name`.

    Raises:
        SettingError: there is none of that name.
    """
    try:
        return ACTIVATIONS[name]
    except (KeyError, TypeError):  # TypeError for what cannot be a key, such as a list
        raise SettingError(f"activation {name!r} is unknown: choose one of {', '.join(ACTIVATIONS)}") from None


def softmax_cross_entropy(logits: Floats, targets: Floats) -> tuple[float, Floats]:
    """Return the cross-entropy in nats between softmax(logits) and targets, and its gradient.

    Each row of `targets` holds probabilities that sum to 1: for a digit, 1 at its place and 0 elsewhere.
    The gradient is (softmax(logits) - targets) / N. It is this plain because the derivative of the logarithm
    cancels the softmax's own (Bishop 2006, equation 4.109). Taking each row's largest logit away first
    changes nothing in the result and keeps the exponentials from overflowing.

    Raises:
        DataError: the shapes differ, or there is no example.

    Example:
        >>> loss, gradient = softmax_cross_entropy(np.zeros((1, 2)), np.array([[1.0, 0.0]]))
        >>> f"{loss:.4f}", gradient
        ('0.6931', array([[-0.5,  0.5]]))
    """
    _check_shapes(logits, targets)
    shifted = logits - logits.max(axis=1, keepdims=True)
    exponentials = np.exp(shifted)
    sums = exponentials.sum(axis=1, keepdims=True)
    loss = (np.log(sums).sum() - np.vdot(shifted, targets)) / len(logits)
    exponentials /= sums
    exponentials -= targets
    exponentials /= len(logits)
    return float(loss), exponentials


def squared_error(outputs: Floats, targets: Floats) -> tuple[float, Floats]:
    """Return the mean over examples of sum over outputs of (1/2)(o - y)^2, and its gradient (o - y) / N.

    The half is the course's: with it, one example's gradient is the plain error o - y.

    Raises:
        DataError: the shapes differ, or there is no example.
    """
    _check_shapes(outputs, targets)
    error = outputs - targets
    return float(0.5 * np.vdot(error, error) / len(outputs)), error / len(outputs)


def _check_shapes(outputs: Floats, targets: Floats) -> None:
    if outputs.shape != targets.shape or outputs.ndim != 2 or outputs.size == 0:
        raise DataError(
            f"outputs of shape {outputs.shape} cannot be compared with targets of shape {targets.shape}: "
            "expected the same (N, n_out) for both, and at least one example"
        )
