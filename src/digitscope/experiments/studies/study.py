"""A study: the variants to train, and its result."""

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from digitscope.data import COURSE_SEED
from digitscope.errors import SettingError
from digitscope.experiments.recipes import Recipe, default_options
from digitscope.experiments.sweep.engine import Engine, Event, Failed
from digitscope.experiments.sweep.journal import Journal
from digitscope.experiments.sweep.ranking import PointScore
from digitscope.experiments.sweep.space import MOST_SEEDS, Point, in_words
from digitscope.experiments.sweep.sweep import run_trials
from digitscope.experiments.sweep.trials import Trial, TrialRecord, make_trial
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
        if not 1 <= self.n_seeds <= MOST_SEEDS:
            raise SettingError(f"seeds is {self.n_seeds}: expected a whole number from 1 to {MOST_SEEDS}")
        if not 0 <= self.seed <= 2**32 - self.n_seeds:
            raise SettingError(f"seed is {self.seed}: expected a whole number from 0 to {2**32 - self.n_seeds}")

    @property
    def measure(self) -> str:
        """Its accuracy measure, in words; see `Recipe.measure`."""
        return self.variants[0].recipe.measure

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

    def trials(self, data_sha256: str) -> tuple[Trial, ...]:
        """Return its trainings on the data of this hash, all variants with one seed before the next seed."""
        return tuple(
            make_trial(variant.point, variant.recipe, seed, threads=1, data_sha256=data_sha256)
            for seed in range(self.seed, self.seed + self.n_seeds)
            for variant in self.variants
        )


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
    study: Study,
    data_sha256: str,
    engine: Engine,
    folder: Path,
    *,
    test: bool = False,
    on_found: Callable[[Sequence[TrialRecord]], None] = lambda _: None,
    on_round: Callable[[Sequence[Trial], int], None] = lambda _trials, _done: None,
    on_event: Callable[[Event], None] = lambda _: None,
) -> Result:
    """Train what is not finished in `folder` yet, and return how all of it went.

    Args:
        study: what to train.
        data_sha256: the hash of the data that the engine trains on.
        engine: runs the trials.
        folder: holds what is finished, and is gone on with if it holds something of this study.
        test: score the test split too. Trials that finished without a test score are trained again.
        on_found: told of the trials that were finished before.
        on_round: told of the trials before they begin, and how many of them are finished already.
        on_event: told of what happens; a record is on disk by then.

    Raises:
        SettingError: the folder holds something else, or is in use.
        DataError: what the folder holds is damaged.
    """
    failed: list[Failed] = []
    trials = [replace(trial, test=test) for trial in study.trials(data_sha256)]
    with Journal(folder, {**study.described(), "data": data_sha256}) as journal:
        on_found([*journal.records.values()])
        left = [trial for trial in trials if not journal.has(trial)]
        on_round(trials, len(trials) - len(left))
        for event in run_trials(left, engine, journal):
            failed += [event] if isinstance(event, Failed) else []
            on_event(event)
        records = journal.records
    scores = []
    for variant in study.variants:
        keys = [trial.key for trial in trials if trial.point == variant.point]
        found = tuple(records[key] for key in keys if key in records)
        scores.append(PointScore(variant.point, study.label(variant.point), found, study.n_seeds))
    return Result(study, tuple(scores), tuple(failed))


def over_epochs(score: PointScore, quantity: str) -> NDArray[np.float64]:
    """Return a quantity of every epoch, float64 (S, E): a row a seed, for the epochs that all of them have."""
    return np.array(
        [[getattr(epoch, quantity) for epoch in record.history[: score.n_epochs]] for record in score.records],
        dtype=np.float64,
    )


def seconds_an_epoch(score: PointScore) -> float | None:
    """Return the median wall time of an epoch, validation included; None if there is none."""
    seconds = [epoch.seconds for record in score.records for epoch in record.history]
    return statistics.median(seconds) if seconds else None


def changed(recipe: Recipe, changes: Mapping[str, Any]) -> Recipe:
    """Return `recipe` with `changes`, in an order that is new in each epoch, on one thread."""
    return recipe.with_changes({"order": "reshuffled", "threads": 1, **changes})
