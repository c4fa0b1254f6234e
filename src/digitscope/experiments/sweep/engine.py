"""Engines that run trials, and the distribution of cores among them."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from digitscope.experiments.sweep.trials import Trial, TrialData, TrialRecord, run_trial
from digitscope.records import EpochRecord


@dataclass(frozen=True)
class Begun:
    """A trial has been handed out."""

    trial: Trial


@dataclass(frozen=True)
class Lost:
    """The machine or the process of a trial is gone; it is begun anew. `reason` is one line."""

    trial: Trial
    reason: str


@dataclass(frozen=True)
class EpochDone:
    """A trial has finished another epoch."""

    trial: Trial
    epoch: EpochRecord


@dataclass(frozen=True)
class Finished:
    """A trial has ended with this record."""

    trial: Trial
    record: TrialRecord


@dataclass(frozen=True)
class Failed:
    """A trial has crashed; `reason` is one line."""

    trial: Trial
    reason: str


Event = Begun | Lost | EpochDone | Finished | Failed


@dataclass(frozen=True)
class Crash:
    """A worker's message in place of a record; `reason` is one line."""

    reason: str


class Engine(Protocol):
    """Where trials are computed: processes of this machine, or machines of a cluster.

    A trial's record is a function of the trial and the data, so every engine gives the same ones.
    """

    @property
    def cores(self) -> int:
        """The cores that the last trials of a round share; 1 where each trial has a single one."""

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


def attempt(trial: Trial, data: TrialData, on_epoch: Callable[[EpochRecord], None]) -> TrialRecord | Crash:
    """Return the record of `trial`, or its crash."""
    try:
        return run_trial(trial, data, on_epoch)
    except Exception as error:  # noqa: BLE001 - whatever it is, the other trials go on
        return Crash(in_one_line(error))


def in_one_line(error: Exception) -> str:
    """Return what went wrong as the reason of a failure."""
    return " ".join(f"{type(error).__name__}: {error}".split())
