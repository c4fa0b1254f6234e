import json
from collections.abc import Iterator
from typing import Any

import schemathesis
from hypothesis import Phase, settings
from schemathesis.specs.openapi.checks import positive_data_acceptance
from starlette.testclient import TestClient

from digitscope.serve import Access, create_app

SCHEMATHESIS_HOST = "testserver"

DESCRIPTION = schemathesis.openapi.from_asgi(
    "/openapi.json", create_app(access=Access(hosts=(SCHEMATHESIS_HOST,)))
)


@DESCRIPTION.parametrize()
@settings(max_examples=6, deadline=None, derandomize=True, phases=[Phase.explicit, Phase.generate])
def test_answers_are_as_described(case: schemathesis.Case[Any]) -> None:
    """All of Schemathesis' checks but one: no schema says which bytes are a picture."""
    case.call_and_validate(excluded_checks=[positive_data_acceptance])


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
