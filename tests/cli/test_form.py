"""`digitscope form` on a form that is drawn here, and filled in with a drawn 7."""

import csv
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from digitscope.cli import main
from digitscope.forms import load_form
from digitscope.forms.store import Store
from tests.forms.pages import DESCRIPTION, write_pages
from tests.serve.test_serve_command import ask


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_pages(tmp_path)


def test_from_an_empty_form_to_a_table(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    description, out = folder / "form.toml", folder / "values.csv"
    assert main(["form", "new", str(folder / "empty.png"), "--to", str(description)]) == 0
    assert capsys.readouterr().out.endswith(f"as the page is like A4\nnext: digitscope form edit {description}\n")
    (field,) = load_form(description).fields
    assert field.box == pytest.approx((75, 75, 65, 17.5), abs=1.5)
    call = ["form", "read", str(description), str(folder / "scans"), "--out", str(out)]
    assert main(call) == 1
    told = capsys.readouterr().err
    assert "other.png: page 1 does not show the form" in told
    assert "1 forms read" in told
    with out.open(newline="") as opened:
        rows = list(csv.DictReader(opened))
    assert [(Path(row["file"]).name, row["field1"]) for row in rows] == [("one.png", "7"), ("other.png", "")]
    assert [row["check"] for row in rows if row["file"].endswith("other.png")] == [
        "page 1 does not show the form of empty.png, or only a part"
    ]
    assert main(call) == 0
    assert "has 2 of 2 pictures already" in capsys.readouterr().err


def test_a_form_without_lines_gets_a_description_without_fields(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Image.new("L", (600, 600), 255).save(folder / "empty.png")
    assert main(["form", "new", str(folder / "empty.png"), "--to", str(folder / "form.toml")]) == 0
    assert "empty.png: has no boxes, combs or writing lines: draw the fields" in capsys.readouterr().out
    assert main(["form", "read", str(folder / "form.toml"), str(folder / "scans")]) == 2
    assert "the form has no fields: expected at least one [fields.NAME]" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["new", "empty.png", "--to", "form.toml"], 2, "is there already"),
        (["read", "none.toml", "empty.png"], 1, "none.toml: No such file"),
        (["edit", "lost.toml"], 1, "lost.png: cannot be opened"),
        (["review", "none.db"], 1, "none.db: No such file"),
        (["export", "empty.png", "--out", "values.csv"], 1, "empty.png: file is not a database"),
        (["export", "none.db"], 2, "expected --out FILE"),
    ],
)
def test_bad_input(
    folder: Path, words: list[str], code: int, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "form.toml").write_text('reference = "empty.png"\n[fields.a]\nbox = [0, 0, 1, 1]\n')
    (folder / "lost.toml").write_text('reference = "lost.png"\n')
    paths = [str(folder / word) if "." in word else word for word in words]
    try:
        found = main(["form", *paths])
    except SystemExit as end:
        found = int(end.code or 0)
    assert found == code
    assert message in capsys.readouterr().err


def test_a_file_of_values_is_filled_reviewed_and_exported(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "form.toml").write_text(DESCRIPTION)
    values = folder / "values.db"
    call = ["form", "read", str(folder / "form.toml"), str(folder / "scans"), "--out", str(values)]
    assert main([*call, "--workers", "2"]) == 1  # one of the pictures is another form
    capsys.readouterr()
    assert main(call) == 0
    assert "has 2 of 2 pictures already" in capsys.readouterr().err
    with Store(values) as store:
        field = store.field(1)
        assert field is not None
        assert field.value == "7"
        crop = np.asarray(Image.open(io.BytesIO(field.crop)).convert("L"))
        height, width = crop.shape
        assert (crop[height // 3 : 2 * height // 3, : width // 2] < 100).any()  # the 7 is in it
        store.correct(field.id, "1", "Ann", "a")
    (folder / "other.toml").write_text(DESCRIPTION + "digits = 3\n")
    assert main([*call[:2], str(folder / "other.toml"), *call[3:]]) == 1
    assert "is of another description of the form" in capsys.readouterr().err
    assert main(["form", "export", str(values), "--out", str(folder / "values.csv")]) == 0
    with (folder / "values.csv").open(newline="") as opened:
        rows = list(csv.DictReader(opened))
    assert [(row["a"], row["corrected"]) for row in rows] == [("1", "a"), ("", "")]


@pytest.mark.parametrize(
    ("action", "file", "method", "path", "told"),
    [
        (
            "review",
            "values.db",
            "POST",
            "/api/review/next",
            "0 of 0 doubtful values and refused pages are to be looked at",
        ),
        ("edit", "form.toml", "GET", "/api/form", "form.toml: has 1 fields"),
    ],
)
def test_a_page_is_served_until_a_signal_ends_it(
    folder: Path, action: str, file: str, method: str, path: str, told: str
) -> None:
    description = folder / "form.toml"
    description.write_text(DESCRIPTION)
    with Store(folder / "values.db", load_form(description)):
        pass
    call = [sys.executable, "-m", "digitscope", "form", action, str(folder / file), "--port", "0"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    environment = {**os.environ, "DIGITSCOPE_TOKEN": "a-token-of-24-characters"}
    with subprocess.Popen(call, text=True, env=environment, **pipes) as process:  # type: ignore[call-overload]
        url = process.stdout.readline().strip()
        assert ask(url, "GET", "/")[1].startswith(b"<!doctype html>")
        body = b'{"by": "Ann"}' if method == "POST" else None
        headers = {"Content-Type": "application/json"}
        assert ask(url, method, path, body, **headers)[0] == 401
        headers["Authorization"] = "Bearer a-token-of-24-characters"
        status, answer = ask(url, method, path, body, **headers)
        assert status == 200
        expected: dict[str, object] = {"done": 0, "field": None} if action == "review" else {"file": file}
        assert json.loads(answer).items() >= expected.items()
        process.terminate()
        assert told in process.communicate(timeout=60)[1]
    assert process.returncode == 0
