import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.testclient import TestClient
from starlette.types import Message, Receive, Scope, Send

from digitscope.serve import Access, Limits, create_app
from digitscope.serve.guards import LoadGuard
from digitscope.serve.log import JsonLines
from digitscope.serve.problems import Problem
from tests.serve.helpers import TOKEN, assert_problem

BLANK = bytes(784)


def client_of(limits: Limits | None = None, access: Access | None = None) -> TestClient:
    return TestClient(create_app(limits=limits, access=access), base_url="http://localhost")


# Headers


@pytest.mark.parametrize("path", ["/", "/api/read"])
def test_every_answer_says_what_a_browser_may_do_with_it(client: TestClient, path: str) -> None:
    headers = client.get(path).headers
    policy = dict(part.split(" ", 1) for part in headers["content-security-policy"].split("; "))
    assert policy == {
        "default-src": "'none'",
        **dict.fromkeys(["script-src", "style-src", "connect-src"], "'self'"),
        "img-src": "'self' blob:",
        **dict.fromkeys(["base-uri", "form-action", "frame-ancestors"], "'none'"),
    }
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["permissions-policy"].startswith("camera=(self)")
    assert headers["cross-origin-opener-policy"] == headers["cross-origin-resource-policy"] == "same-origin"
    assert headers["cache-control"] == ("no-store" if path.startswith("/api") else "no-cache")
    assert "set-cookie" not in headers
    assert "access-control-allow-origin" not in headers


# Who may ask


