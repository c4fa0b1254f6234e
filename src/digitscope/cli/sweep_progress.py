"""The progress of a sweep: a live table on a terminal, elsewhere one line a trial."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.live import Live
from rich.table import Table

from digitscope.cli.console import remark
from digitscope.experiments.sweep.engine import Begun, EpochDone, Event, Failed, Finished, Lost
from digitscope.experiments.sweep.space import Point
from digitscope.experiments.sweep.trials import Trial, TrialRecord
from digitscope.records import EpochRecord

BEST_SHOWN = 5


class Named(Protocol):
    """A sweep's space, or a study."""

    @property
    def name(self) -> str:
        """Its name, for people."""

    @property
    def measure(self) -> str:
        """Its accuracy measure, in words."""

    def label(self, point: Point, /) -> str:
        """Return what people call `point`."""


class SweepProgress:
    """The best finished trials, and the trials in training."""

    def __init__(self, space: Named) -> None:
        self._space = space
        self._wanted = self._done = self._failed = 0
        self._running: dict[str, tuple[Trial, EpochRecord | None]] = {}
        self._finished: list[TrialRecord] = []

    def on_round(self, trials: Sequence[Trial], done: int) -> None:
        """Take in the trials of a round, `done` of which had been finished before."""
        self._wanted += len(trials)
        self._done += done

    def on_event(self, event: Event) -> None:
        """Take in what has happened."""
        match event:
            case Begun(trial):
                self._running[trial.key] = trial, None
            case Lost(trial):
                self._running.pop(trial.key, None)  # it may have been lost before it began
            case EpochDone(trial, epoch):
                self._running[trial.key] = trial, epoch
            case Finished(trial, record):
                del self._running[trial.key]
                self._done += 1
                self._finished.append(record)
            case Failed(trial):
                self._running.pop(trial.key, None)
                self._failed += 1

    def line(self, event: Finished | Failed) -> str:
        """Return one line about a trial that has ended; `on_event` has seen the event."""
        trial = event.trial
        said = (
            f"{self._done + self._failed} of {self._wanted}: {self._space.label(trial.point)}, seed {trial.seed}"
        )
        if isinstance(event, Failed):
            return f"{said}: failed"
        if not event.record.history:
            return f"{said}: {event.record.outcome}"
        last = event.record.history[-1]
        accuracy = f"validation {self._space.measure} {_accuracy(last)}"
        return f"{said}: {event.record.outcome} after epoch {last.epoch}, {accuracy}"

    def __rich__(self) -> Table:
        """Return the table."""
        failed = f", {self._failed} failed" if self._failed else ""
        table = Table(
            title=f"{self._space.name}: {self._done} of {self._wanted} trials{failed}", title_justify="left"
        )
        for name in ("trial", "seed", "epoch", f"validation {self._space.measure}", ""):
            table.add_column(name, justify="left" if name in ("trial", "") else "right")
        best = sorted(
            self._finished, key=lambda each: -max((e.validation_accuracy for e in each.history), default=0)
        )
        for record in best[:BEST_SHOWN]:
            accuracy = _accuracy(record.history[-1] if record.history else None)
            label = self._space.label(record.point)
            table.add_row(label, str(record.seed), str(len(record.history)), accuracy, record.outcome)
        table.add_section()
        for trial, epoch in self._running.values():
            at = f"{epoch.epoch if epoch else 0} of {trial.recipe.settings.epochs}"
            table.add_row(self._space.label(trial.point), str(trial.seed), at, _accuracy(epoch), "training")
        return table


@contextmanager
def shown(progress: SweepProgress) -> Iterator[Callable[[Event], None]]:
    """Show `progress` on standard error within the block; yield the function to call with each event."""
    console = Console(stderr=True)
    if console.is_terminal:
        with Live(progress, console=console, transient=True, refresh_per_second=4):
            yield progress.on_event
        return

    def on_event(event: Event) -> None:
        progress.on_event(event)
        if isinstance(event, Finished | Failed):
            remark(progress.line(event))

    yield on_event


def _accuracy(epoch: EpochRecord | None) -> str:
    return f"{epoch.validation_accuracy:.2%}" if epoch else ""
