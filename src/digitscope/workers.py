"""One pool of worker processes for reading, training, trials and made pages.

pebble's `ProcessPool` runs the processes: it kills a worker on timeout or cancellation, and replaces a dead one.
This module adds what callers rely on: a task that cannot be pickled fails at once, and cancelling a waiting task
kills no worker. Workers ignore Ctrl-C and SIGTERM, and end with the process that started them.
"""

import atexit
import os
import pickle
import signal
import sys
import threading
import traceback
from collections import deque
from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import Future, InvalidStateError, wait
from contextlib import suppress
from functools import partial
from itertools import islice
from multiprocessing import Pipe, parent_process
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnContext, SpawnProcess
from multiprocessing.reduction import ForkingPickler
from types import ModuleType
from typing import Any, TypeVar

from pebble import ProcessExpired, ProcessFuture, ProcessPool

from digitscope.errors import ClusterError

T = TypeVar("T")

MESSAGE_SECONDS = 0.1  # interval at which a task that has sent no message is checked for its end


class Task(ProcessFuture[T]):
    """The future result of a function in a worker. `cancel` also stops a function that has begun.

    `result` raises what the function raised, `TimeoutError`, or `ClusterError` if the worker ended.
    """

    def __init__(self, payload: bytes, timeout: float | None, on_message: Callable[[Any], None] | None) -> None:
        super().__init__()
        self.payload, self.timeout, self.on_message = payload, timeout, on_message or (lambda _: None)
        self.ours: Connection | None = None
        self.theirs: Connection | None = None
        if on_message is not None:
            self.ours, self.theirs = Pipe()
        self.inner: Future[bytes] | None = None

    @property
    def has_begun(self) -> bool:
        """Whether a worker has the task; then `cancel` kills that worker."""
        return self.inner is not None

    def cancel(self) -> bool:
        """Cancel the task, and kill the worker that runs it; return False if it has ended already."""
        if not super().cancel():  # type: ignore[no-untyped-call]
            return False
        with suppress(RuntimeError):  # a second call
            self.set_running_or_notify_cancel()  # type: ignore[no-untyped-call]
        if self.inner is not None:
            self.inner.cancel()
        return True

    def send(self, message: object) -> None:
        """Send `message` to a function that takes a connection; wait while the pipe is full.

        Raises:
            OSError: the function has ended, or takes no connection.
        """
        if self.ours is None:
            raise OSError("the task takes no messages")
        self.ours.send(message)


