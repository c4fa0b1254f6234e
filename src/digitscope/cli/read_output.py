"""Output of `digitscope read`: text, JSON or CSV, records, annotated copies, and its progress."""

import csv
import json
import os
import shutil
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from itertools import takewhile
from pathlib import Path
from types import MappingProxyType
from typing import TextIO

from digitscope.errors import DataError, SettingError
from digitscope.files import make_folder, replacing
from digitscope.reading.pictures import Source, open_pictures
from digitscope.reading.result import Reading

STANDARD_INPUT = "-"

CSV_HEADER = (
    *("path", "page", "line", "label", "confidence", "accepted"),
    *("left", "top", "width", "height", "printed"),
)

BEGINNING = b'{"path": "'
"""The start of every record; it distinguishes a record that was cut off from a line of another file."""

PHOTO_ENDINGS = (".jpg", ".jpeg", ".webp", ".heic", ".heif", ".avif")
"""Pictures of formats that lose something: their copies are JPEG, since PNG would be many times larger."""

JPEG_QUALITY = 90

BAR = 24
"""Characters of the progress bar itself."""

SECONDS_BETWEEN = 0.1
"""A bar that is in sight is drawn anew after this long: a terminal may be slower than the reading."""

Receiver = Callable[[str, Source, Reading], None]
"""A function that prints or saves a reading; it takes the path, the picture and the reading."""


# On standard output


def record_of(path: str, reading: Reading) -> str:
    """Return one line of JSON, without its end."""
    return json.dumps({"path": path, **reading.to_json()})


def print_text(_path: str, _source: Source, reading: Reading) -> None:
    """Print the lines that were read."""
    print(reading.text or "nothing read", flush=True)


def print_line(path: str, _: Source, reading: Reading) -> None:
    """Print the path and the lines that were read, all on one line."""
    on_one_line = path.replace("\n", "\\n")
    print(f"{on_one_line}: {' / '.join(reading.lines) or 'nothing read'}", flush=True)


def print_json(path: str, _: Source, reading: Reading) -> None:
    """Print one line of JSON."""
    print(record_of(path, reading), flush=True)


def csv_printer() -> Receiver:
    """Print the header, and return what prints a row for every digit of the text."""
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(CSV_HEADER)
    sys.stdout.flush()

    def print_rows(path: str, _: Source, reading: Reading) -> None:
        for digit in reading.digits:
            if digit.line is not None:
                accepted, printed = (str(value).lower() for value in (digit.accepted, digit.printed))
                read = (digit.page, digit.line, digit.label, f"{digit.confidence:.6f}", accepted)
                writer.writerow((path, *read, *digit.box, printed))
        sys.stdout.flush()

    return print_rows


def number_printer() -> Receiver:
    """Print the header, and return what prints a row for every number of the text."""
    from digitscope.tables import numbers_of

    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(("path", "page", "line", "number", "chance", "left", "top", "width", "height"))

    def print_rows(path: str, _: Source, reading: Reading) -> None:
        for number in numbers_of(reading):
            read = (number.page, number.line, number.text, f"{number.chance:.6f}")
            writer.writerow((path, *read, *number.box))
        sys.stdout.flush()

    return print_rows


def table_printer(*, is_alone: bool) -> Receiver:
    """Return what prints tables as CSV, with path and page unless one page of one picture `is_alone`."""
    from digitscope.tables import table_of

    writer = csv.writer(sys.stdout, lineterminator="\n")

    def print_rows(path: str, source: Source, reading: Reading) -> None:
        for page, picture in enumerate(open_pictures(source)):
            place = [] if is_alone and len(reading.sizes) == 1 else [path, page]
            writer.writerows([*place, *row] for row in table_of(reading, picture.gray, page=page) or ())
        sys.stdout.flush()

    return print_rows


PRINTERS: Mapping[str, Callable[[], Receiver]] = MappingProxyType(
    {
        "text": lambda: print_text,
        "lines": lambda: print_line,
        "json": lambda: print_json,
        "csv": csv_printer,
        "numbers": number_printer,
    }
)
"""Each is called before the first picture is read, and returns a function that prints a reading."""


