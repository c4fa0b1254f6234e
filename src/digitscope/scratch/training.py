"""The loop that teaches the network: visible, mini-batch after mini-batch."""

import math
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from digitscope.data.batches import Batch, Reshuffled
from digitscope.data.splits import Split
from digitscope.errors import DataError, DivergedError
from digitscope.metrics import N_CLASSES, evaluate_logits
from digitscope.records import EpochRecord
from digitscope.scratch.classifier import Network, scale_pixels
from digitscope.scratch.functions import softmax_cross_entropy
from digitscope.scratch.network import Layer, backward, forward, init_layers, sgd_step, zeros_like
from digitscope.scratch.settings import ScratchSettings

OnBatch = Callable[[], object]
OnEpoch = Callable[[EpochRecord], object]

NEGLIGIBLE = 1e-25
FLUSH_EVERY = 64


@dataclass(eq=False)
class ScratchState:
    """The state of a training, sufficient to resume it.

    Attributes:
        network: its layers are changed in place.
        velocities: of the steps so far.
        history: one record for each epoch done.
    """

    network: Network
    velocities: list[Layer]
    history: list[EpochRecord] = field(default_factory=list)

    @classmethod
    def start(cls, split: Split, settings: ScratchSettings, *, generator: np.random.Generator) -> "ScratchState":
        """Return the state before the first epoch on `split`, its weights drawn from `generator`."""
        sizes = (math.prod(split.images.shape[1:]), *settings.hidden, N_CLASSES)
        layers = init_layers(sizes, generator=generator, dtype=settings.dtype)
        return cls(Network(tuple(layers), settings.activation), zeros_like(layers))


def batch_source(split: Split, settings: ScratchSettings) -> Reshuffled:
    """Return the examples of `split` as training meets them; a batch may be larger than the split."""
    return Reshuffled(split, min(settings.batch_size, len(split)), settings.augmentation)


@np.errstate(over="ignore", invalid="ignore")  # a loss that is not finite is an error below
def train(
    split: Split,
    validation: Split,
    settings: ScratchSettings,
    *,
    generator: np.random.Generator,
    state: ScratchState | None = None,
    on_batch: OnBatch = lambda: None,
    on_epoch: OnEpoch = lambda _: None,
) -> tuple[Network, tuple[EpochRecord, ...]]:
    """Teach a network the digits of `split`, and score it on `validation` after every epoch.

    The order and the warps are drawn anew each epoch, and the last partial batch counts like any other. Pixels
    are scaled to [0, 1] here for training and in `Network.logits` for use, by the same function.

    Args:
        split: what to learn; labels (N,).
        validation: what each epoch is scored on, every example of it.
        settings: how.
        generator: draws the first weights, and spawns a generator for each epoch's order and warps, so that a
            resumed run meets the examples that an uninterrupted one would have met. Equal seeds give equal bytes.
        state: where to go on from, changed in place; a new network if None.
        on_batch: called after every step.
        on_epoch: called after every epoch, when `state` already holds its record.

    Returns:
        The network after the last epoch, and one record an epoch.

    Raises:
        DataError: a split is empty or holds two-digit labels, or its images differ in size from the other's.
        DivergedError: the loss is not finite; what `on_epoch` kept of earlier epochs stands.
    """
    _check_splits(split, validation)
    if state is None:
        state = ScratchState.start(split, settings, generator=generator)
    source = batch_source(split, settings)
    generators = generator.spawn(settings.epochs)
    for epoch in range(len(state.history) + 1, settings.epochs + 1):
        start = time.perf_counter()
        n_steps, first = settings.epochs * source.n_batches, (epoch - 1) * source.n_batches
        steps_left = range(n_steps - first, n_steps - first - source.n_batches, -1)
        rates = [settings.learning_rate * left / n_steps for left in steps_left]
        loss, accuracy = train_epoch(
            state, source.epoch(generators[epoch - 1]), rates, settings, on_batch=on_batch
        )
        logits = state.network.logits(validation.images)
        # The logits too: the last step may be the one that fails, and the loss was taken before it.
        if not (np.isfinite(loss) and np.isfinite(logits).all()):
            raise DivergedError(f"the loss is not finite in epoch {epoch}: train with a lower learning rate")
        score = evaluate_logits(logits, validation.labels)
        seconds = time.perf_counter() - start
        state.history.append(EpochRecord(epoch, loss, accuracy, score.nll, score.accuracy, rates[-1], seconds))
        on_epoch(state.history[-1])
    return state.network, tuple(state.history)


def train_epoch(
    state: ScratchState,
    batches: Iterable[Batch],
    rates: Sequence[float],
    settings: ScratchSettings,
    *,
    on_batch: OnBatch = lambda: None,
) -> tuple[float, float]:
    """Take one step a mini-batch, changing the network and the velocities of `state` in place.

    Args:
        state: the network and its velocities.
        batches: images uint8 (B, H, W) with labels (B,).
        rates: the learning rate of each step, as many as there are mini-batches.
        settings: the rest.
        on_batch: called after every step.

    Returns:
        Mean loss (nats) and fraction right of all examples, each as it was met.
    """
    layers = state.network.layers
    gradients = zeros_like(layers)
    targets = np.eye(N_CLASSES, dtype=settings.dtype)
    n_examples, total_loss, right = 0, 0.0, 0
    for step, ((images, labels), rate) in enumerate(zip(batches, rates, strict=True)):
        activations = forward(layers, scale_pixels(images, settings.dtype), settings.activation)
        loss, output_gradient = softmax_cross_entropy(activations[-1], targets[labels])
        backward(layers, activations, output_gradient, settings.activation, out=gradients)
        sgd_step(
            layers,
            gradients,
            state.velocities,
            learning_rate=rate,
            momentum=settings.momentum,
            nesterov=settings.nesterov,
        )
        if settings.momentum and step % FLUSH_EVERY == 0:
            _drop_negligible(state.velocities)
        n_examples += len(labels)
        total_loss += loss * len(labels)
        right += int((activations[-1].argmax(axis=1) == labels).sum())
        on_batch()
    return total_loss / n_examples, right / n_examples


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
