"""Values in one SQLite file: what was read, and beside it, never over it, what people corrected.

Several processes may read into the file and review it at once. A call returns when its rows are on the disk.
"""

import io
import json
import os
import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from digitscope.errors import DataError, DigitscopeError
from digitscope.forms.description import Form, form_of, toml_of
from digitscope.forms.filled import SMALL, FieldValue, FilledForm
from digitscope.forms.schema import FROM_VERSION_1, OF_A_PAGE, TABLES, VERSION

UInt8 = NDArray[np.uint8]

ENDING = ".db"  # how the name of such a file ends
PATIENCE_SECONDS = 30.0  # time to wait for another process that writes
CLAIM_SECONDS = 120.0  # time for which a field that was handed out is nobody else's

CROP, SHADES = (640, 128), 16  # pixels of a field's image at most, and shades of gray: some kB as PNG

DOUBT = """
SELECT fields.id, file, page, name, fields.value, second, reason, crop, holding.id, holding.value
FROM fields JOIN forms ON forms.id = fields.form LEFT JOIN holding ON holding.field = fields.id
WHERE fields.id = ?
"""


@dataclass(frozen=True)
class Doubt:
    """A field, or a refused page, that somebody should look at."""

    id: int
    file: str  # path of its picture
    page: int  # from 0
    name: str  # of the field; empty of a page
    value: str  # as read
    second: str | None  # the next best value
    reason: str | None  # why somebody should look at it; None if nobody need
    crop: bytes  # its image, a PNG file
    correction: int | None  # the number of the correction that holds
    held: str | None  # the value of that correction

    @property
    def is_page(self) -> bool:
        """Whether it is a refused page."""
        return self.name == OF_A_PAGE

    @property
    def holds(self) -> str:
        """The value that holds: the corrected one, or else the one that was read."""
        return self.value if self.held is None else self.held


@dataclass(frozen=True)
class Correction:
    """A saved value, with its number and the name of the person who saved it."""

    id: int
    value: str
    by: str


