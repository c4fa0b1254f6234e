import asyncio
import json
import logging

import pytest
from fastapi import FastAPI
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient
from starlette.types import Message, Receive, Scope, Send

from digitscope.serve import create_app
from digitscope.serve.guards import Answers
from tests.serve.helpers import assert_problem, canvas, png


def test_what_is_not_there(client: TestClient) -> None:
    path = "/api/reading"
    problem = assert_problem(client.get(path), 404, "there is nothing at", "/openapi.json")
    assert problem["instance"] == path
    assert (problem["title"], problem["type"]) == ("Not Found", "about:blank")


def test_a_long_path_is_not_repeated_whole(client: TestClient) -> None:
    path = "/api/" + "%C3%A9" * 9000
    problem = assert_problem(client.get(path), 404, path[:100])
    assert len(problem["detail"]) < 300
    assert problem["instance"] == f"{path[:200]}..."


def test_heads_are_those_of_what_is_there(client: TestClient) -> None:
    for path in ("/", "/healthz", "/api/models", "/api/trainings/options", "/openapi.json"):
        got, headed = client.get(path), client.head(path)
        assert (headed.status_code, headed.content) == (200, b""), path
        assert {**headed.headers, "date": ""} == {**got.headers, "date": ""}, path


def test_the_head_of_what_takes_only_other_methods(client: TestClient) -> None:
    answer = client.head("/api/read")
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


def test_another_method(client: TestClient) -> None:
    method, path, allowed = "DELETE", "/healthz", "GET, HEAD"
    answer = client.request(method, path)
    assert_problem(answer, 405, f"{method} is not for {path}: expected {allowed}")
    assert answer.headers["allow"] == allowed


def test_a_mistake_of_ours_is_logged_and_not_told(caplog: pytest.LogCaptureFixture) -> None:
    app: FastAPI = create_app()

    @app.get("/api/wrong")
    async def wrong() -> None:
        raise ZeroDivisionError("a secret")

    with caplog.at_level(logging.INFO):
        answer = TestClient(app, base_url="http://localhost").get("/api/wrong")
    assert_problem(answer, 500, "internal error")
    assert "secret" not in answer.text
    assert answer.headers["x-content-type-options"] == "nosniff"
    told, logged = (record for record in caplog.records if record.name.startswith("digitscope"))
    assert told.exc_info
    assert told.exc_info[0] is ZeroDivisionError
    assert isinstance(logged.msg, dict)
    assert logged.msg["status"] == 500


def test_what_is_given_up_because_the_server_stops_is_answered() -> None:
    async def wait(_scope: Scope, _receive: Receive, _send: Send) -> None:
        await asyncio.sleep(60)

    answer: list[Message] = []

    async def send(message: Message) -> None:
        answer.append(message)

    async def together() -> None:
        scope = {"type": "http", "path": "/api/read", "method": "POST", "headers": []}
        task = asyncio.ensure_future(Answers(wait)(scope, receive, send))
        await asyncio.sleep(0.05)
        task.cancel()
        await task

    async def receive() -> Message:
        raise AssertionError

    asyncio.run(together())
    assert answer[0]["status"] == 503
    assert "the server stops" in json.loads(answer[1]["body"])["detail"]


PICTURE = png(canvas())
KINDS = [
    "image/png",
    "image/tiff",
    "application/pdf",
    "application/octet-stream",
    "application/json",
    "text/plain",
    "",
    "/",
    "é",
    ";;,",
]
FORM = (
    b'--b\r\nContent-Disposition: form-data; name="picture"; filename="a.png"\r\nContent-Type: image/png\r\n\r\n'
    + PICTURE
    + b"\r\n--b--\r\n"
)


def assert_no_failure(client: TestClient, path: str, body: bytes, kind: str) -> None:
    answer = client.post(path, content=body, headers=[(b"Content-Type", kind.encode("latin-1"))])
    if answer.status_code != 200:
        assert 400 <= answer.status_code < 500, answer.text
        assert_problem(answer, answer.status_code)


@given(
    st.sampled_from(["/api/read", "/api/read?mode=pair", "/api/predict"]),
    st.binary(max_size=2000) | st.binary(max_size=50).map(lambda tail: PICTURE[:60] + tail),
    st.sampled_from(KINDS),
)
@settings(max_examples=60, deadline=None)
def test_no_bytes_of_any_kind_make_the_service_fail(client: TestClient, path: str, body: bytes, kind: str) -> None:
    assert_no_failure(client, path, body, kind)


@given(
    st.integers(0, len(FORM) - 1),
    st.binary(max_size=6) | st.sampled_from([b"\r\n", b"--b", b"--b--", b'"', b"name=", b";", b":"]),
    st.sampled_from(
        ["; boundary=b", "", "; boundary=", "; boundary=bb", '; boundary="', "; boundary=é", "; charset=x"]
    ),
)
@settings(max_examples=60, deadline=None)
def test_a_broken_form_does_not(client: TestClient, cut: int, put: bytes, parameters: str) -> None:
    for body in (FORM[:cut] + put, FORM[:cut] + put + FORM[cut:]):
        assert_no_failure(client, "/api/read", body, f"multipart/form-data{parameters}")
