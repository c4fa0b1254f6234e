"""The description of a form while it is edited: loaded with its version, checked field by field, saved whole."""

import hashlib
import io
import re
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from digitscope.errors import DataError, SettingError
from digitscope.files import write_text
from digitscope.forms.checks import known_checks
from digitscope.forms.description import (
    Field,
    check_place,
    check_size,
    field_of,
    parts_of,
    read_description,
    toml_of,
)
from digitscope.reading import open_pictures

LONGEST_SIDE = 2000  # pixels of the empty page's picture, at most; a millimetre of A4 then has six or seven

Size = tuple[float, float]
NamedTable = tuple[str, Mapping[str, Any]]  # the name of a field and its table, as the file has it


@dataclass(frozen=True)
class Draft:
    """A description as a file has it. Unlike a `Form`, it may have no fields yet."""

    reference: Path  # of a picture of the empty form
    size: Size  # width and height of the page, in the unit of the boxes
    fields: tuple[Field, ...]  # in the order of the table's columns
    version: str  # of the file's content
    has_comments: bool  # which saving drops


class ChangedError(DataError):
    """The file is not the one that was loaded: another program has changed it."""


class FormFile:
    """The file of a description that is edited. Several threads may use it at once.

    Attributes:
        draft: the description, as it was loaded or saved last.

    Raises:
        DataError: the file cannot be read, or is no description.
        SettingError: a field contradicts itself.
    """

    def __init__(self, path: Path) -> None:
        self.path, self._lock = path, threading.Lock()
        self.draft = self.load()

    def load(self) -> Draft:
        """Return what the file has now; the errors are those of the class."""
        content = read_description(self.path)
        reference, size, fields = parts_of(content, self.path)
        texts = r'"""(?:\\.|[^\\])*?"""|\'\'\'.*?\'\'\'|"(?:\\.|[^"\\\n])*"|\'[^\'\n]*\''
        without_texts = re.sub(texts, "", content.decode("utf-8", "replace"), flags=re.DOTALL)
        self.draft = Draft(reference, size, fields, version_of(content), "#" in without_texts)
        return self.draft

    def save(self, tables: Sequence[NamedTable], size: Size, version: str | None) -> Draft:
        """Write fields into the file, whole or not at all, and return what it has then.

        `version` is that of the file that the sender has seen; None writes over any.

        Raises:
            ChangedError: the file has another version. A file that is gone, or has these fields already, has not.
            SettingError: a field is not right.
        """
        for fault in faults_of(tables, size):
            if fault is not None:
                raise SettingError(fault)
        fields = tuple(field_of(name, table) for name, table in tables)
        text = toml_of(self.draft.reference, size, fields, self.path.parent)
        with self._lock:
            found = self.path.read_bytes() if self.path.exists() else None
            if found is not None and version not in (None, version_of(found)) and found != text.encode():
                raise ChangedError(
                    f"the file {self.path.name} has changed since it was loaded: load it again, or save over it"
                )
            write_text(self.path, text)
            return self.load()


def version_of(content: bytes) -> str:
    """Return a short name of a file's content; other content has another."""
    return hashlib.sha256(content).hexdigest()[:32]


def faults_of(tables: Sequence[NamedTable], size: Size) -> list[str | None]:
    """Return for each field why it is not right, as one line; None for those that are.

    Raises:
        SettingError: `size` is no width and height.
    """
    check_size(size)
    found: list[Field | str] = []
    for name, table in tables:
        try:
            field = field_of(name, table)
            if field.check is not None and field.check not in known_checks():
                rules = "luhn, isbn or another rule of python-stdnum"
                raise SettingError(f"the field {name!r} has the check {field.check!r}: expected {rules}")
            found.append(field)
        except SettingError as error:
            found.append(str(error))
    fields = [each for each in found if isinstance(each, Field)]
    for number, each in enumerate(found):
        try:
            if isinstance(each, Field):
                check_place(each, fields, size)
        except SettingError as error:
            found[number] = str(error)
    return [each if isinstance(each, str) else None for each in found]


def empty_page(reference: Path) -> bytes:
    """Return the picture of the empty form as a PNG file, smaller if it is very large.

    Raises:
        DataError: it cannot be read.
    """
    image = next(iter(open_pictures(reference))).image.convert("RGB")
    image.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()
