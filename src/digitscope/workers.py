"""One pool of worker processes for reading, training, trials and made pages.

pebble's `ProcessPool` runs the processes: it kills a worker on timeout or cancellation, and replaces a dead one.
This module adds what callers rely on: a task that cannot be pickled fails at once, and a task that waits can be
cancelled for nothing. Workers ignore Ctrl-C and SIGTERM, and end with the process that started them.
"""

import atexit
import os
import pickle
import signal
import threading
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from functools import partial
from multiprocessing import parent_process
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnContext, SpawnProcess
from multiprocessing.reduction import ForkingPickler
from typing import Any, TypeVar

from pebble import ProcessExpired, ProcessFuture, ProcessPool

from digitscope.errors import ClusterError

T = TypeVar("T")

MESSAGE_SECONDS = 0.1
"""Interval at which a task that has sent no message is checked for its end."""


class Task(ProcessFuture[T]):
    """The future result of a function in a worker. `cancel` also stops a function that has begun.

    `result` raises what the function raised, `TimeoutError`, or `ClusterError` if the worker ended.
    """

    def __init__(self, payload: bytes, timeout: float | None, on_message: Callable[[Any], None] | None) -> None:
        super().__init__()
        self.payload, self.timeout, self.on_message = payload, timeout, on_message
        self.inner: Future[bytes] | None = None
        self.ours: Connection | None = None
        self.theirs: Connection | None = None
        if on_message is not None:
            self.ours, self.theirs = _CONTEXT.Pipe()

    def cancel(self) -> bool:
        """Cancel the task, and kill the worker that runs it; return False if it has ended already."""
        is_cancelled = super().cancel()
        if is_cancelled:
            with suppress(RuntimeError):  # a second call
                self.set_running_or_notify_cancel()
            if self.inner is not None:
                self.inner.cancel()
        return is_cancelled

    def send(self, message: object) -> None:
        """Send `message` to the function, which receives it from its connection.

        Raises:
            OSError: the function has ended.
        """
        if self.ours is None:
            raise OSError("the task takes no messages")
        self.ours.send(message)


class Workers:
    """A pool of processes. They start with the first task, and end with the block.

    Args:
        processes: number of workers, and of tasks that run at once.
        begin: called once in each worker before its first task.
        arguments: of `begin`; pickled once, and sent to each worker once.

    Raises:
        Exception: `begin` or its arguments cannot be pickled.
    """

    def __init__(self, processes: int, begin: Callable[..., object] | None = None, *arguments: Any) -> None:
        self.processes = processes
        self._state = _pickled((begin, arguments))
        self._lock = threading.RLock()
        self._waiting: deque[Task[Any]] = deque()
        self._running: set[Task[Any]] = set()
        self._is_closed = False
        self._pool = self._new_pool()
        atexit.register(self.close)

    def __enter__(self) -> "Workers":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def submit(
        self,
        function: Callable[..., T],
        *arguments: Any,
        timeout: float | None = None,
        on_message: Callable[[Any], None] | None = None,
    ) -> Task[T]:
        """Have a worker call `function` with `arguments`, and return the task.

        Args:
            function: from a module that workers can import.
            arguments: what pickle can send.
            timeout: seconds from its beginning after which it is killed; None for no limit.
            on_message: called in a thread with each message of the function, before its result is there. The
                function then takes a `Connection` as its first argument, to send to here and to receive from
                `Task.send`.

        Raises:
            Exception: the function or an argument cannot be pickled.
            ClusterError: the workers are closed.
        """
        task: Task[T] = Task(_pickled((function, arguments)), timeout, on_message)
        with self._lock:
            if self._is_closed:
                raise ClusterError("the worker processes are closed")
            self._waiting.append(task)
        self._hand_out()
        return task

    def in_order(self, function: Callable[..., T], items: Iterable[Any], ahead: int) -> Iterator[Task[T]]:
        """Yield a finished task of `function` for each of `items`, in their order.

        Up to `ahead` tasks are computed in advance. They are cancelled if the iteration is left.
        """
        tasks: deque[Task[T]] = deque()
        try:
            for item in items:
                tasks.append(self.submit(function, item))
                if len(tasks) > ahead:
                    tasks[0].exception()
                    yield tasks.popleft()
            while tasks:
                tasks[0].exception()
                yield tasks.popleft()
        finally:
            for task in tasks:
                task.cancel()

    def close(self) -> None:
        """Cancel all tasks, and kill the workers."""
        with self._lock:
            self._is_closed = True
            tasks = [*self._waiting, *self._running]
        for task in tasks:
            task.cancel()
        _end(self._pool)
        atexit.unregister(self.close)

    def _new_pool(self) -> ProcessPool:
        return ProcessPool(self.processes, initializer=_begin, initargs=(self._state,), context=_CONTEXT)

    def _hand_out(self) -> None:
        """Start waiting tasks while workers are free: cancelling one that waits in pebble costs a worker."""
        with self._lock:
            while self._waiting and len(self._running) < self.processes and not self._is_closed:
                task = self._waiting.popleft()
                if task.cancelled():
                    continue
                try:
                    self._start(task)
                except RuntimeError as error:  # pebble's BrokenProcessPool
                    reason = error.__cause__ or error
                    task.set_exception(ClusterError(f"no worker process can be started ({reason})"))

    def _start(self, task: Task[Any]) -> None:
        if not self._pool.active:  # no worker was busy when one died, which pebble does not survive
            threading.Thread(target=_end, args=(self._pool,), daemon=True).start()
            self._pool = self._new_pool()
        connection = None
        if task.theirs is not None:
            connection = _pickled(task.theirs)
            task.theirs.close()
        inner = task.inner = self._pool.schedule(_call, (task.payload, connection), timeout=task.timeout)
        self._running.add(task)
        task.payload = b""
        if task.cancelled():  # by another thread, meanwhile
            inner.cancel()
        if task.ours is None:
            inner.add_done_callback(partial(self._finish, task))
        else:
            threading.Thread(target=self._follow, args=(task, inner), daemon=True).start()

    def _follow(self, task: Task[Any], inner: Future[bytes]) -> None:
        """Hand on the messages of a task, then finish it."""
        assert task.ours is not None  # noqa: S101 - asked by `_hand_out`
        assert task.on_message is not None  # noqa: S101
        try:
            with task.ours as connection, suppress(EOFError, OSError):
                while True:
                    if connection.poll(MESSAGE_SECONDS):
                        task.on_message(connection.recv())
                    elif inner.done():
                        break
        finally:
            inner.add_done_callback(partial(self._finish, task))

    def _finish(self, task: Task[Any], inner: Future[bytes]) -> None:
        with self._lock:
            self._running.discard(task)
        self._hand_out()
        if task.cancelled():
            return
        try:
            value, error = pickle.loads(inner.result())  # noqa: S301 - from a worker
        except TimeoutError:
            error = TimeoutError(f"not done within {task.timeout:g} s")
        except ProcessExpired as expired:
            error = ClusterError(f"a worker process ended with {_ending(expired.exitcode)}")
        except Exception as broken:  # noqa: BLE001 - pebble says nothing narrower
            error = ClusterError(f"the worker processes cannot be used ({broken})")
        with suppress(InvalidStateError):  # it was cancelled meanwhile
            if error is None:
                task.set_result(value)
            else:
                task.set_exception(error)


