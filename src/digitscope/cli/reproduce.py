"""`digitscope reproduce`: every figure of the course's project beside the one obtained here."""

import argparse
import json
from typing import Any

from digitscope.cli.arguments import add_data, add_device, add_json
from digitscope.cli.console import print_table, remark, step_bar
from digitscope.cli.datasets import single_digits, two_digits
from digitscope.data import Dataset, find_data_directory, has_two_digit
from digitscope.data.known_files import MNIST
from digitscope.errors import DataError
from digitscope.experiments.machine import describe_machine
from digitscope.experiments.reproduce import EXPERIMENTS, Bench, Row, reproduce, select

HEADER = ("figure", "handout", "here", "difference", "accepted", "")


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.epilog = (
        f"experiments: {', '.join(EXPERIMENTS)}; quick = all but the last three\n\n"
        "example: digitscope reproduce --only quick"
    )
    only_help = "these experiments instead of all"
    parser.add_argument("--only", nargs="+", action="extend", default=[], metavar="NAME", help=only_help)
    add_data(parser)
    add_device(parser)
    add_json(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run the experiments, print their rows, and return 1 if one is out of tolerance."""
    rows: list[Row] = []
    for name in select(options.only):
        rows += _run_experiment(name, options)
        if not options.json:
            of_this = [row for row in rows if row.experiment == name]
            print_table(f"{name}: the course's figures", HEADER, [_as_words(row) for row in of_this])
    failed = sum(not row.passed for row in rows)
    if options.json:
        told = {"passed": failed == 0, "machine": describe_machine(), "rows": [_as_json(row) for row in rows]}
        print(json.dumps(told, indent=2))
    compared = sum(row.reference is not None for row in rows)
    shown = f", {len(rows) - compared} shown without one of the handout's" if compared < len(rows) else ""
    remark(f"{compared - failed} of {compared} figures within tolerance{shown}")
    return 1 if failed else 0


def _run_experiment(name: str, options: argparse.Namespace) -> list[Row]:
    with step_bar() as bar:
        bench = Bench(
            mnist=lambda: _full_mnist(options),
            two_digit=lambda: _two_digits(options),
            device=options.device,
            on_run=bar.start,
            on_batch=bar.step,
        )
        return list(reproduce((name,), bench))


def _full_mnist(options: argparse.Namespace) -> Dataset:
    dataset = single_digits(options.data, options.unchecked)
    if dataset.name != MNIST:
        raise DataError(
            f"the handout's figures are for full MNIST, and here is only {dataset.name}, from {dataset.source}: "
            "pass --data DIR, or run digitscope data fetch"
        )
    return dataset


def _two_digits(options: argparse.Namespace) -> Dataset:
    folder = find_data_directory(options.data)
    if folder is None or not has_two_digit(folder):
        _full_mnist(options)  # the pairs are made of it
    return two_digits(options.data, options.unchecked)


def _as_json(row: Row) -> dict[str, Any]:
    return {
        "experiment": row.experiment,
        "what": row.what,
        "reference": row.reference,
        "ours": row.ours,
        "difference": row.difference,
        "tolerance": None if row.reference is None else row.tolerance,
        "passed": None if row.reference is None else row.passed,
    }


def _as_words(row: Row) -> tuple[str, ...]:
    if row.reference is None or row.difference is None:
        return (row.what, "", _figure(row.ours), "", "", "")
    accepted = "at least" if row.tolerance is None else f"± {row.tolerance:g}"
    verdict = "ok" if row.passed else "FAILS"
    return (row.what, _figure(row.reference), _figure(row.ours), f"{row.difference:+.2g}", accepted, verdict)


def _figure(value: float) -> str:
    return f"{value:.0f}" if value == int(value) and value > 1 else f"{value:#.10g}"
