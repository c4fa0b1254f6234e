"""The review's part of the API: what is handed out, kept, told and refused."""

import base64
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import schemathesis
from schemathesis.specs.openapi.checks import positive_data_acceptance
from starlette.testclient import TestClient

from digitscope.forms.store import Store
from digitscope.serve import Access, create_review_app
from tests.forms.test_store import FORM, SUM, filled, refused, unlike_its_sum
from tests.serve.helpers import AS_DESCRIBED, TOKEN, assert_operations, assert_problem, served_by_a_thread


def description() -> dict[str, Any]:
    """The description of a review's API; it is the same for every file."""
    with TemporaryDirectory() as folder, Store(Path(folder) / "values.db", FORM) as store:
        return create_review_app(store).openapi()


DESCRIPTION = schemathesis.openapi.from_dict(description())


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """Two forms, with two doubtful fields each."""
    with Store(tmp_path / "values.db", FORM) as store:
        store.add("one.png", [filled()])
        store.add("two.png", [filled("00000000")])
        yield store


@pytest.fixture
def client(store: Store) -> Iterator[TestClient]:
    with TestClient(create_review_app(store), base_url="http://localhost") as client:
        yield client


def save(client: TestClient, field: dict[str, Any], value: str, **more: Any) -> Any:
    sent = {"field": field["id"], "value": value, "by": "Ann", "key": f"key-of-{field['id']}-{value}-and-more"}
    return client.post("/api/review/corrections", json={**sent, "seen": field["correction"], **more})


def next_field(client: TestClient, by: str = "Ann", after: int = 0) -> Any:
    return client.post("/api/review/next", json={"by": by, "after": after}).json()["field"]


def test_a_review_from_the_first_field_to_the_last(client: TestClient, store: Store) -> None:
    field = next_field(client)
    assert (field["file"], field["name"], field["value"]) == ("one.png", "account", "12345674")
    assert field["expected"] == "8 digits, luhn check digits"
    assert base64.b64decode(field["crop"]).startswith(b"\x89PNG")
    done = []
    while field is not None:
        value = {"account": "12345674", "born": "01021990"}[field["name"]]
        answer = save(client, field, value)
        assert answer.status_code == 200, answer.text
        assert answer.json()["replaced"] is None
        done.append((answer.json()["done"], answer.json()["total"]))
        field = answer.json()["field"]
    assert done == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert [form.values["born"].text for _, form in store.filled()] == ["01.02.1990", "01.02.1990"]


def test_what_the_form_does_not_allow_is_kept_only_anyway(client: TestClient, store: Store) -> None:
    field = next_field(client)
    checked = client.get(f"/api/review/fields/{field['id']}", params={"value": "1234567"}).json()
    assert checked == {"value": "1234567", "fault": "is not what the field expects: 8 digits, luhn check digits"}
    assert_problem(save(client, field, "1234567"), 422, "the value is not what the field expects: 8 digits")
    assert store.progress() == (0, 4)
    assert save(client, field, "1234567", anyway=True).status_code == 200
    assert store.progress() == (1, 4)


def test_a_refused_page_can_only_be_seen(client: TestClient, store: Store) -> None:
    store.add("three.png", [refused()])
    page = next_field(client, after=6)
    assert (page["refused"], page["name"], page["value"], page["expected"]) == (True, "", "", "")
    assert (page["file"], page["page"], page["reason"]) == ("three.png", 1, "page 2 does not show the form")
    assert_problem(save(client, page, "7", anyway=True), 422, "is of a refused page")
    assert store.progress() == (0, 5)
    assert save(client, page, "").json()["done"] == 1


