"""The main job: three networks, from the one that can be read to the one that reads two digits at once."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from digitscope import scratch
from digitscope.data import Dataset, Split, make_two_digit
from digitscope.experiments.recipes import RECIPES, SCRATCH, Recipe
from digitscope.experiments.run import run_recipe
from digitscope.metrics import Evaluation, evaluate_logits
from digitscope.records import EpochRecord

MAX_EPOCHS = 20
TRAINING_PAIRS, TEST_PAIRS = 10_000, 2_000

OnPart = Callable[[str, int], None]
OnStep = Callable[[], None]


@dataclass(frozen=True, eq=False)
class Part:
    """One network of the demo, trained and scored on the split `test`.

    `seconds` is the training time, validation included. `logits` are (N, 10) or (N, 2, 10). `first_weights`, those
    of a fully connected first layer, are (n_hidden, 28, 28).
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
    `on_part` is told the name of each network and its number of steps before it starts; `on_step` is called after
    every step.
    """
    pairs = make_two_digit(mnist, n_train=TRAINING_PAIRS, n_test=TEST_PAIRS, seed=seed)
    for name, recipe, data, n_examples in (
        ("NumPy network", RECIPES["scratch-128"], mnist, 216_000),
        ("CNN", RECIPES["fast"], mnist, 108_000),
        ("two-digit CNN", RECIPES["two-digit-fast"], pairs, 27_000),
    ):
        started = perf_counter()
        run = run_recipe(
            with_budget(recipe, len(data.train), n_examples),
            data,
            seed=seed,
            singles=mnist,
            on_start=partial(on_part, name),
            on_batch=on_step,
        )
        seconds = perf_counter() - started
        pictures = None
        if isinstance(run.network, scratch.Network):
            n_parameters = sum(layer.weight.size + layer.bias.size for layer in run.network.layers)
            pictures = run.network.layers[0].weight.T.reshape(-1, *data.train.images.shape[1:])
        else:
            n_parameters = sum(parameter.numel() for parameter in run.network.parameters())
        logits = run.logits(data.test.images)
        yield Part(name, n_parameters, run.history, seconds, data.test, logits, pictures)


def with_budget(recipe: Recipe, n_train: int, n_examples: int) -> Recipe:
    """Return `recipe` with as many epochs of `n_train` examples as give about `n_examples` in all, 20 at most."""
    changes = {"epochs": min(MAX_EPOCHS, max(1, round(n_examples / n_train)))}
    if recipe.model != SCRATCH:
        changes |= {"epoch_size": 0, "batch_size": min(recipe.settings.batch_size, n_train)}
    return recipe.with_changes(changes)