# In files


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
        self.paths: set[str] = set()
        end = 0
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab+") as file:
            file.seek(0)
            for number, line in enumerate(file, start=1):
                if not line.endswith(b"\n") and (line.startswith(BEGINNING) or BEGINNING.startswith(line)):
                    break
                self.paths.add(_path_in(line, f"{path}: line {number}"))
                end += len(line)
        self._file = path.open("ab")
        self._file.truncate(end)

    def write(self, path: str, _: Source, reading: Reading) -> None:
        """Append the record of one picture and flush it, so that a kill loses no earlier record."""
        self._file.write(f"{record_of(path, reading)}\n".encode())
        self._file.flush()

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _path_in(line: bytes, place: str) -> str:
    try:
        path = json.loads(line)["path"]
    except (ValueError, TypeError, KeyError, RecursionError):
        path = None
    if not isinstance(path, str):
        raise DataError(f"{place} is no record that digitscope read wrote: name another file with --out")
    return path


class AnnotatedCopies:
    """A folder of copies that mirrors the folders of the pictures, from the deepest that they share.

    `a/form.jpg` and `b/form.jpg` become `a/form.jpg.jpg` and `b/form.jpg.jpg`: the whole name stays, since a
    `form.png` may stand beside.
    """

    def __init__(self, folder: Path, paths: Sequence[str]) -> None:
        """Make the folder.

        Raises:
            SettingError: a copy would go where the pictures are, to be read as one of them the next time.
            OSError: the folder cannot be made.
        """
        sources = {Path(path).parent.resolve() for path in paths if path != STANDARD_INPUT}
        parts = zip(*(source.parts for source in sources), strict=False)
        self._folder = folder
        self._n_shared = sum(1 for _ in takewhile(lambda same: len(set(same)) == 1, parts))
        for source in sources:
            if self._place(source).resolve() in sources:
                raise SettingError(f"--annotate {folder}: pictures are read from there: name another folder")
        make_folder(folder)

    def write(self, path: str, source: Source, reading: Reading) -> None:
        """Write a copy of each page of the picture at `path`, which is `source`.

        Raises:
            DataError: the picture cannot be read any more.
            OSError: a copy cannot be written.
        """
        from digitscope.drawing.annotation import annotate  # which loads what draws

        folder, name = self._folder, "stdin"
        if path != STANDARD_INPUT:
            folder, name = self._place(Path(path).parent.resolve()), Path(path).name
        ending = ".jpg" if name.lower().endswith(PHOTO_ENDINGS) else ".png"
        for page, picture in enumerate(open_pictures(source)):
            number = f".page{page + 1}" if len(reading.sizes) > 1 else ""
            with replacing(folder / f"{name}{number}{ending}") as temporary:
                annotate(picture.pixels, reading, page).save(temporary, quality=JPEG_QUALITY)

    def _place(self, source: Path) -> Path:
        """Return where the copies of the pictures in the folder `source` go."""
        below = (
            part.replace(":", "").strip("\\/") for part in source.parts[self._n_shared :]
        )  # a drive may be one
        return self._folder.joinpath(*filter(None, below))


# On standard error


class PictureBar:
    """A bar on standard error over `total` pictures; silent if that is no terminal, or for a single picture.

    It is one line, which is taken away before anything else is printed on the terminal. It is of plain characters:
    reading needs none of the packages that draw finer ones.
    """

    def __init__(self, total: int) -> None:
        self._total = total
        self._done = 0
        self._length = 0  # of what is drawn now
        self._start = self._last = time.monotonic()
        self._on = total > 1 and _is_terminal(sys.stderr) and os.environ.get("TERM") != "dumb"

    def show(self) -> None:
        """Draw the bar, unless it was just drawn."""
        now = time.monotonic()
        if not self._on or (self._length and now - self._last < SECONDS_BETWEEN):
            return
        filled, left = BAR * self._done // self._total, ""
        if self._done:
            minutes, seconds = divmod(round((now - self._start) * (self._total - self._done) / self._done), 60)
            left = f", {minutes}:{seconds:02} left"
        text = f"[{'#' * filled}{'.' * (BAR - filled)}] {self._done:,} of {self._total:,}{left}"
        text = text[: shutil.get_terminal_size().columns - 1]
        print(text.ljust(self._length), end="\r", file=sys.stderr, flush=True)
        self._last, self._length = now, len(text)

    def step(self) -> None:
        """One picture is done."""
        self._done += 1

    def make_room(self) -> None:
        """Clear the line if standard output, too, is a terminal: something is about to be printed there."""
        if _is_terminal(sys.stdout):
            self.clear()

    def clear(self) -> None:
        """Leave an empty line."""
        if self._length:
            print(" " * self._length, end="\r", file=sys.stderr, flush=True)
            self._length = 0


def _is_terminal(stream: TextIO | None) -> bool:
    return stream is not None and stream.isatty()
