"""Terminal output: tables on standard output, progress on standard error."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table

PIPED_WIDTH = 160
"""Columns of a table that does not go to a terminal: wide enough that nothing is cut."""


def print_table(title: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table: the first column to the left, the others to the right."""
    table = Table(show_header=any(header))
    for index, name in enumerate(header):
        table.add_column(name, justify="left" if index == 0 else "right", overflow="fold")
    for row in rows:
        table.add_row(*row)
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = PIPED_WIDTH
    console.print(title, style="bold")
    console.print(table)


class StepBar:
    """A progress bar over training steps; `start` gives it a new name and length."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._task: TaskID | None = None

    def start(self, name: str, n_steps: int) -> None:
        """Begin a new piece of work of `n_steps` steps; the bar of the one before is done."""
        if self._task is not None:
            self._progress.remove_task(self._task)
        self._task = self._progress.add_task(name, total=n_steps)

    def step(self) -> None:
        """One step is done."""
        if self._task is not None:
            self._progress.advance(self._task)

    def say(self, name: str) -> None:
        """Change the words beside the bar."""
        if self._task is not None:
            self._progress.update(self._task, description=name)


@contextmanager
def step_bar() -> Iterator[StepBar]:
    """Yield a progress bar on standard error; it shows on a terminal and is silent when piped."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        yield StepBar(progress)
