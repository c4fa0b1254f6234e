"""One trial: a point trained from one seed; and what is kept of it."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, get_args

from digitscope.data import Dataset
from digitscope.data.pen_digits import PenDigits
from digitscope.errors import DataError, DivergedError
from digitscope.experiments.recipes import SCRATCH, Recipe, default_options
from digitscope.experiments.run import run_recipe
from digitscope.experiments.sweep.origins import Origin, origin_on
from digitscope.experiments.sweep.space import Point
from digitscope.records import EpochRecord
from digitscope.training import choose_device

Outcome = Literal["finished", "stopped", "diverged"]


@dataclass(frozen=True, eq=False)
class TrialData:
    """The data and the device of all trials of a sweep.

    Attributes:
        dataset: it learns from the training split and is ranked on the validation split.
        singles: digits for the pairs of "fresh-pairs", if the recipe uses it.
        device: as `run_recipe` takes it.
        pens: the pen digits, if the recipe uses them.
    """

    dataset: Dataset
    singles: Dataset | None = None
    device: str = "auto"
    pens: PenDigits | None = None

    def sha256(self) -> str:
        """Return the hash of all images and labels, in hexadecimal."""
        others = (self.singles.sha256() if self.singles else "", self.pens.sha256 if self.pens else "")
        return self.dataset.sha256() + "".join(others)


@dataclass(frozen=True)
class Trial:
    """One training of a sweep.

    Attributes:
        key: its identifier, a hash of everything that defines it.
        point: the values of the settings that vary.
        recipe: with these values, and a fixed number of threads.
        seed: of the training.
        stop_below: validation accuracies; once the best so far is below that of the same epoch, training stops.
        test: whether the test split is scored at the end.
    """

    key: str
    point: Point
    recipe: Recipe
    seed: int
    stop_below: tuple[float, ...] = ()
    test: bool = False

    @property
    def threads(self) -> int:
        """The number of threads; 1 for the NumPy network."""
        return getattr(self.recipe.settings, "threads", 1)


@dataclass(frozen=True)
class TrialRecord:
    """The result of a trial.

    Attributes:
        key: the trial's.
        point: likewise.
        seed: likewise.
        threads: likewise.
        outcome: "finished", "stopped" because it fell behind, or "diverged".
        history: one record for each epoch that was trained.
        test_accuracy: of a finished trial that asked for it; it is not used for ranking.
        made_with: the versions and the device.
    """

    key: str
    point: Mapping[str, Any]
    seed: int
    threads: int
    outcome: Outcome
    history: tuple[EpochRecord, ...]
    test_accuracy: float | None
    made_with: Origin = field(default_factory=dict)

    def format(self) -> str:
        """Return the record as JSON."""
        return json.dumps(asdict(self), indent=1) + "\n"

    @classmethod
    def parse(cls, text: str) -> "TrialRecord":
        """Return the record that `format` wrote.

        Raises:
            DataError: `text` is none.
        """
        try:
            content = json.loads(text)
            content["history"] = tuple(EpochRecord(**record) for record in content["history"])
            content["point"] = {name: _frozen(value) for name, value in content["point"].items()}
            record = cls(**content)
            record.made_with.items()
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise DataError(f"not a trial's record ({error!r})") from None
        if record.outcome not in get_args(Outcome) or (record.outcome == "finished" and not record.history):
            raise DataError(f"not a trial's record (its outcome is {record.outcome!r})")
        return record


def make_trial(
    point: Point, recipe: Recipe, seed: int, *, threads: int, data_sha256: str, stop_below: Sequence[float] = ()
) -> Trial:
    """Return the trial of `recipe` at `point`, on `threads` unless the recipe's settings name a number.

    Assigned threads are not part of the key, although they affect rounding. So a call with more seeds or fewer
    cores does not run the trial again.
    """
    decisive = {
        "model": recipe.model,
        "options": {**default_options(recipe.model), **recipe.options},
        "settings": recipe.settings.as_dict(),
        "seed": seed,
        "data": data_sha256,
        "stop below": list(stop_below),
    }
    key = hashlib.sha256(json.dumps(decisive, sort_keys=True).encode()).hexdigest()[:16]
    if getattr(recipe.settings, "threads", None) == 0:
        recipe = recipe.with_changes({"threads": threads})
    return Trial(key, point, recipe, seed, tuple(stop_below))


def run_trial(trial: Trial, data: TrialData, on_epoch: Callable[[EpochRecord], None]) -> TrialRecord:
    """Train, and score the test split at the end if `trial` asks for it; `on_epoch` is called after every epoch.

    Raises:
        SettingError: the recipe does not fit the data.
    """
    history: list[EpochRecord] = []

    def after_epoch(record: EpochRecord) -> None:
        history.append(record)
        on_epoch(record)
        if record.epoch < trial.recipe.settings.epochs and has_fallen_behind(history, trial.stop_below):
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
    named = {name: getattr(trial, name) for name in ("key", "point", "seed", "threads")}
    made_with = origin_on(device_of(trial.recipe, data.device))
    return TrialRecord(
        **named, outcome=outcome, history=tuple(history), test_accuracy=test_accuracy, made_with=made_with
    )


def device_of(recipe: Recipe, device: str) -> str:
    """Return where `recipe` is trained if it is asked to be on `device`: "cpu", "cuda" or "mps".

    Raises:
        SettingError: the name is unknown, or there is no such device.
    """
    return "cpu" if recipe.model == SCRATCH else choose_device(device).type


def has_fallen_behind(history: Sequence[EpochRecord], stop_below: Sequence[float]) -> bool:
    """Tell whether the best validation accuracy so far is below what `stop_below` has for the last epoch."""
    epoch = len(history)
    return epoch <= len(stop_below) and max(each.validation_accuracy for each in history) < stop_below[epoch - 1]


class _FallenBehindError(Exception):
    """Ends a training from within."""


def _frozen(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value  # JSON has only lists
