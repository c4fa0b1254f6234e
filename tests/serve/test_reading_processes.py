"""Processes that read: what they answer is what a reader says, and none outlives its picture or its server."""

import asyncio
import gc
import io
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pytest
from PIL import Image
from starlette.types import Message

from digitscope.data import Dataset
from digitscope.errors import DataError
from digitscope.inference import Reader, shipped_path
from digitscope.serve import Limits, create_app, picture_reading, reading_processes
from digitscope.serve.network_files import NetworkFile
from digitscope.serve.own_processes import environment
from digitscope.serve.parcels import receive, send
from digitscope.serve.problems import Problem
from digitscope.serve.reading_api import SMALL_PICTURE
from digitscope.serve.reading_processes import Reading, ReadingProcesses
from tests.inference.examples import digit, reading, sign
from tests.serve.helpers import canvas, png

NETWORKS = [NetworkFile.of(shipped_path(name)) for name in ("digit", "two-digit", "page")]


def made() -> ReadingProcesses:
    return ReadingProcesses(NETWORKS, pages=20)


def read(processes: ReadingProcesses, picture: bytes, mode: str = "page", **options: Any) -> Any:
    return json.loads(Reading(processes, picture, mode, **options)())


@pytest.fixture(scope="module")
def processes() -> Iterator[ReadingProcesses]:
    processes = made()
    yield processes
    processes.close()


@pytest.fixture
def own() -> Iterator[ReadingProcesses]:
    processes = made()
    yield processes
    processes.close()


@pytest.fixture(scope="module")
def picture(sample: Dataset) -> bytes:
    return png(canvas(sample.test.images[0], sample.test.images[1]))


@pytest.fixture(scope="module")
def long_picture() -> bytes:
    """Return what takes some ten seconds to read: twenty pages of noise that is all ink."""
    noise = np.random.default_rng(0).integers(0, 2, (1800, 2000), dtype=np.uint8)
    page = Image.fromarray(noise * np.uint8(255)).convert("1")
    content = io.BytesIO()
    page.save(content, "TIFF", save_all=True, append_images=[page] * 19)
    return content.getvalue()


def pids(processes: ReadingProcesses) -> set[int]:
    return {process._process.pid for process in (*processes._free, *processes._busy)}


def soon(condition: Callable[[], bool]) -> bool:
    for _ in range(200):
        if condition():
            return True
        time.sleep(0.05)
    return False


def is_gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    status = Path(f"/proc/{pid}/stat")
    return status.is_file() and status.read_text().rpartition(")")[2].split()[0] == "Z"


# What they answer


@pytest.mark.parametrize(
    ("mode", "options"), [("page", {}), ("page", {"printed": True, "rotation": 90}), ("pair", {})]
)
def test_they_read_as_a_reader_does(
    processes: ReadingProcesses, picture: bytes, mode: str, options: dict[str, Any]
) -> None:
    reader = Reader.load()
    expected = reader.read(picture, **options) if mode == "page" else reader.read_pair(picture)
    content = read(processes, picture, mode, **options)
    for each in content["digits"]:
        del each["seen"]
    assert content == expected.to_json()
    assert content["rotation"] == options.get("rotation", 0)


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        ({"mode": "page"}, ["read", {"printed": False, "rotation": None, "most_pages": 2}]),
        (
            {"mode": "page", "printed": True, "rotation": 90},
            ["read", {"printed": True, "rotation": 90, "most_pages": 2}],
        ),
        ({"mode": "pair", "printed": False, "rotation": None}, ["read_pair", {"most_pages": 2}]),
    ],
)
def test_what_a_parcel_asks_of_a_reader(head: dict[str, Any], expected: list[Any]) -> None:
    asked: list[Any] = []

    class Asked:
        def __getattr__(self, name: str) -> Any:
            def read(_: object, **options: Any) -> Any:
                asked.extend([name, options])
                return reading(digit(3), signs=(sign(","),))

            return read

    answers = io.BytesIO()
    picture_reading.answer_all(Asked(), [({**head, "pages": 2, "bytes": 3}, b"any")], answers)  # type: ignore[arg-type]
    answers.seek(0)
    outcome, content = receive(answers)
    assert (outcome["outcome"], json.loads(content)["signs"][0]["label"]) == ("read", ",")
    assert asked == expected


