"""The terminal: tables on standard output; remarks, progress and errors on standard error."""

import io
import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress

PIPED_WIDTH = 160  # columns of a table that does not go to a terminal: wide enough that nothing is cut
PATIENCE = 5.0  # seconds until a process of torchrun reports an error that the first one may have reported


def remark(text: str) -> None:
    """Print one line on standard error, so that piped output stays clean."""
    print(text, file=sys.stderr)


def escape_what_is_no_text() -> None:
    """Let standard output take paths of any bytes: what it cannot encode is printed as an escape."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


@cache
def wait_for_first_process() -> None:
    """Wait, once, before an error is reported, unless this is torchrun's first process on its machine.

    A wrong call fails in every process. The first one reports it and ends, and torchrun then ends the others. A
    process that survives the wait has an error of its own and reports it.
    """
    if "TORCHELASTIC_RUN_ID" in os.environ and os.environ.get("LOCAL_RANK", "0") != "0":
        time.sleep(PATIENCE)


def report(complaint: object) -> None:
    """Print one line about something that failed, while the rest goes on."""
    remark(" ".join(f"digitscope: error: {complaint}".split()))


def print_table(title: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table: the first column to the left, the others to the right."""
    from rich.console import Console
    from rich.table import Table

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

    def __init__(self, progress: "Progress") -> None:
        self._progress, self._task = progress, progress.add_task("", visible=False)

    def start(self, name: str, n_steps: int) -> None:
        """Begin a new piece of work of `n_steps` steps; the bar of the one before is done."""
        self._progress.reset(self._task, description=name, total=n_steps, visible=True)

    def step(self) -> None:
        """One step is done."""
        self._progress.advance(self._task)

    def say(self, name: str) -> None:
        """Change the words beside the bar."""
        self._progress.update(self._task, description=name)


@contextmanager
def step_bar() -> Iterator[StepBar]:
    """Yield a progress bar on standard error; it shows on a terminal and is silent when piped."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        yield StepBar(progress)
