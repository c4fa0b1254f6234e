"""Activation functions of hidden layers: a read-only table with their derivatives."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from digitscope.errors import SettingError

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


def activation_named(name: str) -> Activation:
    """Return the activation called `name`.

    Raises:
        SettingError: there is none of that name.
    """
    try:
        return ACTIVATIONS[name]
    except (KeyError, TypeError):  # TypeError for what cannot be a key, such as a list
        raise SettingError(f"activation {name!r} is unknown: choose one of {', '.join(ACTIVATIONS)}") from None
