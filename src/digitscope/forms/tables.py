"""Tables of values: one row per form, one column per field, written while forms are read.

A file of SQLite has the same, and room for corrections: see `store`.
"""

import csv
import io
import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from digitscope.errors import DataError, MissingExtraError, SettingError
from digitscope.files import replacing
from digitscope.forms.description import CONFIDENCE, Form
from digitscope.forms.filled import FilledForm
from digitscope.forms.store import ENDING, Store

AS_A_WHOLE = (".xlsx", ".parquet")  # formats that are written when all forms are read
EXPORTED = (".csv", ".jsonl", *AS_A_WHOLE)
FORMATS = (*EXPORTED, ENDING)

AS_TEXT: dict[str, Any] = {"encoding": "utf-8", "newline": "", "errors": "surrogateescape"}

Add = Callable[[str, Iterable[FilledForm]], None]
Save = Callable[[Path], object]


def columns_of(form: Form, *, corrected: bool = False) -> list[str]:
    """Return the columns of a table: file, page, the fields, the confidence of each, and what to look at.

    One more names the fields whose values were `corrected`.
    """
    names = [field.name for field in form.fields]
    confidences = [f"{name}{CONFIDENCE}" for name in names]
    return ["file", "page", *names, *confidences, "check", *(["corrected"] if corrected else [])]


def row_of(file: str, filled: FilledForm) -> dict[str, str]:
    """Return the row of one form; values are text, so that leading zeros stay. A refused page has no values."""
    row = {"file": file, "page": str(filled.page + 1)}
    for name, value in filled.values.items():
        row[name] = value.text
        row[f"{name}{CONFIDENCE}"] = f"{value.confidence:.3f}"
    reasons = [f"{name} {filled.values[name].reason}" for name in filled.doubtful]
    row["check"] = "; ".join([filled.refused] if filled.refused else reasons)
    if filled.corrected is not None:
        row["corrected"] = "; ".join(filled.corrected)
    return row


def files_in(path: Path, form: Form) -> set[str]:
    """Return the files of which a table has rows; none if there is no table.

    A last line that a kill has cut off is taken away first, and its file is read again.

    Raises:
        DataError: the table has other columns than the form, or cannot be read.
        SettingError: it is of a format that is written as a whole.
    """
    if not path.exists():
        return set()
    if path.suffix.lower() == ENDING:
        with Store(path, form) as store:
            return store.files()
    if path.suffix.lower() in AS_A_WHOLE:
        written = f"{', '.join(AS_A_WHOLE)} files are written as a whole"
        raise SettingError(f"{path}: is there already, and {written}: name another, or a .csv or .jsonl file")
    try:
        content = path.read_bytes()
        whole = content[: content.rfind(b"\n") + 1]
        text = io.StringIO(whole.decode("utf-8", "surrogateescape"), newline="")  # a path may hold a line break
        if path.suffix.lower() == ".jsonl":
            rows = [json.loads(line) for line in text]
            names = [list(row["fields"]) for row in rows if row["fields"]]
            is_same = all(each == [field.name for field in form.fields] for each in names)
        else:
            reader = csv.DictReader(text)
            rows, is_same = list(reader), reader.fieldnames in (None, columns_of(form))
        if not is_same or (content and not whole):
            raise DataError(f"{path}: its columns are not those of the form: expected a table of this form")
        if len(whole) < len(content):
            os.truncate(path, len(whole))
        return {str(row["file"]) for row in rows}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f"{path}: {error}: expected a table that was written for this form") from None


