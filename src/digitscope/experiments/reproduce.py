"""Every figure of the course's project beside the one obtained here.

The course's accuracies leave out the last partial batch, so they cover 9,984 of MNIST's 10,000 test images at
batch 32. The test figures beside them, and the validation figures of its small grid, do the same.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Any

from digitscope.data import COURSE_SEED, Dataset, Split, whole_batches
from digitscope.errors import SettingError
from digitscope.experiments.recipes import RECIPES, Recipe
from digitscope.experiments.run import Run, run_recipe
from digitscope.metrics import Evaluation
from digitscope.scratch import regression
from digitscope.training import evaluate


@dataclass(frozen=True)
class ComparedFigure:
    """One figure of the course's `experiment` and ours.

    `reference` is the course's, or the least that it asks for, if it gives one. `tolerance` is the largest
    accepted distance, None where `reference` is a lower bound or absent.
    """

    experiment: str
    what: str
    reference: float | None
    ours: float
    tolerance: float | None = None

    @property
    def difference(self) -> float | None:
        """Ours minus the reference."""
        return None if self.reference is None else self.ours - self.reference

    @property
    def passed(self) -> bool:
        """Whether ours is within the tolerance, or not below the bound; a figure without a reference passes."""
        if self.difference is None:
            return True
        return self.difference >= 0 if self.tolerance is None else abs(self.difference) <= self.tolerance


@dataclass(frozen=True)
class Bench:
    """Full MNIST, the course's pairs or some made by the same rule, the device, and whom to tell.

    `on_run` is told each run's title and number of steps before it begins; `on_batch` is called after every step.
    """

    mnist: Callable[[], Dataset]
    two_digit: Callable[[], Dataset]
    device: str = "auto"
    on_run: Callable[[str, int], None] = lambda _name, _n_steps: None
    on_batch: Callable[[], None] = lambda: None

    def run(self, title: str, recipe: Recipe, dataset: Dataset, singles: Dataset | None = None) -> Run:
        """Train `recipe` from the course's seed; `title` is for whoever watches."""
        return run_recipe(
            recipe,
            dataset,
            seed=COURSE_SEED,
            device=self.device,
            singles=singles,
            on_start=partial(self.on_run, title),
            on_batch=self.on_batch,
        )


REPORTED_PREDICTIONS: Mapping[tuple[int, int], float] = MappingProxyType(
    {
        (1, 1): 7.038453196038151,
        (2, 2): 14.042814826755537,
        (3, 3): 21.047176457472922,
        (5, 5): 35.055899718907696,
        (10, 10): 70.07770787249461,
    }
)

VARIATIONS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "baseline": {},
        "batch size 64": {"batch_size": 64},
        "learning rate 0.01": {"learning_rate": 0.01},
        "momentum 0.9": {"momentum": 0.9},
        "LeakyReLU": {"activation": "leaky-relu"},
    }
)
"""The course's small grid: one thing changed at a time."""

REPORTED: Mapping[str, Mapping[str, tuple[float | None, float]]] = MappingProxyType(
    {
        "hidden-10": {
            "baseline": (0.9204727564102564, 0.26722689),
            "batch size 64": (0.9314903846153846, 0.24238463),
            "learning rate 0.01": (None, 0.27886551),
            "momentum 0.9": (0.8828125, 0.51256450),
            "LeakyReLU": (0.9207732371794872, 0.26892609),
        },
        "hidden-128": {
            "baseline": (0.9767628205128205, 0.07372987),
            "batch size 64": (0.9749599358974359, 0.08878818),
            "learning rate 0.01": (0.9425080128205128, 0.20072906),
            "momentum 0.9": (0.9671474358974359, 0.19402986),
            "LeakyReLU": (0.9766626602564102, 0.07587968),
        },
    }
)
"""The handout's test accuracy (None if it has none) and loss of each setting."""

BATCH_64_VALIDATION = 0.940020
ACCURACY_TOLERANCE, LOSS_TOLERANCE = 0.003, 0.006
CHAOTIC_ACCURACY_TOLERANCE, CHAOTIC_LOSS_TOLERANCE = 0.03, 0.08
"""Momentum 0.9 at learning rate 0.1 is chaotic: rounding alone moves its figures this far."""


def two_three_one(_: Bench) -> Iterator[ComparedFigure]:
    """Yield the predictions of the 2-3-1 regression network after the course's ten epochs."""
    predictions = dict(zip(regression.TESTING_POINTS, regression.trained_predictions(), strict=True))
    for point, reported in REPORTED_PREDICTIONS.items():
        yield ComparedFigure("2-3-1", f"prediction at {point}", reported, predictions[point], 1e-9)
    passed = sum(abs(prediction - 7 * point[0]) < 0.1 for point, prediction in predictions.items())
    yield ComparedFigure("2-3-1", "course tests passed, of 5", 5, passed)


def hidden_10(bench: Bench) -> Iterator[ComparedFigure]:
    """Yield the small grid with 10 hidden neurons."""
    validations = {}
    for variation, run, rows in _grid("hidden-10", RECIPES["fc"], bench):
        yield from rows
        validations[variation] = _evaluate_whole_batches(run, bench.mnist().validation).accuracy
    chosen = validations.pop("batch size 64")
    yield ComparedFigure(
        "hidden-10", "batch size 64: validation accuracy", BATCH_64_VALIDATION, chosen, ACCURACY_TOLERANCE
    )
    lead = chosen - max(validations.values())
    yield ComparedFigure("hidden-10", "batch size 64: lead in validation accuracy over the others", 0.0, lead)


