"""Messages of sweeps and studies: their progress, as a live table or one line per trial, and errors."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.table import Table

from digitscope.cli.console import remark
from digitscope.experiments.studies.study import Study
from digitscope.experiments.sweep.engine import Begun, EpochDone, Event, Failed, Finished
from digitscope.experiments.sweep.journal import n_finished
from digitscope.experiments.sweep.space import Space
from digitscope.experiments.sweep.sweep import Hooks
from digitscope.experiments.sweep.trials import Origin, Trial, TrialRecord, origins_in_words
from digitscope.records import EpochRecord

BEST_SHOWN = 5


class SweepProgress:
    """The best finished trials, and the trials in training."""

    def __init__(self, plan: Space | Study) -> None:
        self._plan = plan
        self._wanted = self._done = self._failed = 0
        self._running: dict[tuple[Any, ...], tuple[Trial, EpochRecord | None]] = {}
        self._finished: list[TrialRecord] = []

    def on_round(self, trials: Sequence[Trial], done: int) -> None:
        """Take in the trials of a round, `done` of which had been finished before."""
        self._wanted += len(trials)
        self._done += done

    def on_event(self, event: Event) -> None:
        """Take in what has happened."""
        if isinstance(event, Begun | EpochDone):
            self._running[event.trial.key] = event.trial, event.epoch if isinstance(event, EpochDone) else None
            return
        self._running.pop(event.trial.key, None)  # it may have been lost before it began
        if isinstance(event, Finished):
            self._done += 1
            self._finished.append(event.record)
        elif isinstance(event, Failed):
            self._failed += 1

    def line(self, event: Finished | Failed) -> str:
        """Return one line about a trial that has ended; `on_event` has seen the event."""
        trial = event.trial
        said = f"{self._done + self._failed} of {self._wanted}: {self._plan.label(trial.point)}, seed {trial.seed}"
        if isinstance(event, Failed):
            return f"{said}: failed"
        said += f": {event.record.outcome}"
        if not event.record.history:
            return said
        last = event.record.history[-1]
        return f"{said} after epoch {last.epoch}, validation {self._plan.measure} {_accuracy(last)}"

    def __rich__(self) -> Table:
        failed = f", {self._failed} failed" if self._failed else ""
        title = f"{self._plan.name}: {self._done} of {self._wanted} trials{failed}"
        table = Table(title=title, title_justify="left")
        for name in ("trial", "seed", "epoch", f"validation {self._plan.measure}", ""):
            table.add_column(name, justify="left" if name in ("trial", "") else "right")
        best = sorted(self._finished, key=lambda record: -max(record.accuracies, default=0))
        for record in best[:BEST_SHOWN]:
            accuracy = _accuracy(record.history[-1] if record.history else None)
            label = self._plan.label(record.point)
            table.add_row(label, str(record.seed), str(len(record.history)), accuracy, record.outcome)
        table.add_section()
        for trial, epoch in self._running.values():
            at = f"{epoch.epoch if epoch else 0} of {trial.recipe.settings.epochs}"
            table.add_row(self._plan.label(trial.point), str(trial.seed), at, _accuracy(epoch), "training")
        return table


@contextmanager
def shown(plan: Space | Study, folder: Path, ours: Origin) -> Iterator[Hooks]:
    """Show the progress of `plan` on standard error within the block.

    Say so if `folder` holds records that were not made as those of this call, `ours`, will be.
    """
    progress = SweepProgress(plan)

    def on_found(records: Sequence[TrialRecord]) -> None:
        others = [record.made_with for record in records if record.made_with != ours]
        if others:
            remark(
                f"{folder} holds trials made with {origins_in_words(others)}; this is {origins_in_words([ours])}: "
                "they are ranked together; name another folder with --out to train all alike"
            )

    def on_event(event: Event) -> None:
        progress.on_event(event)
        if not console.is_terminal and isinstance(event, Finished | Failed):
            remark(progress.line(event))

    console = Console(stderr=True)
    hooks = Hooks(on_found, progress.on_round, on_event)
    if console.is_terminal:
        with Live(progress, console=console, transient=True, refresh_per_second=4):
            yield hooks
    else:
        yield hooks


def tell_interrupted(folder: Path) -> int:
    """Say what an interruption has left in `folder`, and return the exit code."""
    kept = f"finished trials in {folder}: {n_finished(folder)}"
    remark(f"digitscope: interrupted; {kept}; the same call goes on with the rest")
    return 130


def tell_failed(plan: Space | Study, failed: Sequence[Failed]) -> None:
    """Say which trials crashed and why."""
    for each in failed:
        remark(f"failed: {plan.label(each.trial.point)}, seed {each.trial.seed}: {each.reason}")
    if failed:
        remark(f"failed trials: {len(failed)}; the same call tries them again")


def _accuracy(epoch: EpochRecord | None) -> str:
    return f"{epoch.validation_accuracy:.2%}" if epoch else ""
