"""A file of values keeps what it has confirmed, whatever happens; SQLite itself is asked what is in it."""

import csv
import io
import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import openpyxl
import pytest
from PIL import Image

from digitscope.errors import DataError, DigitscopeError, SettingError
from digitscope.forms import Field, FieldValue, FilledForm, Form
from digitscope.forms.filled import as_typed
from digitscope.forms.store import Store
from digitscope.forms.tables import export, files_in, table

FORM = Form(
    reference=Path("empty.png"),
    fields=(
        Field(name="account", box=(0, 0, 0.5, 0.1), digits=8, check="luhn"),
        Field(name="paid", box=(0, 0.5, 0.5, 0.1), decimals=2, maximum=999.99),
        Field(name="born", box=(0, 0.7, 0.5, 0.1), pattern="DD.MM.YYYY", required=True),
    ),
)


def filled(account: str = "12345674", page: int = 0) -> FilledForm:
    """A form with two doubtful fields."""
    image = np.full((40, 120), 255, np.uint8)
    image[10:30, 50:60] = 0
    values = {
        "account": FieldValue(account, 0.6, "12345666", "may be 12345666", (1, 2, 30, 9), image),
        "paid": FieldValue("12.50", 0.99, None, None, (1, 20, 30, 9), image),
        "born": FieldValue("", 0.0, None, "has ink that was not read", (1, 40, 30, 9), image),
    }
    return FilledForm(values, page)


SUM = Form(
    reference=Path("empty.png"),
    fields=(
        Field(name="fee", box=(0, 0, 0.5, 0.1), decimals=2),
        Field(name="gift", box=(0, 0.3, 0.5, 0.1), decimals=2),
        Field(name="total", box=(0, 0.5, 0.5, 0.1), decimals=2, sum_of=("fee", "gift")),
    ),
)


def unlike_its_sum() -> FilledForm:
    """A form whose total is doubtful, because the fee was misread; and a page of another one."""
    image = np.full((40, 120), 255, np.uint8)
    values = {
        "fee": FieldValue("72.50", 0.99, None, None, (1, 2, 30, 9), image),
        "gift": FieldValue("", 1.0, None, None, (1, 20, 30, 9), image),
        "total": FieldValue("12.50", 0.99, None, "is not the sum of fee, gift", (1, 40, 30, 9), image),
    }
    return FilledForm(values, 0)


def refused() -> FilledForm:
    """The second page of a file, which is another form."""
    return FilledForm({}, 1, "page 2 does not show the form", image=np.full((400, 280), 200, np.uint8))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    with Store(tmp_path / "values.db", FORM) as store:
        store.add("one.png", [filled(), refused()])
        store.add("two.png", [filled("00000000")])
    return tmp_path / "values.db"


def rows(path: Path, query: str) -> list[tuple[object, ...]]:
    connection = sqlite3.connect(path)
    found = connection.execute(query).fetchall()
    connection.close()
    return found


def test_the_file_stands_for_itself(path: Path) -> None:
    assert rows(path, "PRAGMA journal_mode") == [("wal",)]
    assert rows(path, "PRAGMA integrity_check") == [("ok",)]
    with Store(path) as store:
        assert store.form.fields == FORM.fields
        assert store.files() == {"one.png", "two.png"}
        doubt = store.claim("Ann")
    assert doubt is not None
    assert (doubt.file, doubt.page, doubt.name, doubt.value) == ("one.png", 0, "account", "12345674")
    assert (doubt.second, doubt.reason, doubt.correction) == ("12345666", "may be 12345666", None)
    crop = np.asarray(Image.open(io.BytesIO(doubt.crop)).convert("L"))
    assert (crop.shape, crop[20, 55], crop[20, 20]) == ((40, 120), 0, 255)
    assert rows(path, "SELECT file, page, refused FROM forms WHERE refused IS NOT NULL") == [
        ("one.png", 1, "page 2 does not show the form")
    ]


def test_a_refused_page_is_marked_as_seen_and_stays_refused(path: Path) -> None:
    with Store(path) as store:
        born = store.claim("Ann", 2)
        assert born is not None
        page = store.claim("Ann", born.id)
        assert page is not None
        assert (page.file, page.page, page.is_page, page.value) == ("one.png", 1, True, "")
        assert page.reason == "page 2 does not show the form"
        assert Image.open(io.BytesIO(page.crop)).size == (280, 400)
        assert store.correct(page.id, "", "Ann", "seen") is None
        assert store.progress() == (1, 5)
        _, refused, _ = (form for _, form in store.filled())
        assert (refused.refused, dict(refused.values), refused.corrected) == (page.reason, {}, ())
        again = store.undo("Ann", "undo")
        assert again is not None
        assert again.id == page.id


