"""Processes that read pictures: each has an interpreter and a core of its own, and can be ended in the middle."""

import os
import subprocess
import sys
import weakref
from collections.abc import Collection
from typing import IO, Any, cast

from digitscope.errors import DataError
from digitscope.inference import Recognizer
from digitscope.serve.limits import Limits
from digitscope.serve.parcels import receive, send
from digitscope.serve.problems import Problem

COMMAND = (sys.executable, "-P", "-m", "digitscope.serve.picture_reading")
"""Starts a process; with -P it imports nothing from the folder that the server was started in."""

ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1"}

Process = subprocess.Popen[bytes]


class ReadingProcesses:
    """Processes that read pictures, each one at a time; one is started when none is free. Threads may share them.

    Args:
        digits: reads one digit.
        pairs: reads two over each other.
        limits: what is too much.
    """

    def __init__(self, digits: Recognizer, pairs: Recognizer, limits: Limits) -> None:
        self._networks = digits, pairs
        self._options = {"pages": limits.pages, "seconds": limits.reading_seconds}
        self._all: set[Process] = set()
        self._free: list[Process] = []
        weakref.finalize(self, _end, self._all)

    def start(self) -> None:
        """Start the first, so that the first picture need not wait for it."""
        self._free.append(self._started())

    def read(self, picture: bytes, mode: str) -> bytes:
        """Return the reading of a picture as JSON; `mode` is "page" or "pair".

        Raises:
            DataError: it is no picture, damaged or too large.
            Problem: 503, the process has ended: the picture took too long, or what decodes it has failed.
        """
        try:
            process = self._free.pop()
        except IndexError:
            process = self._started()
        try:
            send(_pipe(process.stdin), picture, mode=mode, **self._options)
            head, content = receive(_pipe(process.stdout))
        except (OSError, EOFError):
            self._all.discard(process)
            _end([process])
            detail = "the picture was not read to its end: try again later, or with a smaller or another one"
            raise Problem(503, "Service Unavailable", detail, Retry_After="10") from None
        self._free.append(process)
        return _content(head["outcome"], content)

    def close(self) -> None:
        """End all, whatever they are at."""
        _end(self._all)

    def _started(self) -> Process:
        process = subprocess.Popen(  # noqa: S603
            COMMAND,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, **ONE_THREAD},
            start_new_session=True,  # so that Ctrl+C in the server's terminal reaches the server alone
        )
        self._all.add(process)
        for network in self._networks:
            send(_pipe(process.stdin), network.content, path=str(network.path))
        return process


def _pipe(pipe: IO[bytes] | None) -> Any:
    return cast("IO[bytes]", pipe)  # both were asked for


def _content(outcome: str, content: bytes) -> bytes:
    if outcome == "refused":
        raise DataError(content.decode())
    if outcome == "mistake":
        raise RuntimeError(content.decode())
    return content


def _end(processes: Collection[Process]) -> None:
    for process in list(processes):
        process.kill()
        process.communicate()
