"""The process pool: errors, timeouts, deaths, cancellation, messages, and who ends when."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from digitscope.errors import ClusterError
from digitscope.workers import Task, Workers

_state = 0


def set_state(value: int, *_: bytes) -> None:
    global _state
    _state = value


def get_state(_: object = None) -> tuple[int, int]:
    return os.getpid(), _state


class OddError(Exception):
    """An error that pickle cannot make again: it has one argument, and takes two."""

    def __init__(self, first: str, second: str) -> None:
        super().__init__(f"{first} {second}")


def fail(kind: str) -> None:
    if kind == "exit":
        sys.exit(3)
    raise OddError("torch", "train") if kind == "odd" else ValueError("no")


def echo(connection: Connection, n: int) -> str:
    for number in range(n):
        connection.send(number)
    return str(connection.recv())


def sleep_and_touch(path: Path, seconds: float = 60) -> None:
    path.touch()
    time.sleep(seconds)


def sleep_and_touch_if_path(item: Path | int) -> None:
    if isinstance(item, Path):
        sleep_and_touch(item)


def end_with(code: int) -> None:
    os._exit(code)


def wait_for(path: Path) -> None:
    deadline = time.monotonic() + 30
    while not path.exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.fixture(scope="module")
def workers() -> Iterator[Workers]:
    """One worker, whose state is 7. A pool outlives what happens to its workers, so the tests share it."""
    with Workers(1, set_state, 7) as shared:
        yield shared


def test_the_state_is_set_once_in_each_worker_and_tasks_come_in_their_order() -> None:
    with Workers(2, set_state, 5, bytes(1_000_000)) as pool:
        results = [task.result() for task in pool.in_order(divmod_by_three, range(20), ahead=4)]
        assert results == [divmod(number, 3) for number in range(20)]
        assert {state for _, state in (pool.submit(get_state).result() for _ in range(4))} == {5}
        pids = {pid for pid, _ in (pool.submit(get_state).result() for _ in range(4))}
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)


def divmod_by_three(number: int) -> tuple[int, int]:
    return divmod(number, 3)


def test_leaving_the_iteration_cancels_what_waits(workers: Workers, tmp_path: Path) -> None:
    iteration = workers.in_order(sleep_and_touch_if_path, [0, *(tmp_path / str(n) for n in range(5))], ahead=3)
    next(iteration)
    iteration.close()
    assert workers.submit(get_state).result(30)[1] == 7
    assert not (tmp_path / "1").exists()


def test_a_task_that_raises_tells_its_error_and_where(workers: Workers) -> None:
    with pytest.raises(ValueError, match=r"^no\n") as caught:
        workers.submit(fail, "plain").result(30)
    assert "in fail" in caught.value.__notes__[0]


def test_an_error_that_cannot_be_sent_is_told_in_words(workers: Workers) -> None:
    kind, told = "odd", "OddError"
    with pytest.raises(RuntimeError, match=told):
        workers.submit(fail, kind).result(30)


def test_what_cannot_be_pickled_fails_at_once(workers: Workers) -> None:
    with pytest.raises((AttributeError, TypeError), match="pickle"):
        workers.submit(get_state, threading.Lock())
    with pytest.raises((AttributeError, TypeError), match="pickle"):
        Workers(1, set_state, threading.Lock())
    with pytest.raises((AttributeError, TypeError), match="pickle"):
        workers.submit(threading.Lock).result(30)


def test_a_timeout_kills_the_worker_and_another_takes_its_place(workers: Workers, tmp_path: Path) -> None:
    before, _ = workers.submit(get_state).result(30)
    task = workers.submit(sleep_and_touch, tmp_path / "begun", timeout=0.2)
    with pytest.raises(TimeoutError, match=r"not done within 0\.2 s"):
        task.result(30)
    after, state = workers.submit(get_state).result(30)
    assert (after != before, state) == (True, 7)
    with pytest.raises(ProcessLookupError):
        os.kill(before, 0)


def test_a_worker_that_is_killed_from_outside_fails_its_task_alone(workers: Workers, tmp_path: Path) -> None:
    pid, _ = workers.submit(get_state).result(30)
    task = workers.submit(sleep_and_touch, tmp_path / "begun")
    waiting = workers.submit(get_state)
    wait_for(tmp_path / "begun")
    os.kill(pid, signal.SIGKILL)
    with pytest.raises(ClusterError, match="a worker process ended with signal SIGKILL"):
        task.result(30)
    assert waiting.result(30)[1] == 7


def test_a_worker_that_ends_itself_fails_its_task(workers: Workers) -> None:
    code = 0
    with pytest.raises(ClusterError, match="a worker process ended with exit code"):
        workers.submit(end_with, code).result(30)


def test_an_idle_worker_that_is_killed_is_replaced(workers: Workers) -> None:
    pid, _ = workers.submit(get_state).result(30)
    os.kill(pid, signal.SIGKILL)
    time.sleep(0.5)
    after, state = workers.submit(get_state).result(30)
    assert (after != pid, state) == (True, 7)


def test_a_worker_that_cannot_begin_fails_each_task() -> None:
    with Workers(1, fail, "plain") as pool:
        for _ in range(2):
            with pytest.raises(ClusterError, match="a worker process has ended before its task began"):
                pool.submit(get_state).result(30)


def test_cancelling_kills_what_runs_and_skips_what_waits(workers: Workers, tmp_path: Path) -> None:
    pid, _ = workers.submit(get_state).result(30)
    running = workers.submit(sleep_and_touch, tmp_path / "begun")
    waiting = workers.submit(sleep_and_touch, tmp_path / "never")
    wait_for(tmp_path / "begun")
    assert (running.has_begun, waiting.has_begun) == (True, False)
    assert waiting.cancel()
    assert running.cancel()
    assert running.cancel()
    after, _ = workers.submit(get_state).result(30)
    assert after != pid
    assert not (tmp_path / "never").exists()


def test_messages_come_before_the_result_and_go_to_the_function(workers: Workers) -> None:
    received: list[int] = []
    task: Task[str] = workers.submit(echo, 3, on_message=received.append)
    task.send("drawn")
    assert task.result(30) == "drawn"
    assert received == [0, 1, 2]
    with pytest.raises(OSError, match="closed"):
        task.send("late")


def test_closing_cancels_every_task_and_a_later_one_starts_anew(tmp_path: Path) -> None:
    pool = Workers(1)
    tasks = [pool.submit(sleep_and_touch, tmp_path / "begun") for _ in range(2)]
    wait_for(tmp_path / "begun")
    pool.close()
    assert [task.cancelled() for task in tasks] == [True, True]
    assert pool.submit(get_state).result(30)[1] == 0
    pool.close()


PROGRAM = """
import sys
from pathlib import Path
from digitscope.workers import Workers
from tests.test_workers import get_state, sleep_and_touch

try:
    with Workers(1) as pool:
        print(pool.submit(get_state).result()[0], flush=True)
        pool.submit(sleep_and_touch, Path(sys.argv[1])).result()
except KeyboardInterrupt:
    print("interrupted")
"""
"""A script without a guard against a second run."""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_workers_leave_ctrl_c_to_their_parent_and_end_with_it(tmp_path: Path, number: signal.Signals) -> None:
    program = tmp_path / "program.py"
    program.write_text(PROGRAM, encoding="utf-8")
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    call = [sys.executable, str(program), str(tmp_path / "begun")]
    with subprocess.Popen(
        call, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment, start_new_session=True
    ) as process:
        assert process.stdout is not None
        worker = int(process.stdout.readline())
        wait_for(tmp_path / "begun")
        if number == signal.SIGINT:
            os.killpg(process.pid, number)  # as a terminal does: to the workers too
        else:
            process.kill()
        output, errors = process.communicate(timeout=30)
    if number == signal.SIGINT:
        assert (output, errors) == ("interrupted\n", "")
    deadline = time.monotonic() + 30
    while Path(f"/proc/{worker}").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not Path(f"/proc/{worker}").exists()
