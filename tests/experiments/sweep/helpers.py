"""An engine in this process, and small spaces."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from digitscope.data import Dataset
from digitscope.experiments.sweep.engine import Begun, EpochDone, Event, Failed, Finished, in_one_line
from digitscope.experiments.sweep.space import Space
from digitscope.experiments.sweep.space_files import load_space
from digitscope.experiments.sweep.sweep import Sweep, run_sweep
from digitscope.experiments.sweep.trials import Trial, TrialData, TrialRecord, run_trial
from digitscope.records import EpochRecord
from tests.experiments.helpers import small


class InProcess:
    """Runs one trial after the other, as if on `cores`."""

    def __init__(self, data: TrialData, cores: int = 2) -> None:
        self.cores = cores
        self.run_before: list[str] = []
        self._data = data

    def run(self, trials: Sequence[Trial], /) -> Iterator[Event]:
        for trial in trials:
            yield Begun(trial)
            self.run_before.append(trial.key)
            epochs: list[EpochRecord] = []
            try:
                record = run_trial(trial, self._data, epochs.append)
            except Exception as error:  # noqa: BLE001
                yield Failed(trial, in_one_line(error))
                continue
            yield from (EpochDone(trial, epoch) for epoch in epochs)
            yield Finished(trial, record)


def small_data(sample: Dataset) -> TrialData:
    return TrialData(small(sample, 200), device="cpu")


def small_space(*assignments: str, **named: Any) -> Space:
    return load_space("fc", ["hidden=4", "epochs=2", *assignments], **named)


def swept(space: Space, data: TrialData, folder: Path) -> Sweep:
    """Run a sweep in this process."""
    return run_sweep(space, data.sha256(), InProcess(data), folder)


def record(
    accuracies: Sequence[float], *, seed: int = 1, outcome: Any = "finished", test: float | None = 0.5
) -> TrialRecord:
    """Return a record with these validation accuracies, and losses of one minus them."""
    history = tuple(EpochRecord(n, 1.0, 0.5, 1 - value, value, 0.1, 1.0) for n, value in enumerate(accuracies, 1))
    return TrialRecord(f"key{seed}", {"momentum": 0.0}, seed, 1, outcome, history, test)
