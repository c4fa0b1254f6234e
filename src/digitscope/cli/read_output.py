"""The output of `digitscope read`: text, JSON or CSV on standard output, JSON lines in a file."""

import csv
import io
import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Any

from digitscope.errors import DataError
from digitscope.inference.pictures import Source
from digitscope.inference.reading import Reading

BOX_HEADER = ("left", "top", "width", "height")
CSV_HEADER = ("path", "page", "line", "label", "confidence", "accepted", *BOX_HEADER, "printed")

BEGINNING = b'{"path": "'
"""The start of every record; it distinguishes a record that was cut off from a line of another file."""


def record_of(path: str, reading: Reading) -> str:
    """Return one line of JSON, without its end."""
    return json.dumps({"path": path, **reading.to_json()})


def print_text(path: str, source: Source, reading: Reading) -> None:  # noqa: ARG001 - as all that take readings
    """Print the lines that were read."""
    print(reading.text or "nothing read", flush=True)


def print_line(path: str, source: Source, reading: Reading) -> None:  # noqa: ARG001
    """Print the path and the lines that were read, all on one line."""
    on_one_line = path.replace("\n", "\\n")
    print(f"{on_one_line}: {' / '.join(reading.lines) or 'nothing read'}", flush=True)


def print_json(path: str, source: Source, reading: Reading) -> None:  # noqa: ARG001
    """Print one line of JSON."""
    print(record_of(path, reading), flush=True)


class CsvPrinter:
    """Prints a header at once, and then one row for every digit of the text."""

    def __init__(self) -> None:
        _print_rows([CSV_HEADER])

    def __call__(self, path: str, source: Source, reading: Reading) -> None:  # noqa: ARG002
        """Print the rows of one picture."""
        _print_rows(
            (
                path,
                digit.page,
                digit.line,
                digit.label,
                f"{digit.confidence:.6f}",
                _word(digit.accepted),
                *digit.box,
                _word(digit.printed),
            )
            for digit in reading.digits
            if digit.line is not None
        )


PRINTERS: Mapping[str, Callable[[], Callable[[str, Source, Reading], None]]] = MappingProxyType(
    {
        "text": lambda: print_text,
        "lines": lambda: print_line,
        "json": lambda: print_json,
        "csv": CsvPrinter,
    }
)
"""Each is called before the first picture is read, and returns a function that prints a reading."""


class RecordFile:
    """A file with one line of JSON for every picture; new lines are appended.

    Other files are written to a temporary name and moved. This one keeps the progress of work that may take hours.
    A last line that a kill cut off is recognised, and its picture is read again.

    Attributes:
        path: the file.
        paths: of the pictures in the file when it was opened.
    """

    def __init__(self, path: Path) -> None:
        """Open the file, without a last line that was cut off.

        Raises:
            DataError: a line is not a record.
            OSError: it cannot be read or written.
        """
        self.path = path
        self.paths, end = _paths_in(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("ab")
        self._file.truncate(end)

    def write(self, path: str, source: Source, reading: Reading) -> None:  # noqa: ARG002
        """Append the record of one picture and flush it, so that a kill loses no earlier record."""
        self._file.write(f"{record_of(path, reading)}\n".encode())
        self._file.flush()

    def __enter__(self) -> "RecordFile":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._file.close()


def _paths_in(file: Path) -> tuple[set[str], int]:
    """Return the pictures' paths in a file of records, and where the last whole record ends, in bytes."""
    paths: set[str] = set()
    end = 0
    if not file.exists():
        return paths, end
    with file.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            if not line.endswith(b"\n") and (line.startswith(BEGINNING) or BEGINNING.startswith(line)):
                break
            paths.add(_path_in(line, f"{file}: line {number}"))
            end += len(line)
    return paths, end


def _path_in(line: bytes, place: str) -> str:
    try:
        path = json.loads(line)["path"]
    except (ValueError, TypeError, KeyError, RecursionError):
        path = None
    if not isinstance(path, str):
        raise DataError(f"{place} is no record that digitscope read wrote: name another file with --out")
    return path


def _print_rows(rows: Iterable[tuple[Any, ...]]) -> None:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    print(text.getvalue(), end="", flush=True)


def _word(value: bool) -> str:
    return "true" if value else "false"
