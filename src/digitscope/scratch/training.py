"""The loop that teaches the network: visible, mini-batch after mini-batch."""

import math
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from digitscope.data.splits import Split
from digitscope.errors import DataError
from digitscope.metrics import N_CLASSES, evaluate_logits
from digitscope.records import EpochRecord
from digitscope.scratch.classifier import Network, scale_pixels
from digitscope.scratch.losses import softmax_cross_entropy
from digitscope.scratch.network import Layer, backward, forward, init_layers, sgd_step, zeros_like
from digitscope.scratch.settings import ScratchSettings

Floats = NDArray[np.floating[Any]]
OnEpoch = Callable[[EpochRecord], object]

NEGLIGIBLE = 1e-25
FLUSH_EVERY = 64


def train(
    split: Split,
    validation: Split,
    settings: ScratchSettings,
    *,
    generator: np.random.Generator,
    on_epoch: OnEpoch | None = None,
) -> tuple[Network, tuple[EpochRecord, ...]]:
    """Teach a new network the digits of `split`, and score it on `validation` after every epoch.

    The order is drawn anew each epoch and the last partial batch counts like any other. Pixels are scaled
    to [0, 1] here for training and in `Network.logits` for use, by the same function.

    Args:
        split: what to learn; labels (N,).
        validation: what each epoch is scored on, every example of it.
        settings: how.
        generator: draws the first weights, then each epoch's order; equal seeds give equal bytes.
        on_epoch: called with each epoch's record as soon as it exists.

    Returns:
        The network after the last epoch, and one record an epoch.

    Raises:
        DataError: a split is empty or holds two-digit labels, or its images differ in size from the other's.
    """
    _check_splits(split, validation)
    inputs = scale_pixels(split.images, settings.dtype)
    targets = np.eye(N_CLASSES, dtype=settings.dtype)[split.labels]
    sizes = (inputs.shape[1], *settings.hidden, N_CLASSES)
    layers = init_layers(sizes, generator=generator, dtype=settings.dtype)
    velocities = zeros_like(layers)
    network = Network(tuple(layers), settings.activation)
    history = []
    for epoch, rates in enumerate(_learning_rates(settings, len(split)), start=1):
        start = time.perf_counter()
        order = generator.permutation(len(split))
        loss, accuracy = train_epoch(layers, velocities, inputs, targets, order, rates, settings)
        score = evaluate_logits(network.logits(validation.images), validation.labels)
        seconds = time.perf_counter() - start
        history.append(EpochRecord(epoch, loss, accuracy, score.nll, score.accuracy, rates[-1], seconds))
        if on_epoch is not None:
            on_epoch(history[-1])
    return network, tuple(history)


def train_epoch(
    layers: Sequence[Layer],
    velocities: Sequence[Layer],
    inputs: Floats,
    targets: Floats,
    order: NDArray[np.integer[Any]],
    rates: Sequence[float],
    settings: ScratchSettings,
) -> tuple[float, float]:
    """Take one step a mini-batch, changing `layers` and `velocities` in place.

    Args:
        layers: the network.
        velocities: of the steps so far.
        inputs: (N, n_in) of the layers' dtype.
        targets: (N, 10) of the same dtype, 1 at the digit's place.
        order: (N,) positions in `inputs`, in the order of their use.
        rates: the learning rate of each step, as many as there are mini-batches.
        settings: the rest.

    Returns:
        Mean loss (nats) and fraction right of the N examples, each as it was met.
    """
    gradients = zeros_like(layers)
    room = np.empty((min(settings.batch_size, len(order)), inputs.shape[1]), inputs.dtype)
    total_loss, right = 0.0, 0
    for step, rate in enumerate(rates):
        chosen = order[step * settings.batch_size : (step + 1) * settings.batch_size]
        # mode="clip" because NumPy fills `out` through a copy under the default mode.
        batch = inputs.take(chosen, axis=0, out=room[: len(chosen)], mode="clip")
        digits = targets[chosen]
        activations = forward(layers, batch, settings.activation)
        loss, output_gradient = softmax_cross_entropy(activations[-1], digits)
        backward(layers, activations, output_gradient, settings.activation, out=gradients)
        sgd_step(
            layers,
            gradients,
            velocities,
            learning_rate=rate,
            momentum=settings.momentum,
            nesterov=settings.nesterov,
        )
        if settings.momentum and step % FLUSH_EVERY == 0:
            _drop_negligible(velocities)
        total_loss += loss * len(chosen)
        right += int((activations[-1].argmax(axis=1) == digits.argmax(axis=1)).sum())
    return total_loss / len(order), right / len(order)


def _learning_rates(settings: ScratchSettings, n: int) -> list[list[float]]:
    """Return the learning rate of every step, one list an epoch of `n` examples."""
    steps = math.ceil(n / settings.batch_size)
    left = np.linspace(1, 0, settings.epochs * steps, endpoint=False).reshape(settings.epochs, steps)
    rates: list[list[float]] = (settings.learning_rate * left).tolist()
    return rates


def _drop_negligible(velocities: Sequence[Layer]) -> None:
    """Set velocities below 1e-25 to 0, in place.

    A pixel at the image's edge holds no ink for thousands of examples; its velocity shrinks at every step,
    into numbers below 1e-38, on which the processor is many times slower.
    """
    for layer in velocities:
        for velocity in layer:
            velocity[np.abs(velocity) < NEGLIGIBLE] = 0


def _check_splits(split: Split, validation: Split) -> None:
    for name, part in (("training", split), ("validation", validation)):
        if len(part) == 0 or part.labels.ndim != 1:
            raise DataError(
                f"the {name} split has labels of shape {part.labels.shape}: "
                "expected (N,), one digit an image, and at least one"
            )
    if split.images.shape[1:] != validation.images.shape[1:]:
        raise DataError(
            f"training images are {split.images.shape[1:]} and validation images {validation.images.shape[1:]}: "
            "expected one size"
        )