def hidden_128(bench: Bench) -> Iterator[ComparedFigure]:
    """Yield the small grid with 128 hidden neurons."""
    for _, _, rows in _grid("hidden-128", RECIPES["fc-128"], bench):
        yield from rows


def cnn(bench: Bench) -> Iterator[ComparedFigure]:
    """Yield the convolutional network's accuracies after one epoch and after ten."""
    run = bench.run("cnn", RECIPES["cnn"], bench.mnist())
    first = run.history[0]
    test = _evaluate_whole_batches(run, bench.mnist().test)
    yield ComparedFigure("cnn", "train accuracy, epoch 1", 0.93, first.train_accuracy, 0.015)
    yield ComparedFigure("cnn", "validation accuracy, epoch 1", 0.98, first.validation_accuracy)
    yield ComparedFigure("cnn", "test accuracy, epoch 10", 0.99, test.accuracy)


def two_digit(bench: Bench) -> Iterator[ComparedFigure]:
    """Yield both positions' accuracies of the course's two networks, on every image."""
    dataset = bench.two_digit()
    for name in ("two-digit-mlp", "two-digit-cnn"):
        yield from _positions("two-digit", bench.run(name, RECIPES[name], dataset), dataset, asked=None)


def two_digit_fast(bench: Bench) -> Iterator[ComparedFigure]:
    """Yield both positions' accuracies of a network that reaches what the course asks, on every image.

    Its pairs are made of MNIST's first 54,000 digits. The course's own validation pairs are made of all 60,000,
    so with its files the validation figures are of new pairs but not only of new digits; the test figures are.
    """
    dataset = bench.two_digit()
    run = bench.run("two-digit-fast", RECIPES["two-digit-fast"], dataset, bench.mnist())
    yield from _positions("two-digit-fast", run, dataset, asked=0.98)


EXPERIMENTS: Mapping[str, Callable[[Bench], Iterator[ComparedFigure]]] = MappingProxyType(
    {
        "2-3-1": two_three_one,
        "hidden-10": hidden_10,
        "hidden-128": hidden_128,
        "cnn": cnn,
        "two-digit": two_digit,
        "two-digit-fast": two_digit_fast,
    }
)
"""Every experiment of the course's project, in the handout's order."""

QUICK = ("2-3-1", "hidden-10", "hidden-128")
"""The experiments that take seconds to a few minutes; `--only quick` means these."""


def select(names: Sequence[str]) -> tuple[str, ...]:
    """Return the experiments that `names` mean, each once; all of them if there are no names.

    Raises:
        SettingError: a name is unknown.
    """
    selected = [each for name in names for each in (QUICK if name == "quick" else (name,))] or [*EXPERIMENTS]
    for name in selected:
        if name not in EXPERIMENTS:
            raise SettingError(f"no experiment is called {name!r}: expected quick, {', '.join(EXPERIMENTS)}")
    return tuple(dict.fromkeys(selected))


def reproduce(names: Sequence[str], bench: Bench) -> Iterator[ComparedFigure]:
    """Yield the rows of the experiments that `names` mean, as `select` reads them."""
    for name in select(names):
        yield from EXPERIMENTS[name](bench)


def _grid(experiment: str, recipe: Recipe, bench: Bench) -> Iterator[tuple[str, Run, list[ComparedFigure]]]:
    """Train every variation of `recipe`, and yield each with its test figures beside the handout's."""
    for variation, changes in VARIATIONS.items():
        run = bench.run(f"{experiment}, {variation}", recipe.with_changes(changes), bench.mnist())
        test = _evaluate_whole_batches(run, bench.mnist().test)
        accuracy, loss = REPORTED[experiment][variation]
        chaotic = variation == "momentum 0.9"
        of_accuracy = CHAOTIC_ACCURACY_TOLERANCE if chaotic else ACCURACY_TOLERANCE
        of_loss = CHAOTIC_LOSS_TOLERANCE if chaotic else LOSS_TOLERANCE
        rows = [
            ComparedFigure(experiment, f"{variation}: test accuracy", accuracy, test.accuracy, of_accuracy),
            ComparedFigure(experiment, f"{variation}: test loss", loss, test.nll, of_loss),
        ]
        yield variation, run, rows


def _positions(experiment: str, run: Run, dataset: Dataset, asked: float | None) -> Iterator[ComparedFigure]:
    for split in ("validation", "test"):
        scores = evaluate(run.model, dataset.splits[split])
        for position, accuracy in zip(("upper", "lower"), scores.per_position, strict=True):
            yield ComparedFigure(
                experiment, f"{run.recipe.name}: {split} accuracy, {position} digit", asked, accuracy
            )
        yield ComparedFigure(
            experiment, f"{run.recipe.name}: {split} accuracy, both right", None, scores.both_right or 0.0
        )


def _evaluate_whole_batches(run: Run, split: Split) -> Evaluation:
    return evaluate(run.model, whole_batches(split, run.recipe.settings.batch_size))