@contextmanager
def table(path: Path, form: Form, *, resume: bool = False) -> Iterator[Add]:
    """Open a table, and yield the function that adds the forms of one file to it.

    Rows of .csv, .jsonl and .db are on the disk when it returns; one that `resume` continues keeps the rows it
    has, and a .db file always does. Others are written when the block ends without an error.

    Raises:
        SettingError: the name ends in none of `FORMATS`.
        MissingExtraError: openpyxl, which writes spreadsheets, or pyarrow, which writes Parquet, is not installed.
    """
    ending = path.suffix.lower()
    if ending not in FORMATS:
        raise SettingError(f"{path}: expected a name that ends in {', '.join(FORMATS)}")
    path.parent.mkdir(parents=True, exist_ok=True)
    if ending == ENDING:
        with Store(path, form) as store:
            yield store.add
        return
    columns = columns_of(form)
    if ending in AS_A_WHOLE:
        with _as_a_whole(path, columns) as add:
            yield add
        return
    is_new = not (resume and path.exists() and path.stat().st_size)
    with path.open("w" if is_new else "a", **AS_TEXT) as opened:
        add = rows_into(opened, columns, ending, is_new=is_new)

        def add_for_good(file: str, forms: Iterable[FilledForm]) -> None:
            add(file, forms)
            os.fsync(opened.fileno())

        yield add_for_good


def export(store: Store, path: Path) -> None:
    """Write the values of a file, the corrected ones where there are any, as a whole.

    Raises:
        SettingError: the name ends in none of `EXPORTED`.
        MissingExtraError: openpyxl or pyarrow is not installed; see `table`.
        OSError: the file cannot be written.
    """
    if path.suffix.lower() not in EXPORTED:
        raise SettingError(f"{path}: expected a name that ends in {', '.join(EXPORTED)}")
    with _as_a_whole(path, columns_of(store.form, corrected=True)) as add:
        for file, filled in store.filled():
            add(file, [filled])


@contextmanager
def _as_a_whole(path: Path, columns: Sequence[str]) -> Iterator[Add]:
    """Yield the function that adds forms to a table, which is at `path` when the block ends without an error."""
    ending = path.suffix.lower()
    if ending not in AS_A_WHOLE:
        with replacing(path) as temporary, temporary.open("w", **AS_TEXT) as opened:
            yield rows_into(opened, columns, ending)
        return
    add, save = (_spreadsheet if ending == ".xlsx" else _parquet)(columns)
    with replacing(path) as temporary:
        yield add
        save(temporary)


def rows_into(opened: TextIO, columns: Sequence[str], ending: str, *, is_new: bool = True) -> Add:
    """Return a function that adds forms to an open .csv or .jsonl file, and begin it if it is new."""
    writer = csv.DictWriter(opened, columns, lineterminator="\n", restval="")
    if is_new and ending == ".csv":
        writer.writeheader()

    def add(file: str, forms: Iterable[FilledForm]) -> None:
        for each in forms:
            if ending == ".csv":
                writer.writerow(row_of(file, each))
            else:
                opened.write(json.dumps({"file": file, **each.to_json()}) + "\n")
        opened.flush()

    return add


def _spreadsheet(columns: Sequence[str]) -> tuple[Add, Save]:
    try:
        from openpyxl import Workbook
        from openpyxl.cell import WriteOnlyCell
    except ImportError:
        raise MissingExtraError("openpyxl", "forms") from None
    book = Workbook(write_only=True)
    sheet = book.create_sheet("values")
    sheet.append(list(columns))

    def add(file: str, forms: Iterable[FilledForm]) -> None:
        for each in forms:
            row = row_of(file, each)
            cells = [WriteOnlyCell(sheet, row.get(column, "")) for column in columns]
            for cell in cells:
                if cell.data_type == "f":  # a text that begins with = is no formula
                    cell.data_type = "s"
            sheet.append(cells)

    return add, book.save


def _parquet(columns: Sequence[str]) -> tuple[Add, Save]:
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError:
        raise MissingExtraError("pyarrow", None) from None
    rows: list[dict[str, str]] = []

    def add(file: str, forms: Iterable[FilledForm]) -> None:
        name = os.fsencode(file).decode(errors="backslashreplace")  # a path may be of any bytes
        rows.extend(row_of(name, each) for each in forms)

    def save(path: Path) -> None:
        values = {column: pa.array([row.get(column, "") for row in rows], pa.string()) for column in columns}
        parquet.write_table(pa.table(values), path)

    return add, save
