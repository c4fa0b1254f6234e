"""The API against its description, by Schemathesis and by hand; requests go to a real server."""

import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
import uvicorn
from hypothesis import HealthCheck, Phase, settings
from schemathesis.specs.openapi.checks import positive_data_acceptance
from starlette.testclient import TestClient

from digitscope.serve import create_app, server

DESCRIPTION = schemathesis.openapi.from_dict(create_app().openapi())

SECONDS = 20


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """Where the app is served by a thread of this process."""
    listener = server.listen("127.0.0.1", 0)
    running = uvicorn.Server(server.config(create_app()))
    thread = threading.Thread(target=running.run, args=([listener],))
    thread.start()
    yield server.url_of(listener)
    running.should_exit = True
    thread.join()
    listener.close()


@DESCRIPTION.parametrize()
@settings(
    max_examples=50,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],  # the first has the description's examples and its limits
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
def test_answers_are_as_described(case: schemathesis.Case[Any], address: str) -> None:
    """All of Schemathesis' checks but one: no schema says which bytes are a picture."""
    case.call_and_validate(base_url=address, excluded_checks=[positive_data_acceptance], timeout=SECONDS)


def test_whatever_is_done_one_after_the_other_is_answered_as_described(address: str) -> None:
    class Usage(DESCRIPTION.as_state_machine()):  # type: ignore[misc]
        """Trainings that are started, followed, drawn for and stopped, in any order."""

        def get_call_kwargs(self, case: schemathesis.Case[Any]) -> dict[str, Any]:  # noqa: ARG002
            return {"base_url": address, "timeout": SECONDS}

        def before_call(self, case: schemathesis.Case[Any]) -> None:
            if case.operation.path == "/api/trainings" and isinstance(case.body, dict):
                case.body |= {"epochs": 1, "examples": 100, "hidden": 8}  # a stream is read to its end

        def validate_response(self, response: Any, case: schemathesis.Case[Any], **_: Any) -> None:
            case.validate_response(response, excluded_checks=[positive_data_acceptance])

    Usage.run(
        settings=settings(
            max_examples=15,
            stateful_step_count=6,
            deadline=None,
            derandomize=True,
            database=None,
            phases=[Phase.explicit, Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
    )


def operations(client: TestClient) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in client.get("/openapi.json").json()["paths"].items():
        for method, operation in methods.items():
            yield f"{method} {path}", operation


def test_every_refusal_is_described_as_a_problem(client: TestClient) -> None:
    for name, operation in operations(client):
        refusals = {status: answer for status, answer in operation["responses"].items() if status >= "400"}
        assert "421" in refusals, name
        assert all(list(answer["content"]) == ["application/problem+json"] for answer in refusals.values()), name


def test_every_operation_says_what_it_does_and_gives_an_example(client: TestClient) -> None:
    for name, operation in operations(client):
        assert operation["description"].endswith("."), name
        assert operation["tags"], name
    description = client.get("/openapi.json").text
    assert description.count('"examples"') > 10
    assert "HTTPValidationError" not in description


def test_the_example_of_an_image_is_read(client: TestClient) -> None:
    operation = dict(operations(client))["post /api/predict"]
    (example,) = operation["requestBody"]["content"]["application/json"]["schema"]["properties"]["images"][
        "examples"
    ]
    answer = client.post(
        "/api/predict", content=json.dumps({"images": example}), headers={"Content-Type": "application/json"}
    )
    assert answer.json()["labels"] == [1]
