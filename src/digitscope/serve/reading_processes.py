"""Processes that read pictures: each has an interpreter and a core of its own, and can be ended in the middle."""

import logging
import subprocess
import threading
import weakref
from collections.abc import Collection, Iterable
from contextlib import suppress
from typing import Any

from digitscope.errors import DataError
from digitscope.serve.network_files import NetworkFile
from digitscope.serve.own_processes import command_of, environment
from digitscope.serve.parcels import receive, send
from digitscope.serve.problems import Problem

LOG = logging.getLogger("digitscope.serve")

COMMAND = command_of("digitscope.serve.picture_reading")

START_SECONDS = 30.0
"""Within which a process has to have taken its networks."""


class ReadingProcess:
    """A process that reads one picture at a time, for one thread at a time; any other may end it.

    Args:
        networks: that for one digit, that for two, and that for pages.

    Attributes:
        has_to_end: whether it was told to end.

    Raises:
        OSError: it cannot be started, or has ended at once.
    """

    def __init__(self, networks: Iterable[NetworkFile]) -> None:
        self.has_to_end = False
        self._process = subprocess.Popen(  # noqa: S603
            COMMAND,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment(),
            start_new_session=True,  # so that Ctrl+C in the server's terminal reaches the server alone
        )
        assert self._process.stdin is not None  # noqa: S101 - both pipes were asked for
        assert self._process.stdout is not None  # noqa: S101
        self._input, self._output = self._process.stdin, self._process.stdout
        limit = threading.Timer(START_SECONDS, self.kill)
        limit.daemon = True
        limit.start()
        try:
            for network in networks:
                send(self._input, network.content, path=str(network.path))
        except OSError:
            self.end()
            raise
        finally:
            limit.cancel()

    @property
    def is_alive(self) -> bool:
        """Whether it may be given a picture."""
        return not self.has_to_end and self._process.poll() is None

    def ask(self, picture: bytes, **head: Any) -> tuple[str, bytes]:
        """Return the outcome of a picture and its content, as `picture_reading.answer_all` has them.

        Raises:
            OSError, EOFError: it has ended.
            ValueError: it has written something else.
        """
        send(self._input, picture, **head)
        answer, content = receive(self._output)
        return answer["outcome"], content

    def kill(self) -> None:
        """End it; the thread that waits for its answer hears of that."""
        self.has_to_end = True
        self._process.kill()

    def end(self) -> int:
        """End it, wait until it is gone, and return its exit code; for the thread that has it."""
        self.kill()
        code = self._process.wait()
        self._output.close()
        with suppress(OSError):  # there may be something that it did not take
            self._input.close()
        return code


class ReadingProcesses:
    """As many processes as pictures are read at once: one is started when none is free. Threads may share them.

    Args:
        networks: as of `ReadingProcess`.
        pages: that a picture may have.
    """

    def __init__(self, networks: Iterable[NetworkFile], pages: int) -> None:
        self.pages = pages
        self._networks = tuple(networks)
        self._starting = threading.Lock()
        self._free: list[ReadingProcess] = []
        self._busy: set[ReadingProcess] = set()
        weakref.finalize(self, _end_all, self._free, self._busy)

    def start(self) -> None:
        """Start the first process, so that the first picture need not wait; a failure is logged."""
        with suppress(Problem), self._starting:
            self._free.append(self._started())

    def take(self) -> ReadingProcess:
        """Return a free process, or a new one; if one is already starting, wait for it.

        Raises:
            Problem: 503, no process can be started.
        """
        process = self._alive()
        if process is None:
            with self._starting:
                process = self._alive() or self._started()
        self._busy.add(process)
        return process

    def give_back(self, process: ReadingProcess) -> None:
        """Make `process` free again, or drop it if it has ended."""
        self._busy.discard(process)
        if process.is_alive:
            self._free.append(process)
        else:
            process.end()

    def close(self) -> None:
        """End all processes, busy or free."""
        _end_all(self._free, self._busy)

    def _alive(self) -> ReadingProcess | None:
        while self._free:
            try:
                process = self._free.pop()
            except IndexError:  # another thread was quicker
                return None
            if process.is_alive:
                return process
            LOG.error("a process that reads has ended while it was idle (exit code %s)", process.end())
        return None

    def _started(self) -> ReadingProcess:
        try:
            return ReadingProcess(self._networks)
        except OSError as error:
            LOG.error("no process that reads can be started (%s)", error)
            detail = "pictures cannot be read at the moment: try again later; the server's log tells more"
            raise Problem(503, "Service Unavailable", detail, Retry_After="10") from None


class Reading:
    """One picture to be read by one of `processes`: call it in a thread, and stop it from any other.

    Args:
        processes: read it.
        picture: the content of its file.
        mode: "page" or "pair".
        printed: as `Reader.read` takes it; for pages alone.
        rotation: as `Reader.read` takes it; for pages alone.
    """

    def __init__(
        self,
        processes: ReadingProcesses,
        picture: bytes,
        mode: str,
        *,
        printed: bool = False,
        rotation: int | None = None,
    ) -> None:
        self._processes, self._picture = processes, picture
        self._head = {"mode": mode, "pages": processes.pages, "printed": printed, "rotation": rotation}
        self._lock = threading.Lock()
        self._process: ReadingProcess | None = None
        self._is_stopped = False

    def __call__(self) -> bytes:
        """Return the reading as JSON.

        Raises:
            DataError: it is no picture, damaged or too large.
            Problem: 503, its process has ended, or none can be started.
        """
        process = self._processes.take()
        try:
            self._hold(process)
            outcome, content = self._answer_of(process)
        finally:
            with self._lock:
                self._process = None
            self._processes.give_back(process)
        if outcome == "refused":
            raise DataError(content.decode())
        if outcome == "mistake":
            raise RuntimeError(content.decode())
        return content

    def stop(self) -> None:
        """End it if it is being read, and do not begin it if it is not yet."""
        with self._lock:
            self._is_stopped = True
            if self._process is not None:
                self._process.kill()

    def _hold(self, process: ReadingProcess) -> None:
        with self._lock:
            if self._is_stopped:
                raise _given_up()
            self._process = process

    def _answer_of(self, process: ReadingProcess) -> tuple[str, bytes]:
        try:
            return process.ask(self._picture, **self._head)
        except (OSError, EOFError, ValueError):
            if not process.has_to_end:
                LOG.error("a process that reads has ended over a picture (exit code %s)", process.end())
            raise _given_up() from None
        except BaseException:
            process.kill()  # its answer may still come, and would be taken for that to the next picture
            raise


def _given_up() -> Problem:
    detail = "the process that read the picture has ended: try again, or with another form of the picture"
    return Problem(503, "Service Unavailable", detail, Retry_After="10")


def _end_all(free: list[ReadingProcess], busy: Collection[ReadingProcess]) -> None:
    """End those that are free, and have those end that threads wait for."""
    for process in list(busy):
        process.kill()
    while free:
        free.pop().end()