def test_addresses_and_localhost_are_answered(client: TestClient) -> None:
    host = "[::1]:8000"
    assert client.get("/healthz", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("host", ["127.0.0.1.nip.io:8000", "[::1"])
def test_other_names_are_not(client: TestClient, host: str) -> None:
    assert_problem(client.get("/", headers={"Host": host}), 421, "--allowed-host")


def test_a_name_that_was_given_is_answered() -> None:
    client = client_of(access=Access(hosts=("Digits.example",)))
    assert client.get("/healthz", headers={"Host": "digits.example:443"}).status_code == 200
    assert_problem(client.get("/healthz", headers={"Host": "other.example"}), 421)


def test_another_pages_requests_are_refused(client: TestClient) -> None:
    origin = "http://localhost:8001"
    answer = client.post("/api/predict", content=BLANK, headers={"Origin": origin})
    assert_problem(answer, 403, "expected a page of this service", "called 'localhost'", "Host")


def test_its_own_pages_requests_are_not(client: TestClient) -> None:
    headers = {"Origin": "https://Localhost:8000", "Host": "localhost:8000"}  # a proxy that speaks TLS
    assert client.post("/api/predict", content=BLANK, headers=headers).status_code == 200


@pytest.mark.parametrize("value", [None, f"Bearer {TOKEN[:-1]}"])
def test_without_the_token_nothing_of_the_api_is_answered(value: str | None) -> None:
    headers = [] if value is None else [(b"Authorization", value.encode())]
    client = client_of(access=Access(TOKEN))
    for method, path in [("POST", "/api/predict"), ("GET", "/api/models"), ("GET", "/api/nothing")]:
        answer = client.request(method, path, headers=headers)
        assert_problem(answer, 401, "Authorization: Bearer TOKEN")
        assert answer.headers["www-authenticate"] == "Bearer"
        assert TOKEN not in answer.text


def test_with_the_token_the_api_is_answered_and_the_page_needs_none() -> None:
    client = client_of(access=Access(TOKEN))
    for scheme in ("Bearer", "bearer"):
        assert client.get("/api/models", headers={"Authorization": f"{scheme} {TOKEN}"}).status_code == 200
    assert [client.get(path).status_code for path in ("/", "/healthz", "/openapi.json")] == [200] * 3


@pytest.mark.parametrize("server_says", [False, True])
def test_the_token_is_asked_for_under_a_prefix_too(server_says: bool) -> None:
    app = create_app(access=Access(TOKEN))
    if server_says:
        client = TestClient(app, base_url="http://localhost", root_path="/digits")
    else:
        client = TestClient(Starlette(routes=[Mount("/digits", app)]), base_url="http://localhost")
    assert_problem(client.post("/digits/api/predict", content=BLANK), 401)
    answer = client.post("/digits/api/predict", content=BLANK, headers={"Authorization": f"Bearer {TOKEN}"})
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"


def test_the_description_tells_of_the_token_if_there_is_one(client: TestClient) -> None:
    description = client_of(access=Access(TOKEN)).get("/openapi.json").json()
    assert description["paths"]["/api/read"]["post"]["security"] == [{"HTTPBearer": []}]
    assert "security" not in client.get("/openapi.json").json()["paths"]["/api/read"]["post"]


# How much, and how long it may take to arrive


def test_a_body_that_is_announced_as_too_large_is_not_taken() -> None:
    client = client_of(Limits(body_bytes=1176))
    assert client.post("/api/predict", content=bytes(1176)).status_code == 200
    assert_problem(client.post("/api/predict", content=bytes(1177)), 413, "1,177 bytes", "at most 1,176 bytes")


def test_a_body_that_turns_out_too_large_is_not_taken() -> None:
    def chunks(n: int) -> Iterator[bytes]:
        return (bytes(392) for _ in range(n))

    client = client_of(Limits(body_bytes=1176))
    assert client.post("/api/predict", content=chunks(3)).json()["labels"] != []
    assert_problem(client.post("/api/predict", content=chunks(4)), 413, "at most 1,176 bytes")


Handler = Callable[[Scope, Receive, Send], Awaitable[None]]


def http(method: str = "POST", path: str = "/api/predict", **headers: str) -> Scope:
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return {"type": "http", "method": method, "path": path, "query_string": b"", "headers": raw}


def receiving(*messages: Message, then: float = 60.0) -> Receive:
    """Give one message after the other; after the last wait `then` seconds, and tell that nobody is there."""
    left = iter(messages)

    async def receive() -> Message:
        for message in left:
            return message
        await asyncio.sleep(then)
        return {"type": "http.disconnect"}

    return receive


def part(body: bytes, *, more: bool) -> Message:
    return {"type": "http.request", "body": body, "more_body": more}


async def send(_: Message) -> None:
    """Take no notice of an answer."""


def collecting(bodies: list[bytes]) -> Handler:
    """Handle a request by putting its body in `bodies`."""

    async def handle(_: Scope, receive: Receive, __: Send) -> None:
        message = await receive()
        assert not message["more_body"]
        bodies.append(message["body"])
        assert (await receive())["type"] == "http.disconnect"

    return handle


def test_a_body_is_given_whole_and_then_what_comes_after_it() -> None:
    bodies: list[bytes] = []
    guard = LoadGuard(collecting(bodies), Limits())
    parts = [part(b"one ", more=True), part(b"", more=True), part(b"two", more=False)]
    asyncio.run(guard(http(transfer_encoding="chunked"), receiving(*parts, then=0), send))
    assert bodies == [b"one two"]


def test_a_body_that_stalls_is_given_up() -> None:
    bodies: list[bytes] = []
    guard = LoadGuard(collecting(bodies), Limits(body_seconds=0.05))
    with pytest.raises(Problem, match=r"has not arrived within 0\.05 s") as caught:
        asyncio.run(guard(http(content_length="9"), receiving(part(b"some", more=True)), send))
    assert caught.value.status_code == 408
    assert caught.value.headers == {"Connection": "close"}
    assert bodies == []


def test_what_a_client_sent_that_left_is_dropped() -> None:
    bodies: list[bytes] = []
    guard = LoadGuard(collecting(bodies), Limits())
    asyncio.run(guard(http(content_length="9"), receiving(part(b"some", more=True), then=0), send))
    assert bodies == []


def test_all_bodies_in_memory_have_a_limit_and_leave_room_when_they_are_done() -> None:
    bodies: list[bytes] = []
    guard = LoadGuard(collecting(bodies), Limits(body_bytes=100_000, held_bytes=150_000))

    async def together() -> list[object]:
        requests = [
            guard(http(content_length="100000"), receiving(part(bytes(100_000), more=False), then=0.05), send)
            for _ in range(2)
        ]
        return await asyncio.gather(*requests, return_exceptions=True)

    for _ in range(2):
        first, second = asyncio.run(together())
        assert first is None
        assert isinstance(second, Problem)
        assert (second.status_code, second.headers) == (503, {"Retry-After": "1"})
    assert bodies == [bytes(100_000)] * 2


def test_large_bodies_that_stall_keep_no_small_one_out() -> None:
    bodies: list[bytes] = []
    guard = LoadGuard(collecting(bodies), Limits(body_bytes=100_000, held_bytes=100_000, body_seconds=0.3))

    async def together() -> list[object]:
        stalls = guard(http(content_length="100000"), receiving(part(bytes(99_999), more=True), then=9), send)
        small = guard(http(content_length="784"), receiving(part(bytes(784), more=False), then=0.1), send)
        return [*await asyncio.gather(stalls, small, return_exceptions=True)]

    late, taken = asyncio.run(together())
    assert isinstance(late, Problem)
    assert (late.status_code, taken, bodies) == (408, None, [bytes(784)])


# How many at once


def test_one_too_many_is_told_to_come_back_and_those_that_look_are_not_counted() -> None:
    async def handle(*_: object) -> None:
        await asyncio.sleep(0.05)

    guard = LoadGuard(handle, Limits(requests=2))

    async def together() -> list[object]:
        methods = ["POST", "GET", "PUT", "POST", "GET"]
        return await asyncio.gather(
            *(guard(http(method), receiving(), send) for method in methods), return_exceptions=True
        )

    for _ in range(2):
        *passed, refused, looked = asyncio.run(together())
        assert [*passed, looked] == [None] * 4
        assert isinstance(refused, Problem)
        assert (refused.status_code, refused.headers) == (503, {"Retry-After": "1"})


def test_requests_that_stall_take_nobodys_place() -> None:
    app = create_app(limits=Limits(requests=1, body_seconds=0.3))
    statuses: list[int] = []

    async def note(message: Message) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    async def together() -> None:
        scope = http(host="localhost", content_length="784")
        stalled = [app(dict(scope), receiving(part(b"0", more=True)), note) for _ in range(5)]
        await asyncio.gather(*stalled, app(dict(scope), receiving(part(BLANK, more=False)), note))

    asyncio.run(together())
    assert statuses == [200, 408, 408, 408, 408, 408]


# How long


def test_a_picture_that_takes_too_long_is_given_up() -> None:
    with client_of(Limits(reading_seconds=0.01)) as client:  # in which no process can start
        answer = client.post("/api/read", content=b"any")
    assert_problem(answer, 503, "not done within 0.01 s")
    assert answer.headers["retry-after"] == "10"


# The log


def entries(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    return [record.msg for record in caplog.records if isinstance(record.msg, dict)]


def test_a_request_is_logged_without_its_query_and_content(
    client: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "digitscope.access"):
        answer = client.post("/api/predict?any=query", content=BLANK)
        client.get("/nothing")
    first, second = entries(caplog)
    assert 0 < first.pop("ms") < 5000
    expected = {"method": "POST", "path": "/api/predict", "status": 200, "in": 784, "out": len(answer.content)}
    assert first == expected
    assert (second["path"], second["status"], second["in"]) == ("/nothing", 404, 0)


def test_a_client_that_left_is_logged_as_such(app: FastAPI, caplog: pytest.LogCaptureFixture) -> None:
    scope = http(host="localhost", content_length="784")
    with caplog.at_level(logging.INFO, "digitscope.access"):
        asyncio.run(app(scope, receiving(part(b"0", more=True), then=0), send))
    (entry,) = entries(caplog)
    assert (entry["status"], entry["in"], entry["out"]) == (499, 1, 0)


def test_lines_of_the_log_are_json() -> None:
    record = logging.LogRecord("any", logging.WARNING, "", 0, "of %s\nand more", ("words",), None)
    line = JsonLines().format(record)
    assert "\n" not in line
    content = json.loads(line)
    assert (content["level"], content["message"]) == ("warning", "of words\nand more")
