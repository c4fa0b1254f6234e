"""The part of the API that edits a form's description: what is shown, refused, saved and not overwritten."""

import io
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import schemathesis
from PIL import Image
from schemathesis.specs.openapi.checks import positive_data_acceptance
from starlette.testclient import TestClient

from digitscope.forms import load_form
from digitscope.forms.editing import FormFile
from digitscope.serve import Access, create_form_edit_app
from tests.forms.pages import SIZE, write_pages
from tests.forms.test_description import TOML
from tests.serve.helpers import AS_DESCRIBED, TOKEN, assert_operations, assert_problem, served_by_a_thread


def file_in(folder: Path, text: str = TOML) -> FormFile:
    path = write_pages(folder) / "form.toml"
    path.write_text(text, encoding="utf-8")
    return FormFile(path)


def description() -> dict[str, Any]:
    """The description of the API; it is the same for every file."""
    with TemporaryDirectory() as folder:
        return create_form_edit_app(file_in(Path(folder))).openapi()


DESCRIPTION = schemathesis.openapi.from_dict(description())


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return file_in(tmp_path).path


@pytest.fixture
def client(path: Path) -> Iterator[TestClient]:
    with TestClient(create_form_edit_app(FormFile(path)), base_url="http://localhost") as client:
        yield client


def loaded(client: TestClient) -> Any:
    """What a page sends back, if nobody has changed anything."""
    answer = client.get("/api/form").json()
    return {key: answer[key] for key in ("size", "fields", "version")}


def test_a_description_is_loaded_changed_and_saved(client: TestClient, path: Path) -> None:
    shown = client.get("/api/form").json()
    assert (shown["file"], shown["size"], shown["has_comments"]) == ("form.toml", [210, 297], False)
    assert {"luhn", "isbn", "de.idnr"} <= set(shown["checks"])
    picture = Image.open(io.BytesIO(client.get("/api/form/picture").content))
    assert (picture.format, picture.size) == ("PNG", SIZE)
    before = load_form(path)
    sent = loaded(client)
    assert client.put("/api/form/fields", json=sent).status_code == 200  # nothing has changed
    assert load_form(path) == before
    sent = loaded(client)
    sent["fields"][2] |= {"name": "Preis 💶", "max": 10, "sum_of": ["account"]}
    saved = client.put("/api/form/fields", json=sent)
    assert saved.status_code == 200, saved.text
    account, born, price = load_form(path).fields
    assert (account, born) == before.fields[:2]
    assert (price.name, price.maximum, price.minimum, price.sum_of) == ("Preis 💶", 10, 0, ("account",))
    again = client.put("/api/form/fields", json=sent)  # as after an answer that was lost
    assert again.json() == saved.json() == {"version": loaded(client)["version"]}


WRONG = [
    (0, {"digits": "eight"}, "the field 'account' has digits 'eight': expected a whole number"),
    (
        0,
        {"length": [1, 3]},
        "the field 'account' has more than one of digits, length and pattern: expected one at most",
    ),
    (
        0,
        {"check": "os"},
        "the field 'account' has the check 'os': expected luhn, isbn or another rule of python-stdnum",
    ),
    (0, {"box": [200, 30, 80, 9]}, "the field 'account' ends outside of the page of size [210.0, 297.0]"),
    (1, {"name": ""}, "the field '' has no name that a table can show: expected letters, digits or signs"),
    (1, {"name": "page"}, "the field 'page' is called as another column of the table is: expected another name"),
    (1, {"name": "paid"}, "the field 'paid' has the name of another field: expected another name"),
    (2, {"sum_of": ["born"]}, "the field 'paid' is a sum of 'born': expected another field with a number"),
]


