"""A sweep's folder: an Optuna study in journal.log, which has a trial for each training that has ended.

A user attribute of the study holds what decides the trainings. A trial's parameters are its point. Its
intermediate values are the validation accuracies of the epochs, its user attributes the rest of its record.
"""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from digitscope.errors import DataError, SettingError
from digitscope.experiments.sweep.space import Axis, Choices, Point, as_scalar
from digitscope.experiments.sweep.trials import Trial, TrialRecord, load_optuna
from digitscope.files import make_folder
from digitscope.records import EpochRecord

if TYPE_CHECKING:
    import optuna
    from optuna.distributions import BaseDistribution

JOURNAL_FILE, LOCK_FILE = "journal.log", ".lock"
STUDY = "digitscope"
"""The study's name in the journal."""

_MAY_GROW = ("seeds", "trials")
"""Settings that a later call may change; finished trials stay valid."""


class Journal:
    """Optuna's study of one folder, and the records of trials that ended, by their keys: the last of each key.

    Raises:
        SettingError: the folder holds another sweep.
        DataError: its content is damaged.
    """

    def __init__(self, folder: Path, described: Mapping[str, Any], axes: Mapping[str, Axis]) -> None:
        self.folder, self._axes = folder, axes
        self.records: dict[tuple[Any, ...], TrialRecord] = {}
        try:
            self.study: optuna.Study = load_optuna().create_study(
                study_name=STUDY, storage=_storage(folder), direction="maximize", load_if_exists=True
            )
            self._check_same_sweep(json.loads(json.dumps(described)))
            for trial in self.study.get_trials(deepcopy=False):
                if "outcome" in trial.user_attrs:
                    history = tuple(EpochRecord(**epoch) for epoch in trial.user_attrs["history"])
                    record = TrialRecord(point_of(trial.params, axes), **{**trial.user_attrs, "history": history})
                    self.records[record.key] = record
        except SettingError:
            raise
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            path = folder / JOURNAL_FILE
            raise DataError(f"{path}: not a sweep's journal ({error!r}): name another folder with --out") from None

    def has(self, trial: Trial) -> bool:
        """Tell whether `trial` is finished, with its test score if it asks for one."""
        record = self.records.get(trial.key)
        if record is None:
            return False
        return not trial.test or record.outcome != "finished" or record.test_accuracy is not None

    def of(self, point: Point, seeds: Sequence[int]) -> tuple[TrialRecord, ...]:
        """Return the records that there are of `point` with these seeds."""
        keys = [(*point.values(), seed) for seed in seeds]
        return tuple(self.records[key] for key in keys if key in self.records)

    def keep(self, record: TrialRecord) -> None:
        """Add a trial that has ended by itself."""
        self.study.add_trial(as_trial(record, self._axes))
        self.records[record.key] = record

    def fail(self, trial: Trial, reason: str) -> None:
        """Add a trial that has crashed or was lost."""
        self.study.add_trial(optuna_trial("FAIL", trial.point, self._axes, seed=trial.seed, reason=reason))

    def _check_same_sweep(self, asked: dict[str, Any]) -> None:
        kept = self.study.user_attrs.get("sweep")
        for name, value in asked.items():
            if kept is not None and name not in _MAY_GROW and kept.get(name) != value:
                place, *values = _first_difference(name, kept.get(name), value)
                texts = map(json.dumps, values)
                old, new = (text if len(text) <= 100 else f"{text[:100]}..." for text in texts)
                raise SettingError(
                    f"{self.folder} holds a sweep with another {place}: {old}, not {new}: "
                    "name another folder with --out"
                )
        if kept != asked:
            self.study.set_user_attr("sweep", asked)


def _first_difference(name: str, kept: object, value: object) -> tuple[str, object, object]:
    """Return what `kept` and `value` of `name` first differ in: its name and both values."""
    if isinstance(kept, dict) and isinstance(value, dict):
        for inner in [*value, *kept]:
            if kept.get(inner) != value.get(inner):
                return _first_difference(inner, kept.get(inner), value.get(inner))
    return name, kept, value