class _Process(SpawnProcess):
    def start(self) -> None:
        """Start it with signals blocked for good that a terminal or a service manager sends to every process."""
        if not hasattr(signal, "pthread_sigmask"):  # Windows
            return super().start()
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
        try:
            super().start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def terminate(self) -> None:
        """Kill it: pebble holds up all other workers while it waits for this one's end."""
        self.kill()

    @property
    def exitcode(self) -> int | None:
        """The exit code; 1 for 0, which pebble would take for an orderly end, and wait for the task forever."""
        code = super().exitcode
        return 1 if code == 0 else code


class _Context(SpawnContext):
    Process = _Process


_CONTEXT = _Context()


def _begin(state: bytes) -> None:
    """Set up a worker. Its numerical libraries have one thread, since there is a worker for each core."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    begin, arguments = pickle.loads(state)  # noqa: S301 - from the parent
    if begin is not None:
        begin(*arguments)


def _end_with_parent() -> None:
    """Wait until the parent ends, however it does, and end too, in the middle of a task if need be."""
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _call(payload: bytes, connection: bytes | None) -> bytes:
    """Return the pickled result of a function and None, or None and the error it raised."""
    try:
        function, arguments = pickle.loads(payload)  # noqa: S301 - from the parent
        if connection is None:
            return _pickled((function(*arguments), None))
        with pickle.loads(connection) as channel:  # noqa: S301
            return _pickled((function(channel, *arguments), None))
    except BaseException as error:  # noqa: BLE001 - it is raised where the result is asked for
        return _pickled((None, _sendable(error)))


def _sendable(error: BaseException) -> Exception:
    """Return `error` with its traceback as a note, or a RuntimeError if it cannot be raised in another process."""
    trace = traceback.format_exc()
    if isinstance(error, Exception):
        error.add_note(trace)
        with suppress(Exception):
            pickle.loads(_pickled(error))  # noqa: S301 - some errors can be pickled, and not be unpickled
            return error
    return RuntimeError(trace)


def _pickled(content: object) -> bytes:
    return bytes(ForkingPickler.dumps(content))


def _ending(code: int) -> str:
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"


def _end(pool: ProcessPool) -> None:
    pool.stop()
    pool.join()
