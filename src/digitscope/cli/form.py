"""`digitscope form`: from filled-in forms to a table of values."""

import argparse
import io
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

from digitscope.cli.arguments import (
    Argument,
    Command,
    Flag,
    Folder,
    call_of,
    path_argument,
    text_argument,
)
from digitscope.cli.console import remark, report
from digitscope.cli.many_pictures import ON_RAY, READERS, are_elsewhere, check_readers, read_elsewhere
from digitscope.cli.read import find_pictures
from digitscope.cli.read_output import STANDARD_INPUT
from digitscope.cli.serve import LISTENING, serve
from digitscope.errors import DataError, SettingError
from digitscope.files import write_text
from digitscope.forms import FilledForm, FormReader, load_form
from digitscope.forms.description import toml_of
from digitscope.forms.editing import FormFile
from digitscope.forms.labelled import labelled_digits, write_digits
from digitscope.forms.proposing import page_size, propose
from digitscope.forms.store import ENDING, Store
from digitscope.forms.tables import EXPORTED, FORMATS, columns_of, export, files_in, rows_into, table
from digitscope.reading import Reader, open_pictures

if TYPE_CHECKING:
    from fastapi import FastAPI

    from digitscope.serve import Access, Limits


Filled = tuple[FilledForm, ...]
"""The forms of one picture."""


def new(options: argparse.Namespace) -> int:
    """Write a description with the fields that an empty form shows."""
    if options.to.exists() and not options.force:
        raise SettingError(f"{options.to}: is there already: expected another name, or --force to write over it")
    gray = next(iter(open_pictures(options.picture))).gray
    size = page_size(gray)
    fields = propose(gray, size)
    write_text(options.to, toml_of(options.picture, size, fields, options.to.parent))
    unit = "shares of the page" if size == (1.0, 1.0) else "millimetres, as the page is like A4"
    found = (
        f"{len(fields)} fields in {unit}" if fields else "has no boxes, combs or writing lines: draw the fields"
    )
    print(f"{options.to if fields else options.picture}: {found}")
    print(f"next: {call_of('form', 'edit', options.to)}")
    return 0


def edit(options: argparse.Namespace) -> int:
    """Serve the page on which people draw and name the fields of a form, until a signal ends it."""
    file = FormFile(options.form)
    remark(f"{options.form}: has {len(file.draft.fields)} fields")

    def make_app(limits: "Limits", access: "Access") -> "FastAPI":
        from digitscope.serve import create_form_edit_app

        return create_form_edit_app(file, limits, access)

    return serve(options, make_app)


