"""`digitscope check`: the exercises of the course's project in a file or notebook, each with a sentence."""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path

from digitscope.cli.arguments import JSON, Argument, Command, File, Flag, count_argument
from digitscope.course.exercises.files import NAMES, check_in, names_in
from digitscope.course.exercises.judging import Verdict
from digitscope.errors import ClusterError, DataError
from digitscope.workers import Workers

HINT = "look for a loop that never ends, or raise --timeout"


def run(options: argparse.Namespace) -> int:
    """Print a line for each exercise that the file has, and return 0 if all are right."""
    file, seconds = options.file, options.timeout
    if not file.is_file():
        raise DataError(f"{file}: no such file: expected a file of Python or a notebook with exercises")
    with Workers(1) as workers:
        try:
            found = workers.submit(names_in, file.resolve(), timeout=seconds).result()
        except TimeoutError:
            raise DataError(f"{file}: running the file takes more than {seconds} s: {HINT}") from None
        except ClusterError as error:
            raise DataError(f"{file}: {error}, as the file was run") from None
        missing = {exercise: names for exercise, names in NAMES.items() if exercise not in found}
        if not found:
            accepted = ", ".join(name for names in NAMES.values() for name in names)
            raise DataError(f"{file}: no exercise found: expected one or more of {accepted}")
        verdicts = []
        for verdict in _verdicts(workers, file, found, seconds):
            verdicts.append(verdict)
            if not options.json:
                print(f"{found[verdict.exercise]}: {verdict.message}", flush=True)
    if options.json:
        lines = [
            {"exercise": each.exercise, "name": found[each.exercise], "ok": each.ok, "message": each.message}
            for each in verdicts
        ]
        print(json.dumps({"file": str(file), "exercises": lines, "missing": list(missing)}))
    elif options.missing:
        for exercise, names in missing.items():
            print(f"{exercise}: not found as {' or '.join(names)}")
    return 0 if all(each.ok for each in verdicts) else 1


def _verdicts(workers: Workers, file: Path, found: dict[str, str], seconds: int) -> Iterator[Verdict]:
    """Yield the verdict on each exercise, also on one that does not end or that ends its process."""
    for exercise, name in found.items():
        try:
            yield workers.submit(check_in, file.resolve(), exercise, name, timeout=seconds).result()
        except TimeoutError:
            yield Verdict(False, exercise, f"It takes more than {seconds} s: {HINT}.")
        except ClusterError as error:
            yield Verdict(False, exercise, f"It ends Python itself ({error}).")


COMMAND = Command(
    run,
    (
        File("file FILE", help="Python code with exercises, or a notebook (.ipynb); it is run"),
        Flag("--missing", help="name the exercises that the file lacks too"),
        Argument(
            "--timeout SECONDS",
            type=count_argument,
            default=60,
            help="for running the file, and for each exercise (default: %(default)s)",
        ),
        JSON,
    ),
    "check exercises.py",
    about="An exercise has its name of digitscope.course.check or of the course: --missing lists both.\n"
    "Cells of a notebook are run in their order, without magics and shell commands.\n"
    "The exit code is 0 if all that are found are right, 1 if one is wrong.",
)
