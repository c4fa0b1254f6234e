"""How the network is taught: its settings, and the loop, mini-batch after mini-batch."""

import math
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, fields
from typing import Annotated, Any, Literal

import numpy as np

from digitscope.data.batches import Batch, Reshuffled
from digitscope.data.splits import Split
from digitscope.errors import DataError, DivergedError, SettingError
from digitscope.metrics import N_CLASSES, evaluate_logits
from digitscope.records import EpochRecord
from digitscope.scratch.classifier import Network, scale_pixels
from digitscope.scratch.functions import activation_named, softmax_cross_entropy
from digitscope.scratch.network import Layer, backward, forward, init_layers, sgd_step, zeros_like
from digitscope.settings import Order, Schedule, TrainingSettings

OnBatch = Callable[[], object]
OnEpoch = Callable[[EpochRecord], object]

# Velocities below this are set to 0, every so many steps. A pixel at the image's edge holds no ink for thousands
# of examples; its velocity shrinks at every step, below 1e-38, where the processor is many times slower.
NEGLIGIBLE, FLUSH_EVERY = 1e-25, 64

FloatName = Literal["float32", "float64"]


@dataclass(frozen=True, kw_only=True)
class ScratchSettings(TrainingSettings):
    """The settings of `TrainingSettings` that the NumPy network has, and three that it alone has.

    The loss is softmax cross-entropy. The learning rate is that of the first step; it falls in a straight line and
    would be 0 one step after the last. Every epoch has a new order and new warps. Other settings have one value.

    Raises:
        SettingError: a value is of the wrong kind, out of range, unknown or contradicts another.
    """

    hidden: Annotated[tuple[int, ...], "neurons of each hidden layer; () for softmax regression."] = (128,)
    activation: Annotated[str, "what follows each hidden layer, a name in `ACTIVATIONS`."] = "relu"
    dtype: Annotated[FloatName, "of weights and arithmetic; float64 is for checking, and half as fast."] = (
        "float32"
    )

    epochs: int = 9
    batch_size: int = 64
    order: Order = "reshuffled"
    learning_rate: float = 0.15
    momentum: float = 0.9
    nesterov: bool = True
    schedule: Schedule = "one-cycle"
    warmup: float = 0.0
    threads: int = 1

    def __post_init__(self) -> None:
        activation_named(self.activation)
        units: Any = self.hidden
        if not isinstance(units, tuple | list) or not all(map(_is_count, units)):
            raise SettingError(
                f"hidden is {units!r}: expected a tuple of whole numbers from 1, such as (128,) or ()"
            )
        object.__setattr__(self, "hidden", tuple(map(int, units)))  # JSON has only lists
        self._check("dtype", FloatName)
        super().__post_init__()
        for each in fields(self):
            if each.name not in self.names() and getattr(self, each.name) != each.default:
                raise SettingError(f"the NumPy network has no {each.name}: expected {each.default!r}")

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """Return the names of the settings that there are to choose, in their order."""
        trained = ("epochs", "batch_size", "learning_rate", "momentum", "nesterov")
        warped = ("rotation", "scale", "shear", "shift", "elastic")
        return ("hidden", "activation", *trained, *warped, "dtype")


def _is_count(value: object) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool) and bool(value >= 1)


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
    """Take one step a mini-batch of images (B, H, W) with labels (B,), changing `state` in place.

    `rates` has the learning rate of each step. The result is the mean loss (nats) and the fraction right of all
    examples, each as it was met.
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
            for velocity in (array for layer in state.velocities for array in layer):
                velocity[np.abs(velocity) < NEGLIGIBLE] = 0
        n_examples += len(labels)
        total_loss += loss * len(labels)
        right += int((activations[-1].argmax(axis=1) == labels).sum())
        on_batch()
    return total_loss / n_examples, right / n_examples


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
