"""`digitscope read`: the digits in pictures."""

import argparse
import io
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from digitscope.cli.arguments import add_engine, check_engine
from digitscope.cli.paths import path_argument, text_argument
from digitscope.cli.picture_paths import PICTURE_ENDINGS, STANDARD_INPUT, find_pictures
from digitscope.cli.read_output import PRINTERS, RecordFile
from digitscope.cli.read_progress import PictureBar
from digitscope.cli.remarks import remark
from digitscope.cluster import connected, load_ray
from digitscope.cores import usable_cores
from digitscope.errors import DataError, SettingError
from digitscope.inference import SHIPPED
from digitscope.inference.on_ray import ReaderOnRay
from digitscope.inference.pictures import Source
from digitscope.inference.reader import Reader
from digitscope.inference.reading import Reading

Read = Callable[[Source], Reading]
"""A function that reads a picture."""

Receiver = Callable[[str, Source, Reading], None]
"""A function that prints or saves a reading; it takes the path, the picture and the reading."""

ROTATIONS = ("auto", "0", "90", "180", "270")

EPILOG = f"""\
A folder stands for all pictures in it and below: {" ".join(ending[1:] for ending in PICTURE_ENDINGS)}.
In the text, ? marks a rejected digit; --json gives the reason. Signs such as . , - / are in the text as written.
Remarks, such as that a page was turned to be read, go to standard error.
With --engine ray output and order are the same; every machine sees the pictures at the same paths.

example: digitscope read forms --annotate marked --out forms.jsonl"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.epilog = EPILOG
    sources_help = "a picture, a folder, a pattern such as 'scans/**/*.png', or - for a picture on standard input"
    parser.add_argument("sources", nargs="+", metavar="IMAGE_OR_FOLDER", type=text_argument, help=sources_help)
    model_help = (
        f"what reads single digits: {', '.join(_single_digit_networks())} or an .onnx file (default: digit)"
    )
    parser.add_argument("--model", type=text_argument, default="digit", metavar="NAME", help=model_help)
    printed_help = "put printed digits and signs into text and CSV too (default: handwriting alone)"
    parser.add_argument("--printed", action="store_true", help=printed_help)
    rotation_help = (
        "degrees, clockwise, that every page is turned by to be read (default: auto, found for each page)"
    )
    parser.add_argument("--rotation", default="auto", choices=ROTATIONS, help=rotation_help)
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print one line of JSON for every picture")
    form.add_argument("--csv", action="store_true", help="print a header, and one row for every digit of the text")
    annotate_help = "write a copy of every page that is read there, with boxes, labels and confidences"
    parser.add_argument("--annotate", type=path_argument, metavar="DIR", help=annotate_help)
    out_help = "append one line of JSON for every picture there; those that it has already are not read again"
    parser.add_argument("--out", type=_jsonl_argument, metavar="FILE.jsonl", help=out_help)
    add_engine(parser, "reads: this process, or tasks on a Ray cluster whose machines see the same files")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Read one picture after the other; what was read in one is handed on before the next is opened."""
    check_engine(options)
    _let_any_path_be_printed()
    paths, complaints = find_pictures(options.sources, but=options.annotate)
    if not paths:
        raise SettingError("; ".join(complaints))
    if options.engine == "ray":
        _check_for_ray(options, paths)
    rotation = None if options.rotation == "auto" else int(options.rotation)
    read: Read = partial(Reader.load(options.model).read, printed=options.printed, rotation=rotation)
    receivers: list[Receiver] = []
    if options.annotate:
        from digitscope.cli.annotated_copies import AnnotatedCopies  # which loads what draws

        receivers.append(AnnotatedCopies(options.annotate, paths).write)
    for complaint in complaints:
        _report(complaint)
    with ExitStack() as stack:
        new: Sequence[str] = paths
        if options.out:
            records = stack.enter_context(RecordFile(options.out))
            new = _not_in(records, paths)
            receivers.append(records.write)
        form = "json" if options.json else "csv" if options.csv else "lines" if len(paths) > 1 else "text"
        receivers.append(PRINTERS[form]())
        if new and options.engine == "ray":
            ray = stack.enter_context(connected(options.address, usable_cores()))
            read = ReaderOnRay(ray, options.model, new, printed=options.printed, rotation=rotation).read
        n_failed = _read_each(read, new, receivers)
    return 1 if complaints or n_failed else 0


def _check_for_ray(options: argparse.Namespace, paths: Sequence[str]) -> None:
    """Refuse what cannot be read elsewhere before anything is read."""
    if STANDARD_INPUT in paths:
        raise SettingError("-: standard input is read in this process alone: expected --engine local with it")
    load_ray(options.address)


def _read_each(read: Read, paths: Sequence[str], receivers: Sequence[Receiver]) -> int:
    """Read the pictures, hand each reading to all `receivers`, and return how many could not be read."""
    n_failed = 0
    with PictureBar(len(paths)) as bar:
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
                    _tell(path, reading.remarks)
            except DataError as error:
                bar.clear()
                _report(error)
                n_failed += 1
            bar.step()
    return n_failed


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


def _tell(path: str, remarks: Sequence[str]) -> None:
    """Print what a person should know of a picture, one line each."""
    name = _StandardInput.name if path == STANDARD_INPUT else path
    for each in remarks:
        remark(_on_one_line(f"{name}: {each}"))


def _report(complaint: object) -> None:
    remark(_on_one_line(f"digitscope: error: {complaint}"))


def _on_one_line(text: str) -> str:
    return " ".join(text.split())


def _let_any_path_be_printed() -> None:
    """Write what the encoding of standard output lacks as an escape: a path may be of any bytes."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def _single_digit_networks() -> list[str]:
    return [name for name in SHIPPED if name not in {"two-digit", "page"}]


def _jsonl_argument(text: str) -> Path:
    path = path_argument(text)
    if path.suffix.lower() != ".jsonl":
        raise argparse.ArgumentTypeError(f"{text!r} is no name of a file of JSON lines: expected FILE.jsonl")
    return path
