"""The main job: three networks, from the one that can be read to the one that reads two digits at once."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from digitscope import scratch
from digitscope.data import Dataset, Split, make_two_digit
from digitscope.experiments.recipes import RECIPES, Recipe
from digitscope.experiments.run import run_recipe
from digitscope.metrics import Evaluation, evaluate_logits
from digitscope.records import EpochRecord

MAX_EPOCHS = 20
TRAINING_PAIRS, TEST_PAIRS = 10_000, 2_000

OnPart = Callable[[str, int], None]
OnStep = Callable[[], None]


@dataclass(frozen=True, eq=False)
class Part:
    """One network of the demo, trained and scored.

    Attributes:
        name: what it is, for people.
        n_parameters: numbers that training found.
        history: one record an epoch.
        seconds: training time, validation included.
        test: the split it is scored on.
        logits: its answers to that split, (N, 10) or (N, 2, 10).
        first_weights: (n_hidden, 28, 28), what each unit of a fully connected first layer looks for; else None.
    """

    name: str
    n_parameters: int
    history: tuple[EpochRecord, ...]
    seconds: float
    test: Split
    logits: NDArray[np.floating]
    first_weights: NDArray[np.floating] | None = None

    @cached_property
    def scores(self) -> Evaluation:
        """The scores on every image of `test`."""
        return evaluate_logits(self.logits, self.test.labels)


def run_demo(mnist: Dataset, *, seed: int, on_part: OnPart, on_step: OnStep) -> Iterator[Part]:
    """Train the demo's networks, and yield each as soon as it is scored.

    A small data set is gone through more often, so that each network takes about the same number of steps.

    Args:
        mnist: single digits, all of them or the embedded sample.
        seed: of all weights, orders and pairs.
        on_part: told the name of each network and its number of steps before it starts.
        on_step: called after every step.
    """
    epochs = _epochs(len(mnist.train), n_examples=216_000)
    numpy = RECIPES["scratch-128"].with_changes({"epochs": epochs})
    yield _part("NumPy network", numpy, mnist, mnist, seed, on_part, on_step)
    fast = _with_budget(RECIPES["fast"], len(mnist.train), n_examples=108_000)
    yield _part("CNN", fast, mnist, mnist, seed, on_part, on_step)
    pairs = make_two_digit(mnist, n_train=TRAINING_PAIRS, n_test=TEST_PAIRS, seed=seed)
    two_digit = _with_budget(RECIPES["two-digit-fast"], len(pairs.train), n_examples=27_000)
    yield _part("two-digit CNN", two_digit, pairs, mnist, seed, on_part, on_step)


def _part(
    name: str, recipe: Recipe, dataset: Dataset, singles: Dataset, seed: int, on_part: OnPart, on_step: OnStep
) -> Part:
    started = perf_counter()
    run = run_recipe(
        recipe,
        dataset,
        seed=seed,
        singles=singles,
        on_start=lambda n_steps: on_part(name, n_steps),
        on_batch=on_step,
    )
    seconds = perf_counter() - started
    pictures = None
    if isinstance(run.network, scratch.Network):
        n_parameters = sum(layer.weight.size + layer.bias.size for layer in run.network.layers)
        pictures = run.network.layers[0].weight.T.reshape(-1, *dataset.train.images.shape[1:])
    else:
        n_parameters = sum(parameter.numel() for parameter in run.network.parameters())
    logits = run.logits(dataset.test.images)
    return Part(name, n_parameters, run.history, seconds, dataset.test, logits, pictures)


def _with_budget(recipe: Recipe, n_train: int, n_examples: int) -> Recipe:
    batch_size = min(recipe.settings.batch_size, n_train)
    return recipe.with_changes({"epochs": _epochs(n_train, n_examples), "epoch_size": 0, "batch_size": batch_size})


def _epochs(n_train: int, n_examples: int) -> int:
    return min(MAX_EPOCHS, max(1, round(n_examples / n_train)))
