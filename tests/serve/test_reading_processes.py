"""Processes that read: what they answer is what a reader says, and none outlives its picture or its server."""

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
from pathlib import Path

import numpy as np
import pytest

from digitscope.data import Dataset
from digitscope.errors import DataError
from digitscope.inference import Reader, Recognizer, shipped_path
from digitscope.serve import Limits, picture_reading
from digitscope.serve.parcels import receive, send
from digitscope.serve.problems import Problem
from digitscope.serve.reading_processes import ReadingProcesses
from tests.serve.helpers import canvas, png

DIGITS, PAIRS = shipped_path("digit"), shipped_path("two-digit")


def made(limits: Limits | None = None) -> ReadingProcesses:
    return ReadingProcesses(Recognizer(DIGITS), Recognizer(PAIRS), limits or Limits())


@pytest.fixture(scope="module")
def processes() -> Iterator[ReadingProcesses]:
    processes = made()
    yield processes
    processes.close()


def pids(processes: ReadingProcesses) -> set[int]:
    return {process.pid for process in processes._all}


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


@pytest.mark.parametrize("mode", ["page", "pair"])
def test_they_read_as_a_reader_does(processes: ReadingProcesses, sample: Dataset, mode: str) -> None:
    picture = png(canvas(sample.test.images[0], sample.test.images[1]))
    reader = Reader.load()
    expected = (reader.read if mode == "page" else reader.read_pair)(picture).to_json()
    content = json.loads(processes.read(picture, mode))
    for digit in content["digits"]:
        del digit["seen"]
    assert content == expected


def test_what_is_no_picture_is_refused_and_the_next_one_read(processes: ReadingProcesses, sample: Dataset) -> None:
    with pytest.raises(DataError, match="the picture: not a picture that can be read"):
        processes.read(b"none", "page")
    assert json.loads(processes.read(png(canvas(sample.test.images[0])), "page"))["digits"]


def test_one_process_does_what_comes_one_after_the_other_and_two_what_comes_at_once(sample: Dataset) -> None:
    processes, picture = made(), png(canvas(sample.test.images[0]))
    processes.start()
    readings = [processes.read(picture, "page") for _ in range(3)]
    assert len(pids(processes)) == 1
    together = [threading.Thread(target=lambda: readings.append(processes.read(picture, "page"))) for _ in "ab"]
    for thread in together:
        thread.start()
    for thread in together:
        thread.join()
    assert len(pids(processes)) == 2
    assert len(readings) == 5
    assert len(set(readings)) == 1
    processes.close()


def test_they_have_the_network_that_was_loaded_whatever_became_of_the_file(
    tmp_path: Path, sample: Dataset
) -> None:
    copy = tmp_path / "copy.onnx"
    copy.write_bytes(DIGITS.read_bytes())
    digits = Recognizer.load(copy)
    copy.unlink()
    processes = ReadingProcesses(digits, Recognizer(PAIRS), Limits())
    assert json.loads(processes.read(png(canvas(sample.test.images[0])), "page"))["digits"]
    processes.close()


def test_a_mistake_of_ours_is_told_with_its_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    """In this process, where a mistake can be made."""
    monkeypatch.setattr(Reader, "read_pair", lambda *_, **__: 1 // 0)
    requests, answers = io.BytesIO(), io.BytesIO()
    for path in (DIGITS, PAIRS):
        send(requests, path.read_bytes(), path=str(path))
    send(requests, b"any", mode="pair", pages=1, seconds=60)
    requests.seek(0)
    with pytest.raises(EOFError):
        picture_reading.answer_all(requests, answers)
    answers.seek(0)
    head, content = receive(answers)
    assert head["outcome"] == "mistake"
    assert content.decode().endswith("ZeroDivisionError: integer division or modulo by zero\n")


# How they end


def test_one_that_is_killed_is_told_and_replaced(sample: Dataset) -> None:
    processes, picture = made(), png(canvas(sample.test.images[0]))
    processes.start()
    (killed,) = pids(processes)
    os.kill(killed, signal.SIGKILL)
    with pytest.raises(Problem) as caught:
        processes.read(picture, "page")
    assert caught.value.status_code == 503
    assert "not read to its end" in caught.value.detail
    assert json.loads(processes.read(picture, "page"))["digits"]
    assert killed not in pids(processes)
    processes.close()


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="Windows has no timer that ends a process")
def test_one_that_reads_for_too_long_is_ended() -> None:
    processes = made(Limits(reading_seconds=0.05))
    noise = np.random.default_rng(0).integers(0, 256, (2000, 2000), dtype=np.uint8)
    with pytest.raises(Problem, match="not read to its end"):
        processes.read(png(noise), "page")
    assert pids(processes) == set()


def test_none_is_left_when_they_are_closed_or_forgotten() -> None:
    for end in (lambda processes: processes.close(), lambda _: None):
        processes = made()
        processes.start()
        left = pids(processes)
        end(processes)
        del processes
        gc.collect()
        assert all(map(is_gone, left))


SERVER_THAT_IS_KILLED = """
import os, signal
from digitscope.inference import Recognizer, shipped_path
from digitscope.serve import Limits
from digitscope.serve.reading_processes import ReadingProcesses
processes = ReadingProcesses(Recognizer(shipped_path("digit")), Recognizer(shipped_path("two-digit")), Limits())
processes.start()
print(*(process.pid for process in processes._all), flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL is of POSIX systems")
def test_none_outlives_a_server_that_is_killed() -> None:
    done = subprocess.run(
        [sys.executable, "-c", SERVER_THAT_IS_KILLED], capture_output=True, text=True, check=False
    )
    assert done.returncode == -signal.SIGKILL
    assert soon(lambda: is_gone(int(done.stdout)))


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