def test_a_file_of_version_1_gets_what_it_lacks(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("DELETE FROM fields WHERE name = ''")
    connection.execute("ALTER TABLE fields DROP COLUMN digits")
    connection.execute("PRAGMA user_version = 1")
    read = connection.execute("SELECT * FROM fields").fetchall()
    connection.commit()
    connection.close()
    with Store(path) as store, Store(path) as second:
        assert store.progress() == second.progress() == (0, 5)
        page = store.claim("Ann", 7)
        assert page is not None
        assert page.is_page
        assert Image.open(io.BytesIO(page.crop)).size == (1, 1)
        store.add("new.png", [filled()])
    assert [row[:-1] for row in rows(path, "SELECT * FROM fields WHERE id <= 7")] == read
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 3")
    connection.close()
    with pytest.raises(DataError, match="not of this version"):
        Store(path)


@pytest.mark.parametrize("form", [None, FORM])
def test_a_foreign_file_with_a_version_of_ours_is_not_changed(tmp_path: Path, form: Form | None) -> None:
    path = tmp_path / "foreign.db"
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 1")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(DigitscopeError, match="no such table"):
        Store(path, form)
    assert path.read_bytes() == before


def test_it_is_a_table_that_goes_on(path: Path) -> None:
    assert files_in(path, FORM) == {"one.png", "two.png"}
    strange = os.fsdecode(b"\xff.png")
    with table(path, FORM, resume=True) as add:
        add("two.png", [filled("99999999")])  # it is there, and stays
        add(strange, [filled()])
    assert files_in(path, FORM) == {"one.png", "two.png", strange}
    assert ("00000000",) in rows(path, "SELECT value FROM fields")
    assert ("99999999",) not in rows(path, "SELECT value FROM fields")
    other = Form(reference=Path("empty.png"), fields=FORM.fields[:1])
    with pytest.raises(DataError, match="another description"):
        files_in(path, other)


def test_what_was_read_is_never_overwritten_and_the_newest_correction_holds(path: Path) -> None:
    read = rows(path, "SELECT * FROM fields")
    with Store(path) as store:
        doubt = store.claim("Ann")
        assert doubt is not None
        assert store.correct(doubt.id, "12345666", "Ann", "a") is None
        before = store.correct(doubt.id, "12345682", "Bo", "b")
        assert before is not None
        assert (before.value, before.by) == ("12345666", "Ann")
        assert store.correct(doubt.id, "12345682", "Bo", "b") == before  # sent twice, kept once
        assert dict(value(store))["account"] == "12345682"
        undone = store.undo("Bo", "c")
        assert undone == store.undo("Bo", "c")
        assert undone is not None
        assert undone.id == doubt.id
        assert dict(value(store))["account"] == "12345666"
        assert store.undo("Bo", "d") is None
        assert store.progress() == (1, 5)
        store.undo("Ann", "e")
        assert store.progress() == (0, 5)
        assert dict(value(store))["account"] == "12345674"
    assert rows(path, "SELECT * FROM fields") == read
    assert rows(path, "SELECT value, withdraws, by FROM corrections ORDER BY id") == [
        ("12345666", None, "Ann"),
        ("12345682", None, "Bo"),
        (None, 2, "Bo"),
        (None, 1, "Ann"),
    ]


def value(store: Store) -> list[tuple[str, str]]:
    """The values of the first form."""
    _, form = next(store.filled())
    return [(name, each.text) for name, each in form.values.items()]


def test_two_who_review_at_once_get_different_fields(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Store(path) as ann, Store(path) as bo:
        taken: dict[str, list[int]] = {"Ann": [], "Bo": []}

        def review(store: Store, by: str) -> None:
            after = 0
            while (doubt := store.claim(by, after)) is not None:
                store.correct(doubt.id, "0", by, f"{by} {doubt.id}")
                taken[by].append(after := doubt.id)

        threads = [
            threading.Thread(target=review, args=(ann, "Ann")),
            threading.Thread(target=review, args=(bo, "Bo")),
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(taken["Ann"] + taken["Bo"]) == len({*taken["Ann"], *taken["Bo"]}) == 5
        last = (taken["Ann"] or taken["Bo"])[-1]
        by = "Ann" if taken["Ann"] else "Bo"
        ann.undo(by, "undo")  # which claims it again
        assert bo.claim("Cy") is None
        monkeypatch.setattr("digitscope.forms.store.time.time", lambda: 4e9)  # its claim has expired
        found = bo.claim("Cy")
        assert found is not None
        assert found.id == last


def test_who_passes_a_field_over_gets_it_again_at_the_end(path: Path) -> None:
    with Store(path) as store:
        seen, after = [], 0
        for _ in range(6):
            doubt = store.claim("Ann", after)
            assert doubt is not None
            seen.append(after := doubt.id)
    assert len(set(seen[:5])) == 5
    assert seen[5] == seen[0]


KILLED = """
import sys
from pathlib import Path
from digitscope.forms.store import Store
from tests.forms.test_store import FORM, filled

with Store(Path(sys.argv[1]), FORM) as store:
    for number in range(100_000):
        if sys.argv[2] == "read":
            store.add(f"{number}.png", [filled(), filled(page=1)])
        else:
            store.correct(1, str(number), "Ann", str(number))
        print(number, flush=True)
"""


@pytest.mark.parametrize("work", ["read", "correct"])
def test_a_kill_loses_nothing_that_was_confirmed(path: Path, work: str) -> None:
    call = [sys.executable, "-c", KILLED, str(path), work]
    with subprocess.Popen(call, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        confirmed = [process.stdout.readline() for _ in range(20)]
        process.send_signal(signal.SIGKILL)
        confirmed += process.stdout.readlines()
    assert process.returncode == -signal.SIGKILL
    numbers = [int(line) for line in confirmed if line.endswith("\n")]
    assert numbers == list(range(len(numbers)))
    with Store(path) as store:
        if work == "read":
            assert {f"{number}.png" for number in numbers} <= store.files()
        else:
            kept = [int(str(text)) for (text,) in rows(path, "SELECT value FROM corrections ORDER BY id")]
            assert kept[: len(numbers)] == numbers
            assert dict(value(store))["account"] == str(kept[-1])
    whole = rows(path, "SELECT count(*) FROM fields WHERE name != '' GROUP BY form")
    assert set(whole) == {(3,)}
    assert rows(path, "PRAGMA integrity_check") == [("ok",)]


def test_exported_values_are_the_corrected_ones(path: Path, tmp_path: Path) -> None:
    with Store(path) as store:
        account = store.claim("Ann")
        assert account is not None
        store.correct(account.id, "12345674", "Ann", "a")  # as read
        born = store.claim("Ann", account.id)
        assert born is not None
        store.correct(born.id, "01.02.1990", "Ann", "b")
        for ending in ("csv", "jsonl", "xlsx"):
            export(store, tmp_path / f"out.{ending}")
        with pytest.raises(SettingError, match="expected a name that ends in"):
            export(store, tmp_path / "out.db")
    with (tmp_path / "out.csv").open(newline="") as opened:
        first, refused, last = csv.DictReader(opened)
    assert (first["account"], first["born"], first["check"]) == ("12345674", "01.02.1990", "")
    assert (first["corrected"], first["born confidence"]) == ("born", "1.000")
    assert (refused["page"], refused["check"]) == ("2", "page 2 does not show the form")
    assert (last["corrected"], last["check"]) == ("", "account may be 12345666; born has ink that was not read")
    lines = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert [line["corrected"] for line in lines] == [["born"], [], []]
    assert lines[0]["fields"]["born"]["box"] == [1, 40, 30, 9]
    header, row, *_ = openpyxl.load_workbook(tmp_path / "out.xlsx").active.iter_rows(values_only=True)
    assert dict(zip(header, row, strict=True))["corrected"] == "born"


@pytest.mark.parametrize("content", [b"", b"no database at all, but some text", None])
def test_other_files(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "values.db"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataError, match=r"values\.db"):
        Store(path)
    assert content is not None or not path.exists()


def test_what_people_type() -> None:
    for name, typed, expected, fault in [
        ("account", "12345674", "12345674", None),
        ("account", "12345675", "12345675", "8 digits, luhn check digits"),
        ("account", "1234567", "1234567", "8 digits"),
        ("paid", "1250", "12.50", None),
        ("paid", "12,50", "12.50", None),
        ("paid", " 12.50 ", "12.50", None),
        ("paid", "12.5", "12.5", "any to 999.99"),
        ("paid", "-12.50", "-12.50", "any to 999.99"),
        ("paid", "100000", "100000", "any to 999.99"),
        ("paid", "", "", None),
        ("born", "01021990", "01.02.1990", None),
        ("born", "01.02.1990", "01.02.1990", None),
        ("born", "30021990", "30021990", "DD.MM.YYYY"),
        ("born", "1a", "1a", "DD.MM.YYYY"),
        ("born", "", "", "is empty"),
    ]:
        (field,) = (field for field in FORM.fields if field.name == name)
        text, found = as_typed(field, typed)
        assert text == expected
        assert found is None if fault is None else fault in str(found)
