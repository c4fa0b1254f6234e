"""Worker processes that read: they answer what a reader says, and a service survives their deaths."""

import asyncio
import io
import json
import os
import signal
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient
from starlette.types import Message

from digitscope.data import Dataset
from digitscope.errors import ClusterError, DataError
from digitscope.reading import Reader, shipped_path
from digitscope.serve import Limits, create_app, picture_reading
from digitscope.serve.picture_reading import NetworkFile
from digitscope.serve.reading_api import SMALL_PICTURE
from digitscope.workers import Workers
from tests.serve.helpers import assert_problem, canvas, children_of, png, soon

DIGITS, PAIRS, PAGES, ITEMS = (
    NetworkFile.of(shipped_path(name)) for name in ("digit", "two-digit", "page", "item")
)


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


def test_a_worker_reads_as_a_reader_does(picture: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """In this process, where its functions can be followed."""
    monkeypatch.setattr(os, "dup2", lambda *_: None)
    picture_reading.begin(DIGITS, PAIRS, PAGES, ITEMS, most_pages=1)
    reader = Reader.load()
    for mode, printed, rotation in [("page", False, None), ("page", True, 90), ("pair", False, None)]:
        content = json.loads(picture_reading.read(picture, mode, printed, rotation))
        for each in content["digits"]:
            del each["seen"]
        if mode == "page":
            assert content == reader.read(picture, printed=printed, rotation=rotation).to_json()
        else:
            assert content == reader.read_pair(picture).to_json()
    with pytest.raises(DataError, match="the picture: not a picture that can be read, or damaged"):
        picture_reading.read(b"none", "page", False, None)


def test_a_worker_whose_network_is_none_fails_its_task() -> None:
    damaged = NetworkFile(Path("mine.onnx"), b"none", "")
    with (
        Workers(1, picture_reading.begin, damaged, PAIRS, PAGES, ITEMS, 1) as workers,
        pytest.raises(ClusterError),
    ):
        workers.submit(picture_reading.read, b"any", "page", False, None).result(60)


def test_a_process_that_dies_is_told_and_replaced(
    picture: bytes, long_picture: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    before = children_of(os.getpid())
    with TestClient(create_app(limits=Limits(processes=1)), base_url="http://localhost") as client:
        assert client.post("/api/read", content=picture).status_code == 200
        (worker,) = children_of(os.getpid()) - before
        threading.Timer(0.5, os.kill, (worker, signal.SIGKILL)).start()
        answer = client.post("/api/read", content=long_picture)
        assert_problem(answer, 503, "the process that read the picture has ended")
        assert answer.headers["retry-after"] == "10"
        assert "signal SIGKILL" in caplog.text
        assert soon(lambda: not children_of(os.getpid()) <= before)
        for number in (signal.SIGTERM, signal.SIGINT):  # left to who started it
            os.kill(next(iter(children_of(os.getpid()) - before)), number)
        assert client.post("/api/read", content=picture).status_code == 200
    assert soon(lambda: children_of(os.getpid()) <= before)


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
        async with app.router.lifespan_context(app):
            await ask(picture, stay=True)  # the process is there
            leavers: list[Any] = [asyncio.ensure_future(ask(long_picture, stay=False)) for _ in range(3)]
            await asyncio.wait(leavers)
            started = time.perf_counter()
            await ask(long_picture[:1000], stay=True)  # a small body, which does not wait for large ones
            await ask(picture + bytes(SMALL_PICTURE), stay=True)
            return time.perf_counter() - started

    assert asyncio.run(together()) < 15
    assert statuses == [200, 422, 200]
