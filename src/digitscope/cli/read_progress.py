"""A progress bar of plain characters: reading pictures needs none of the packages that draw finer ones."""

import os
import shutil
import sys
import time
from types import TracebackType
from typing import TextIO

BAR = 24
"""Characters of the bar itself."""

SECONDS_BETWEEN = 0.1
"""A bar that is in sight is drawn anew after this long: a terminal may be slower than the reading."""


class PictureBar:
    """A bar on standard error over `total` pictures; silent if that is no terminal, or for a single picture.

    It is one line, which is taken away before anything else is printed on the terminal.
    """

    def __init__(self, total: int) -> None:
        self._total = total
        self._done = 0
        self._length = 0  # of what is drawn now
        self._start = self._last = time.monotonic()
        self._on = total > 1 and _is_terminal(sys.stderr) and os.environ.get("TERM") != "dumb"

    def show(self) -> None:
        """Draw the bar, unless it was just drawn."""
        now = time.monotonic()
        if not self._on or (self._length and now - self._last < SECONDS_BETWEEN):
            return
        filled = BAR * self._done // self._total
        text = f"[{'#' * filled}{'.' * (BAR - filled)}] {self._done:,} of {self._total:,}{self._left(now)}"
        text = text[: shutil.get_terminal_size().columns - 1]
        print(text.ljust(self._length), end="\r", file=sys.stderr, flush=True)
        self._last, self._length = now, len(text)

    def step(self) -> None:
        """One picture is done."""
        self._done += 1

    def make_room(self) -> None:
        """Clear the line if standard output, too, is a terminal: something is about to be printed there."""
        if _is_terminal(sys.stdout):
            self.clear()

    def clear(self) -> None:
        """Leave an empty line."""
        if self._length:
            print(" " * self._length, end="\r", file=sys.stderr, flush=True)
            self._length = 0

    def _left(self, now: float) -> str:
        if not self._done:
            return ""
        minutes, seconds = divmod(round((now - self._start) * (self._total - self._done) / self._done), 60)
        return f", {minutes}:{seconds:02} left"

    def __enter__(self) -> "PictureBar":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.clear()


def _is_terminal(stream: TextIO | None) -> bool:
    return stream is not None and stream.isatty()
