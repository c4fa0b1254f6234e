"""Time to 99 % of MNIST's test set: the recipe `fast` beside the course's network and PyTorch's own example."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import fmean
from typing import Generic

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - PyTorch's own convention
from torch import Tensor, nn, optim
from torch.optim.lr_scheduler import StepLR
from torch.utils import data as torch_data

from digitscope.data import Dataset, Split
from digitscope.data.known_files import MNIST
from digitscope.data.splits import joined
from digitscope.errors import DataError
from digitscope.experiments.bench.measuring import Column, Comparison, ComparisonRow, Conditions, T, timed
from digitscope.experiments.recipes import get_recipe
from digitscope.experiments.sources import make_source
from digitscope.models import build
from digitscope.models.layers import Normalize
from digitscope.training import TrainingState, cpu_threads, evaluate, keep_freed_memory, place, train
from digitscope.training.optimizers import make_optimizer

NAME = "time-to-99"
TARGET = 0.99
QUICK_TRAINING, QUICK_VALIDATION, QUICK_TEST = 5_400, 600, 1_000

ROUNDING = 1e-12
"""Tolerance for the floating-point error of a mean of accuracies."""

COLUMNS = (
    Column("epoch", "epoch", "{:.0f}", compared=False),
    Column("seconds", "seconds", "{:.2f}"),
    Column("accuracy", "test accuracy", "{:.2%}", compared=False),
)

REMARK = (
    "Timed: from uint8 arrays in memory to trained weights. Not timed: validation, "
    "reading the files, some steps before the first round, scoring the test split after every epoch. A row is its "
    "first epoch whose mean over the rounds is at least 99.0 %: of a peer the most favourable reading. fast "
    "trains its whole schedule, once, and reads every test image at nine places a pixel apart, the peers at one."
)
QUICK_REMARK = (
    "This is no time to 99 %: it shows that every side runs. Without --quick, all of MNIST is trained on."
)

Training = Callable[[int], Iterator[nn.Module]]


def measure(conditions: Conditions) -> tuple[Comparison, ...]:
    """Return the one table; with `quick`, an epoch each on the first few thousand images.

    Raises:
        DataError: the data are not all of MNIST, and it is not `quick`.
    """
    dataset = conditions.data()
    if conditions.quick:
        train, validation = dataset.train[:QUICK_TRAINING], dataset.validation[:QUICK_VALIDATION]
        name = f"the first {len(train) + len(validation):,} training images of {dataset.name}"
        dataset = Dataset(name, dataset.source, train, validation, dataset.test[:QUICK_TEST])
    elif dataset.name != MNIST:
        raise DataError(
            f"{NAME} is about full MNIST, and here is only {dataset.name}, from {dataset.source}: "
            "pass --data DIR, run digitscope data fetch, or see it work with --quick"
        )
    sides = conditions.chosen(trainings(dataset))
    conditions.on_start(NAME, conditions.rounds * len(sides))
    keep_freed_memory()  # for every side, not for ours alone
    with cpu_threads(conditions.threads):
        # PyTorch loads modules for more than a second at the first step.
        few = Dataset(dataset.name, dataset.source, dataset.train[:256], dataset.validation[:1], dataset.test[:1])
        next(trainings(few)["fast"](0))
        trials = time_to_accuracy(
            sides,
            lambda network: evaluate(network, dataset.test).accuracy,
            target=0.0 if conditions.quick else TARGET,
            conditions=conditions,
        )
    return (compare(trials, dataset, conditions),)


def trainings(dataset: Dataset) -> Mapping[str, Training]:
    """Return every side as a function from a seed to its training."""
    everything = joined(dataset.train, dataset.validation)
    starts: Mapping[str, Training] = {
        "fast": lambda seed: recipe_epochs("fast", dataset, seed),
        "course's CNN, as published": lambda seed: recipe_epochs("cnn", dataset, seed),
        "course's CNN, preloaded": lambda _: course_preloaded(dataset.train),
        "pytorch/examples, as published": lambda _: example_as_published(everything),
        "pytorch/examples, preloaded": lambda _: example_preloaded(everything),
    }
    return {side: _with_own_randomness(start) for side, start in starts.items()}


def recipe_epochs(name: str, dataset: Dataset, seed: int) -> Iterator[nn.Module]:
    """Train a recipe as `digitscope train` does, and yield its network after every epoch.

    Validation has one image only, because it is no part of what is timed. A schedule that spans the whole training
    cannot be cut: of such a recipe only the last network is yielded.
    """
    recipe = get_recipe(name)
    settings, n_train = recipe.settings, len(dataset.train)
    if max(settings.epoch_size, settings.batch_size) > n_train:  # an epoch of few images is these images, once
        settings = replace(settings, epoch_size=0, batch_size=min(settings.batch_size, n_train))
    source = make_source(settings, dataset, None, seed)
    state = TrainingState.start(place(build(recipe.model, recipe.options), "cpu"), settings)
    stops = range(1, settings.epochs + 1) if settings.schedule == "constant" else [settings.epochs]
    for stop in stops:
        train(state, source, dataset.validation[:1], replace(settings, epochs=stop), seed=seed)
        yield state.trained


def _with_own_randomness(start: Training) -> Training:
    """Let a training draw from torch's generator as if it were alone: it stands still while others train."""

    def started(seed: int) -> Iterator[nn.Module]:
        training = start(seed)
        state = torch.Generator().manual_seed(seed).get_state()
        while True:
            with torch.random.fork_rng(devices=[]):
                torch.set_rng_state(state)
                network = next(training, None)
                state = torch.get_rng_state()
            if network is None:
                return
            yield network

    return started


