"""The description of a form: a TOML file that names its fields and says what each may hold.

reference = "empty.png"     # the empty form, beside this file
size = [210, 297]           # its width and height in millimetres; boxes below are in them

[fields.account]
box = [20, 31.5, 80, 9]     # left, top, width and height
digits = 8
check = "luhn"

[fields.born]
box = [120, 31.5, 50, 9]
pattern = "DD.MM.YYYY"
"""

import json
import os
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from types import MappingProxyType
from typing import Any, get_args, get_type_hints

from digitscope.errors import DataError, SettingError
from digitscope.forms.checks import DIGIT_LETTERS, is_pattern

Box = tuple[float, float, float, float]


@dataclass(frozen=True, kw_only=True)
class Field:
    """A place on a form and what is known about the number in it.

    Attributes:
        name: of its column in tables.
        box: left, top, width and height, in the form's unit.
        digits: how many digits it has; None if that is not known.
        length: the fewest and the most digits; None if that is not known.
        pattern: what its characters are. D, M, Y, h and m are digits of a day, a month, a year, an hour and a
            minute, and # is any digit. Signs and spaces stand for themselves, whether they are written or printed.
        minimum: the smallest number; None for no limit.
        maximum: the largest number; None for no limit.
        decimals: digits behind the decimal point. The value has that point, written or not.
        check: the name of a check digit's rule, such as "luhn" or "isbn"; see `checks.check_of`.
        sum_of: names of the fields whose numbers add up to this one.
        required: whether it is to be looked at when it is empty.
        printed: whether its digits are printed and not handwritten.
    """

    name: str
    box: Box
    digits: int | None = None
    length: tuple[int, int] | None = None
    pattern: str | None = None
    minimum: float | None = None
    maximum: float | None = None
    decimals: int = 0
    check: str | None = None
    sum_of: tuple[str, ...] = ()
    required: bool = False
    printed: bool = False

    def __post_init__(self) -> None:
        name = f"the field {self.name!r}"
        for key, kind in KINDS.items():
            value, accepted = getattr(self, key), (int, float) if kind is float else (kind,)
            values = value if key in SEVERAL and isinstance(value, tuple) else (value,)
            if value is not None and any(type(each) not in accepted for each in values):
                shown = list(value) if isinstance(value, tuple) else value
                raise SettingError(f"{name} has {SHORT.get(key, key)} {shown!r}: expected {WORDS[kind]}")
        if not self.name.strip() or re.search(r"[\x00-\x1f\x7f]", self.name):
            raise SettingError(f"{name} has no name that a table can show: expected letters, digits or signs")
        if self.name in RESERVED or self.name.endswith(CONFIDENCE):
            raise SettingError(f"{name} is called as another column of the table is: expected another name")
        edges: tuple[float, ...] = self.box  # of any length, when a file says so
        if len(edges) != 4 or not (min(edges[:2]) >= 0 and min(edges[2:]) > 0 and max(edges) < HUGE):
            raise SettingError(f"{name} has the box {list(self.box)}: expected left, top, width, height, above 0")
        if sum(value is not None for value in (self.digits, self.length, self.pattern)) > 1:
            raise SettingError(f"{name} has more than one of digits, length and pattern: expected one at most")
        if self.length is not None and len(self.length) != 2:
            raise SettingError(
                f"{name} has the length {list(self.length)}: expected the fewest and the most digits"
            )
        least, most = self.lengths
        if not 1 <= least <= most:
            raise SettingError(f"{name} has {least} to {most} digits: expected 1 at least, and no fewer at most")
        numeric = (self.minimum, self.maximum, self.decimals or None, self.sum_of or None)
        if self.pattern is not None and numeric != (None, None, None, None):
            raise SettingError(f"{name} has a pattern, and min, max, decimals or sum_of, which are of numbers")
        if None not in (self.minimum, self.maximum) and self.minimum > self.maximum:  # type: ignore[operator]
            raise SettingError(f"{name} has numbers from {self.minimum} to {self.maximum}: expected max above min")
        if self.decimals < 0:
            raise SettingError(f"{name} has {self.decimals} decimals: expected 0 or more")
        if self.pattern is not None and not is_pattern(self.pattern):
            raise SettingError(f"{name} has the pattern {self.pattern!r}: expected such as DD.MM.YYYY or ##-###")

    @property
    def lengths(self) -> tuple[int, int]:
        """The fewest and the most digits."""
        if self.pattern is not None:
            count = sum(character in DIGIT_LETTERS for character in self.pattern)
            return count, count
        if self.digits is not None:
            return self.digits, self.digits
        return self.length or (1, MOST_DIGITS)


