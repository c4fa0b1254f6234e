"""`digitscope read`: the digits in pictures."""

import argparse
import glob
import io
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from functools import cache, partial
from pathlib import Path
from typing import Any

from digitscope.cli.arguments import (
    Argument,
    Command,
    Flag,
    Folder,
    path_argument,
    text_argument,
)
from digitscope.cli.console import remark, report
from digitscope.cli.many_pictures import ON_RAY, READERS, are_elsewhere, check_readers, read_elsewhere
from digitscope.cli.read_output import (
    PRINTERS,
    STANDARD_INPUT,
    AnnotatedCopies,
    PictureBar,
    Receiver,
    RecordFile,
    table_printer,
)
from digitscope.detections import SIGNS
from digitscope.errors import DataError, SettingError
from digitscope.reading import SHIPPED
from digitscope.reading.page_reading import ACCEPTED, ReadingOptions
from digitscope.reading.pictures import Source
from digitscope.reading.reader import Reader
from digitscope.reading.result import Box, Reading

Read = Callable[[Source], Reading]
"""A function that reads a picture."""

PICTURE_ENDINGS = (
    ".png",
    ".jpg",
    ".jpeg",
    ".webp",
    ".tif",
    ".tiff",
    ".bmp",
    ".gif",
    ".heic",
    ".heif",
    ".avif",
    ".pdf",
)
"""File name extensions of pictures in a folder, in lower case."""


