"""Seconds an epoch of 784-128-10 takes: the NumPy network, a plain PyTorch loop, scikit-learn."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from importlib.metadata import version

import numpy as np
import torch
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

from digitscope.data import Split
from digitscope.errors import MissingExtraError
from digitscope.experiments.bench.measuring import (
    Column,
    Comparison,
    Conditions,
    NotAvailableError,
    rows_of,
    seconds_row,
    take_turns,
    timed,
)
from digitscope.metrics import N_CLASSES
from digitscope.scratch import ScratchSettings, ScratchState, batch_source, scale_pixels
from digitscope.scratch.training import train_epoch
from digitscope.training import cpu_threads

try:
    from sklearn.neural_network import MLPClassifier
    from threadpoolctl import threadpool_limits
except ModuleNotFoundError as error:
    raise MissingExtraError("scikit-learn", "sklearn") from error

NAME = "epoch"
QUICK_IMAGES = 6_000
SETTINGS = ScratchSettings()
SETTINGS_IN_WORDS = "784-128-10, batch 64, Nesterov SGD"

COLUMNS = (Column("seconds", "seconds an epoch", "{:.3f}"),)

REMARK = (
    "Timed: one pass over the training images, a step a batch, loss added up. Not timed: loading, making the "
    "network, a first pass. NumPy scales each batch's uint8 pixels on the clock; PyTorch and scikit-learn hold "
    "scaled float32 from the start. Velocities of pixels that rarely hold ink decay into subnormal numbers, "
    "which are slow: NumPy's loop sets them to 0, and in the rows 'subnormals as 0' the processor does so for "
    "each side."
)

Epoch = Callable[[], object]


def measure(conditions: Conditions) -> tuple[Comparison, ...]:
    """Return the one table."""
    data = conditions.data()
    split = data.train[:QUICK_IMAGES] if conditions.quick else data.train
    with threadpool_limits(conditions.threads, user_api="blas"), cpu_threads(conditions.threads):
        measured = take_turns(
            NAME, sides(split, conditions.threads), lambda epoch: timed(epoch)[1], conditions, "preparing"
        )
    settings = {
        "network": SETTINGS_IN_WORDS,
        "data": data.name,
        "source": data.source,
        "training_images": len(split),
        "rounds": conditions.rounds,
        "threads": conditions.threads,
        "scikit-learn": version("scikit-learn"),
    }
    title = f"{NAME}: {SETTINGS_IN_WORDS}, {len(split):,} images of {data.name}; {conditions.in_words}"
    return (Comparison(NAME, title, REMARK, COLUMNS, rows_of(measured, seconds_row), settings),)


def sides(split: Split, threads: int) -> Mapping[str, Callable[[], Epoch]]:
    """Return what makes each side: a network of its own, and a function that trains it one epoch more."""
    plain: dict[str, Callable[[], Epoch]] = {
        "NumPy network": partial(numpy_epochs, split),
        "PyTorch loop, DataLoader": partial(loader_epochs, split),
        "PyTorch loop, tensors in memory": partial(resident_epochs, split),
        "scikit-learn MLPClassifier": partial(sklearn_epochs, split),
    }
    return plain | {f"{name}, subnormals as 0": partial(_flushed, make, threads) for name, make in plain.items()}


def numpy_epochs(split: Split) -> Callable[[], float]:
    """Return a function that trains the NumPy network one epoch more and returns its mean loss."""
    generator = np.random.default_rng(0)
    state = ScratchState.start(split, SETTINGS, generator=generator)
    source = batch_source(split, SETTINGS)
    rates = [SETTINGS.learning_rate] * source.n_batches
    return lambda: train_epoch(state, source.epoch(generator), rates, SETTINGS)[0]


def loader_epochs(split: Split) -> Callable[[], float]:
    """Return the same for PyTorch's network, fed by a `DataLoader` as its tutorials do it."""
    data = TensorDataset(*_tensors(split))
    loader = DataLoader(data, SETTINGS.batch_size, shuffle=True, generator=torch.Generator().manual_seed(0))
    return _torch_epochs(lambda: loader, len(split))


def resident_epochs(split: Split) -> Callable[[], float]:
    """Return the same for PyTorch's network, each batch gathered by its positions from one tensor in memory."""
    generator = torch.Generator().manual_seed(0)
    inputs, labels = _tensors(split)

    def batches() -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        for chosen in torch.split(torch.randperm(len(labels), generator=generator), SETTINGS.batch_size):
            yield inputs[chosen], labels[chosen]

    return _torch_epochs(batches, len(split))


def _tensors(split: Split) -> tuple[torch.Tensor, torch.Tensor]:
    inputs = torch.from_numpy(scale_pixels(split.images, np.float32))
    return inputs, torch.from_numpy(split.labels.astype(np.int64))


def _torch_epochs(batches: Callable[[], Iterable[Sequence[torch.Tensor]]], n: int) -> Callable[[], float]:
    model = torch.nn.Sequential(torch.nn.Linear(784, 128), torch.nn.ReLU(), torch.nn.Linear(128, N_CLASSES))
    optimizer = torch.optim.SGD(
        model.parameters(), lr=SETTINGS.learning_rate, momentum=SETTINGS.momentum, nesterov=SETTINGS.nesterov
    )

    def epoch() -> float:
        total, right = 0.0, 0
        for inputs, digits in batches():
            logits = model(inputs)
            loss = functional.cross_entropy(logits, digits)
            optimizer.zero_grad()
            torch.autograd.backward(loss)
            optimizer.step()
            total += loss.item() * len(digits)
            right += int((logits.argmax(dim=1) == digits).sum())
        return total / n

    return epoch


def sklearn_epochs(split: Split) -> Callable[[], float]:
    """Return a function that trains the same network in scikit-learn one epoch more and returns its mean loss."""
    inputs = scale_pixels(split.images, np.float32)
    classifier = MLPClassifier(
        hidden_layer_sizes=SETTINGS.hidden,
        solver="sgd",
        alpha=0.0,  # no weight decay, as the others have none
        batch_size=min(SETTINGS.batch_size, len(split)),
        learning_rate_init=SETTINGS.learning_rate,
        momentum=SETTINGS.momentum,
        nesterovs_momentum=SETTINGS.nesterov,
        random_state=0,
    )

    def epoch() -> float:
        classifier.partial_fit(inputs, split.labels, classes=np.arange(N_CLASSES))
        return float(classifier.loss_)

    return epoch


@contextmanager
def subnormals_as_zero() -> Iterator[None]:
    """Let the processor take subnormal numbers for 0 in the block.

    Raises:
        NotAvailableError: the processor cannot, or PyTorch does not know how to tell it.
    """
    if not torch.set_flush_denormal(True):
        raise NotAvailableError("PyTorch cannot switch subnormal numbers off on this processor")
    try:
        yield
    finally:
        torch.set_flush_denormal(False)


def _flushed(make: Callable[[], Epoch], threads: int) -> Epoch:
    if threads > 1:
        raise NotAvailableError("it would hold for one thread only; run with --threads 1")
    with subnormals_as_zero():
        return subnormals_as_zero()(make())
