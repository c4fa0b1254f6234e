"""An engine in this process, and small spaces."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from digitscope.data import Dataset
from digitscope.experiments.sweep.engine import Begun, EpochDone, Event, Failed, Finished, attempt
from digitscope.experiments.sweep.space import Space, load_space
from digitscope.experiments.sweep.sweep import SILENT, Hooks, Sweep, run_sweep
from digitscope.experiments.sweep.trials import Trial, TrialData, TrialRecord
from digitscope.records import EpochRecord
from tests.experiments.helpers import small


class InProcess:
    """Runs one trial after the other, as if on `cores`."""

    def __init__(self, data: TrialData, cores: int = 2) -> None:
        self.cores = cores
        self.trained: list[Trial] = []
        self._data = data

    def run(self, trials: Sequence[Trial], /) -> Iterator[Event]:
        for trial in trials:
            yield Begun(trial)
            self.trained.append(trial)
            epochs: list[EpochRecord] = []
            found = attempt(trial, self._data, epochs.append)
            yield from (EpochDone(trial, epoch) for epoch in epochs)
            yield Failed(trial, found) if isinstance(found, str) else Finished(trial, found)


def small_data(sample: Dataset) -> TrialData:
    return TrialData(small(sample, 200), device="cpu")


def small_space(*assignments: str, **named: Any) -> Space:
    return load_space("fc", ["hidden=4", "epochs=2", *assignments], **named)


def swept(space: Space, data: TrialData, folder: Path, hooks: Hooks = SILENT) -> tuple[Sweep, list[Trial]]:
    """Run a sweep in this process; return it and the trials that were trained."""
    engine = InProcess(data)
    return run_sweep(space, data.sha256(), engine, folder, hooks=hooks), engine.trained


def record(
    accuracies: Sequence[float], *, seed: int = 1, outcome: Any = "finished", test: float | None = 0.5
) -> TrialRecord:
    """Return a record with these validation accuracies, and losses of one minus them."""
    history = tuple(EpochRecord(n, 1.0, 0.5, 1 - value, value, 0.1, 1.0) for n, value in enumerate(accuracies, 1))
    return TrialRecord({"momentum": 0.0}, seed, 1, outcome, history, test, {})