def test_a_sum_that_does_not_hold_comes_with_its_parts_which_can_be_corrected(tmp_path: Path) -> None:
    with (
        Store(tmp_path / "sum.db", SUM) as store,
        TestClient(create_review_app(store), base_url="http://localhost") as client,
    ):
        store.add("one.png", [unlike_its_sum()])
        total = next_field(client)
        told = total["sum"]
        assert [(part["name"], part["value"]) for part in told["parts"]] == [("fee", "72.50"), ("gift", "")]
        assert (told["total"]["id"], told["total"]["value"]) == (total["id"], "12.50")
        assert (told["together"], told["holds"]) == ("72.50", False)
        assert base64.b64decode(told["parts"][0]["crop"]).startswith(b"\x89PNG")
        ask = {"by": "Ann", "field": told["parts"][0]["id"]}
        fee = client.post("/api/review/next", json=ask).json()["field"]
        assert (fee["name"], fee["value"], fee["reason"], fee["held"]) == ("fee", "72.50", None, None)
        total = save(client, fee, "1250").json()["field"]
        assert (total["name"], total["sum"]["together"], total["sum"]["holds"]) == ("total", "12.50", True)
        again = client.post("/api/review/next", json=ask).json()["field"]
        assert (again["value"], again["held"]) == ("72.50", "12.50")
        save(client, again, "1a", anyway=True)
        assert next_field(client)["sum"].items() >= {"together": None, "holds": False}.items()
        assert_problem(client.post("/api/review/next", json={"by": "Ann", "field": 99}), 404, "no field 99")


def test_two_get_different_fields_and_are_told_of_each_other(client: TestClient, store: Store) -> None:
    anns, bos = next_field(client, "Ann"), next_field(client, "Bo")
    assert anns["id"] != bos["id"]
    save(client, anns, "12345674")
    late = save(client, anns, "12345666", anyway=True, by="Bo", key="another-key-of-Bo")
    assert late.json()["replaced"] == {"value": "12345674", "by": "Ann"}
    assert next(store.filled())[1].values["account"].text == "12345666"


def test_a_request_that_is_sent_again_counts_once(client: TestClient, store: Store) -> None:
    field = next_field(client)
    first, again = save(client, field, "12345674"), save(client, field, "12345674")
    assert first.json() == again.json()
    undo = {"by": "Ann", "key": "one-undo-of-Ann-x"}
    assert client.post("/api/review/undo", json=undo).json()["field"]["id"] == field["id"]
    assert client.post("/api/review/undo", json=undo).json()["field"]["id"] == field["id"]
    assert store.progress() == (0, 4)
    undo["key"] = "two-undo-of-Ann-x"
    assert_problem(client.post("/api/review/undo", json=undo), 404, "Ann has saved nothing that can be undone")


def test_requests_that_are_refused(client: TestClient, store: Store) -> None:
    field = next_field(client)
    assert_problem(save(client, {**field, "id": 99}, "1"), 404, "no field 99")
    assert_problem(save(client, field, "1" * 61), 422, "value")
    assert_problem(save(client, field, "1", key="short"), 422, "key")
    assert_problem(client.get("/api/review/fields/99", params={"value": ""}), 404, "no field 99")
    assert_problem(client.post("/api/review/next", content=b"by=Ann"), 415, "expected application/json")
    foreign = {"Origin": "http://example.org"}
    assert_problem(client.post("/api/review/next", json={"by": "Ann"}, headers=foreign), 403, "page of")
    with TestClient(create_review_app(store, access=Access(token=TOKEN)), base_url="http://localhost") as guarded:
        assert_problem(guarded.post("/api/review/next", json={"by": "Ann"}), 401, "Bearer TOKEN")


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where a review is served by a thread of this process."""
    with Store(tmp_path_factory.mktemp("review") / "values.db", FORM) as store:
        for number in range(40):
            store.add(f"{number}.png", [filled()])
        with served_by_a_thread(create_review_app(store)) as url:
            yield url


@DESCRIPTION.parametrize()
@AS_DESCRIBED
def test_answers_are_as_described(case: schemathesis.Case[Any], address: str) -> None:
    """No schema says which values a field may have."""
    case.call_and_validate(base_url=address, excluded_checks=[positive_data_acceptance], timeout=20)


def test_every_operation_says_what_it_does() -> None:
    assert_operations(
        DESCRIPTION.raw_schema, "next_field", "check_value", "save_correction", "undo_correction", "health"
    )
