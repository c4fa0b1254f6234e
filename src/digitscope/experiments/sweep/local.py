"""Trials in processes of this machine, as many at once as its cores allow."""

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection, wait
from multiprocessing.reduction import ForkingPickler

from digitscope.experiments.sweep.engine import (
    Begun,
    Crash,
    EpochDone,
    Event,
    Failed,
    Finished,
    attempt,
    in_one_line,
)
from digitscope.experiments.sweep.trials import Trial, TrialData
from digitscope.records import EpochRecord

_CONTEXT = multiprocessing.get_context("spawn")  # a fork would take over threads that it does not have


class LocalEngine:
    """Worker processes, started when they are first needed and ended with the block."""

    def __init__(self, data: TrialData, cores: int) -> None:
        self.cores = cores
        self._data = data
        self._idle: list[_Worker] = []
        self._busy: dict[Connection, tuple[_Worker, Trial]] = {}

    def __enter__(self) -> "LocalEngine":
        return self

    def __exit__(self, *_: object) -> None:
        for worker in [*self._idle, *(worker for worker, _ in self._busy.values())]:
            worker.end()
        self._idle.clear()
        self._busy.clear()

    def run(self, trials: Sequence[Trial], /) -> Iterator[Event]:
        """Run `trials` in their order, and yield what happens. One that needs more cores than are free waits."""
        waiting = deque(trials)
        while waiting or self._busy:
            while waiting and self._has_room(waiting[0]):
                yield from self._hand_out(waiting.popleft())
            ready = wait(self._busy) if self._busy else ()
            for connection in [each for each in self._busy if each in ready]:
                yield self._receive(connection)

    def _has_room(self, trial: Trial) -> bool:
        taken = sum(running.threads for _, running in self._busy.values())
        return taken == 0 or taken + trial.threads <= self.cores

    def _hand_out(self, trial: Trial) -> Sequence[Event]:
        worker = self._idle.pop() if self._idle else _Worker(self._data)
        try:
            worker.send(trial)
        except Exception as error:  # noqa: BLE001 - pickling raises nearly anything
            self._idle.append(worker)
            return Begun(trial), Failed(trial, f"it cannot be sent to a process ({in_one_line(error)})")
        self._busy[worker.connection] = worker, trial
        return (Begun(trial),)

    def _receive(self, connection: Connection) -> Event:
        worker, trial = self._busy[connection]
        try:
            message = connection.recv()
        except (EOFError, OSError):
            del self._busy[connection]
            return Failed(trial, f"its process ended with {worker.end(patience=5)}")
        if isinstance(message, EpochRecord):
            return EpochDone(trial, message)
        del self._busy[connection]
        self._idle.append(worker)
        return Failed(trial, message.reason) if isinstance(message, Crash) else Finished(trial, message)


class _Worker:
    """A process that runs one trial after the other.

    Messages are pickled at once, so that errors appear at the sender. They then wait in a queue.
    """

    def __init__(self, data: TrialData) -> None:
        self.connection, theirs = _CONTEXT.Pipe()
        self._process = _CONTEXT.Process(target=_work, args=(theirs,), daemon=True)
        with _interrupts_ignored():
            self._process.start()
        theirs.close()
        self._outbox = ThreadPoolExecutor(max_workers=1)
        self.send(data)

    def send(self, message: object) -> None:
        self._outbox.submit(self.connection.send_bytes, ForkingPickler.dumps(message))

    def end(self, patience: float = 0) -> str:
        """Give the process `patience` seconds to end, then make it, and return how it ended."""
        self._process.join(patience)
        self._process.kill()
        self._process.join()
        self._outbox.shutdown(cancel_futures=True)
        self.connection.close()
        code = self._process.exitcode or 0
        return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"


def _work(connection: Connection) -> None:
    """Receive the data, then trials; send each epoch's record, and the trial's or what went wrong."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    with suppress(EOFError, OSError):  # nobody is there to send to
        data: TrialData = connection.recv()
        while True:
            trial: Trial = connection.recv()
            connection.send(attempt(trial, data, connection.send))


def _end_with_parent() -> None:
    """Wait for the end of the process that started this one, however it comes, and end too."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


@contextmanager
def _interrupts_ignored() -> Iterator[None]:
    """Start processes that leave Ctrl-C, which a terminal sends to all of them, to the first one."""
    if threading.current_thread() is not threading.main_thread():  # where Python knows no signals
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