def test_what_is_wrong_with_a_field_is_one_sentence(client: TestClient, path: Path) -> None:
    for number, keys, sentence in WRONG:
        sent = loaded(client)
        sent["fields"][number] |= keys
        checked = client.post("/api/form/check", json={"size": sent["size"], "fields": sent["fields"]}).json()
        assert checked["faults"][number] == sentence
        assert_problem(
            client.put("/api/form/fields", json=sent), 422, "the field", ": expected" if ":" in sentence else ""
        )
        assert path.read_text() == TOML


def test_a_file_that_has_changed_is_not_overwritten_but_on_purpose(client: TestClient, path: Path) -> None:
    sent = loaded(client)
    path.write_text("# by hand\n" + TOML)
    assert_problem(client.put("/api/form/fields", json=sent), 409, "form.toml has changed since it was loaded")
    assert path.read_text() == "# by hand\n" + TOML
    assert client.get("/api/form").json()["has_comments"]
    path.write_text("no form")
    assert_problem(client.get("/api/form"), 422, "form.toml: ", "expected a form's TOML file")
    assert_problem(client.put("/api/form/fields", json=sent), 409)
    assert client.put("/api/form/fields", json=sent | {"version": None}).status_code == 200
    assert len(load_form(path).fields) == 3
    path.unlink()
    assert client.put("/api/form/fields", json=sent).status_code == 200  # there was nothing to lose
    assert len(load_form(path).fields) == 3


def test_requests_that_are_refused(client: TestClient, path: Path) -> None:
    sent = loaded(client)
    assert_problem(client.put("/api/form/fields", content=b"fields"), 415, "expected application/json")
    assert_problem(client.put("/api/form/fields", json=sent | {"reference": "/etc/passwd"}), 422, "reference")
    assert_problem(
        client.put("/api/form/fields", json=sent | {"size": [0, 1]}), 422, "the form's size is [0.0, 1.0]"
    )
    assert_problem(
        client.put("/api/form/fields", json=sent, headers={"Origin": "http://example.org"}), 403, "page of"
    )
    assert_problem(client.get("/api/form", headers={"Host": "example.org"}), 421, "expected localhost")
    app = create_form_edit_app(FormFile(path), access=Access(token=TOKEN))
    with TestClient(app, base_url="http://localhost") as guarded:
        for call in (
            guarded.get("/api/form"),
            guarded.get("/api/form/picture"),
            guarded.put("/api/form/fields", json=sent),
        ):
            assert_problem(call, 401, "Bearer TOKEN")
        assert guarded.get("/api/form", headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 200
    assert path.read_text() == TOML


def test_a_full_disk_is_told_and_leaves_the_file(
    client: TestClient, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = loaded(client)
    sent["fields"].pop()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("digitscope.forms.editing.write_text", full)
    assert_problem(
        client.put("/api/form/fields", json=sent), 500, "form.toml cannot be written: No space left on device"
    )
    assert path.read_text() == TOML


def test_comments_are_told_from_texts(tmp_path: Path) -> None:
    path = write_pages(tmp_path) / "form.toml"
    for text, has_comments in [
        ('# first\nreference = "a.png"', True),
        ("reference = 'a.png'  # last", True),
        ("reference = '#.png'", False),
        ('reference = "#.png"', False),
        (r'reference = "\"#.png" # and', True),
        (r'reference = "\\" # and', True),
        ('reference = """\n"#"""', False),
    ]:
        path.write_text(text, encoding="utf-8")
        assert FormFile(path).draft.has_comments == has_comments, text


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where a description is edited by a thread of this process."""
    with served_by_a_thread(create_form_edit_app(file_in(tmp_path_factory.mktemp("form")))) as url:
        yield url


@DESCRIPTION.parametrize()
@AS_DESCRIBED
def test_answers_are_as_described(case: schemathesis.Case[Any], address: str) -> None:
    """No schema says which fields are right."""
    case.call_and_validate(base_url=address, excluded_checks=[positive_data_acceptance], timeout=20)


def test_every_operation_says_what_it_does() -> None:
    assert_operations(DESCRIPTION.raw_schema, "form", "save_form", "check_form", "form_picture", "health")
