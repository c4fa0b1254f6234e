"""`digitscope bench`: how fast, beside peers that are measured in the same run."""

import argparse
import json
import textwrap
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import torch

from digitscope.cli.arguments import DATA, JSON, Argument, Command, Flag, Number, count_argument
from digitscope.cli.console import print_table, step_bar
from digitscope.cli.datasets import single_digits
from digitscope.errors import SettingError
from digitscope.experiments.bench import BENCHMARKS, QUICK_ROUNDS, Comparison, Conditions, MedianRange, select
from digitscope.experiments.machine import describe_machine

WIDTH = 110


def run(options: argparse.Namespace) -> int:
    """Measure, and print each table when it is there, or everything as JSON at the end."""
    names = select(options.names)
    if options.peers and len(names) > 1:
        raise SettingError(f"--peers is of one benchmark, not of {', '.join(names)}: name one")
    measures = {name: BENCHMARKS[name].load() for name in names}  # what is not installed is missed before the work
    told: list[dict[str, Any]] = []
    for name, measure in measures.items():
        with step_bar() as bar:
            conditions = Conditions(
                data=lambda: single_digits(options.data, options.unchecked),
                rounds=options.rounds or (QUICK_ROUNDS if options.quick else BENCHMARKS[name].rounds),
                threads=options.threads or BENCHMARKS[name].threads or torch.get_num_threads(),
                quick=options.quick,
                peers=options.peers,
                on_start=bar.start,
                on_turn=bar.step,
                on_news=bar.say,
            )
            comparisons = measure(conditions)
        told += [_as_json(comparison) for comparison in comparisons]
        if not options.json:
            _print(comparisons)
    if options.json:
        print(json.dumps({"machine": describe_machine(), "tables": told}))
    else:
        print(_wrapped(", ".join(f"{key} {value}" for key, value in describe_machine().items())))
    return 0


def _print(comparisons: Sequence[Comparison]) -> None:
    """Print each table, then the reasons of all caveats, each with the sides that it holds for."""
    reasons: dict[str, dict[str, None]] = {}
    for comparison in comparisons:
        header = [""]
        rows = [[row.side] for row in comparison.rows]
        for column in comparison.columns:
            header += [column.heading, "ratio to first"] if column.compared else [column.heading]
            for cells, row in zip(rows, comparison.rows, strict=True):
                cells.append(_spread(row.values.get(column.key, ()), column.form))
                if column.compared:
                    cells.append(_spread(comparison.ratios(row, column), "{:.2f}"))
        for cells, row in zip(rows, comparison.rows, strict=True):
            if row.caveat:
                cells[1] = row.caveat
                reasons.setdefault(f"{row.caveat}: {row.reason}", {})[row.side] = None
        print_table(comparison.title, header, rows)
        print()
    for reason, sides in reasons.items():
        print(_wrapped(f"{'; '.join(sides)}: {reason}"))
    print(_wrapped(comparisons[-1].remark) + "\n")


def _spread(values: Sequence[float], form: str) -> str:
    if not values:
        return ""
    spread = MedianRange.of(values)
    median, lowest, highest = (form.format(value) for value in (spread.median, spread.lowest, spread.highest))
    return median if lowest == highest else f"{median} ({lowest} to {highest})"


def _as_json(comparison: Comparison) -> dict[str, Any]:
    rows = []
    for row in comparison.rows:
        values: dict[str, Any] = {}
        for column in comparison.columns:
            of_rounds, ratios = row.values.get(column.key, ()), comparison.ratios(row, column)
            values[column.key] = _in_full(of_rounds) if of_rounds else None
            if of_rounds and column.compared and ratios:
                values[column.key]["ratio"] = _in_full(ratios)
        caveat = f"{row.caveat}: {row.reason}" if row.caveat else None
        rows.append({"side": row.side, "caveat": caveat, "values": values, "raw": row.raw})
    told = {"benchmark": comparison.name, "title": comparison.title, "remark": comparison.remark}
    return {**told, "settings": comparison.settings, "rows": rows}


def _in_full(values: Sequence[float]) -> dict[str, Any]:
    return {"rounds": values, **asdict(MedianRange.of(values))}


def _wrapped(text: str) -> str:
    return textwrap.fill(text, WIDTH, break_on_hyphens=False)


def _defaults(setting: str) -> str:
    values = {name: getattr(benchmark, setting) for name, benchmark in BENCHMARKS.items()}
    return ", ".join(f"{name} {value or 'as many as cores'}" for name, value in values.items())


COMMAND = Command(
    run,
    (
        Argument("names NAME", nargs="*", help=f"{', '.join(BENCHMARKS)}; all of them if none is named"),
        Number("--rounds", type=count_argument, help=f"turns of each side (default: {_defaults('rounds')})"),
        Number("--threads", type=count_argument, help=f"of each side (default: {_defaults('threads')})"),
        Argument("--peers TEXT", default="", help="compare only with sides whose name holds TEXT (default: all)"),
        Flag(
            "--quick",
            help=f"see that it works: {QUICK_ROUNDS} rounds, less in each; time-to-99 then trains one epoch on a "
            "subset, which is no time to 99 %%",
        ),
        *DATA,
        JSON,
    ),
    "bench time-to-99 --peers preloaded --rounds 1",
    "\n\n".join(_wrapped(f"{name}: {benchmark.about}") for name, benchmark in BENCHMARKS.items()),
    needs=("rich",),
)
