"""A neural network on one page: plain functions on plain arrays, for any number of layers.

    layers = init_layers((784, 128, 10), generator=np.random.default_rng(0))
    activations = forward(layers, inputs, "relu")
    loss, output_gradient = softmax_cross_entropy(activations[-1], targets)
    gradients = backward(layers, activations, output_gradient, "relu")
    sgd_step(layers, gradients, velocities, learning_rate=0.1)

Shapes: N examples, n_in inputs and n_out outputs of a layer. All arrays of a network have one float dtype.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike, NDArray

from digitscope.errors import DataError, SettingError
from digitscope.scratch.functions import activation_named

Floats = NDArray[np.floating[Any]]


class Layer(NamedTuple):
    """One fully connected layer: outputs = inputs @ weight + bias. Gradients and velocities have this shape too.

    Attributes:
        weight: (n_in, n_out).
        bias: (n_out,).
    """

    weight: Floats
    bias: Floats


def init_layers(
    sizes: Sequence[int], *, generator: np.random.Generator, dtype: DTypeLike = np.float32
) -> list[Layer]:
    """Return layers of random weights: normal, mean 0, variance 2 / n_in, and biases of 0.

    Source: He et al., "Delving Deep into Rectifiers", ICCV 2015, equation 10: with this variance, signals
    neither grow nor fade on their way through layers of ReLU.

    Args:
        sizes: inputs, hidden neurons of each layer, outputs; such as (784, 128, 10).
        generator: where the weights are drawn from.
        dtype: float32 or float64.

    Raises:
        SettingError: fewer than two sizes, a size below 1, or another dtype.
    """
    if len(sizes) < 2 or min(sizes) < 1:
        raise SettingError(f"sizes {tuple(sizes)}: expected inputs and outputs at least, each 1 or more")
    _check_dtype(dtype)
    return [
        Layer(
            (generator.standard_normal((n_in, n_out)) * np.sqrt(2 / n_in)).astype(dtype),
            np.zeros(n_out, dtype),
        )
        for n_in, n_out in pairwise(sizes)
    ]


def zeros_like(layers: Sequence[Layer]) -> list[Layer]:
    """Return layers of the same shapes, all zeros: the velocities before the first step."""
    return [Layer(np.zeros_like(layer.weight), np.zeros_like(layer.bias)) for layer in layers]


def forward(layers: Sequence[Layer], inputs: Floats, activation: str) -> list[Floats]:
    """Return what every layer gives: [inputs, hidden 1, hidden 2, ..., outputs], each (N, units).

    `activation` follows every layer but the last, whose outputs stay linear: they are the logits.

    Raises:
        DataError: there are no layers, or `inputs` is not (N, n_in of the first layer).
        SettingError: `activation` is not in the table.
    """
    if not layers:
        raise DataError("a network without layers: expected at least one; init_layers makes them")
    n_in = len(layers[0].weight)
    if inputs.ndim != 2 or inputs.shape[1] != n_in:
        raise DataError(f"inputs of shape {inputs.shape}: this network expects (N, {n_in})")
    function = activation_named(activation).function
    activations = [inputs]
    for W, b in layers[:-1]:
        activations.append(function(activations[-1] @ W + b))
    W, b = layers[-1]
    activations.append(activations[-1] @ W + b)
    return activations


def backward(
    layers: Sequence[Layer],
    activations: Sequence[Floats],
    output_gradient: Floats,
    activation: str,
    out: Sequence[Layer] | None = None,
) -> Sequence[Layer]:
    """Return the gradient of the loss with respect to every layer, by the chain rule from the last to the first.

    With `error` the gradient with respect to a layer's weighted inputs z and `a` what comes into the layer:
    dW = a^T error, db = sum of error over examples, and for the layer before, error' = (error W^T) * f'(z').

    Args:
        layers: as given to `forward`.
        activations: what `forward` returned.
        output_gradient: (N, n_out) gradient with respect to the outputs, from a loss.
        activation: as given to `forward`.
        out: where to write the gradients; new arrays if None. Reusing them saves time in a loop.

    Raises:
        DataError: `output_gradient` has not the shape of the outputs.
        SettingError: `activation` is not in the table.
    """
    if output_gradient.shape != activations[-1].shape:
        raise DataError(
            f"output gradient of shape {output_gradient.shape}: expected the outputs' {activations[-1].shape}"
        )
    derivative = activation_named(activation).derivative
    gradients = zeros_like(layers) if out is None else out
    error = output_gradient
    for k in range(len(layers) - 1, -1, -1):
        a = activations[k]
        np.matmul(a.T, error, out=gradients[k].weight)
        error.sum(axis=0, out=gradients[k].bias)
        if k > 0:
            error = error @ layers[k].weight.T
            error *= derivative(a)
    return gradients


def sgd_step(
    layers: Sequence[Layer],
    gradients: Sequence[Layer],
    velocities: Sequence[Layer],
    *,
    learning_rate: float,
    momentum: float = 0.0,
    nesterov: bool = False,
) -> None:
    """Move every weight and bias p one step down its gradient g, in place.

    As torch.optim.SGD defines it, with momentum m and velocity v, which starts at 0:

        v = m v + g
        p = p - learning_rate * v              plain momentum; without momentum, v = g
        p = p - learning_rate * (g + m v)      Nesterov

    `gradients` is scratch space afterwards: the step is computed in it, because making new arrays of the
    weights' size takes time.
    `velocities` is untouched without momentum.
    """
    for layer, gradient, velocity in zip(layers, gradients, velocities, strict=True):
        for p, g, v in zip(layer, gradient, velocity, strict=True):
            if momentum:
                v *= momentum
                v += g
            if nesterov or not momentum:
                p -= np.multiply(g, learning_rate, out=g)
            if momentum:
                p -= np.multiply(v, learning_rate * (momentum if nesterov else 1), out=g)


def _check_dtype(dtype: DTypeLike) -> None:
    try:
        accepted = np.dtype(dtype) in (np.float32, np.float64)
    except TypeError:  # no dtype at all
        accepted = False
    if not accepted:  # whole numbers would cut nearly every first weight down to 0
        raise SettingError(f"dtype is {dtype!r}: expected float32 or float64")