def load_study(folder: Path) -> "optuna.Study":
    """Return the Optuna study of a sweep's folder.

    Raises:
        KeyError: there is none.
    """
    study: optuna.Study = load_optuna().load_study(study_name=STUDY, storage=_storage(folder))
    return study


def n_finished(folder: Path) -> int:
    """Return how many different trials of a sweep have ended by themselves."""
    if not (folder / JOURNAL_FILE).exists() or not _storage(folder).get_all_studies():
        return 0
    trials = [trial for trial in load_study(folder).trials if "outcome" in trial.user_attrs]
    return len({(*trial.params.values(), trial.user_attrs["seed"]) for trial in trials})


def _storage(folder: Path) -> "optuna.storages.JournalStorage":
    from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock, JournalStorage

    path = str(folder / JOURNAL_FILE)
    return JournalStorage(JournalFileBackend(path, JournalFileOpenLock(path)))


@contextmanager
def opened(folder: Path, described: Mapping[str, Any], axes: Mapping[str, Axis]) -> Iterator[Journal]:
    """Hold the journal of `folder` for one process; another one is refused until the block, or the process, ends.

    Raises:
        SettingError: the folder holds another sweep, or is in use.
        DataError: its content is damaged.
    """
    make_folder(folder)
    path = folder / JOURNAL_FILE
    with (folder / LOCK_FILE).open("a") as held:
        with suppress(ImportError):  # on Windows two processes in one folder come to the same, and work twice
            import fcntl

            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise SettingError(
                    f"{folder}: another sweep is at work here: wait for it, or name another folder with --out"
                ) from None
        # A killed process leaves Optuna's lock, and a line that is not whole.
        path.with_name(f"{JOURNAL_FILE}.lock").unlink(missing_ok=True)
        if path.exists():
            os.truncate(path, path.read_bytes().rfind(b"\n") + 1)
        yield Journal(folder, described, axes)


def as_trial(record: TrialRecord, axes: Mapping[str, Axis]) -> "optuna.trial.FrozenTrial":
    """Return `record` as Optuna's: complete if the training went to its end, else pruned."""
    attributes = {name: value for name, value in asdict(record).items() if name != "point"}
    trial = optuna_trial("PRUNED", record.point, axes, **attributes)
    trial.intermediate_values = dict(enumerate(record.accuracies, start=1))
    if record.outcome == "finished":
        trial.state, trial.value = type(trial.state).COMPLETE, record.accuracies[-1]
    return trial


def optuna_trial(
    state: str, point: Point, axes: Mapping[str, Axis], **attributes: Any
) -> "optuna.trial.FrozenTrial":
    """Return a trial of Optuna's at `point`, which has no value."""
    from optuna.trial import TrialState, create_trial

    return create_trial(
        state=TrialState[state],
        params={name: as_scalar(value) for name, value in point.items()},
        distributions=distributions(axes),
        user_attrs=attributes,
    )


def distributions(axes: Mapping[str, Axis]) -> dict[str, "BaseDistribution"]:
    """Return what varies, in Optuna's terms."""
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    found: dict[str, BaseDistribution] = {}
    for name, axis in axes.items():
        if isinstance(axis, Choices):
            found[name] = CategoricalDistribution([as_scalar(value) for value in axis.values])
        elif axis.whole:
            found[name] = IntDistribution(int(axis.low), int(axis.high), log=axis.log)
        else:
            found[name] = FloatDistribution(axis.low, axis.high, log=axis.log)
    return found


def point_of(parameters: Mapping[str, Any], axes: Mapping[str, Axis]) -> Point:
    """Return the point of a trial's parameters, in the order of `axes`."""
    point = {}
    for name, axis in axes.items():
        values = axis.values if isinstance(axis, Choices) else ()
        point[name] = next((value for value in values if as_scalar(value) == parameters[name]), parameters[name])
    return point
