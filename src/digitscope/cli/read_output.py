"""Output of `digitscope read`: text, JSON or CSV, records, annotated copies, and its progress."""

import csv
import json
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import takewhile
from pathlib import Path
from types import MappingProxyType

from digitscope.cli.pictures import STANDARD_INPUT
from digitscope.errors import DataError, SettingError
from digitscope.files import make_folder, replacing
from digitscope.reading.pictures import Source, open_pictures
from digitscope.reading.result import Reading

BOX = ("left", "top", "width", "height")

HEADERS: Mapping[str, Sequence[str]] = MappingProxyType(
    {
        "csv": ("path", "page", "line", "label", "confidence", "accepted", *BOX, "printed"),
        "numbers": ("path", "page", "line", "number", "chance", *BOX),
    }
)
"""The first row of each form of output that has one."""

BEGINNING = b'{"path": "'
"""The start of every record; it distinguishes a record that was cut off from a line of another file."""

PHOTO_ENDINGS = (".jpg", ".jpeg", ".webp", ".heic", ".heif", ".avif")
"""Pictures of formats that lose something: their copies are JPEG, since PNG would be many times larger."""

JPEG_QUALITY = 90

BAR = 24  # characters of the progress bar itself

SECONDS_BETWEEN = 0.1
"""A bar that is in sight is drawn anew after this long: a terminal may be slower than the reading."""

Receiver = Callable[[str, Source, Reading], None]
"""A function that prints or saves a reading; it takes the path, the picture and the reading.

It raises a `DataError` if it opens the picture again and cannot, and an `OSError` if it cannot write.
"""


# On standard output


def printer(form: str, *, is_alone: bool) -> Receiver:
    """Print the header, if there is one, and return a function that prints a reading in that form.

    A picture that `is_alone` and has one page has a table without path and page.
    """

    def print_reading(path: str, source: Source, reading: Reading) -> None:
        match form:
            case "text":
                print(reading.text or "nothing read", flush=True)
            case "lines":
                on_one_line = path.replace("\n", "\\n")
                print(f"{on_one_line}: {' / '.join(reading.lines) or 'nothing read'}", flush=True)
            case "json":
                print(_record(path, reading), flush=True)
            case "csv":
                _print_rows(_digits(path, reading))
            case "numbers":
                _print_rows(_numbers(path, reading))
            case "table":
                _print_rows(_cells(path, source, reading, is_alone and len(reading.sizes) == 1))

    if form in HEADERS:
        _print_rows([HEADERS[form]])
    return print_reading


def _print_rows(rows: Iterable[Iterable[object]]) -> None:
    csv.writer(sys.stdout, lineterminator="\n").writerows(rows)
    sys.stdout.flush()


def _digits(path: str, reading: Reading) -> Iterator[Iterable[object]]:
    for digit in reading.digits:
        if digit.line is not None:
            accepted, printed = (str(value).lower() for value in (digit.accepted, digit.printed))
            read = (digit.page, digit.line, digit.label, f"{digit.confidence:.6f}", accepted)
            yield path, *read, *digit.box, printed


def _numbers(path: str, reading: Reading) -> Iterator[Iterable[object]]:
    from digitscope.tables import numbers_of

    for number in numbers_of(reading):
        yield path, number.page, number.line, number.text, f"{number.chance:.6f}", *number.box


def _cells(path: str, source: Source, reading: Reading, is_alone: bool) -> Iterator[Iterable[object]]:
    from digitscope.tables import table_of

    for page, picture in enumerate(open_pictures(source)):
        for row in table_of(reading, picture.gray, page=page) or ():
            yield row if is_alone else (path, page, *row)


def _record(path: str, reading: Reading) -> str:
    return json.dumps({"path": path, **reading.to_json()})


# In files


@contextmanager
def record_file(path: Path) -> Iterator[tuple[set[str], Receiver]]:
    """Yield the paths of the pictures that a file of JSON lines has, and a function that appends a reading.

    Other files are written to a temporary name and moved. This one keeps the progress of work that may take hours:
    each line is flushed. A last line that a kill cut off is removed, and its picture is read again.

    Raises:
        DataError: a line is no record.
        OSError: the file cannot be read or written.
    """
    paths: set[str] = set()
    end = 0
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab+") as file:
        file.seek(0)
        for number, line in enumerate(file, start=1):
            if not line.endswith(b"\n") and (line.startswith(BEGINNING) or BEGINNING.startswith(line)):
                break
            paths.add(_path_in(line, f"{path}: line {number}"))
            end += len(line)
        file.truncate(end)

        def write(path: str, _: Source, reading: Reading) -> None:
            file.write(f"{_record(path, reading)}\n".encode())
            file.flush()

        yield paths, write


def _path_in(line: bytes, place: str) -> str:
    try:
        path = json.loads(line)["path"]
    except (ValueError, TypeError, KeyError, RecursionError):
        path = None
    if not isinstance(path, str):
        raise DataError(f"{place} is no record that digitscope read wrote: name another file with --out")
    return path


def annotator(folder: Path, paths: Sequence[str]) -> Receiver:
    """Make `folder`, and return a function that writes a copy of each page of a picture there.

    The copies mirror the folders of the pictures at `paths`, from the deepest that they share. `a/form.jpg` and
    `b/form.jpg` become `a/form.jpg.jpg` and `b/form.jpg.jpg`: the whole name stays, since a `form.png` may stand
    beside.

    Raises:
        SettingError: a copy would go where the pictures are, to be read as one of them the next time.
        OSError: the folder cannot be made.
    """
    sources = {Path(path).parent.resolve() for path in paths if path != STANDARD_INPUT}
    parts = zip(*(source.parts for source in sources), strict=False)
    n_shared = sum(1 for _ in takewhile(lambda same: len(set(same)) == 1, parts))

    def place(source: Path) -> Path:
        below = (part.replace(":", "").strip("\\/") for part in source.parts[n_shared:])  # a drive may be one
        return folder.joinpath(*filter(None, below))

    def write(path: str, source: Source, reading: Reading) -> None:
        from digitscope.drawing.annotation import annotate  # which loads what draws

        base = folder / "stdin"
        if path != STANDARD_INPUT:
            base = place(Path(path).parent.resolve()) / Path(path).name
        ending = ".jpg" if base.name.lower().endswith(PHOTO_ENDINGS) else ".png"
        for page, picture in enumerate(open_pictures(source)):
            number = f".page{page + 1}" if len(reading.sizes) > 1 else ""
            with replacing(base.with_name(f"{base.name}{number}{ending}")) as temporary:
                annotate(picture.pixels, reading, page).save(temporary, quality=JPEG_QUALITY)

    for source in sources:
        if place(source).resolve() in sources:
            raise SettingError(f"--annotate {folder}: pictures are read from there: name another folder")
    make_folder(folder)
    return write


# On standard error


class PictureBar:
    """A bar on standard error over `total` pictures; silent if that is no terminal, or for a single picture.

    It is of plain characters: reading needs none of the packages that draw finer ones.
    """

    def __init__(self, total: int) -> None:
        self._total, self._done = total, 0
        self._length = 0  # of what is drawn now
        self._start = self._last = time.monotonic()
        is_terminal = sys.stderr is not None and sys.stderr.isatty()
        self._on = total > 1 and is_terminal and os.environ.get("TERM") != "dumb"
        self._show()

    def step(self) -> None:
        """Count one picture that is done."""
        self._done += 1
        self._show()

    def _show(self) -> None:
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

    def close(self) -> None:
        """Leave an empty line, until the next step."""
        if self._length:
            print(" " * self._length, end="\r", file=sys.stderr, flush=True)
            self._length = 0
