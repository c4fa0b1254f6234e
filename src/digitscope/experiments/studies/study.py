"""A study: the variants to train, and its result. `DESIGNS` has the variants of each question."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from digitscope.data import COURSE_SEED
from digitscope.experiments.recipes import Recipe, get_recipe
from digitscope.experiments.sweep.engine import Engine, Failed
from digitscope.experiments.sweep.journal import opened
from digitscope.experiments.sweep.ranking import PointScore
from digitscope.experiments.sweep.space import Choices, Point, check_seeds, in_words
from digitscope.experiments.sweep.sweep import SILENT, Hooks, run_missing
from digitscope.experiments.sweep.trials import Trial


@dataclass(frozen=True)
class Variant:
    """One thing to train: how, and the values that distinguish it, whose names are columns of the table."""

    point: Point
    recipe: Recipe

    @property
    def n_parameters(self) -> int:
        """The number of its trainable parameters."""
        return self.recipe.n_parameters()


@dataclass(frozen=True)
class Study:
    """Variants in the order of the table, each trained with the same `n_seeds` seeds: `seed`, seed + 1, ...

    Raises:
        SettingError: the number of seeds, or the last one, is out of range.
    """

    name: str
    variants: tuple[Variant, ...]
    n_seeds: int
    seed: int = COURSE_SEED

    def __post_init__(self) -> None:
        check_seeds(self.seed, self.n_seeds)

    @property
    def seeds(self) -> range:
        """The seeds that each variant is trained with."""
        return range(self.seed, self.seed + self.n_seeds)

    @property
    def measure(self) -> str:
        """Its accuracy measure, in words; see `Recipe.measure`."""
        return self.variants[0].recipe.measure

    @property
    def parameters(self) -> Mapping[str, Choices]:
        """All values that distinguish variants."""
        points = [variant.point for variant in self.variants]
        return {name: Choices(tuple(dict.fromkeys(point[name] for point in points))) for name in points[0]}

    def label(self, point: Point) -> str:
        """Return what people call the variant of `point`."""
        return in_words(point)

    def described(self) -> dict[str, Any]:
        """Return all that decides what is trained, ready for JSON."""
        variants = [{"point": dict(each.point), **each.recipe.described()} for each in self.variants]
        return {"study": self.name, "variants": variants, "seed": self.seed, "seeds": self.n_seeds}


@dataclass(frozen=True)
class Result:
    """The result of a study: the scores of its variants, in their order, and the trials that crashed."""

    study: Study
    scores: tuple[PointScore, ...]
    failed: tuple[Failed, ...]

    @property
    def seconds(self) -> float:
        """Wall time of all epochs, added over all trainings."""
        return sum(epoch.seconds for score in self.scores for record in score.records for epoch in record.history)

    def finished(self, **named: Any) -> tuple[PointScore, ...]:
        """Return the variants that were all trained to the end, of those whose point has the values `named`."""
        return tuple(
            score
            for score in self.scores
            if score.outcome == "finished" and all(score.point[name] == value for name, value in named.items())
        )


def run_study(
    study: Study, data_sha256: str, engine: Engine, folder: Path, *, test: bool = False, hooks: Hooks = SILENT
) -> Result:
    """Train what is not finished in `folder` yet, and return how all of it went; arguments as of `run_sweep`.

    Raises:
        SettingError: the folder holds something else, or is in use.
        DataError: what the folder holds is damaged.
    """
    failed: list[Failed] = []
    trials = [Trial(each.point, each.recipe, seed, test=test) for seed in study.seeds for each in study.variants]
    with opened(folder, {**study.described(), "data": data_sha256}, study.parameters) as journal:
        hooks.on_found([*journal.records.values()])
        for event in run_missing(trials, journal, engine, hooks):
            failed += [event] if isinstance(event, Failed) else []
            hooks.on_event(event)
        scores = tuple(
            PointScore(point, study.label(point), journal.of(point, study.seeds), study.n_seeds)
            for point in (variant.point for variant in study.variants)
        )
    return Result(study, scores, tuple(failed))


# The variants of each study

Design = Callable[[int, bool], tuple[Variant, ...]]
"""Takes the number of training digits, and whether the study is to be quick."""

FEW_DIGITS = 5_000
"""Training digits in studies of overfitting; few enough for a network to memorise."""

WARPS: Mapping[str, float] = MappingProxyType(
    {"rotation": 7.0, "scale": 0.07, "shear": 0.07, "shift": 0.7, "elastic": 1.0}
)
"""The warps of the recipe `scratch`."""

MOMENTUM: Mapping[str, float] = MappingProxyType({"batch_size": 64, "learning_rate": 0.05, "momentum": 0.9})

OPTIMIZERS: Mapping[str, tuple[Mapping[str, Any], tuple[float, ...]]] = MappingProxyType(
    {
        "SGD": ({"optimizer": "sgd"}, (0.01, 0.03, 0.1, 0.3, 1.0)),
        "SGD + momentum": ({"optimizer": "sgd", "momentum": 0.9}, (0.003, 0.01, 0.03, 0.1, 0.3)),
        "SGD + Nesterov": (
            {"optimizer": "sgd", "momentum": 0.9, "nesterov": True},
            (0.003, 0.01, 0.03, 0.1, 0.3),
        ),
        "Adam": ({"optimizer": "adam"}, (0.0003, 0.001, 0.003, 0.01, 0.03)),
        "AdamW": ({"optimizer": "adamw", "weight_decay": 0.01}, (0.0003, 0.001, 0.003, 0.01, 0.03)),
        "Muon": ({"optimizer": "muon", "momentum": 0.6, "nesterov": True}, (0.01, 0.03, 0.1, 0.3, 1.0)),
    }
)
"""Each optimizer's settings, and the learning rates to choose the best from."""


