"""The API against its description, by Schemathesis and by hand; requests go to a real server."""

import base64
import json
from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.specs.openapi.checks import positive_data_acceptance
from starlette.testclient import TestClient

from digitscope.detections import SIGNS
from digitscope.serve import create_app, picture_reading
from tests.reading.examples import digit, reading, sign
from tests.serve.helpers import AS_DESCRIBED, assert_operations, served_by_a_thread

APP = create_app()

DESCRIPTION = schemathesis.openapi.from_dict(APP.openapi())

SECONDS = 20

schemathesis.serializer.alias("application/pdf", "application/octet-stream")


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """Where the app is served by a thread of this process."""
    with served_by_a_thread(APP) as url:
        yield url


@DESCRIPTION.parametrize()
@settings(AS_DESCRIBED, max_examples=20)
def test_answers_are_as_described(case: schemathesis.Case[Any], address: str) -> None:
    case.call_and_validate(base_url=address, excluded_checks=unchecked(case), timeout=SECONDS)


def unchecked(case: schemathesis.Case[Any]) -> list[Any]:
    """Return which of Schemathesis' checks is left out: no schema says which bytes are a picture or TOML."""
    return [positive_data_acceptance] if case.operation.path in ("/api/read", "/api/forms/read") else []


def test_whatever_is_done_one_after_the_other_is_answered_as_described(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No answer depends on how long the trainings before it take: there is room for all of them."""
    monkeypatch.setattr(APP.state.trainings, "_most", 100)

    class Usage(DESCRIPTION.as_state_machine()):  # type: ignore[misc]
        """Trainings that are started, followed, drawn for and stopped, in any order."""

        def get_call_kwargs(self, case: schemathesis.Case[Any]) -> dict[str, Any]:  # noqa: ARG002
            return {"base_url": address, "timeout": SECONDS}

        def before_call(self, case: schemathesis.Case[Any]) -> None:
            if case.operation.path == "/api/trainings" and isinstance(case.body, dict):
                case.body |= {"epochs": 1, "examples": 100, "hidden": 8}  # a stream is read to its end

        def validate_response(self, response: Any, case: schemathesis.Case[Any], **_: Any) -> None:
            case.validate_response(response, excluded_checks=unchecked(case))

    Usage.run(
        settings=settings(
            AS_DESCRIBED, max_examples=5, stateful_step_count=6, suppress_health_check=list(HealthCheck)
        )
    )


def test_every_operation_says_what_it_does() -> None:
    assert_operations(
        DESCRIPTION.raw_schema,
        *("read_picture", "read_form", "predict_images", "list_models", "look_inside", "health"),
        *("training_options", "start_training", "follow_training", "change_drawing", "stop_training"),
    )
    assert "HTTPValidationError" not in json.dumps(DESCRIPTION.raw_schema)


# Examples

OPERATIONS = [
    f"{method} {path}" for path, methods in DESCRIPTION.raw_schema["paths"].items() for method in methods
]


def operation_of(name: str) -> dict[str, Any]:
    method, path = name.split()
    operation: dict[str, Any] = DESCRIPTION.raw_schema["paths"][path][method]
    return operation


def examples_of(content: dict[str, Any]) -> list[tuple[str, bytes]]:
    """Return each example of a body: its content type, and its bytes as they go over the wire."""
    found = []
    for kind, media in content.items():
        given = [{"value": media["example"]}] if "example" in media else list(media.get("examples", {}).values())
        for example in given:
            if "value" in example:
                found.append((kind, json.dumps(example["value"]).encode()))
            else:
                head, data = example["externalValue"].split(",")
                assert head == f"data:{kind};base64"
                found.append((kind, base64.b64decode(data)))
    return found


def success(operation: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    (status,) = (status for status in operation["responses"] if status < "300")
    return int(status), operation["responses"][status]


@pytest.fixture
def started(client: TestClient) -> Iterator[str]:
    """The id of a training that runs."""
    training = client.post("/api/trainings", json={"epochs": 100}).json()["id"]
    yield training
    client.delete(f"/api/trainings/{training}")


def test_the_examples_of_a_request_are_answered_as_described(client: TestClient, started: str) -> None:
    for name in OPERATIONS:
        if "requestBody" not in operation_of(name) or name == "post /api/forms/read":  # files alone: test_form_api
            continue
        method, path = name.split()
        examples = examples_of(operation_of(name)["requestBody"]["content"])
        assert examples, name
        for kind, body in examples:
            address = path.replace("{training_id}", started)
            answer = client.request(method, address, content=body, headers={"Content-Type": kind})
            assert answer.status_code == success(operation_of(name))[0], (name, kind, answer.text)
            client.delete(answer.headers.get("location", "/api/trainings/none"))


def test_the_example_of_an_answer_is_as_described() -> None:
    for name in OPERATIONS:
        _, answer = success(operation_of(name))
        content = answer.get("content", {})
        assert bool(content) == ("204" not in operation_of(name)["responses"]), name
        for kind, media in content.items():
            components = {"components": DESCRIPTION.raw_schema["components"]}
            validator = jsonschema_rs.validator_for({**media.get("schema", media.get("itemSchema")), **components})
            validator.validate(media["example"])
            assert examples_of({kind: media}), name


def test_all_that_a_reading_may_have_is_described() -> None:
    value = reading(
        digit(3),
        digit(9, printed=True, line=None, page=1),
        n_pages=2,
        signs=tuple(sign(each) for each in SIGNS),
        rotations=(270, 0),
        remarks=("page 1 was turned",),
    )
    media = success(operation_of("post /api/read"))[1]["content"]["application/json"]
    schema = {**media["schema"], "components": DESCRIPTION.raw_schema["components"]}
    content = json.loads(picture_reading.as_json(value))
    jsonschema_rs.validator_for(schema).validate(content)
    for changed in ({"rotation": 45}, {"signs": [{**content["signs"][0], "label": "?"}]}):
        assert not jsonschema_rs.validator_for(schema).is_valid({**content, **changed})


def test_the_answer_to_an_example_is_the_example(client: TestClient) -> None:
    name = "post /api/predict"
    method, path = name.split()
    expected = success(operation_of(name))[1]["content"]["application/json"]["example"]
    for kind, body in examples_of(operation_of(name)["requestBody"]["content"]):
        answer = client.request(method, path, content=body, headers={"Content-Type": kind}).json()
        assert without_numbers(answer) == without_numbers(expected)


def without_numbers(value: Any) -> Any:
    """Return JSON without what another network would say somewhat differently."""
    if isinstance(value, dict):
        return {name: without_numbers(each) for name, each in value.items()}
    if isinstance(value, list):
        return [without_numbers(each) for each in value]
    return None if isinstance(value, float) else value
