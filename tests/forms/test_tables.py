import csv
import json
import os
import pickle
import sys
from collections.abc import Iterator
from pathlib import Path

import openpyxl
import pytest

from digitscope.errors import DataError, MissingExtraError, SettingError
from digitscope.forms import Field, FieldValue, FilledForm, Form
from digitscope.forms.store import Store
from digitscope.forms.tables import columns_of, export, files_in, table

FORM = Form(
    reference=Path("empty.png"),
    fields=(Field(name="account", box=(0, 0, 0.5, 0.1)), Field(name="paid", box=(0, 0.5, 0.5, 0.1))),
)


def filled(account: str, page: int = 0) -> FilledForm:
    values = {
        "account": FieldValue(account, 0.99, None, None, (0, 0, 5, 5)),
        "paid": FieldValue("", 0.5, "7", "may be 7", (0, 9, 5, 5)),
    }
    return FilledForm(values, page)


def test_a_csv_file_has_a_row_for_each_form_and_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "values.csv"
    with table(path, FORM) as add:
        add("one.png", [filled("007"), filled("1", page=1)])
        assert len(path.read_text().splitlines()) == 3  # what is read is on the disk at once
    assert files_in(path, FORM) == {"one.png"}
    with table(path, FORM, resume=True) as add:
        add("two,\ntoo.png", [filled("3")])
    with path.open(newline="") as opened:
        rows = list(csv.DictReader(opened))
    assert [(row["file"], row["page"], row["account"]) for row in rows] == [
        ("one.png", "1", "007"),
        ("one.png", "2", "1"),
        ("two,\ntoo.png", "1", "3"),
    ]
    assert files_in(path, FORM) == {"one.png", "two,\ntoo.png"}
    assert rows[0]["account confidence"] == "0.990"
    assert rows[0]["check"] == "paid may be 7"
    other = Form(reference=Path("empty.png"), fields=FORM.fields[:1])
    with pytest.raises(DataError, match="not those of the form"):
        files_in(path, other)


def test_json_lines(tmp_path: Path) -> None:
    path = tmp_path / "values.jsonl"
    with table(path, FORM) as add:
        add("one.png", [filled("007")])
    (line,) = map(json.loads, path.read_text().splitlines())
    assert (line["file"], line["page"], line["fields"]["account"]["text"]) == ("one.png", 0, "007")
    assert files_in(path, FORM) == {"one.png"}


def test_a_spreadsheet_keeps_leading_zeros(tmp_path: Path) -> None:
    path = tmp_path / "values.xlsx"
    with table(path, FORM) as add:
        add("one.png", [filled("007")])
    header, row = openpyxl.load_workbook(path).active.iter_rows(values_only=True)
    cells = dict(zip(header, row, strict=True))
    assert cells["account"] == "007"
    assert (cells["account confidence"], cells["paid"], cells["paid confidence"]) == ("0.990", None, "0.500")
    with pytest.raises(SettingError, match="written as a whole"):
        files_in(path, FORM)


def test_parquet_has_text_in_all_columns(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow", reason="needs pyarrow, which is of no extra")
    from pyarrow import parquet

    path, strange = tmp_path / "values.parquet", os.fsdecode(b"\xff.png")
    with table(path, FORM) as add:
        add("one.png", [filled("007")])
        add(strange, [FilledForm({}, 1, "page 2 does not show the form")])
        assert not path.exists()
    found = parquet.read_table(path)
    assert found.column_names == columns_of(FORM)
    assert {str(field.type) for field in found.schema} == {"string"}
    first, second = found.to_pylist()
    assert (first["file"], first["account"], first["account confidence"]) == ("one.png", "007", "0.990")
    assert (first["paid"], first["check"]) == ("", "paid may be 7")
    assert (second["file"], second["account"], second["page"]) == ("\\xff.png", "", "2")
    with pytest.raises(SettingError, match="written as a whole"):
        files_in(path, FORM)
    with Store(tmp_path / "values.db", FORM) as store:
        store.add("one.png", [filled("007")])
        store.correct(2, "08", "Ann", "a")
        export(store, path)  # over the one that is there
    (row,) = parquet.read_table(path).to_pylist()
    assert (row["paid"], row["corrected"], row["check"]) == ("08", "paid", "")


@pytest.mark.parametrize("ending", [".csv", ".jsonl"])
def test_an_export_is_written_row_by_row(tmp_path: Path, ending: str) -> None:
    sizes = []

    class Watched(Store):
        def filled(self) -> Iterator[tuple[str, FilledForm]]:
            for _ in range(3):
                (temporary,) = tmp_path.glob(f".*{ending}")
                sizes.append(temporary.stat().st_size)
                yield "one.png", filled("007")

    with Watched(tmp_path / "values.db", FORM) as store:
        export(store, tmp_path / f"values{ending}")
    assert 0 == sizes[0] < sizes[1] < sizes[2]


def test_without_pyarrow_a_line_names_it_before_anything_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    path = tmp_path / "values.parquet"
    told = r"'pyarrow', which is not installed: pip install pyarrow$"
    with pytest.raises(MissingExtraError, match=told) as raised, table(path, FORM):
        pass
    assert str(pickle.loads(pickle.dumps(raised.value))) == str(raised.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["values.csv", "values.jsonl"])
def test_a_row_that_a_kill_cut_off_is_read_again(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    with table(path, FORM) as add:
        add("one.png", [filled("007")])
        add("two.png", [filled("3")])
    whole = path.read_bytes()
    path.write_bytes(whole[:-9])
    assert files_in(path, FORM) == {"one.png"}
    with table(path, FORM, resume=True) as add:
        add("two.png", [filled("3")])
    assert path.read_bytes() == whole


def test_a_page_that_was_refused_has_a_row_without_values(tmp_path: Path) -> None:
    path = tmp_path / "values.csv"
    with table(path, FORM) as add:
        add("one.png", [FilledForm({}, 1, "page 2 does not show the form")])
    with path.open(newline="") as opened:
        (row,) = csv.DictReader(opened)
    assert (row["page"], row["account"], row["check"]) == ("2", "", "page 2 does not show the form")


def test_other_formats(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="expected a name that ends in"), table(tmp_path / "values.doc", FORM):
        pass
    assert files_in(tmp_path / "none.csv", FORM) == set()
