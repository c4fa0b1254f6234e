"""How wrong a network's outputs are, and which way to move them: a read-only table of losses.

A loss takes outputs and targets of shape (N, n_out) and returns its value and its gradient with respect to
the outputs, same shape. Both are means over the N examples, so neither depends on the size of a batch.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from digitscope.errors import DataError

Floats = NDArray[np.floating[Any]]
Loss = Callable[[Floats, Floats], tuple[float, Floats]]


def softmax_cross_entropy(logits: Floats, targets: Floats) -> tuple[float, Floats]:
    """Return the cross-entropy in nats between softmax(logits) and targets, and its gradient.

    Each row of `targets` holds probabilities that sum to 1: for a digit, 1 at its place and 0 elsewhere.
    The gradient is (softmax(logits) - targets) / N. It is this plain because the derivative of the logarithm
    cancels the softmax's own (Bishop 2006, equation 4.109). Taking each row's largest logit away first
    changes nothing in the result and keeps the exponentials from overflowing.

    Raises:
        DataError: the shapes differ, or there is no example.
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


LOSSES: Mapping[str, Loss] = MappingProxyType(
    {"cross-entropy": softmax_cross_entropy, "squared-error": squared_error}
)


def _check_shapes(outputs: Floats, targets: Floats) -> None:
    if outputs.shape != targets.shape or outputs.ndim != 2 or outputs.size == 0:
        raise DataError(
            f"outputs of shape {outputs.shape} cannot be compared with targets of shape {targets.shape}: "
            "expected the same (N, n_out) for both, and at least one example"
        )