class Store:
    """One file of values. Several threads may use it at once.

    Args:
        path: of the file.
        form: the form that the file is for; a file that is not there is begun. None for a file that is there.

    Raises:
        DataError: there is no such file, it is none of these, or it is of another form.
        DigitscopeError: the file is new or of version 1, and the disk is full or another process keeps it locked.
    """

    def __init__(self, path: Path, form: Form | None = None) -> None:
        if form is None and not path.is_file():
            raise DataError(f"{path}: No such file: expected one that `digitscope form read --out` wrote")
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path, self._lock = path, threading.Lock()
        try:
            self._connection = sqlite3.connect(
                path, timeout=PATIENCE_SECONDS, isolation_level=None, check_same_thread=False
            )
            self._connection.execute("PRAGMA synchronous = FULL")  # a commit survives a loss of power too
            self._connection.execute("PRAGMA foreign_keys = ON")
            self.form = self._begin(form)
        except sqlite3.Error as error:
            with suppress(AttributeError):
                self._connection.close()
            raise DataError(f"{path}: {error}: expected a file that `digitscope form read --out` wrote") from None
        except DigitscopeError:
            self._connection.close()
            raise

    def _begin(self, form: Form | None) -> Form:
        """Return the file's form; a file that is new gets its tables and `form` first."""
        (version,) = self._connection.execute("PRAGMA user_version").fetchone()
        if version == 0 and form is not None:
            self._connection.execute("PRAGMA journal_mode = WAL")
        if version == 1 or (version == 0 and form is not None):
            self._renew(form)
        (version,) = self._connection.execute("PRAGMA user_version").fetchone()
        if version != VERSION:
            raise DataError(f"{self.path}: is not of this version of digitscope: expected a file of `form read`")
        (toml,) = self._connection.execute("SELECT toml FROM description").fetchone()
        found = form_of(toml.encode(), self.path)
        if form is not None and (found.size, found.fields) != (form.size, form.fields):
            raise DataError(f"{self.path}: is of another description of the form: name another file")
        return found

    def _renew(self, form: Form | None) -> None:
        """Make the tables of a new file, or add to one of version 1 what it lacks; its rows do not change."""
        with self._transaction() as connection:  # in which no other process has done it meanwhile
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            (is_empty,) = connection.execute("SELECT count(*) = 0 FROM sqlite_master").fetchone()
            if version == 0 and is_empty and form is not None:
                for statement in TABLES.split(";\n"):
                    connection.execute(statement)
                toml = toml_of(form.reference, form.size, form.fields, self.path.parent)
                connection.execute("INSERT INTO description VALUES (?, ?)", (toml, _now()))
            elif version == 1:
                for statement in FROM_VERSION_1.split(";\n"):
                    connection.execute(statement, {"crop": _png(None)} if ":crop" in statement else {})
            else:
                return
            connection.execute(f"PRAGMA user_version = {VERSION}")

    def __enter__(self) -> "Store":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """Commit what the block does if it ends without an error; else nothing of it has happened."""
        with self._lock:
            try:
                self._connection.execute("BEGIN IMMEDIATE")
                try:
                    yield self._connection
                    self._connection.execute("COMMIT")
                except BaseException:
                    self._connection.rollback()
                    raise
            except sqlite3.Error as error:
                raise DigitscopeError(f"{self.path}: {error}: nothing was written; try again") from error

    def _rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        with self._lock:
            return self._connection.execute(query, values).fetchall()

    # Reading

    def files(self) -> set[str]:
        """Return the paths of the pictures that the file has."""
        return {os.fsdecode(file) for (file,) in self._rows("SELECT DISTINCT file FROM forms")}

    def add(self, file: str, forms: Iterable[FilledForm]) -> None:
        """Add all forms of the picture at `file`, or none if this fails. Forms that are there do not change.

        Raises:
            DigitscopeError: the disk is full, or the file stays locked.
        """
        with self._transaction() as connection:
            for form in forms:
                row = (_stored(file), form.page, form.refused, _now())
                added = connection.execute(
                    "INSERT INTO forms (file, page, refused, read) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING", row
                )
                if not added.rowcount:
                    continue
                connection.executemany(
                    "INSERT INTO fields (form, name, value, confidence, second, reason, box, crop, digits)"
                    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    _rows_of(form, added.lastrowid),
                )

    def filled(self) -> Iterator[tuple[str, FilledForm]]:
        """Yield the path and the values of each form, in the order in which they were read.

        A value is the corrected one, if there is one. A field that a person has looked at is not doubtful.
        """
        by_hand = dict(self._rows("SELECT field, value FROM holding"))
        for form, file, page, refused in self._rows("SELECT id, file, page, refused FROM forms ORDER BY id"):
            rows = self._rows(
                "SELECT id, name, value, confidence, second, reason, box FROM fields"
                " WHERE form = ? AND name != ? ORDER BY id",
                *(form, OF_A_PAGE),
            )
            values, corrected = {}, []
            for number, name, text, confidence, second, reason, box in rows:
                values[name] = FieldValue(text, confidence, second, reason, tuple(json.loads(box)))
                if number in by_hand:
                    held = by_hand[number]
                    values[name] = replace(values[name], text=held, confidence=1.0, second=None, reason=None)
                    corrected += [name] if held != text else []
            yield os.fsdecode(file), FilledForm(values, page, refused, tuple(corrected))

    # Review

    def progress(self) -> tuple[int, int]:
        """Return how many doubtful fields and refused pages somebody has looked at, and how many there are."""
        ((done, total),) = self._rows(
            "SELECT count(holding.id), count(*) FROM fields LEFT JOIN holding ON holding.field = fields.id"
            " WHERE reason IS NOT NULL"
        )
        return int(done), int(total)

    def field(self, number: int) -> Doubt | None:
        """Return a field by its number; None if there is none."""
        return next(map(_doubt, self._rows(DOUBT, number)), None)

    def beside(self, number: int) -> dict[str, Doubt]:
        """Return the fields of the form that has the field `number`, by name."""
        form = "SELECT form FROM fields WHERE id = ?"
        query = DOUBT.replace("fields.id = ?", f"fields.form = ({form}) ORDER BY fields.id")
        return {doubt.name: doubt for doubt in map(_doubt, self._rows(query, number))}

    def reviewed(self) -> Iterator[tuple[Any, ...]]:
        """Yield the number of the form, the value and the digits, a PNG file, of each field that was reviewed.

        The digits are None where none were found, or no images of them were kept.
        """
        query = (
            "SELECT form, holding.value, digits FROM holding JOIN fields ON fields.id = field"
            " WHERE name != ? ORDER BY fields.id"
        )
        yield from self._rows(query, OF_A_PAGE)

    def claim(self, by: str, after: int = 0, *, field: int | None = None) -> Doubt | None:
        """Hand out a doubtful field to the reviewer `by`, and to nobody else for some time; None if none is left.

        It is the next one behind the field with the number `after`, or else the first. One that is asked for, by
        its number `field`, may be any. The earlier claims of `by` end.

        Raises:
            DigitscopeError: the file stays locked.
        """
        now = time.time()
        with self._transaction() as connection:
            connection.execute("DELETE FROM claims WHERE by = ? OR until < ?", (by, now))
            found = connection.execute(
                "SELECT id FROM fields WHERE reason IS NOT NULL AND id NOT IN (SELECT field FROM standing)"
                " AND id NOT IN (SELECT field FROM claims) ORDER BY id <= ?, id LIMIT 1",
                (after,),
            ).fetchone()
            if field is not None:
                found = (field,)
            if found is None:
                return None
            connection.execute("INSERT OR REPLACE INTO claims VALUES (?, ?, ?)", (*found, by, now + CLAIM_SECONDS))
            return _doubt(connection.execute(DOUBT, found).fetchone())

    def correct(self, field: int, value: str, by: str, key: str) -> Correction | None:
        """Keep the value that `by` gave a field, and return the correction that held before; None if none did.

        A call with a `key` that is there already keeps nothing.

        Raises:
            DigitscopeError: there is no such field, the disk is full, or the file stays locked.
        """
        with self._transaction() as connection:
            before = connection.execute(
                "SELECT max(id), value, by FROM standing"
                " WHERE field = ? AND id < coalesce((SELECT id FROM corrections WHERE key = ?), 1e18)",
                (field, key),
            ).fetchone()
            connection.execute(
                "INSERT INTO corrections (field, value, by, at, key) VALUES (?, ?, ?, ?, ?)"
                " ON CONFLICT (key) DO NOTHING",
                (field, value, by, _now(), key),
            )
            connection.execute("DELETE FROM claims WHERE field = ?", (field,))
        return None if before[0] is None else Correction(*before)

    def undo(self, by: str, key: str) -> Doubt | None:
        """Withdraw the newest correction of `by`, and return its field; None if there is none to withdraw.

        The field is claimed for `by` again. A call with a `key` that is there already withdraws nothing more.

        Raises:
            DigitscopeError: the disk is full, or the file stays locked.
        """
        with self._transaction() as connection:
            found = connection.execute("SELECT field FROM corrections WHERE key = ?", (key,)).fetchone()
            if found is None:
                last = connection.execute("SELECT max(id), field FROM standing WHERE by = ?", (by,)).fetchone()
                if last[0] is None:
                    return None
                found = last[1:]
                connection.execute(
                    "INSERT INTO corrections (field, withdraws, by, at, key) VALUES (?, ?, ?, ?, ?)",
                    (last[1], last[0], by, _now(), key),
                )
            claim = (found[0], by, time.time() + CLAIM_SECONDS)
            connection.execute("INSERT OR REPLACE INTO claims VALUES (?, ?, ?)", claim)
            return _doubt(connection.execute(DOUBT, found).fetchone())


