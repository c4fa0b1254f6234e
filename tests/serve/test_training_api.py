"""The routes that let a network learn: in process, and against the real server with its signals."""

import base64
import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, get_args

import httpx2
import pytest
import uvicorn
from fastapi import FastAPI
from starlette.testclient import TestClient

from digitscope.data import Dataset
from digitscope.scratch import ACTIVATIONS
from digitscope.serve import training_api
from digitscope.serve.schemas import NewTraining, ranges
from digitscope.serve.training_api import Trainings
from tests.conftest import NAMED_DATA
from tests.serve.helpers import assert_problem, children_of, soon

SHORT = {"hidden": 8, "epochs": 3, "examples": 300}
LONG = {"hidden": 512, "epochs": 100, "batch_size": 1, "examples": 2000}

BYTES = {"Content-Type": "application/octet-stream"}


def start(client: TestClient | httpx2.Client, new: dict[str, Any]) -> str:
    """Start a training, and return its address."""
    response = client.post("/api/trainings", json=new)
    assert response.status_code == 201, response.text
    location = response.headers["location"]
    assert location == f"/api/trainings/{response.json()['id']}"
    return location


def events_in(text: str) -> list[tuple[int, str, Any]]:
    """The events of a stream, as the HTML standard has it: number, name and data."""
    events = []
    for block in text.removesuffix("\n\n").split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if line.strip(":"))
        if fields:
            assert set(fields) == {"id", "event", "data"}
            events.append((int(fields["id"]), fields["event"], json.loads(fields["data"])))
    return events


# In process


def test_a_training_from_its_start_to_its_end(client: TestClient, sample: Dataset) -> None:
    digit = sample.test.images[0]
    drawing = base64.b64encode(digit.tobytes()).decode()
    response = client.post("/api/trainings", json={**SHORT, "drawing": drawing})
    assert response.json()["data"] == {"name": "MNIST sample", "train": 300, "validation": 500}
    stream = client.get(f"{response.headers['location']}/events")
    assert stream.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert stream.headers["cache-control"] == "no-store"
    assert stream.headers["x-accel-buffering"] == "no"
    *epochs, (number, name, end) = events_in(stream.text)
    assert [each[:2] for each in epochs] == [(1, "epoch"), (2, "epoch"), (3, "epoch")]
    assert (number, name, end["reason"]) == (4, "end", "done")
    for _, _, epoch in epochs:
        assert len(epoch["drawing"]["probabilities"]) == 10
        assert len(base64.b64decode(epoch["weights"]["values"])) == 8 * 784
    again = client.get(f"{response.headers['location']}/events", headers={"Last-Event-ID": "2"})
    assert events_in(again.text) == [*epochs[2:], (number, name, end)]


def test_stopping(client: TestClient) -> None:
    location = start(client, LONG)
    assert client.delete(location).status_code == 204
    assert_problem(client.get(f"{location}/events"), 404, "unknown or expired")
    assert_problem(client.delete(location), 404)


def test_a_drawing_for_one_that_runs(client: TestClient, sample: Dataset) -> None:
    location = start(client, {**LONG, "hidden": 8, "examples": 100, "epochs": 30})
    content = sample.test.images[0].tobytes()
    assert client.put(f"{location}/drawing", content=content, headers=BYTES).status_code == 204
    *epochs, _ = events_in(client.get(f"{location}/events").text)
    assert epochs[-1][2]["drawing"] is not None
    assert client.put(f"{location}/drawing", content=content, headers=BYTES).status_code == 204


def test_too_many_at_once(client: TestClient) -> None:
    locations = [start(client, LONG), start(client, LONG)]
    refused = client.post("/api/trainings", json=SHORT)
    assert_problem(refused, 429, "run already")
    assert int(refused.headers["retry-after"]) > 0
    for location in locations:
        client.delete(location)
    client.delete(start(client, SHORT))


def test_numbers_have_ranges(client: TestClient) -> None:
    name = "learning_rate"
    least, most = ranges()[name].least, ranges()[name].most
    values: list[Any] = [least - 1, most + 1, str(most), True, []]
    for value in values:
        assert_problem(client.post("/api/trainings", json={**SHORT, name: value}), 422, f"body.{name}")
    for value in (least, most):
        NewTraining(**{name: value}).settings()  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("new", "part"),
    [
        ({"momentum": 0.9}, "body.momentum"),
        ({"drawing": 784 * "/"}, "body.drawing"),
    ],
)
def test_what_no_training_may_be(client: TestClient, new: Any, part: str) -> None:
    assert_problem(client.post("/api/trainings", json=new), 422, part)


def test_settings_of_another_kind_than_json(client: TestClient) -> None:
    answer = client.post("/api/trainings", content=b"hidden=8", headers={"Content-Type": "text/plain"})
    assert_problem(answer, 415, "'text/plain'", "expected application/json")