@dataclass
class TimedTraining(Generic[T]):
    """One training, as far as it has come: `epochs` trains when the network after the next one is requested.

    After each epoch, `seconds` has the training time so far, and `accuracies` the fraction of the test split read
    right. `ended` tells whether the schedule is over.
    """

    epochs: Iterator[T]
    seconds: list[float] = field(default_factory=list)
    accuracies: list[float] = field(default_factory=list)
    ended: bool = False


def time_to_accuracy(
    sides: Mapping[str, Callable[[int], Iterator[T]]],
    score: Callable[[T], float],
    *,
    target: float,
    conditions: Conditions,
) -> dict[str, tuple[TimedTraining[T], ...]]:
    """Train every side once a round, in turns, until its mean accuracy over the rounds has reached `target`.

    A round's trial stops where its own accuracy reaches the target. When all rounds are done, the trials of a side
    whose mean does not yet reach it go on, the shortest first, until it does or the schedules end. A side starts a
    training from a seed, which is the round's number, 0 for the first. To `score` a network is not on the clock.
    """
    trials: dict[str, list[TimedTraining[T]]] = {side: [] for side in sides}

    def advance(side: str, trial: TimedTraining[T]) -> None:
        """Train one epoch more, on the clock; then score it, off the clock."""
        network, seconds = timed(lambda: next(trial.epochs, None))
        if network is None:
            trial.ended = True
            return
        trial.seconds.append(seconds + (trial.seconds[-1] if trial.seconds else 0.0))
        trial.accuracies.append(score(network))
        at = f"round {trials[side].index(trial) + 1}, epoch {len(trial.accuracies)}"
        conditions.on_news(f"{NAME}: {side}, {at}: {trial.accuracies[-1]:.2%}")

    for seed in range(conditions.rounds):
        for side, start in sides.items():
            trial = TimedTraining(start(seed))
            trials[side].append(trial)
            while not trial.ended and max(trial.accuracies, default=-1.0) < target:
                advance(side, trial)
            conditions.on_turn()
    for side, each in trials.items():
        while first_epoch(each, target) is None:
            fewest = min(len(trial.accuracies) for trial in each)
            behind = [trial for trial in each if len(trial.accuracies) == fewest and not trial.ended]
            if not behind:
                break
            for trial in behind:
                advance(side, trial)
    return {side: tuple(each) for side, each in trials.items()}


def first_epoch(trials: Sequence[TimedTraining[T]], target: float) -> int | None:
    """Return the first epoch (1 for the first) whose mean accuracy over `trials` is at least `target`, or None.

    Only epochs that all trials have gone through count.
    """
    by_epoch = zip(*(trial.accuracies for trial in trials), strict=False)
    reached = (epoch for epoch, each in enumerate(by_epoch, start=1) if fmean(each) >= target - ROUNDING)
    return next(reached, None)


def compare(
    trials: Mapping[str, tuple[TimedTraining[nn.Module], ...]], dataset: Dataset, conditions: Conditions
) -> Comparison:
    """Return the table of the trials."""
    target = 0.0 if conditions.quick else TARGET
    title = f"{NAME}: training until 99 % of the test split are read right"
    if conditions.quick:
        title = f"{NAME}, quick: one epoch on {dataset.name}, NOT a time to 99 %"
    settings = {
        "data": dataset.name,
        "source": dataset.source,
        "training_images": len(dataset.train) + len(dataset.validation),
        "test_images": len(dataset.test),
        "target": target,
        "rounds": conditions.rounds,
        "threads": conditions.threads,
    }
    rows = tuple(_row(side, each, target) for side, each in trials.items())
    remark = QUICK_REMARK if conditions.quick else REMARK
    return Comparison(NAME, f"{title}; {conditions.in_words}", remark, COLUMNS, rows, settings)


def _row(side: str, trials: tuple[TimedTraining[nn.Module], ...], target: float) -> ComparisonRow:
    raw = [{"seconds": trial.seconds, "accuracies": trial.accuracies} for trial in trials]
    reached = first_epoch(trials, target)
    epoch = reached or min(len(trial.accuracies) for trial in trials)
    values = {
        "epoch": (float(epoch),) * len(trials),
        "seconds": tuple(trial.seconds[epoch - 1] for trial in trials),
        "accuracy": tuple(trial.accuracies[epoch - 1] for trial in trials),
    }
    if reached:
        return ComparisonRow(side, values, raw=raw)
    mean = fmean(values["accuracy"])
    reason = f"after the last epoch, {epoch}, whose seconds are told, the mean is {mean:.2%}"
    return ComparisonRow(side, values, "not reached", reason, raw)


