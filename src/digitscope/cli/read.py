"""`digitscope read`: the digits in pictures."""

import argparse
import io
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack, closing
from functools import cache, partial
from typing import Any

from digitscope.cli.arguments import Argument, Command, Flag, Folder, file_argument, text_argument
from digitscope.cli.console import escape_what_is_no_text, remark, report
from digitscope.cli.pictures import (
    ON_RAY,
    PICTURE_ENDINGS,
    READERS,
    STANDARD_INPUT,
    Found,
    are_elsewhere,
    check_readers,
    find_pictures,
    read_each,
)
from digitscope.cli.read_output import PictureBar, Receiver, annotator, printer, record_file
from digitscope.detections import SIGNS
from digitscope.errors import DataError
from digitscope.reading import SHIPPED
from digitscope.reading.page_reading import ACCEPTED, ReadingOptions
from digitscope.reading.pictures import Source
from digitscope.reading.reader import Reader
from digitscope.reading.result import Box, Reading


def run(options: argparse.Namespace) -> int:
    """Read one picture after the other; what was read in one is handed on before the next is opened."""
    escape_what_is_no_text()
    paths, complaints = find_pictures(options.sources, but=options.annotate)
    check_readers(options, paths)
    how = _how(options)
    reader = Reader.load(options.model)
    receivers = [annotator(options.annotate, paths)] if options.annotate else []
    for complaint in complaints:
        report(complaint)
    with ExitStack() as stack:
        new = paths
        if options.out:
            had, write = stack.enter_context(record_file(options.out))
            receivers.append(write)
            new = [path for path in paths if path == STANDARD_INPUT or path not in had]
            if len(new) < len(paths):
                kept = f"{len(paths) - len(new):,} of {len(paths):,} pictures"
                remark(f"{options.out}: has {kept} already, which are not read again")
        form = next((name for name in ("json", "csv", "numbers", "table") if getattr(options, name)), None)
        form = form or ("lines" if len(paths) > 1 else "text")
        receivers.append(printer(form, is_alone=len(paths) == 1))
        read_one = partial(_read_there, options.model) if are_elsewhere(options) else partial(_read_here, reader)
        readings = stack.enter_context(closing(read_each(partial(read_one, how), new, options)))
        bar = stack.enter_context(closing(PictureBar(len(new))))
        n_failed = _hand_on(readings, receivers, bar)
    return 1 if complaints or n_failed else 0


def _how(options: argparse.Namespace) -> dict[str, Any]:
    """Return the keyword arguments of a reader; wrong values are refused before anything is read."""
    how = {
        "printed": options.printed,
        "rotation": None if options.rotation == "auto" else int(options.rotation),
        "regions": options.region,
        "digits": options.digits,
        "signs": options.signs,
        "min_confidence": options.min_confidence,
    }
    ReadingOptions(**how)
    return how


Read = tuple[Source, Reading]  # a picture, and what is in it


def _hand_on(readings: Iterable[Found[Read]], receivers: Sequence[Receiver], bar: PictureBar) -> int:
    """Hand each reading to all `receivers`, and return how many pictures could not be read."""
    n_failed = 0
    for path, found in readings:
        if sys.stdout is not None and sys.stdout.isatty():
            bar.close()  # something is about to be printed there
        reading = found if isinstance(found, DataError) else _received(receivers, path, *found)
        if isinstance(reading, DataError):
            bar.close()
            report(reading)
            n_failed += 1
        else:
            name = _StandardInput.name if path == STANDARD_INPUT else path
            for each in reading.remarks:
                bar.close()
                remark(" ".join(f"{name}: {each}".split()))
        bar.step()
    return n_failed


def _received(receivers: Sequence[Receiver], path: str, source: Source, reading: Reading) -> Reading | DataError:
    """Return `reading` when all `receivers` have it, or why one could not take it."""
    try:
        for receive in receivers:
            receive(path, source, reading)
    except DataError as error:  # the picture cannot be opened any more
        return error
    return reading


def _read_here(reader: Reader, how: Mapping[str, Any], path: str) -> Read:
    source = _source(path)
    return source, reader.read(source, **how)


def _read_there(model: str, how: Mapping[str, Any], path: str) -> Read:
    return _read_here(_reader(model), how, path)


@cache
def _reader(model: str) -> Reader:
    return Reader.load(model, threads=1)


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


MODELS = ", ".join(name for name in SHIPPED if name not in {"two-digit", "page", "item"})

COMMAND = Command(
    run,
    (
        Argument(
            "sources IMAGE_OR_FOLDER",
            nargs="+",
            type=text_argument,
            help="a picture, a folder, a pattern such as 'scans/**/*.png', or - for a picture on standard input",
        ),
        Argument(
            "--model NAME",
            type=text_argument,
            default="digit",
            help=f"what reads single digits: {MODELS} or an .onnx file (default: digit)",
        ),
        Flag("--printed", help="put printed digits and signs into text and CSV too (default: handwriting alone)"),
        Argument(
            "--rotation",
            default="auto",
            choices=("auto", "0", "90", "180", "270"),
            help="degrees, clockwise, by which every page is turned (default: auto, found for each page)",
        ),
        Argument(
            "--region L,T,W,H",
            action="append",
            type=_region_argument,
            help="read only this part of every page: left, top, width and height in pixels; repeat it for more",
        ),
        Argument(
            "--digits 0-9",
            type=_digits_argument,
            default="0123456789",
            help="the digits that may occur, such as 0-4 or 013 (default: all)",
        ),
        Argument(
            "--signs SIGNS",
            default=SIGNS,
            help="the signs that may occur, such as --signs=., or --signs= for none (default: %(default)s)",
        ),
        Argument(
            "--min-confidence P",
            type=float,
            default=ACCEPTED,
            help="accept digits whose chance is at least P; ? marks the others (default: %(default)s)",
        ),
        Folder(
            "--annotate", help="write a copy of every page that is read there, with boxes, labels and confidences"
        ),
        Argument(
            "--out FILE.jsonl",
            type=file_argument("file of JSON lines", ".jsonl"),
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