def test_options(client: TestClient) -> None:
    options = client.get("/api/trainings/options").json()
    assert options["activations"] == list(ACTIVATIONS)
    assert get_args(NewTraining.model_fields["activation"].annotation) == tuple(ACTIVATIONS)
    assert [data["name"] for data in options["data"]] == ["sample"]
    assert set(options["ranges"]) == {"hidden", "learning_rate", "batch_size", "epochs", "seed", "examples"}
    for name, each in options["ranges"].items():
        assert each["least"] <= options["defaults"][name] == each["default"] <= each["most"]
    client.delete(start(client, options["defaults"]))


def test_full_mnist_where_there_is_none(client: TestClient) -> None:
    assert_problem(client.post("/api/trainings", json={"data": "mnist"}), 409, "digitscope data fetch")


def test_full_mnist(client: TestClient, mnist: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DIGITSCOPE_DATA", str(NAMED_DATA))
    assert [data["name"] for data in client.get("/api/trainings/options").json()["data"]] == ["sample", "mnist"]
    response = client.post("/api/trainings", json={**SHORT, "data": "mnist", "examples": None})
    assert response.json()["data"] == {
        "name": mnist.name,
        "train": len(mnist.train),
        "validation": len(mnist.validation),
    }
    client.delete(response.headers["location"])


def test_data_that_are_damaged(
    client: TestClient, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path_factory.mktemp("damaged")
    (folder / "mnist.pkl.gz").write_bytes(b"nothing")
    monkeypatch.setenv("DIGITSCOPE_DATA", str(folder))
    assert_problem(client.post("/api/trainings", json={"data": "mnist"}), 503, "mnist.pkl.gz")


def test_ones_that_do_not_exist(client: TestClient) -> None:
    for answer in (
        client.get("/api/trainings/nothing/events"),
        client.put("/api/trainings/nothing/drawing", content=bytes(784), headers=BYTES),
        client.delete("/api/trainings/nothing"),
    ):
        assert_problem(answer, 404, "no training 'nothing'")


def test_numbers_that_no_event_has(client: TestClient) -> None:
    location = start(client, SHORT)
    answer = client.get(f"{location}/events", headers={"Last-Event-ID": "-1"})
    assert_problem(answer, 422, "header.last-event-id")
    client.delete(location)


# Streams over a connection


@contextmanager
def served(**limits: float) -> Iterator[httpx2.Client]:
    """Serve the routes alone, from a thread of this process."""
    trainings = Trainings(**limits)  # type: ignore[arg-type]

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await trainings.close()

    app = FastAPI(lifespan=lifespan)
    app.state.trainings = trainings
    app.include_router(training_api.routes)
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        assert soon(lambda: server.started)
        port = server.servers[0].sockets[0].getsockname()[1]
        with httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=20) as client:
            yield client
    finally:
        server.should_exit = True
        thread.join()


def test_a_silent_stream_has_heartbeats(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fastapi.routing._PING_INTERVAL", 0.1)
    with served() as client:
        location = start(client, LONG)
        with client.stream("GET", f"{location}/events") as stream:
            lines = stream.iter_lines()
            assert next(lines).startswith(":")
            client.delete(location)
            assert [name for _, name, _ in events_in("\n".join(lines))] == ["end"]


def test_a_follower_that_leaves_no_longer_counts() -> None:
    with served(most_silence=3) as client:
        location = start(client, {**LONG, "hidden": 8})
        with client.stream("GET", f"{location}/events") as stream:
            assert next(stream.iter_lines()) == "event: epoch"
        time.sleep(4)
        *_, (_, _, end) = events_in(client.get(f"{location}/events").text)
        assert end == {"reason": "stopped", "detail": "nobody has watched for 3 seconds"}


# The real server


@contextmanager
def server() -> Iterator[tuple[subprocess.Popen[bytes], httpx2.Client]]:
    call = [sys.executable, "-m", "digitscope", "serve", "--port", "0"]
    pipe = subprocess.PIPE
    with subprocess.Popen(call, stdout=pipe, stderr=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        try:
            with httpx2.Client(base_url=process.stdout.readline().decode().strip(), timeout=20) as client:
                yield process, client
        finally:
            process.kill()


def test_events_come_as_they_happen_and_a_signal_ends_all() -> None:
    with server() as (process, client):
        location = start(client, {**LONG, "hidden": 16})
        started = children_of(process.pid)
        with client.stream("GET", f"{location}/events") as stream:
            lines = stream.iter_lines()
            assert next(lines) == "event: epoch"
            begin = time.monotonic()
            process.send_signal(signal.SIGTERM)
            assert events_in("\n".join(lines).partition("\n\n")[2])[-1][2]["reason"] == "stopped"
        process.wait(3)
        assert time.monotonic() - begin < 3
        assert not any(Path(f"/proc/{pid}").exists() for pid in started)


def test_a_server_that_is_killed_takes_its_trainings_with_it() -> None:
    with server() as (process, client):
        start(client, LONG)
        started = children_of(process.pid)
        process.kill()
        assert soon(lambda: not any(Path(f"/proc/{pid}").exists() for pid in started), 3)