def _doubt(row: tuple[Any, ...]) -> Doubt:
    number, file, *rest = row
    path = file if isinstance(file, str) else file.decode(errors="backslashreplace")
    return Doubt(number, path, *rest)


def _stored(path: str) -> str | bytes:
    """Return a path as SQLite can keep it: those that are no UTF-8 as bytes."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return os.fsencode(path)
    return path


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _rows_of(form: FilledForm, number: int | None) -> Iterator[tuple[Any, ...]]:
    """Yield the rows of `fields` for the form with a number."""
    if form.refused is not None:
        yield number, OF_A_PAGE, "", 0.0, None, form.refused, json.dumps([0] * 4), _png(form.image, SMALL), None
    for name, value in form.values.items():
        read = (value.text, value.confidence, value.second, value.reason, json.dumps(value.box))
        yield number, name, *read, _png(value.image), _png_of_digits(value.digits)


def _png(image: UInt8 | None, most: tuple[int, int] = CROP) -> bytes:
    """Return an image as a small PNG file with sides of `most` pixels; one white pixel if there is none."""
    file, small = io.BytesIO(), Image.fromarray(np.full((1, 1), 255, np.uint8) if image is None else image)
    small.thumbnail(most)
    small.quantize(SHADES).save(file, "PNG", optimize=True)
    return file.getvalue()


def _png_of_digits(images: UInt8 | None) -> bytes | None:
    """Return images of digits, (N, 28, 28), one below the other as a PNG file; None if there are none."""
    if images is None or not len(images):
        return None
    file = io.BytesIO()
    Image.fromarray(images.reshape(-1, images.shape[2])).save(file, "PNG", optimize=True)
    return file.getvalue()
