"""Tables of values: one row a form, one column a field, written while forms are read."""

import csv
import json
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from digitscope.errors import DataError, MissingExtraError, SettingError
from digitscope.files import replacing
from digitscope.forms.description import Form
from digitscope.forms.filled import FilledForm

FORMATS = (".csv", ".jsonl", ".xlsx")

Add = Callable[[str, Iterable[FilledForm]], None]


def columns_of(form: Form) -> list[str]:
    """Return the columns of a table: file, page, the fields, the confidence of each, and what to look at."""
    names = [field.name for field in form.fields]
    return ["file", "page", *names, *(f"{name} confidence" for name in names), "check"]


def row_of(file: str, filled: FilledForm) -> dict[str, str]:
    """Return the row of one form; values are text, so that leading zeros stay."""
    row = {"file": file, "page": str(filled.page + 1)}
    for name, value in filled.values.items():
        row[name] = value.text
        row[f"{name} confidence"] = f"{value.confidence:.3f}"
    row["check"] = "; ".join(f"{name} {filled.values[name].reason}" for name in filled.doubtful)
    return row


def files_in(path: Path, form: Form) -> set[str]:
    """Return the files of which a table has rows; none if there is no table.

    Raises:
        DataError: the table has other columns than the form, or cannot be read.
        SettingError: it is a spreadsheet, which is written as a whole.
    """
    if not path.exists():
        return set()
    if path.suffix == ".xlsx":
        raise SettingError(f"{path}: a spreadsheet is written as a whole: resume a table in .csv or .jsonl")
    try:
        with path.open(encoding="utf-8", newline="") as opened:
            if path.suffix == ".jsonl":
                return {str(json.loads(line)["file"]) for line in opened}
            reader = csv.DictReader(opened)
            if reader.fieldnames != columns_of(form):
                raise DataError(f"{path}: its columns are not those of the form: expected a table of this form")
            return {row["file"] for row in reader}
    except (OSError, ValueError, KeyError) as error:
        raise DataError(f"{path}: {error}: expected a table that was written for this form") from None


@contextmanager
def table(path: Path, form: Form, *, resume: bool = False) -> Iterator[Add]:
    """Open a table, and yield the function that adds the forms of one file to it.

    Rows of .csv and .jsonl are on the disk when it returns; one that `resume` continues keeps the rows it has. A
    spreadsheet is written when the block ends without an error.

    Raises:
        SettingError: the name ends in none of `FORMATS`.
        MissingExtraError: openpyxl, which writes spreadsheets, is not installed.
    """
    if path.suffix not in FORMATS:
        raise SettingError(f"{path}: expected a name that ends in {', '.join(FORMATS)}")
    if path.suffix == ".xlsx":
        with _spreadsheet(path, form) as add:
            yield add
        return
    is_new = not (resume and path.exists())
    with path.open("w" if is_new else "a", encoding="utf-8", newline="") as opened:
        yield rows_into(opened, form, path.suffix, is_new=is_new)


def rows_into(opened: TextIO, form: Form, ending: str, *, is_new: bool = True) -> Add:
    """Return a function that adds forms to an open .csv or .jsonl file, and begin it if it is new."""
    writer = csv.DictWriter(opened, columns_of(form), lineterminator="\n")
    if is_new and ending == ".csv":
        writer.writeheader()

    def add(file: str, forms: Iterable[FilledForm]) -> None:
        for each in forms:
            if ending == ".csv":
                writer.writerow(row_of(file, each))
            else:
                opened.write(json.dumps({"file": file, **each.to_json()}) + "\n")
        opened.flush()
        if opened.seekable():
            os.fsync(opened.fileno())

    return add


@contextmanager
def _spreadsheet(path: Path, form: Form) -> Iterator[Add]:
    try:
        from openpyxl import Workbook
    except ImportError:
        raise MissingExtraError("openpyxl", "forms") from None
    book = Workbook(write_only=True)
    sheet = book.create_sheet("values")
    sheet.append(columns_of(form))

    def add(file: str, forms: Iterable[FilledForm]) -> None:
        for each in forms:
            sheet.append(list(row_of(file, each).values()))

    yield add
    with replacing(path) as temporary:
        book.save(temporary)
