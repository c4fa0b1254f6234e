"""`digitscope reproduce`: every figure of the course's project beside the one obtained here."""

import argparse
import json
from dataclasses import asdict
from typing import Any

from digitscope.cli.arguments import DATA, DEVICE, JSON, Argument, Command
from digitscope.cli.console import print_table, remark, step_bar
from digitscope.cli.datasets import single_digits, two_digits
from digitscope.data import Dataset, find_data_directory, has_two_digit
from digitscope.data.known_files import MNIST
from digitscope.errors import DataError
from digitscope.experiments.machine import describe_machine
from digitscope.experiments.reproduce import EXPERIMENTS, Bench, ComparedFigure, reproduce, select

HEADER = ("figure", "handout", "here", "difference", "accepted", "")


def run(options: argparse.Namespace) -> int:
    """Run the experiments, print their rows, and return 1 if one is out of tolerance."""

    def full_mnist() -> Dataset:
        dataset = single_digits(options.data, options.unchecked)
        if dataset.name != MNIST:
            raise DataError(
                f"the handout's figures are for full MNIST, and here is only {dataset.name}, from "
                f"{dataset.source}: pass --data DIR, or run digitscope data fetch"
            )
        return dataset

    def pairs() -> Dataset:
        folder = find_data_directory(options.data)
        if folder is None or not has_two_digit(folder):
            full_mnist()  # the pairs are made of it
        return two_digits(options.data, options.unchecked)

    rows: list[ComparedFigure] = []
    for name in select(options.only):
        with step_bar() as bar:
            bench = Bench(full_mnist, pairs, options.device, on_run=bar.start, on_batch=bar.step)
            of_this = list(reproduce((name,), bench))
        rows += of_this
        if not options.json:
            print_table(f"{name}: the course's figures", HEADER, [_as_words(row) for row in of_this])
    failed = sum(not row.passed for row in rows)
    if options.json:
        told = {"passed": failed == 0, "machine": describe_machine(), "rows": [_as_json(row) for row in rows]}
        print(json.dumps(told, indent=2))
    compared = sum(row.reference is not None for row in rows)
    shown = f", {len(rows) - compared} shown without one of the handout's" if compared < len(rows) else ""
    remark(f"{compared - failed} of {compared} figures within tolerance{shown}")
    return 1 if failed else 0


def _as_json(row: ComparedFigure) -> dict[str, Any]:
    compared = row.reference is not None
    judged = {"difference": row.difference, "tolerance": row.tolerance if compared else None}
    return {**asdict(row), **judged, "passed": row.passed if compared else None}


def _as_words(row: ComparedFigure) -> tuple[str, ...]:
    if row.reference is None or row.difference is None:
        return (row.what, "", _figure(row.ours), "", "", "")
    accepted = "at least" if row.tolerance is None else f"± {row.tolerance:g}"
    verdict = "ok" if row.passed else "FAILS"
    return (row.what, _figure(row.reference), _figure(row.ours), f"{row.difference:+.2g}", accepted, verdict)


def _figure(value: float) -> str:
    return f"{value:.0f}" if value == int(value) and value > 1 else f"{value:#.10g}"


COMMAND = Command(
    run,
    (
        Argument("--only NAME", nargs="+", action="extend", default=[], help="these experiments instead of all"),
        *DATA,
        DEVICE,
        JSON,
    ),
    "reproduce --only quick",
    f"experiments: {', '.join(EXPERIMENTS)}; quick = all but the last three",
    needs=("rich",),
)
