"""The training loop, one for every model, every order of the data and every protocol, and the scores after it."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from time import perf_counter

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn, optim
from torch.optim.swa_utils import AveragedModel

from digitscope.data.batches import BatchSource
from digitscope.data.splits import Split, UInt8
from digitscope.errors import DivergedError, SettingError
from digitscope.metrics import Evaluation, evaluate_logits
from digitscope.records import EpochRecord
from digitscope.settings import TrainingSettings
from digitscope.training.devices import computes_in_bfloat16
from digitscope.training.distributed import add_up_gradients, own_dropout, share_out
from digitscope.training.objectives import DIGIT_OBJECTIVE, BatchResult, EpochScore, Objective
from digitscope.training.optimizers import learning_rate_at, make_average, make_optimizer

TensorBatch = tuple[Tensor, Tensor]

BATCH_SIZE = 1000
"""Images a forward pass in evaluation: enough to keep the cores busy, small enough for any laptop."""


@dataclass
class TrainingState:
    """The state of a training, sufficient to resume it: the network, on its device, and its optimizer.

    `average` is the running average of the weights, if the settings ask for one. `history` has a record for each
    epoch.
    """

    model: nn.Module
    optimizer: optim.Optimizer
    average: AveragedModel | None = None
    history: list[EpochRecord] = field(default_factory=list)

    @classmethod
    def start(cls, model: nn.Module, settings: TrainingSettings) -> "TrainingState":
        """Return the state before the first epoch."""
        optimizer = add_up_gradients(make_optimizer(model.parameters(), settings))
        return cls(model, optimizer, make_average(model, settings))

    @property
    def trained(self) -> nn.Module:
        """The network to validate and to keep: the average if there is one."""
        return self.model if self.average is None else self.average.module


def train(
    state: TrainingState,
    source: BatchSource,
    validation: Split,
    settings: TrainingSettings,
    *,
    seed: int,
    objective: Objective = DIGIT_OBJECTIVE,
    on_batch: Callable[[], None] = lambda: None,
    on_epoch: Callable[[EpochRecord], None] = lambda _: None,
) -> None:
    """Train `state` in place until it has `settings.epochs` epochs behind it.

    The order of epoch e comes from a generator seeded by (seed, e), so that a resumed run meets the examples
    that an uninterrupted one would have met. Dropout draws from torch's own generator. Processes that train
    together do so with the same arguments, and each ends with the same state.

    Args:
        state: new, or as a checkpoint left it.
        source: the training examples; it warps none in the last `settings.epochs_without_augmentation` epochs.
        validation: scored after every epoch.
        settings: how to train.
        seed: of the order of the examples.
        objective: what the network is to learn.
        on_batch: called after every step.
        on_epoch: called after every epoch, when `state` already holds its record.

    Raises:
        DivergedError: the loss is not finite; what `on_epoch` kept of earlier epochs stands.
    """
    device = next(state.model.parameters()).device
    network = share_out(state.model)
    for epoch in range(len(state.history) + 1, settings.epochs + 1):
        started = perf_counter()
        plain = epoch > settings.epochs - settings.epochs_without_augmentation
        batches = to_tensors(source.epoch(np.random.default_rng([seed, epoch]), plain=plain), device)
        own_dropout(seed, epoch)
        score = run_epoch(
            network,
            _around_steps(batches, state, settings, source.n_batches),
            optimizer=state.optimizer,
            objective=objective,
            label_smoothing=settings.label_smoothing,
            hard_example_weight=settings.hard_example_weight,
            in_bfloat16=settings.precision == "mixed" and computes_in_bfloat16(device),
            on_batch=on_batch,
        )
        logits = predict_logits(state.trained, validation.images)
        # The logits too: the last step may be the one that fails, and the losses were taken before it.
        if not (np.isfinite(score.losses).all() and np.isfinite(logits).all()):
            raise DivergedError(f"the loss is not finite in epoch {epoch}: train with a lower learning rate")
        loss, accuracy = objective.validate(logits, validation.labels)
        record = EpochRecord(
            epoch=epoch,
            train_loss=float(np.mean(score.losses)),
            train_accuracy=float(np.mean(score.accuracies)),
            validation_loss=loss,
            validation_accuracy=accuracy,
            learning_rate=state.optimizer.param_groups[0]["lr"],
            seconds=perf_counter() - started,
        )
        state.history.append(record)
        on_epoch(record)


def run_epoch(
    model: nn.Module,
    batches: Iterable[TensorBatch],
    *,
    optimizer: optim.Optimizer | None,
    objective: Objective = DIGIT_OBJECTIVE,
    label_smoothing: float = 0.0,
    hard_example_weight: float = 1.0,
    in_bfloat16: bool = False,
    on_batch: Callable[[], None] = lambda: None,
) -> EpochScore:
    """Take one step for each batch, or with no optimizer only score the batches.

    A step lowers the loss of `objective`, with its labels smoothed and its examples weighted up to
    `hard_example_weight`, and computes convolutions and products in bfloat16 if asked to. The score has none of
    these, as in evaluation, and each example's is that of the weights which met it.
    """
    model.train(optimizer is not None)
    results: list[BatchResult] = []
    with torch.set_grad_enabled(optimizer is not None):
        for images, labels in batches:
            with torch.autocast(images.device.type, torch.bfloat16, enabled=in_bfloat16):
                logits = model(images).float()
            if optimizer is not None:
                optimizer.zero_grad()
                loss = objective.loss(logits, labels, label_smoothing, hard_example_weight)
                loss.backward()  # type: ignore[no-untyped-call]
                optimizer.step()
            results.append(objective.batch_result(logits.detach(), labels))
            on_batch()
    return objective.score(results)


def to_tensors(batches: Iterable[tuple[np.ndarray, np.ndarray]], device: torch.device) -> Iterator[TensorBatch]:
    """Yield each batch as tensors on `device`: images as they are, labels as int64, which the loss wants."""
    for images, labels in batches:
        yield torch.from_numpy(images).to(device), torch.from_numpy(labels).to(device, torch.long)


def _around_steps(
    batches: Iterable[TensorBatch], state: TrainingState, settings: TrainingSettings, n_batches: int
) -> Iterator[TensorBatch]:
    """Yield an epoch's `n_batches`: before each step set its learning rate, after it average the weights."""
    n_steps = settings.epochs * n_batches
    for step, batch in enumerate(batches, start=len(state.history) * n_batches):
        for group in state.optimizer.param_groups:
            group["lr"] = learning_rate_at(step, n_steps, settings)
        yield batch
        if state.average is not None:
            state.average.update_parameters(state.model)


def evaluate(model: nn.Module, split: Split, *, batch_size: int = BATCH_SIZE) -> Evaluation:
    """Return the scores of `model` on every example of `split`; `batch_size` decides only the memory used."""
    return evaluate_logits(predict_logits(model, split.images, batch_size=batch_size), split.labels)


def predict_logits(model: nn.Module, images: UInt8, *, batch_size: int = BATCH_SIZE) -> NDArray[np.float32]:
    """Return the logits of uint8 `images` (N, H, W): float32 (N, 10), or (N, 2, 10) for pairs.

    The model is left in evaluation mode.

    Raises:
        SettingError: `batch_size` is below 1.
    """
    if batch_size < 1:
        raise SettingError(f"batch_size is {batch_size}: expected a whole number from 1")
    device = next(model.parameters()).device
    model.eval()
    with torch.inference_mode():
        parts = [
            model(torch.tensor(images[start : start + batch_size]).to(device)).float().cpu().numpy()
            for start in range(0, max(len(images), 1), batch_size)  # no image still gives (0, 10)
        ]
    return np.concatenate(parts)
