"""Engines that run trials, what they tell, and the processes of this machine as one of them."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection
from queue import SimpleQueue
from typing import Protocol

from digitscope.errors import ClusterError
from digitscope.experiments.sweep.trials import Trial, TrialData, TrialRecord, run_trial
from digitscope.records import EpochRecord
from digitscope.workers import Task, Workers


@dataclass(frozen=True)
class Event:
    """An event in the life of a trial."""

    trial: Trial


@dataclass(frozen=True)
class Begun(Event):
    """It has been handed out."""


@dataclass(frozen=True)
class Lost(Event):
    """Its machine or its process is gone; it is begun anew. `reason` is one line."""

    reason: str


@dataclass(frozen=True)
class EpochDone(Event):
    """It has finished another epoch."""

    epoch: EpochRecord


@dataclass(frozen=True)
class Finished(Event):
    """It has ended with this record."""

    record: TrialRecord


@dataclass(frozen=True)
class Failed(Event):
    """It has crashed; `reason` is one line."""

    reason: str


class Engine(Protocol):
    """Where trials are computed. A record is a function of the trial and the data, whatever the engine.

    Attributes:
        cores: shared by the last trials of a round; 1 where each trial has a single one.
    """

    @property
    def cores(self) -> int: ...  # noqa: D102

    def run(self, trials: Sequence[Trial], /) -> Iterator[Event]:
        """Run `trials`, and yield what happens; each ends in `Finished` or in `Failed`."""


def share_cores(n_trials: int, cores: int) -> tuple[int, ...]:
    """Return the threads of each of `n_trials` trials that are run in this order on `cores` cores.

    A second thread never makes a training twice as fast. So each trial has one thread while there are as many
    trials as cores. The last trials, if fewer, share all cores. The result does not depend on finished trials,
    because the number of threads affects a trial's rounding.
    """
    n_last = n_trials % cores
    last = (cores // n_last + (place < cores % n_last) for place in range(n_last))
    return (*[1] * (n_trials - n_last), *last)


def attempt(trial: Trial, data: TrialData, on_epoch: Callable[[EpochRecord], None]) -> TrialRecord | str:
    """Return the record of `trial`, or why it crashed, in one line."""
    try:
        return run_trial(trial, data, on_epoch)
    except Exception as error:  # noqa: BLE001 - whatever it is, the other trials go on
        return in_one_line(error)


def in_one_line(error: BaseException) -> str:
    """Return what went wrong as the reason of a failure."""
    return " ".join(f"{type(error).__name__}: {error}".split())


class LocalEngine:
    """Worker processes of this machine, ended with the block."""

    def __init__(self, data: TrialData, cores: int) -> None:
        self.cores = cores
        self._workers = Workers(cores, _keep_data, data)

    def __enter__(self) -> "LocalEngine":
        return self

    def __exit__(self, *_: object) -> None:
        self._workers.close()

    def run(self, trials: Sequence[Trial], /) -> Iterator[Event]:
        """Run `trials` in their order, and yield what happens. One that needs more cores than are free waits."""
        waiting, taken = deque(trials), 0
        events: SimpleQueue[Event] = SimpleQueue()
        while waiting or taken:
            while waiting and (not taken or taken + waiting[0].threads <= self.cores):
                trial = waiting.popleft()
                yield Begun(trial)
                try:
                    task = self._workers.submit(_train, trial, on_message=partial(_put_epoch, events, trial))
                except Exception as error:  # noqa: BLE001 - pickling raises nearly anything
                    yield Failed(trial, f"it cannot be sent to a process ({in_one_line(error)})")
                    continue
                task.add_done_callback(partial(_put_end, events, trial))
                taken += trial.threads
            if taken:
                event = events.get()
                taken -= event.trial.threads if isinstance(event, Finished | Failed) else 0
                yield event


def _put_epoch(events: SimpleQueue[Event], trial: Trial, epoch: EpochRecord) -> None:
    events.put(EpochDone(trial, epoch))


def _put_end(events: SimpleQueue[Event], trial: Trial, task: Task[TrialRecord | str]) -> None:
    if task.cancelled():  # with all others
        return
    if error := task.exception():
        found: TrialRecord | str = str(error) if isinstance(error, ClusterError) else in_one_line(error)
    else:
        found = task.result()
    events.put(Failed(trial, found) if isinstance(found, str) else Finished(trial, found))


_data: TrialData
"""In a worker: what all its trials train on."""


def _keep_data(data: TrialData) -> None:
    global _data
    _data = data


def _train(connection: Connection, trial: Trial) -> TrialRecord | str:
    return attempt(trial, _data, connection.send)
