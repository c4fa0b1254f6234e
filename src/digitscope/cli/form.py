"""`digitscope form`: from filled-in forms to a table of values."""

import argparse
import sys
from contextlib import ExitStack, closing
from functools import cache, partial

from digitscope import serve as service
from digitscope.cli.arguments import Argument, Command, File, Flag, Folder, call_of, file_argument, text_argument
from digitscope.cli.console import escape_what_is_no_text, remark, report
from digitscope.cli.pictures import ON_RAY, READERS, STANDARD_INPUT, check_readers, find_pictures, read_each
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


def new(options: argparse.Namespace) -> int:
    """Write a description with the fields that an empty form shows."""
    if options.to.exists() and not options.force:
        raise SettingError(f"{options.to}: is there already: expected another name, or --force to write over it")
    gray = next(iter(open_pictures(options.picture))).gray
    size = page_size(gray)
    fields = propose(gray, size)
    write_text(options.to, toml_of(options.picture, size, fields, options.to.parent))
    if fields:
        unit = "shares of the page" if size == (1.0, 1.0) else "millimetres, as the page is like A4"
        print(f"{options.to}: {len(fields)} fields in {unit}")
    else:
        print(f"{options.picture}: has no boxes, combs or writing lines: draw the fields")
    print(f"next: {call_of('form', 'edit', options.to)}")
    return 0


def edit(options: argparse.Namespace) -> int:
    """Serve the page on which people draw and name the fields of a form, until a signal ends it."""
    file = FormFile(options.form)
    remark(f"{options.form}: has {len(file.draft.fields)} fields")
    return serve(options, lambda limits, access: service.create_form_edit_app(file, limits, access))


def read(options: argparse.Namespace) -> int:
    """Read one picture after the other; its values are in the table before the next is read."""
    escape_what_is_no_text()
    paths, complaints = find_pictures(options.sources)
    if STANDARD_INPUT in paths:
        raise SettingError("-: form read reads files: expected pictures or folders")
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
        read_one = partial(_read_one, str(options.form), images)
        for path, filled in stack.enter_context(closing(read_each(read_one, to_read, options))):
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


def _read_one(form: str, images: bool, path: str) -> tuple[FilledForm, ...]:
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
        return serve(options, lambda limits, access: service.create_review_app(store, limits, access))


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
            told = f"{len(digits.train)} digits to train on, {len(digits.test)} to test on"
            if digits.left_out:
                told += (
                    f"; {digits.left_out} reviewed fields left out, in which another number of digits was found, "
                    "or of which an older version kept no images"
                )
            remark(f"{options.digits}: {told}")
            remark(f"next: {call_of('evaluate', 'digit', '--data', options.digits, '--unchecked')}")
    return 0


VALUES = File(f"values VALUES{ENDING}", help=f"a {ENDING} file that form read wrote")
DESCRIPTION = File("form FORM.toml", help="the description of the form")
STOPPED = "Prints its address; Ctrl-C ends it."

NEW = Command(
    new,
    (
        File("picture EMPTY", help="a picture of the empty form"),
        File("--to FORM.toml", required=True, help="where the description goes"),
        Flag("--force", help="write over a description that is there"),
    ),
    "form new empty.png --to form.toml",
)
EDIT = Command(
    edit,
    (DESCRIPTION, *LISTENING),
    "form edit form.toml --open",
    f"{STOPPED} The page saves the description into the file.",
)
READ = Command(
    read,
    (
        DESCRIPTION,
        Argument(
            "sources IMAGE_OR_FOLDER",
            nargs="+",
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
            "--out FILE",
            type=file_argument("table", *FORMATS),
            help="the table: .db (SQLite, for form review), .csv or .jsonl, which keep the files that they have; "
            "or .xlsx, or .parquet if pyarrow is installed, written as a whole (default: CSV on standard output)",
        ),
        Flag("--json", help="print one line of JSON for every form"),
    ),
)
REVIEW = Command(
    review,
    (VALUES, *LISTENING),
    f"form review values{ENDING} --open",
    f"{STOPPED} Corrections are kept beside what was read. Several people may review one file.",
)
EXPORT = Command(
    export_values,
    (
        VALUES,
        Argument(
            "--out FILE",
            type=file_argument("table", *EXPORTED),
            help=f"the table: {', '.join(EXPORTED)}; one that is there is replaced. Its last column names the "
            "corrected values",
        ),
        Folder(
            "--digits",
            help="folder for the digits of reviewed fields, labelled by their values: four IDX files that train "
            "and evaluate take with --data DIR --unchecked",
        ),
    ),
    f"form export values{ENDING} --out values.csv",
)

COMMAND = Command(
    actions={
        "new": ("propose the fields of a form from the boxes, combs and writing lines on its empty page", NEW),
        "edit": ("a page on which people draw the fields of a form, name them and say what each may hold", EDIT),
        "read": ("read filled-in forms into a table: one row per form, one column per field", READ),
        "review": (
            "a page on which people look at doubtful values, one after the other, and correct them",
            REVIEW,
        ),
        "export": ("write reviewed values as another table, or their digits as labelled images", EXPORT),
    },
    example="form new empty.png --to form.toml",
)