class Workers:
    """A pool of `processes` at most, each started when no other is free. They end with the block, or on `close`.

    Every worker has a pebble pool of its own: one that dies, or is killed, holds up none of the others. Before its
    first task it calls `begin` with `arguments`, which are pickled once.

    Raises:
        Exception: `begin` or its arguments cannot be pickled.
    """

    def __init__(self, processes: int, begin: Callable[..., object] | None = None, *arguments: Any) -> None:
        self.processes = processes
        self._context = SpawnContext()
        self._context.Process = partial(_Process, _pickled((begin, arguments)))  # type: ignore[assignment, misc]
        self._lock = threading.RLock()
        self._waiting: deque[Task[Any]] = deque()
        self._busy: dict[Task[Any], ProcessPool] = {}
        self._idle: list[ProcessPool] = []

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
        """
        task: Task[T] = Task(_pickled((function, arguments)), timeout, on_message)
        with self._lock:
            self._waiting.append(task)
        self._hand_out()
        return task

    def in_order(
        self, function: Callable[..., T], items: Iterable[Any], ahead: int
    ) -> Generator[Task[T], None, None]:
        """Yield a finished task of `function` for each of `items`, in their order.

        Up to `ahead` tasks are computed in advance. They are cancelled if the iteration is left.
        """
        tasks: deque[Task[T]] = deque()
        try:
            rest = iter(items)
            while True:
                tasks.extend(self.submit(function, item) for item in islice(rest, ahead + 1 - len(tasks)))
                if not tasks:
                    return
                wait([tasks[0]])
                yield tasks.popleft()
        finally:
            for task in tasks:
                task.cancel()

    def close(self) -> None:
        """Cancel all tasks, and kill the workers; a later task starts new ones."""
        with self._lock:
            tasks = [*self._waiting, *self._busy]
            pools = [*self._idle, *self._busy.values()]
            self._waiting.clear()
            self._busy.clear()
            self._idle.clear()
        for task in tasks:
            task.cancel()
        _end(pools)
        atexit.unregister(self.close)

    def _hand_out(self) -> None:
        """Start waiting tasks while workers are free."""
        with self._lock:
            while self._waiting and len(self._busy) < self.processes:
                task = self._waiting.popleft()
                if not task.cancelled():
                    self._start(task)

    def _start(self, task: Task[Any]) -> None:
        connection = None if task.theirs is None else _pickled(task.theirs)
        if task.theirs is not None:
            task.theirs.close()
        try:
            pool = self._free_pool()
            inner = task.inner = pool.schedule(_call, (task.payload, connection), timeout=task.timeout)
        except RuntimeError as error:  # pebble's BrokenProcessPool
            reason = error.__cause__ or error
            task.set_exception(ClusterError(f"no worker process can be started ({reason})"))
            return
        self._busy[task] = pool
        task.payload = b""
        if task.cancelled():  # by another thread, meanwhile
            inner.cancel()
        if task.ours is None:
            inner.add_done_callback(partial(self._finish, task))
        else:
            threading.Thread(target=self._follow, args=(task, inner, task.ours), daemon=True).start()

    def _free_pool(self) -> ProcessPool:
        """Return the pool that was used last, whose worker is alive, or a new one."""
        while self._idle:
            pool = self._idle.pop()
            if pool.active:
                return pool
            threading.Thread(target=_end, args=([pool],), daemon=True).start()
        pool = ProcessPool(1, context=self._context)
        if pool.active:  # which starts it
            atexit.register(self.close)
        return pool

    def _follow(self, task: Task[Any], inner: Future[bytes], ours: Connection) -> None:
        """Hand on the messages of a task, then finish it."""
        try:
            with ours, suppress(EOFError, OSError):
                while ours.poll(MESSAGE_SECONDS) or not inner.done():
                    if ours.poll():
                        task.on_message(ours.recv())
        finally:
            inner.add_done_callback(partial(self._finish, task))

    def _finish(self, task: Task[Any], inner: Future[bytes]) -> None:
        with self._lock:
            pool = self._busy.pop(task, None)
            if pool is not None:  # not closed
                self._idle.insert(0 if inner.cancelled() else len(self._idle), pool)
        self._hand_out()
        if task.cancelled():
            return
        try:
            value, error = pickle.loads(inner.result())  # noqa: S301 - from a worker
        except TimeoutError:
            error = TimeoutError(f"not done within {task.timeout:g} s")
        except ProcessExpired as expired:
            code = expired.exitcode
            how = f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
            error = ClusterError(f"a worker process ended with {how}")
        except Exception as broken:  # noqa: BLE001 - pebble says nothing narrower
            error = ClusterError(f"a worker process has ended before its task began ({broken})")
        with suppress(InvalidStateError):  # it was cancelled meanwhile
            if error is None:
                task.set_result(value)
            else:
                task.set_exception(error)


class _Process(SpawnProcess):
    """A worker's process. It receives its state through a pipe of its own, so that starting it returns at once.

    The main module is not run again in it, as `multiprocessing` would: tasks come from modules, and a script that
    starts the service need not guard against a second run of itself.
    """

    def __init__(self, state: bytes, **settings: Any) -> None:
        super().__init__(**settings)
        self._state = state

    def start(self) -> None:
        """Start it with the signals blocked for good that a terminal or a service manager sends to all."""
        state, self._state = self._state, b""
        self._receiver, sender = Pipe(duplex=False)
        blocked = {signal.SIGINT, signal.SIGTERM} if sys.platform != "win32" else set()
        with _STARTING:
            main = sys.modules["__main__"]
            sys.modules["__main__"] = ModuleType("__main__")
            before = signal.pthread_sigmask(signal.SIG_BLOCK, blocked) if blocked else blocked
            try:
                super().start()
            finally:
                sys.modules["__main__"] = main
                if blocked:
                    signal.pthread_sigmask(signal.SIG_SETMASK, before)
        self._receiver.close()
        threading.Thread(target=_send, args=(sender, state), daemon=True).start()

    def run(self) -> None:
        """Set up the worker, then work. Its numerical libraries have one thread: each core has a worker."""
        threading.Thread(target=_end_with_parent, daemon=True).start()
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
        os.environ.setdefault("OMP_NUM_THREADS", "1")
        begin, arguments = self._receiver.recv()
        if begin is not None:
            begin(*arguments)
        super().run()

    def terminate(self) -> None:
        """Kill it: it ignores the signal that pebble would send first."""
        self.kill()

    @property
    def exitcode(self) -> int | None:
        """The exit code; 1 for 0, which pebble would take for an orderly end, and wait for the task forever."""
        code = super().exitcode
        return 1 if code == 0 else code


_STARTING = threading.Lock()


def _send(sender: Connection, state: bytes) -> None:
    with sender, suppress(OSError):  # it has ended
        sender.send_bytes(state)


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


def _end(pools: Sequence[ProcessPool]) -> None:
    for pool in pools:
        pool.stop()
    for pool in pools:
        pool.join()