def read(options: argparse.Namespace) -> int:
    """Read one picture after the other; its values are in the table before the next is read."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a path may be of any bytes
    paths, complaints = find_pictures(options.sources)
    if STANDARD_INPUT in paths:
        raise SettingError("-: form read reads files: expected pictures or folders")
    if not paths:
        raise SettingError("; ".join(complaints))
    check_readers(options, paths)
    form = _reader(str(options.form)).form  # what is wrong with it is told once, before anything is read
    had = files_in(options.out, form) if options.out else set()
    to_read = [path for path in paths if path not in had]
    if len(to_read) < len(paths):
        remark(f"{options.out}: has {len(paths) - len(to_read)} of {len(paths)} pictures already")
    for complaint in complaints:
        report(complaint)
    n_failed = n_forms = n_doubtful = 0
    with ExitStack() as stack:
        if options.out:
            add = stack.enter_context(table(options.out, form, resume=True))
        else:
            add = rows_into(sys.stdout, columns_of(form), ".jsonl" if options.json else ".csv")
        images = bool(options.out) and options.out.suffix.lower() == ENDING
        how = str(options.form), images
        readings = _read_here(to_read, *how)
        if to_read and are_elsewhere(options):
            readings = read_elsewhere(partial(_read_one, *how), to_read, options, stack)
        for path, filled in readings:
            if isinstance(filled, DataError):
                report(filled)
                n_failed += 1
                continue
            add(path, filled)
            for page in filled:
                if page.refused:
                    report(f"{path}: {page.refused}")
            n_failed += any(page.refused for page in filled)
            n_forms += sum(page.refused is None for page in filled)
            n_doubtful += sum(len(page.doubtful) for page in filled)
    failed = f"; {n_failed} pictures were not read, or not all pages of them" if n_failed else ""
    remark(f"{n_forms} forms read, {n_doubtful} of {n_forms * len(form.fields)} values to look at{failed}")
    return 1 if complaints or n_failed else 0


def _read_here(paths: Sequence[str], form: str, images: bool) -> Iterator[tuple[str, Filled | DataError]]:
    """Yield the forms of each picture in order, or why there are none."""
    for path in paths:
        try:
            yield path, _read_one(form, images, path)
        except DataError as error:
            yield path, error


def _read_one(form: str, images: bool, path: str) -> Filled:
    return _reader(form).read(path, images=images)


@cache
def _reader(form: str) -> FormReader:
    return FormReader(load_form(form), Reader.load(threads=1))


def review(options: argparse.Namespace) -> int:
    """Serve the page on which people look at doubtful fields, until a signal ends it."""
    with Store(options.values) as store:
        done, total = store.progress()
        remark(
            f"{options.values}: {total - done} of {total} doubtful values and refused pages are to be looked at"
        )

        def make_app(limits: "Limits", access: "Access") -> "FastAPI":
            from digitscope.serve import create_review_app

            return create_review_app(store, limits, access)

        return serve(options, make_app)


WHY_LEFT_OUT = "in which another number of digits was found, or of which an older version kept no images"


def export_values(options: argparse.Namespace) -> int:
    """Write a file of values as another table, and the digits of reviewed fields with their labels."""
    if not options.out and not options.digits:
        raise SettingError(
            f"nothing to write: expected --out FILE for the values of {options.values}, or --digits DIR"
        )
    with Store(options.values) as store:
        if options.out:
            export(store, options.out)
            done, total = store.progress()
            remark(
                f"{options.out}: {total - done} of {total} doubtful values and refused pages were not looked at"
            )
        if options.digits:
            digits = labelled_digits(store)
            write_digits(digits, options.digits)
            parts = f"{len(digits.train)} digits to train on, {len(digits.test)} to test on"
            left_out = f"; {digits.left_out} reviewed fields left out, {WHY_LEFT_OUT}" if digits.left_out else ""
            remark(f"{options.digits}: {parts}{left_out}")
            remark(f"next: {call_of('evaluate', 'digit', '--data', options.digits, '--unchecked')}")
    return 0


def _table_argument(formats: Sequence[str], text: str) -> Path:
    path = path_argument(text)
    if path.suffix.lower() not in formats:
        raise argparse.ArgumentTypeError(
            f"{text!r} names no table: expected a name that ends in {', '.join(formats)}"
        )
    return path


VALUES = Argument(
    "values", metavar=f"VALUES{ENDING}", type=path_argument, help=f"a {ENDING} file that form read wrote"
)

DESCRIPTION = Argument("form", metavar="FORM.toml", type=path_argument, help="the description of the form")


COMMAND = Command(
    actions={
        "new": (
            "propose the fields of a form from the boxes, combs and writing lines on its empty page",
            Command(
                new,
                (
                    Argument("picture", metavar="EMPTY", type=path_argument, help="a picture of the empty form"),
                    Argument(
                        "--to",
                        metavar="FORM.toml",
                        type=path_argument,
                        required=True,
                        help="where the description goes",
                    ),
                    Flag("--force", help="write over a description that is there"),
                ),
                "form new empty.png --to form.toml",
            ),
        ),
        "edit": (
            "a page on which people draw the fields of a form, name them and say what each may hold",
            Command(
                edit,
                (DESCRIPTION, *LISTENING),
                "form edit form.toml --open",
                "Prints its address; Ctrl-C ends it. The page saves the description into the file.",
            ),
        ),
        "read": (
            "read filled-in forms into a table: one row per form, one column per field",
            Command(
                read,
                (
                    DESCRIPTION,
                    Argument(
                        "sources",
                        nargs="+",
                        metavar="IMAGE_OR_FOLDER",
                        type=text_argument,
                        help="pictures of filled-in forms, folders or patterns such as 'scans/*.png'",
                    ),
                    *READERS,
                ),
                "form read form.toml scans --out values.csv",
                "The column `check` names the values that somebody should look at, and says why.\n"
                + ON_RAY.format(files="form and the pictures"),
                exclusive=(
                    Argument(
                        "--out",
                        type=partial(_table_argument, FORMATS),
                        metavar="FILE",
                        help="the table: .db (SQLite, for form review), .csv or .jsonl, which keep the files that "
                        "they have; or .xlsx, or .parquet if pyarrow is installed, written as a whole (default: "
                        "CSV on standard output)",
                    ),
                    Flag("--json", help="print one line of JSON for every form"),
                ),
            ),
        ),
        "review": (
            "a page on which people look at doubtful values, one after the other, and correct them",
            Command(
                review,
                (VALUES, *LISTENING),
                f"form review values{ENDING} --open",
                "Prints its address; Ctrl-C ends it. Corrections are kept beside what was read. Several people "
                "may review one file.",
            ),
        ),
        "export": (
            "write reviewed values as another table, or their digits as labelled images",
            Command(
                export_values,
                (
                    VALUES,
                    Argument(
                        "--out",
                        type=partial(_table_argument, EXPORTED),
                        metavar="FILE",
                        help=f"the table: {', '.join(EXPORTED)}; one that is there is replaced. Its last column "
                        "names the corrected values",
                    ),
                    Folder(
                        "--digits",
                        help="folder for the digits of reviewed fields, labelled by their values: four IDX files "
                        "that train and evaluate take with --data DIR --unchecked",
                    ),
                ),
                f"form export values{ENDING} --out values.csv",
            ),
        ),
    },
    example="form new empty.png --to form.toml",
)