def test_what_is_no_picture_is_refused_and_the_next_one_read(processes: ReadingProcesses, picture: bytes) -> None:
    with pytest.raises(DataError, match="the picture: not a picture that can be read, or damaged"):
        read(processes, b"none")
    assert read(processes, picture)["digits"]


def test_one_process_does_what_comes_one_after_the_other_and_two_what_comes_at_once(
    own: ReadingProcesses, picture: bytes
) -> None:
    own.start()
    readings = [Reading(own, picture, "page")() for _ in range(3)]
    assert len(pids(own)) == 1
    with ThreadPoolExecutor(2) as threads:
        both = threading.Barrier(2)
        readings += threads.map(lambda _: (both.wait(), Reading(own, picture, "page")())[1], range(2))
    assert len(pids(own)) == 2
    assert len(readings) == 5
    assert len(set(readings)) == 1


def test_who_comes_while_one_is_being_started_waits_for_it(own: ReadingProcesses, picture: bytes) -> None:
    with ThreadPoolExecutor(1) as thread:
        starting = thread.submit(own.start)
        assert soon(own._starting.locked)
        assert read(own, picture)["digits"]
        starting.result()
    assert len(pids(own)) == 1


def test_a_mistake_of_ours_is_told_with_its_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    """In this process, where a mistake can be made."""
    monkeypatch.setattr(Reader, "read_pair", lambda *_, **__: 1 // 0)
    answers = io.BytesIO()
    picture_reading.answer_all(Reader.load(), [({"mode": "pair", "pages": 1}, b"any")], answers)
    answers.seek(0)
    head, content = receive(answers)
    assert head["outcome"] == "mistake"
    assert content.decode().endswith("ZeroDivisionError: integer division or modulo by zero\n")


# How they end


def test_one_that_has_ended_is_replaced_and_the_log_says_so(
    own: ReadingProcesses, picture: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    own.start()
    (killed,) = pids(own)
    os.kill(killed, signal.SIGKILL)
    assert soon(lambda: not own._free[0].is_alive)
    assert read(own, picture)["digits"]
    assert killed not in pids(own)
    assert caplog.messages == ["a process that reads has ended while it was idle (exit code -9)"]


def test_one_that_ends_over_a_picture_is_told(
    own: ReadingProcesses, picture: bytes, long_picture: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    own.start()
    (killed,) = pids(own)
    threading.Timer(0.3, os.kill, (killed, signal.SIGKILL)).start()
    with pytest.raises(Problem, match="the process that read the picture has ended") as caught:
        read(own, long_picture)
    assert caught.value.status_code == 503
    assert caplog.messages == ["a process that reads has ended over a picture (exit code -9)"]
    assert read(own, picture)["digits"]


def test_a_reading_that_is_stopped_frees_its_thread_and_its_core(
    own: ReadingProcesses, long_picture: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    own.start()
    (pid,) = pids(own)
    reading = Reading(own, long_picture, "page")
    threading.Timer(0.3, reading.stop).start()
    with pytest.raises(Problem):
        reading()
    assert is_gone(pid)
    assert pids(own) == set()
    assert caplog.messages == []


def test_a_reading_that_is_stopped_before_it_has_a_process_does_not_begin(
    own: ReadingProcesses, long_picture: bytes
) -> None:
    reading = Reading(own, long_picture, "page")
    with ThreadPoolExecutor(1) as thread:
        work = thread.submit(reading)
        assert soon(own._starting.locked)
        reading.stop()
        started = time.perf_counter()
        with pytest.raises(Problem):
            work.result()
    assert time.perf_counter() - started < 2
    assert len(own._free) == 1


@pytest.mark.parametrize("error", [MemoryError, json.JSONDecodeError("", "", 0), KeyboardInterrupt])
def test_an_answer_that_was_not_taken_is_not_given_to_the_next_one(
    own: ReadingProcesses, picture: bytes, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    def fail(_: object) -> NoReturn:
        raise error

    with monkeypatch.context() as patched:
        patched.setattr(reading_processes, "receive", fail)
        with pytest.raises((Problem, MemoryError, KeyboardInterrupt)):
            read(own, picture)
    assert pids(own) == set()
    assert read(own, png(canvas()))["text"] == ""


def test_one_that_hangs_while_it_starts_is_ended(
    own: ReadingProcesses, picture: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(reading_processes, "COMMAND", (sys.executable, "-c", "import time; time.sleep(60)"))
        patched.setattr(reading_processes, "START_SECONDS", 0.5)
        with pytest.raises(Problem, match="cannot be read at the moment"):
            read(own, picture)
    assert read(own, picture)["digits"]


@pytest.mark.parametrize("damaged", [0, 2])  # that for two is opened when it is needed
def test_one_whose_network_is_none_says_so_and_ends(damaged: int) -> None:
    call = [*reading_processes.COMMAND]
    with subprocess.Popen(call, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stderr is not None
        for number, network in enumerate(NETWORKS):
            content, name = (b"none", "mine.onnx") if number == damaged else (network.content, "shipped")
            send(process.stdin, content, path=name)
        said = process.stderr.read().decode()
        assert process.wait() == 1
    assert "mine.onnx: not a network that can be run" in said
    assert "Fatal" not in said


def test_a_reading_that_is_done_cannot_be_stopped_any_more(own: ReadingProcesses, picture: bytes) -> None:
    reading = Reading(own, picture, "page")
    reading()
    reading.stop()
    before = pids(own)
    assert read(own, picture)["digits"]
    assert pids(own) == before


def test_a_client_that_leaves_does_not_keep_a_core(picture: bytes, long_picture: bytes) -> None:
    """Those who left are given up, and who comes next is read."""
    app = create_app(limits=Limits(processes=1))
    scope = {"type": "http", "method": "POST", "path": "/api/read", "raw_path": b"/api/read", "query_string": b""}
    headers = [(b"host", b"localhost"), (b"content-type", b"image/png")]
    statuses: list[int] = []

    async def ask(body: bytes, *, stay: bool) -> None:
        given = [{"type": "http.request", "body": body, "more_body": False}]

        async def receive_message() -> Message:
            if given:
                return given.pop()
            await asyncio.sleep(60 if stay else 0.1)
            return {"type": "http.disconnect"}

        async def note(message: Message) -> None:
            if message["type"] == "http.response.start":
                statuses.append(message["status"])

        length = (b"content-length", str(len(body)).encode())
        whole = {**scope, "headers": [*headers, length], "client": None, "server": None, "http_version": "1.1"}
        await app(whole, receive_message, note)

    async def together() -> float:
        await ask(picture, stay=True)  # the process is there
        leavers = [asyncio.ensure_future(ask(long_picture, stay=False)) for _ in range(3)]
        await asyncio.wait(leavers)
        started = time.perf_counter()
        await ask(long_picture[:1000], stay=True)  # a small body: what is quick has its own thread
        await ask(picture + bytes(SMALL_PICTURE), stay=True)
        return time.perf_counter() - started

    assert asyncio.run(together()) < 10
    assert statuses == [200, 422, 200]


def test_none_is_left_when_they_are_closed_or_forgotten() -> None:
    for end in (lambda processes: processes.close(), lambda _: None):
        processes = made()
        processes.start()
        left = pids(processes)
        end(processes)
        del processes
        gc.collect()
        assert all(map(is_gone, left))


def test_they_can_be_closed_while_they_read_and_used_again(
    own: ReadingProcesses, picture: bytes, long_picture: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    def attempt(_: int) -> str:
        try:
            return str(read(own, long_picture)["text"])
        except Problem as problem:
            return str(problem.status_code)

    with ThreadPoolExecutor(2) as threads:
        readings = threads.map(attempt, range(2))
        assert soon(lambda: len(own._busy) == 2)
        left = pids(own)
        own.close()
        assert [*readings] == ["503", "503"]
    assert caplog.messages == []
    assert all(map(is_gone, left))
    assert read(own, picture)["digits"]


def test_one_that_cannot_be_started_is_told_and_leaves_nothing(
    own: ReadingProcesses, picture: bytes, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    ends_at_once = (sys.executable, "-c", "")
    for command in (("/no/such/program",), ends_at_once):
        monkeypatch.setattr(reading_processes, "COMMAND", command)
        with pytest.raises(Problem, match="pictures cannot be read at the moment"):
            read(own, picture)
    assert pids(own) == set()
    assert len(caplog.messages) == 2
    assert all(message.startswith("no process that reads can be started") for message in caplog.messages)


SERVER_THAT_IS_KILLED = """
import os, signal, sys, threading, time
from digitscope.inference import shipped_path
from digitscope.serve.network_files import NetworkFile
from digitscope.serve.reading_processes import Reading, ReadingProcesses
networks = [NetworkFile.of(shipped_path(name)) for name in ("digit", "two-digit", "page")]
processes = ReadingProcesses(networks, pages=20)
processes.start()
if len(sys.argv) > 1:
    picture = open(sys.argv[1], "rb").read()
    threading.Thread(target=Reading(processes, picture, "page"), daemon=True).start()
    time.sleep(0.5)
print(*(process._process.pid for process in (*processes._free, *processes._busy)), flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL is of POSIX systems")
@pytest.mark.parametrize("is_reading", [False, True])
def test_none_outlives_a_server_that_is_killed(tmp_path: Path, long_picture: bytes, *, is_reading: bool) -> None:
    (tmp_path / "long.tif").write_bytes(long_picture)
    words = [str(tmp_path / "long.tif")] if is_reading else []
    call = [sys.executable, "-c", SERVER_THAT_IS_KILLED, *words]
    done = subprocess.run(call, capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL
    started = time.perf_counter()
    assert soon(lambda: is_gone(int(done.stdout)))
    assert time.perf_counter() - started < 2


def test_a_request_to_end_is_left_to_who_started_it(own: ReadingProcesses, picture: bytes) -> None:
    """A service's processes are told together, and what is in work is to be finished."""
    own.start()
    (pid,) = pids(own)
    for number in (signal.SIGTERM, signal.SIGINT):
        os.kill(pid, number)
    assert read(own, picture)["digits"]
    assert pids(own) == {pid}


# What they are started with


def test_they_find_the_package_and_not_the_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DIGITSCOPE_TOKEN", "a-secret-of-some-length")
    monkeypatch.setenv("PYTHONPATH", "elsewhere")
    found = environment()
    assert "DIGITSCOPE_TOKEN" not in found
    first, *others = found["PYTHONPATH"].split(os.pathsep)
    assert (Path(first) / "digitscope" / "serve" / "picture_reading.py").is_file()
    assert others == ["elsewhere"]
    assert found["OPENBLAS_NUM_THREADS"] == "1"


# Parcels


def test_a_parcel_comes_as_it_was_sent_and_one_that_breaks_off_is_none() -> None:
    stream = io.BytesIO()
    send(stream, b"\n\x00", name="a\nb", number=3)
    whole = stream.getvalue()
    stream.seek(0)
    assert receive(stream) == ({"name": "a\nb", "number": 3, "bytes": 2}, b"\n\x00")
    for end in range(len(whole)):
        with pytest.raises(EOFError):
            receive(io.BytesIO(whole[:end]))
