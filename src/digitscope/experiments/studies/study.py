"""A study: the variants to train, and its result."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from digitscope.data import COURSE_SEED
from digitscope.experiments.recipes import Recipe, default_options
from digitscope.experiments.sweep.engine import Engine, Failed
from digitscope.experiments.sweep.journal import opened
from digitscope.experiments.sweep.ranking import PointScore
from digitscope.experiments.sweep.space import Choices, Point, check_seeds, in_words
from digitscope.experiments.sweep.sweep import SILENT, Hooks, run_missing
from digitscope.experiments.sweep.trials import Trial
from digitscope.models import build


@dataclass(frozen=True)
class Variant:
    """One thing to train.

    Attributes:
        point: the values that distinguish it; their names are columns of the table.
        recipe: how it is trained, on a number of threads that its settings name.
    """

    point: Point
    recipe: Recipe

    @property
    def n_parameters(self) -> int:
        """The number of its trainable parameters."""
        with torch.device("meta"):  # shapes without numbers
            model = build(self.recipe.model, self.recipe.options)
        return sum(parameter.numel() for parameter in model.parameters())


@dataclass(frozen=True)
class Study:
    """Variants, each trained with the same seeds.

    Attributes:
        name: of the study, for people.
        variants: in the order of the table.
        n_seeds: trainings of each variant.
        seed: of the first one; the next ones have seed + 1, seed + 2, ...

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
        """The seeds that each variant is trained with, the same for all of them."""
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
        variants = [
            {
                "point": dict(variant.point),
                "model": variant.recipe.model,
                "options": {**default_options(variant.recipe.model), **variant.recipe.options},
                "settings": variant.recipe.settings.as_dict(),
            }
            for variant in self.variants
        ]
        return {"study": self.name, "variants": variants, "seed": self.seed, "seeds": self.n_seeds}


@dataclass(frozen=True)
class Result:
    """The result of a study.

    Attributes:
        study: what was trained.
        scores: of its variants, in their order.
        failed: the trials that crashed, each with the reason.
    """

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
    """Train what is not finished in `folder` yet, and return how all of it went.

    Args:
        study: what to train.
        data_sha256: the hash of the data that the engine trains on.
        engine: runs the trials.
        folder: holds what is finished, and is gone on with if it holds something of this study.
        test: score the test split too. Trials that finished without a test score are trained again.
        hooks: told of what happens.

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
        points = [variant.point for variant in study.variants]
        scores = [
            PointScore(each, study.label(each), journal.of(each, study.seeds), study.n_seeds) for each in points
        ]
    return Result(study, tuple(scores), tuple(failed))
