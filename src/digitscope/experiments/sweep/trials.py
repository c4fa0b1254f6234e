"""Trials: a point trained from one seed, and what is kept of it."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any, Literal

from digitscope import __version__
from digitscope.data import Dataset
from digitscope.data.pen_digits import PenDigits
from digitscope.errors import DivergedError
from digitscope.experiments.recipes import SCRATCH, Recipe
from digitscope.experiments.run import run_recipe
from digitscope.experiments.sweep.space import Point
from digitscope.records import EpochRecord
from digitscope.training import choose_device

Outcome = Literal["finished", "stopped", "diverged"]
Origin = Mapping[str, str]
"""The versions of digitscope, NumPy and PyTorch, and the device."""


@dataclass(frozen=True, eq=False)
class TrialData:
    """The data and the device of all trials of a sweep; `singles` and `pens` if the recipe uses them."""

    dataset: Dataset
    singles: Dataset | None = None
    device: str = "auto"
    pens: PenDigits | None = None

    def sha256(self) -> str:
        """Return the hash of all images and labels, in hexadecimal."""
        singles, pens = self.singles.sha256() if self.singles else "", self.pens.sha256 if self.pens else ""
        return self.dataset.sha256() + singles + pens


@dataclass(frozen=True)
class Trial:
    """One training of a sweep: `recipe` has the values of `point` and a fixed number of threads.

    It is stopped where its validation accuracy falls below the median of the `earlier` trainings', epoch by epoch.
    With `test` the test split is scored at the end.
    """

    point: Point
    recipe: Recipe
    seed: int
    earlier: tuple[Sequence[float], ...] = ()
    test: bool = False

    @property
    def key(self) -> tuple[Any, ...]:
        """What distinguishes it from the other trials of its sweep."""
        return (*self.point.values(), self.seed)

    @property
    def threads(self) -> int:
        """The number of threads; 1 for the NumPy network."""
        return self.recipe.settings.threads


@dataclass(frozen=True)
class TrialRecord:
    """The result of a trial: "finished", "stopped" because it fell behind, or "diverged".

    `history` has a record for each epoch. `test_accuracy`, of a finished trial that asked for it, ranks nothing.
    """

    point: Point
    seed: int
    threads: int
    outcome: Outcome
    history: tuple[EpochRecord, ...]
    test_accuracy: float | None
    made_with: Origin

    @property
    def accuracies(self) -> list[float]:
        """The validation accuracy of each epoch."""
        return [epoch.validation_accuracy for epoch in self.history]

    @property
    def key(self) -> tuple[Any, ...]:
        """The trial's key."""
        return (*self.point.values(), self.seed)


def run_trial(trial: Trial, data: TrialData, on_epoch: Callable[[EpochRecord], None]) -> TrialRecord:
    """Train, and score the test split at the end if `trial` asks for it; `on_epoch` is called after every epoch.

    Raises:
        SettingError: the recipe does not fit the data.
    """
    history: list[EpochRecord] = []
    falls_behind = _median_rule(trial.earlier)

    def after_epoch(record: EpochRecord) -> None:
        history.append(record)
        on_epoch(record)
        if record.epoch < trial.recipe.settings.epochs and falls_behind(record):
            raise _FallenBehindError

    outcome: Outcome = "finished"
    test_accuracy = None
    try:
        run = run_recipe(
            trial.recipe,
            data.dataset,
            seed=trial.seed,
            singles=data.singles,
            pens=data.pens,
            device=data.device,
            on_epoch=after_epoch,
        )
        test_accuracy = run.score(data.dataset.test) if trial.test else None
    except _FallenBehindError:
        outcome = "stopped"
    except DivergedError:
        outcome = "diverged"
    made_with = origin_on(device_of(trial.recipe, data.device))
    return TrialRecord(trial.point, trial.seed, trial.threads, outcome, tuple(history), test_accuracy, made_with)


class _FallenBehindError(Exception):
    """Ends a training from within."""


def _median_rule(earlier: Sequence[Sequence[float]]) -> Callable[[EpochRecord], bool]:
    """Return Optuna's median rule: is the best accuracy so far below the median of `earlier` at this epoch?"""
    if not earlier:
        return lambda _: False
    optuna = load_optuna()
    study = optuna.create_study(direction="maximize", pruner=optuna.pruners.MedianPruner(n_startup_trials=1))
    for accuracies in earlier:
        values = dict(enumerate(accuracies, 1))
        study.add_trial(optuna.trial.create_trial(value=accuracies[-1], intermediate_values=values))
    watched = study.ask()

    def falls_behind(record: EpochRecord) -> bool:
        watched.report(record.validation_accuracy, record.epoch)
        return bool(watched.should_prune())

    return falls_behind


def load_optuna() -> Any:
    """Return the module `optuna`, loaded now, and silent."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return optuna


def device_of(recipe: Recipe, device: str) -> str:
    """Return where `recipe` is trained if it is asked to be on `device`: "cpu", "cuda" or "mps".

    Raises:
        SettingError: the name is unknown, or there is no such device.
    """
    return "cpu" if recipe.model == SCRATCH else choose_device(device).type


def origin_on(device: str) -> Origin:
    """Return the origin of a trial that runs now on `device`: "cpu", "cuda" or "mps"."""
    return {"digitscope": __version__, "numpy": version("numpy"), "torch": version("torch"), "device": device}


def origins_in_words(origins: Iterable[Origin]) -> str:
    """Return "digitscope 0.1.0, numpy 2.4.6, torch 2.13.0 on cpu", and if they differ, how many have which."""
    counts: Counter[str] = Counter()
    for origin in origins:
        versions = ", ".join(f"{name} {value}" for name, value in origin.items() if name != "device")
        counts[f"{versions} on {origin['device']}"] += 1
    if len(counts) == 1:
        return next(iter(counts))
    return "; ".join(f"{words} ({n} of {counts.total()})" for words, n in counts.most_common())