# The peers, in plain PyTorch: generators that train when they are asked for the network after the next epoch

Batches = Iterable[tuple[Tensor, Tensor]]

EXAMPLE_MEAN, EXAMPLE_DEVIATION = 0.1307, 0.3081
EXAMPLE_BATCH_SIZE, EXAMPLE_EPOCHS = 64, 14
"""Of pytorch/examples, mnist/main.py."""


def example_network() -> nn.Sequential:
    """Return the network of pytorch/examples, mnist/main.py: 1,199,882 parameters.

    uint8 (N, 28, 28) -> (N, 1, 28, 28) -> conv 32 3x3 -> conv 64 3x3: (N, 64, 24, 24) -> pool: (N, 64, 12, 12)
    -> dropout -> 9,216 -> 128 -> dropout -> logits float32 (N, 10).
    There a log-softmax follows and the loss is the negative log-likelihood; together they are cross-entropy.
    """
    return nn.Sequential(
        Normalize(255 * EXAMPLE_MEAN, 255 * EXAMPLE_DEVIATION),
        nn.Conv2d(1, 32, 3),
        nn.ReLU(),
        nn.Conv2d(32, 64, 3),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Dropout(0.25),
        nn.Flatten(),
        nn.Linear(9216, 128),
        nn.ReLU(),
        nn.Dropout(0.5),
        nn.Linear(128, 10),
    )


class ConvertedOneByOne(torch_data.Dataset[tuple[Tensor, int]]):
    """Images as torchvision's ToTensor and Normalize give them: each converted when it is asked for."""

    def __init__(self, split: Split) -> None:
        self.split = split

    def __len__(self) -> int:
        return len(self.split)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        """Return one image, float32 (1, 28, 28), and its label."""
        image = torch.tensor(self.split.images[index]).unsqueeze(0).float().div(255)
        return image.sub(EXAMPLE_MEAN).div(EXAMPLE_DEVIATION), int(self.split.labels[index])


class Preloaded:
    """Batches of tensors that lie in memory, in a new order each time they are gone through.

    The inputs are those of `split` as `normalize` gives them, float32 (N, 1, 28, 28).
    """

    def __init__(self, split: Split, normalize: nn.Module, batch_size: int) -> None:
        self.inputs = normalize(torch.tensor(split.images))
        self.labels = torch.from_numpy(split.labels.astype(np.int64))
        self.batch_size = batch_size

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        for chosen in torch.split(torch.randperm(len(self.labels)), self.batch_size):
            yield self.inputs[chosen], self.labels[chosen]


def example_as_published(split: Split) -> Iterator[nn.Module]:
    """Train the example as its script does, its images converted one by one in a DataLoader.

    They are shuffled, which the script asks for on an accelerator only.
    """
    batches = torch_data.DataLoader(ConvertedOneByOne(split), batch_size=EXAMPLE_BATCH_SIZE, shuffle=True)
    yield from _train_example(example_network(), batches)


def example_preloaded(split: Split) -> Iterator[nn.Module]:
    """Train the example on tensors in memory, laid out as the processor likes them."""
    network = example_network()
    place(network, "cpu")
    yield from _train_example(network, Preloaded(split, network[0], EXAMPLE_BATCH_SIZE))


def course_preloaded(split: Split) -> Iterator[nn.Module]:
    """Train the course's convolutional network on tensors in memory, laid out likewise."""
    recipe = get_recipe("cnn")
    network = build(recipe.model, recipe.options)
    place(network, "cpu")
    batches = Preloaded(split, network[0], recipe.settings.batch_size)
    optimizer = make_optimizer(network.parameters(), recipe.settings)
    yield from _train(network, batches, optimizer, StepLR(optimizer, 1, gamma=1.0), recipe.settings.epochs)


def _train_example(network: nn.Sequential, batches: Batches) -> Iterator[nn.Module]:
    optimizer = optim.Adadelta(network.parameters(), lr=1.0)
    yield from _train(network, batches, optimizer, StepLR(optimizer, 1, gamma=0.7), EXAMPLE_EPOCHS)


def _train(
    network: nn.Sequential, batches: Batches, optimizer: optim.Optimizer, schedule: StepLR, epochs: int
) -> Iterator[nn.Module]:
    """Go through `batches` `epochs` times, a step a batch, and yield after each time."""
    layers = network[1:]
    for _ in range(epochs):
        layers.train()
        for inputs, labels in batches:
            optimizer.zero_grad()
            F.cross_entropy(layers(inputs), labels).backward()  # type: ignore[no-untyped-call]
            optimizer.step()
        schedule.step()
        yield network
