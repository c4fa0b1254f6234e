"""What the service is asked, and what its answers are held to."""

import io
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
import uvicorn
from fastapi import FastAPI
from hypothesis import HealthCheck, Phase, settings
from numpy.typing import NDArray
from PIL import Image

from digitscope.serve import server

AS_DESCRIBED = settings(
    max_examples=10,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],  # the first has the description's examples and its limits
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
"""How Schemathesis asks an operation."""

TOKEN = "a-token-of-23-characters"  # noqa: S105 - nobody's

UInt8 = NDArray[np.uint8]
Pixels = NDArray[np.uint8] | NDArray[np.bool_]


def png(pixels: Pixels) -> bytes:
    """Return a picture's pixels as a PNG file."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


@contextmanager
def served_by_a_thread(app: FastAPI) -> Iterator[str]:
    """Serve `app` from a thread of this process, and give its address."""
    listener = server.listen("127.0.0.1", 0)
    running = uvicorn.Server(server.config(app))
    thread = threading.Thread(target=running.run, args=([listener],))
    thread.start()
    yield server.url_of(listener)
    running.should_exit = True
    thread.join()
    listener.close()


def canvas(*images: UInt8) -> UInt8:
    """Return a white sheet, 280 pixels high, with images of MNIST's kind in a row on it, four times as large."""
    sheet = np.full((280, 160 * len(images) + 120), 255, np.uint8)
    for number, image in enumerate(images):
        left = 80 + 160 * number
        sheet[80 : 80 + 4 * image.shape[0], left : left + 112] = 255 - image.repeat(4, 0).repeat(4, 1)
    return sheet


def assert_problem(response: httpx2.Response, status: int, *parts: str) -> dict[str, Any]:
    """Check that the answer is a problem of this status, told on one line that has `parts`, and return it."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = response.json()
    assert set(problem) == {"type", "title", "status", "detail", "instance"}
    assert problem["status"] == status
    assert problem["title"]
    assert len(problem["detail"].splitlines()) == 1
    for part in parts:
        assert part in problem["detail"]
    return problem


def assert_operations(description: dict[str, Any], *names: str) -> None:
    """Check that a description has these operations, told in sentences, whose refusals are problems."""
    operations = [operation for methods in description["paths"].values() for operation in methods.values()]
    assert sorted(operation["operationId"] for operation in operations) == sorted(names)
    for operation in operations:
        assert operation["description"].endswith(".")
        assert operation["tags"]
        refusals = {status: answer for status, answer in operation["responses"].items() if status >= "400"}
        assert "421" in refusals
        assert all(list(answer["content"]) == ["application/problem+json"] for answer in refusals.values())


def children_of(parent: int) -> set[int]:
    """Return the worker processes that `parent` has started, but for those that have ended."""
    found = set()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command = (folder / "cmdline").read_bytes()
            state, ppid = (folder / "stat").read_text().rpartition(")")[2].split()[:2]
        except OSError:  # it has ended meanwhile
            continue
        if b"multiprocessing.spawn" in command and state not in "ZX" and int(ppid) == parent:
            found.add(int(folder.name))
    return found


def soon(condition: Callable[[], bool], seconds: float = 10.0) -> bool:
    """Wait until `condition` holds; whether it came to that."""
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.02)
    return condition()