HUGE = 1e9  # sides and edges are smaller; TOML has infinite ones too
MOST_DIGITS = 40  # digits of a field whose length is not known, at most

RENAMED = MappingProxyType({"min": "minimum", "max": "maximum"})  # keys that Python's own names hide
SHORT = MappingProxyType({name: key for key, name in RENAMED.items()})  # their keys, by the names of attributes
SEVERAL = ("box", "length", "sum_of")  # keys that have several values of the type

WORDS = MappingProxyType({int: "a whole number", float: "a number", str: "text", bool: "true or false"})
"""Types as messages name them."""

RESERVED = ("file", "page", "check", "corrected")  # columns of a table beside the values
CONFIDENCE = " confidence"  # end of the names of columns with confidences


def _kind(hint: Any) -> Any:
    """Return the type of the values in a field's annotation: bool, int, float or str."""
    return _kind(get_args(hint)[0]) if get_args(hint) else hint


KINDS = MappingProxyType({key: _kind(hint) for key, hint in get_type_hints(Field).items() if key != "name"})


@dataclass(frozen=True, kw_only=True)
class Form:
    """A form: its empty page, its fields, and where they are.

    Attributes:
        reference: path of a picture of the empty form.
        size: width and height of the page, in the unit of the boxes. (1, 1) if boxes are shares of the page.
        fields: in the order of the table's columns.
    """

    reference: Path
    size: tuple[float, float] = (1.0, 1.0)
    fields: tuple[Field, ...] = ()

    def __post_init__(self) -> None:
        if not self.fields:
            raise SettingError("the form has no fields: expected at least one [fields.NAME]")
        check_size(self.size)
        for field in self.fields:
            check_place(field, self.fields, self.size)

    def pixels(self, field: Field, shape: tuple[int, int]) -> Box:
        """Return left, top, right and bottom of a field, in pixels of a page of `shape`, (H, W)."""
        left, top, width, height = field.box
        across, down = shape[1] / self.size[0], shape[0] / self.size[1]
        return left * across, top * down, (left + width) * across, (top + height) * down


def check_size(size: tuple[float, ...]) -> None:
    """Check the size of a page.

    Raises:
        SettingError: it is no width and height.
    """
    if len(size) != 2 or not (min(size) > 0 and max(size) < HUGE):
        raise SettingError(f"the form's size is {list(size)}: expected width and height, above 0")


def check_place(field: Field, fields: Sequence[Field], size: tuple[float, float]) -> None:
    """Check that a field fits among all `fields` of a page of `size`.

    Raises:
        SettingError: it is not on the page, has the name of another, or is a sum of what is no number.
    """
    name = f"the field {field.name!r}"
    left, top, width, height = field.box
    if left + width > 1.001 * size[0] or top + height > 1.001 * size[1]:
        raise SettingError(f"{name} ends outside of the page of size {list(size)}")
    if sum(each.name == field.name for each in fields) > 1:
        raise SettingError(f"{name} has the name of another field: expected another name")
    numbers = {each.name for each in fields if each.pattern is None} - {field.name}
    unknown = [part for part in field.sum_of if part not in numbers]
    if unknown:
        raise SettingError(f"{name} is a sum of {unknown[0]!r}: expected another field with a number")