def run(options: argparse.Namespace) -> int:
    """Read one picture after the other; what was read in one is handed on before the next is opened."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a path may be of any bytes
    paths, complaints = find_pictures(options.sources, but=options.annotate)
    if not paths:
        raise SettingError("; ".join(complaints))
    check_readers(options, paths)
    how = {
        "printed": options.printed,
        "rotation": None if options.rotation == "auto" else int(options.rotation),
        "regions": options.region,
        "digits": options.digits,
        "signs": options.signs,
        "min_confidence": options.min_confidence,
    }
    ReadingOptions(**how)  # which refuses wrong values before anything is read
    read: Read = partial(Reader.load(options.model).read, **how)
    receivers: list[Receiver] = []
    if options.annotate:
        receivers.append(AnnotatedCopies(options.annotate, paths).write)
    for complaint in complaints:
        report(complaint)
    with ExitStack() as stack:
        new: Sequence[str] = paths
        if options.out:
            records = stack.enter_context(closing(RecordFile(options.out)))
            new = _not_in(records, paths)
            receivers.append(records.write)
        form = next((name for name in ("json", "csv", "numbers", "table") if getattr(options, name)), None)
        form = form or ("lines" if len(paths) > 1 else "text")
        receivers.append(table_printer(is_alone=len(paths) == 1) if form == "table" else PRINTERS[form]())
        if new and are_elsewhere(options):
            read_one = partial(_read_one, options.model, how)
            read = partial(_next_of, read_elsewhere(read_one, new, options, stack))
        n_failed = _read_each(read, new, receivers)
    return 1 if complaints or n_failed else 0


def _read_each(read: Read, paths: Sequence[str], receivers: Sequence[Receiver]) -> int:
    """Read the pictures, hand each reading to all `receivers`, and return how many could not be read."""
    n_failed = 0
    bar = PictureBar(len(paths))
    try:
        for path in paths:
            bar.show()
            try:
                source = _source(path)
                reading = read(source)
                bar.make_room()
                for receive in receivers:
                    receive(path, source, reading)
                if reading.remarks:
                    bar.clear()
                for each in reading.remarks:
                    name = _StandardInput.name if path == STANDARD_INPUT else path
                    remark(" ".join(f"{name}: {each}".split()))
            except DataError as error:
                bar.clear()
                report(error)
                n_failed += 1
            bar.step()
    finally:
        bar.clear()
    return n_failed


def _next_of(readings: Iterator[tuple[str, Reading | DataError]], source: Source) -> Reading:
    """Return the reading of the picture that is next in the order, which is `source`."""
    path, found = next(readings)
    assert path == source, "pictures are read in their order"  # noqa: S101
    if isinstance(found, DataError):
        raise found
    return found


def _read_one(model: str, how: Mapping[str, Any], path: str) -> Reading:
    return _reader(model).read(path, **how)


@cache
def _reader(model: str) -> Reader:
    return Reader.load(model, threads=1)


def _not_in(records: RecordFile, paths: Sequence[str]) -> list[str]:
    """Return the paths that `records` lacks; what comes on standard input is another picture every time."""
    new = [path for path in paths if path == STANDARD_INPUT or path not in records.paths]
    if len(new) < len(paths):
        had = f"{len(paths) - len(new):,} of {len(paths):,} pictures"
        remark(f"{records.path}: has {had} already, which are not read again")
    return new


class _StandardInput(io.BytesIO):
    """The content of standard input, which can be read again; errors call it by its `name`."""

    name = "standard input"

    def read(self, size: int | None = -1, /) -> bytes:
        self.seek(0)
        return super().read(size)


def _source(path: str) -> Source:
    if path != STANDARD_INPUT:
        return path
    if sys.stdin is None or sys.stdin.isatty():
        raise DataError("standard input: is no picture here: pipe one, as in digitscope read - < form.jpg")
    return _StandardInput(sys.stdin.buffer.read())


# Which pictures the words of a call name


def find_pictures(words: Sequence[str], *, but: Path | None = None) -> tuple[list[str], list[str]]:
    """Return the paths of the pictures that `words` name, each once, in their order; and what to complain of.

    A file that is named is taken as it is, whether it is there or not. Of a folder and of a pattern those files
    are taken that are called like pictures and are not hidden, sorted. A complaint is a line for each word that
    names no picture and each folder that cannot be searched.

    Args:
        words: paths, patterns with `*`, `?`, `[]` or `**`, or "-" for standard input.
        but: a folder that is passed over inside of others.
    """
    paths: dict[str, None] = {}
    complaints: list[str] = []
    for word in words:
        named = _named_by(word, but, complaints)
        paths.update(dict.fromkeys(named))
        if not named:
            complaints.append(f"{word}: no pictures: expected files that end in {', '.join(PICTURE_ENDINGS)}")
    return list(paths), complaints


def _named_by(word: str, but: Path | None, complaints: list[str]) -> list[str]:
    if word == STANDARD_INPUT:
        return [word]
    if os.path.isdir(word):  # noqa: PTH112 - `Path` raises on names that no file can have
        found = _in_folder(word, but, complaints)
    elif glob.has_magic(word) and not os.path.lexists(word):
        matches = glob.glob(word, recursive=True)  # noqa: PTH207 - `Path.glob` takes no absolute patterns
        found = (Path(match) for match in matches if _is_picture(match) and Path(match).is_file())
    else:
        plain = str(Path(word))  # without ./, so that it is the same path as of a folder
        return [word if plain == STANDARD_INPUT else plain]
    return [str(path) for path in sorted(found, key=lambda path: path.parts)]


def _in_folder(folder: str, but: Path | None, complaints: list[str]) -> Iterator[Path]:
    def complain(error: OSError) -> None:
        complaints.append(f"{error.filename}: cannot be searched ({error.strerror})")

    def is_searched(path: Path) -> bool:
        return not path.name.startswith(".") and not (but is not None and but.exists() and path.samefile(but))

    for parent, folders, files in os.walk(folder, onerror=complain):
        folders[:] = [name for name in folders if is_searched(Path(parent, name))]
        for path in (Path(parent, name) for name in files if _is_picture(name) and not name.startswith(".")):
            if path.is_file() or path.is_symlink():  # no pipe, which never ends; a broken link is told of
                yield path


def _is_picture(path: str) -> bool:
    return path.lower().endswith(PICTURE_ENDINGS)


def _region_argument(text: str) -> Box:
    """Return the four numbers of `text`, such as 10,20,300,40."""
    if not re.fullmatch(r"\d+(,\d+){3}", text):
        raise argparse.ArgumentTypeError(f"{text!r} is no region: expected LEFT,TOP,WIDTH,HEIGHT in pixels")
    left, top, width, height = map(int, text.split(","))
    return left, top, width, height


def _digits_argument(text: str) -> str:
    """Return the digits that `text` names, such as 0-4, 013 or 0-4,7."""
    parts = [re.fullmatch(r"(\d)-(\d)|\d+", part) for part in text.split(",")]
    if not all(parts):
        raise argparse.ArgumentTypeError(f"{text!r} names no digits: expected some such as 0-4, 013 or 0-4,7")
    spans = (range(int(part[1]), int(part[2]) + 1) if part[1] else map(int, part[0]) for part in parts if part)
    return "".join(str(digit) for digit in sorted({digit for span in spans for digit in span}))


def _jsonl_argument(text: str) -> Path:
    path = path_argument(text)
    if path.suffix.lower() != ".jsonl":
        raise argparse.ArgumentTypeError(f"{text!r} is no name of a file of JSON lines: expected FILE.jsonl")
    return path


COMMAND = Command(
    run,
    (
        Argument(
            "sources",
            nargs="+",
            metavar="IMAGE_OR_FOLDER",
            type=text_argument,
            help="a picture, a folder, a pattern such as 'scans/**/*.png', or - for a picture on standard input",
        ),
        Argument(
            "--model",
            type=text_argument,
            default="digit",
            metavar="NAME",
            help="what reads single digits: "
            f"{', '.join(name for name in SHIPPED if name not in {'two-digit', 'page', 'item'})} or an .onnx file "
            "(default: digit)",
        ),
        Flag("--printed", help="put printed digits and signs into text and CSV too (default: handwriting alone)"),
        Argument(
            "--rotation",
            default="auto",
            choices=("auto", "0", "90", "180", "270"),
            help="degrees, clockwise, by which every page is turned (default: auto, found for each page)",
        ),
        Argument(
            "--region",
            action="append",
            type=_region_argument,
            metavar="L,T,W,H",
            help="read only this part of every page: left, top, width and height in pixels; repeat it for more",
        ),
        Argument(
            "--digits",
            type=_digits_argument,
            default="0123456789",
            metavar="0-9",
            help="the digits that may occur, such as 0-4 or 013 (default: all)",
        ),
        Argument(
            "--signs",
            default=SIGNS,
            metavar="SIGNS",
            help="the signs that may occur, such as --signs=., or --signs= for none (default: %(default)s)",
        ),
        Argument(
            "--min-confidence",
            type=float,
            default=ACCEPTED,
            metavar="P",
            help="accept digits whose chance is at least P; ? marks the others (default: %(default)s)",
        ),
        Folder(
            "--annotate", help="write a copy of every page that is read there, with boxes, labels and confidences"
        ),
        Argument(
            "--out",
            type=_jsonl_argument,
            metavar="FILE.jsonl",
            help="append one line of JSON for every picture there; those that it has already are not read again",
        ),
        *READERS,
    ),
    "read forms --annotate marked --out forms.jsonl",
    f"""\
A folder stands for all pictures in it and below: {" ".join(ending[1:] for ending in PICTURE_ENDINGS)}.
In the text, ? marks a rejected digit; --json gives the reason. Signs such as . , - / are in the text as written.
Remarks, such as that a page was turned to be read, go to standard error.
{ON_RAY.format(files="pictures")}""",
    exclusive=(
        Flag("--json", help="print one line of JSON for every picture"),
        Flag("--csv", help="print a header, and one row for every digit of the text"),
        Flag("--numbers", help="print a header, and one row for every number with its box"),
        Flag("--table", help="print the table that a picture shows as CSV: rows and columns, empty cells kept"),
    ),
)
