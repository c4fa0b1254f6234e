"""`/api/forms/read`: forms that are sent are read as the library reads them."""

from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from digitscope.forms import FormReader, load_form
from digitscope.serve import Limits, create_app
from tests.forms.pages import DESCRIPTION, write_pages
from tests.serve.helpers import assert_problem


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = write_pages(tmp_path_factory.mktemp("form"))
    (folder / "form.toml").write_text(DESCRIPTION)
    return folder


def read(client: TestClient, folder: Path, **changed: bytes | None) -> Any:
    names = {"form": "form.toml", "empty": "empty.png", "picture": "scans/one.png"}
    files = {field: (folder / name).read_bytes() for field, name in names.items()} | changed
    return client.post("/api/forms/read", files={field: file for field, file in files.items() if file is not None})


def test_a_form_is_read_as_the_library_reads_it(client: TestClient, folder: Path) -> None:
    (expected,) = FormReader(load_form(folder / "form.toml")).read(folder / "scans" / "one.png")
    answer = read(client, folder)
    assert answer.status_code == 200, answer.text
    assert answer.json() == {"forms": [expected.to_json()]}
    assert answer.json()["forms"][0]["fields"]["a"]["text"] == "7"
    elsewhere = DESCRIPTION.replace("empty.png", "/etc/hostname").encode()  # what it names is not opened
    assert read(client, folder, form=elsewhere).json() == answer.json()


def test_another_page_is_refused(client: TestClient, folder: Path) -> None:
    answer = read(client, folder, picture=(folder / "scans" / "other.png").read_bytes())
    (form,) = answer.json()["forms"]
    assert form["fields"] == {}
    assert "does not show the form" in form["refused"]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"form": None}, "0 files in the field 'form'"),
        ({"form": b"a = " + b"[" * 5000}, "the form: "),
        ({"form": (DESCRIPTION + 'check = "none"\n').encode()}, "no check 'none'"),
        ({"empty": b"words"}, "the empty page"),
    ],
)
def test_bad_input(client: TestClient, folder: Path, changed: dict[str, bytes | None], message: str) -> None:
    assert_problem(read(client, folder, **changed), 422, message)


def test_it_comes_as_a_form(client: TestClient) -> None:
    assert_problem(client.post("/api/forms/read", json={}), 415, "with the fields form, empty, picture")


def test_without_the_extra_it_says_so(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "cv2.py").write_text("raise ImportError\n")
    monkeypatch.syspath_prepend(tmp_path)  # worker processes get it too
    with TestClient(create_app(limits=Limits(processes=1)), base_url="http://localhost") as client:
        assert_problem(read(client, folder), 501, "pip install 'digitscope[forms]'")