def load_form(path: Path | str) -> Form:
    """Return the form that a TOML file describes.

    Raises:
        DataError: the file cannot be read, is no TOML, has unknown keys or values of the wrong type.
        SettingError: its fields contradict each other.
    """
    return form_of(read_description(Path(path)), Path(path))


def read_description(path: Path) -> bytes:
    """Return the content of a form's TOML file.

    Raises:
        DataError: it cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: {error.strerror}: expected a form's TOML file") from None


def form_of(description: bytes, path: Path) -> Form:
    """Return the form of a description, the content of the TOML file at `path`; see `load_form`."""
    reference, size, found = parts_of(description, path)
    try:
        return Form(reference=reference, size=size, fields=found)
    except SettingError as error:
        raise SettingError(f"{path}: {error}") from None


def parts_of(description: bytes, path: Path) -> tuple[Path, tuple[float, float], tuple[Field, ...]]:
    """Return the reference, the size and the fields of a description, of which there may be none.

    Raises:
        DataError: as `load_form`.
        SettingError: a field contradicts itself. Contradictions of fields with each other are not looked for.
    """
    try:
        content = tomllib.loads(description.decode("utf-8"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise DataError(f"{path}: {error}: expected a form's TOML file") from None
    try:
        unknown = set(content) - {"reference", "size", "fields"}
        if unknown or not isinstance(content.get("reference"), str):
            raise SettingError(f"has {sorted(unknown) or 'no reference'}: expected reference, size and fields")
        size = tuple(content.get("size", (1.0, 1.0)))
        check_size(size)
        found = tuple(field_of(name, table) for name, table in content.get("fields", {}).items())
    except SettingError as error:
        raise SettingError(f"{path}: {error}") from None
    except (TypeError, ValueError, AttributeError):
        raise DataError(
            f"{path}: size, fields or a field has the wrong type: expected [fields.NAME] tables"
        ) from None
    return path.parent / content["reference"], (size[0], size[1]), found


def field_of(name: str, table: Mapping[str, Any]) -> Field:
    """Return the field that a table of the file describes.

    Raises:
        SettingError: it has an unknown key, a value of the wrong type, or contradicts itself.
    """
    known = {field.name for field in fields(Field)} - {"name"} - set(RENAMED.values()) | set(RENAMED)
    unknown = sorted(set(table) - known)
    if unknown:
        raise SettingError(f"the field {name!r} has the key {unknown[0]!r}: expected {', '.join(sorted(known))}")
    if "box" not in table:
        raise SettingError(f"the field {name!r} has no box: expected left, top, width and height")
    values: dict[str, Any] = {
        RENAMED.get(key, key): tuple(value) if isinstance(value, list) else value for key, value in table.items()
    }
    return Field(name=name, **values)


def table_of(field: Field) -> dict[str, Any]:
    """Return the table that describes a field; `field_of` returns the same field."""
    table = {}
    for each in fields(Field):
        value = getattr(field, each.name)
        if each.name != "name" and value != each.default:
            table[SHORT.get(each.name, each.name)] = list(value) if isinstance(value, tuple) else value
    return table


def toml_of(reference: Path, size: tuple[float, float], fields_of_it: Iterable[Field], folder: Path) -> str:
    """Return a description, as a TOML file in `folder` has it; `load_form` and `parts_of` return the same parts.

    The path of the picture is relative to the folder.
    """
    lines = [f"reference = {_toml(os.path.relpath(reference, folder))}", f"size = {_toml(list(size))}"]
    for field in fields_of_it:
        is_bare = re.fullmatch(r"[A-Za-z0-9_-]+", field.name)
        lines += ["", f"[fields.{field.name if is_bare else _toml(field.name)}]"]
        lines += [f"{key} = {_toml(value)}" for key, value in table_of(field).items()]
    return "\n".join(lines) + "\n"


def _toml(value: Any) -> str:
    """Return a value as TOML has it: as JSON, but for infinite numbers, and for a control character."""
    if isinstance(value, list):
        return f"[{', '.join(map(_toml, value))}]"
    if isinstance(value, float):
        return repr(int(value) if value.is_integer() else value)
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
