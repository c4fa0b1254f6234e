"""`digitscope form` on a form that is drawn here, and filled in with a drawn 7."""

import csv
from pathlib import Path

import pytest

from digitscope.cli import main
from digitscope.forms import load_form
from tests.forms.drawn import draw_form


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    draw_form(tmp_path)
    return tmp_path


def test_from_an_empty_form_to_a_table(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    description, out = folder / "form.toml", folder / "values.csv"
    assert main(["form", "new", str(folder / "empty.png"), "--to", str(description)]) == 0
    assert "1 fields" in capsys.readouterr().out
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


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["new", "empty.png", "--to", "form.toml"], 2, "is there already"),
        (["read", "none.toml", "empty.png"], 1, "none.toml: No such file"),
        (["read", "form.toml", "empty.png", "--out", "values.doc"], 2, "names no table"),
        (["read", "form.toml", "-"], 2, "form read reads files"),
    ],
)
def test_bad_input(
    folder: Path, words: list[str], code: int, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "form.toml").write_text('reference = "empty.png"\n[fields.a]\nbox = [0, 0, 1, 1]\n')
    paths = [str(folder / word) if "." in word else word for word in words]
    try:
        found = main(["form", *paths])
    except SystemExit as end:
        found = int(end.code or 0)
    assert found == code
    assert message in capsys.readouterr().err