def changed(recipe: Recipe, changes: Mapping[str, Any]) -> Recipe:
    """Return `recipe` with `changes`, in an order that is new in each epoch, on one thread."""
    return recipe.with_changes({"order": "reshuffled", "threads": 1, **changes})


def _capacity(n_train: int, quick: bool) -> tuple[Variant, ...]:
    """Return the fully connected network with 1, 2, 4, ... hidden neurons, on few digits."""
    most, n_epochs = (7, 8) if quick else (11, 20)
    sizes = {"train_size": min(1_000 if quick else FEW_DIGITS, n_train), "epochs": n_epochs}
    return tuple(
        Variant({"hidden": units}, changed(get_recipe("fc"), {**MOMENTUM, **sizes, "hidden": units}))
        for units in (2**power for power in range(most + 1))
    )


def _epochs(n_train: int, quick: bool) -> tuple[Variant, ...]:
    """Return a wide network on few digits: plain, with dropout, with warped digits, and with both."""
    units, n_epochs, n_digits = (128, 8, 1_000) if quick else (256, 20, FEW_DIGITS)
    common = {**MOMENTUM, "hidden": units, "epochs": n_epochs, "train_size": min(n_digits, n_train)}
    ways: dict[str, Mapping[str, float]] = {
        "plain": {},
        "dropout": {"dropout": 0.5},
        "warped": WARPS,
        "both": {**WARPS, "dropout": 0.5},
    }
    return tuple(
        Variant({"training": name}, changed(get_recipe("fc"), {**common, **way})) for name, way in ways.items()
    )


def _data(n_train: int, quick: bool) -> tuple[Variant, ...]:
    """Return three ways to learn, each from 100 digits up to 10,000, with equally many steps."""
    n_examples = 3_000 if quick else 20_000
    sizes = [size for size in (100, 300, 1_000, 3_000, 10_000) if size <= n_train]
    common = {"batch_size": 100, "epochs": 1, "epoch_size": n_examples}
    fc = {**common, "learning_rate": 0.2, "momentum": 0.9, "schedule": "one-cycle"}
    ways = {
        "fully connected": changed(get_recipe("fc-128"), fc),
        "the same, warped": changed(get_recipe("fc-128"), {**fc, **WARPS}),
        "convolutional": changed(get_recipe("fast"), common),
    }
    return tuple(
        Variant({"network": name, "digits": size}, recipe.with_changes({"train_size": size}))
        for name, recipe in ways.items()
        for size in sizes
    )


def _optimizers(n_train: int, quick: bool) -> tuple[Variant, ...]:
    """Return the course's network, 128 hidden neurons, with each optimizer at several constant learning rates."""
    n_epochs, n_digits = (3, 1_000) if quick else (5, FEW_DIGITS)
    common = {"batch_size": 128, "epochs": n_epochs, "train_size": min(n_digits, n_train)}
    recipe = changed(get_recipe("fc-128"), common)
    return tuple(
        Variant(
            {"optimizer": name, "learning_rate": rate}, recipe.with_changes({**settings, "learning_rate": rate})
        )
        for name, (settings, rates) in OPTIMIZERS.items()
        for rate in rates
    )


DESIGNS: Mapping[str, Design] = MappingProxyType(
    {"capacity": _capacity, "epochs": _epochs, "data": _data, "optimizers": _optimizers}
)
"""The studies by name."""
