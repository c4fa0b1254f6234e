"""`digitscope demo`: the main job on whatever data there is."""

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict
from itertools import compress
from pathlib import Path
from time import perf_counter

from digitscope import plots
from digitscope.cli.arguments import DATA, JSON, Command, Folder, call_of, seed_of, words_of
from digitscope.cli.console import print_table, remark, step_bar
from digitscope.cli.datasets import single_digits
from digitscope.data import COURSE_SEED, Dataset
from digitscope.experiments.demo import Part, run_demo
from digitscope.experiments.machine import describe_machine
from digitscope.files import make_folder, write_text
from digitscope.plots import FigureBlock, Paragraph, Section, Stat, Table

HEADER = ("network", "parameters", "epochs", "seconds", "test images", "accuracy", "both right")
SHORT = tuple(name not in {"parameters", "test images"} for name in HEADER)
"""The columns that a terminal has room for."""


def run(options: argparse.Namespace) -> int:
    """Train the demo's networks, print their scores, write curves and the report."""
    started = perf_counter()
    mnist = single_digits(options.data, options.unchecked)
    make_folder(options.out)  # what cannot be written had better fail before the training
    remark(f"data: {mnist.name}, from {mnist.source}")
    with step_bar() as bar:
        parts = tuple(run_demo(mnist, seed=options.seed, on_part=bar.start, on_step=bar.step))
    told = _as_json(mnist, parts)
    write_text(options.out / "results.json", json.dumps(told, indent=2) + "\n")
    command = call_of("demo", *words_of(options, "out", "seed", "data", "unchecked"))
    write_demo(options.out, mnist, parts, command)
    if options.json:
        print(json.dumps(told))
        return 0
    header, *rows = (list(compress(row, SHORT)) for row in (HEADER, *map(_row, parts)))
    print_table(f"Digits read right on test images of {mnist.name}", header, rows)
    print(f"{options.out}: report.html, curves.png and results.json, in {perf_counter() - started:.0f} s")
    return 0


def _row(part: Part) -> tuple[str, ...]:
    scores = part.scores
    return (
        part.name,
        f"{part.n_parameters:,}",
        str(len(part.history)),
        f"{part.seconds:.1f}",
        f"{scores.n:,}",
        f"{scores.accuracy:.2%}",
        "" if scores.both_right is None else f"{scores.both_right:.2%}",
    )


def _as_json(mnist: Dataset, parts: Sequence[Part]) -> dict[str, object]:
    return {
        "data": {"name": mnist.name, "source": mnist.source},
        "machine": describe_machine(),
        "networks": [
            {
                "name": part.name,
                "parameters": part.n_parameters,
                "seconds": part.seconds,
                "test": asdict(part.scores),
                "history": [asdict(record) for record in part.history],
            }
            for part in parts
        ],
    }


def write_demo(folder: Path, mnist: Dataset, parts: Sequence[Part], command: str) -> None:
    """Write curves.png and report.html, which has what the three networks learned and what they misread."""
    numpy_part, convolutional, pairs = parts
    curves = plots.learning_curves({part.name: part.history for part in parts})
    plots.save_figure(curves, folder / "curves.png")
    notes = [f"of {part.test.labels.size:,} test digits, {part.seconds:.0f} s" for part in parts]
    stats = [Stat(part.name, f"{part.scores.accuracy:.2%}", note) for part, note in zip(parts, notes, strict=True)]
    readable = Paragraph(
        "One hidden layer, written in NumPy: digitscope.scratch is short enough to read in one sitting. "
        "Each picture shows where ink raises or lowers one hidden neuron."
    )
    weights = []
    if numpy_part.first_weights is not None:
        pictures = plots.weight_pictures(numpy_part.first_weights, 30)
        weights.append(FigureBlock(pictures, "First-layer weights of 30 hidden neurons."))
    errors = plots.misread_sheet(convolutional.test, convolutional.logits, 12)
    confusion = plots.confusion_heat_map(convolutional.scores.confusion)
    overlapping = Paragraph(
        "The upper digit fills rows 0 to 27, the lower rows 14 to 41; where they overlap, the brighter pixel "
        "shows. New pairs are made for every training step."
    )
    sheet = plots.contact_sheet(pairs.test, 20, title="Test pairs")
    facts = (("data", f"{mnist.name}, from {mnist.source}"), *describe_machine().items())
    sections = [
        Section("What they read", (plots.Stats(tuple(stats)), Table(HEADER, tuple(map(_row, parts))))),
        Section(
            "How they learned",
            (FigureBlock(curves, "Loss and accuracy after every pass over the training images."),),
        ),
        Section("The network you can read", (readable, *weights)),
        Section(
            "What the convolutional network misreads",
            (
                FigureBlock(errors, "The errors it was surest of, each with the truth and the reading."),
                FigureBlock(confusion, "True digit against digit read, all test images."),
            ),
        ),
        Section(
            "Two digits over each other",
            (
                overlapping,
                FigureBlock(sheet, "Test pairs, labelled upper/lower."),
                FigureBlock(plots.misread_sheet(pairs.test, pairs.logits, 12), "The errors it was surest of."),
            ),
        ),
        Section("Where the numbers come from", (plots.Code(command), Table(("", ""), facts))),
    ]
    lead = (
        f"Two learn single digits from {len(mnist.train):,} images of {mnist.name}, the third from pairs of them. "
        "Each is scored once, on images that no network had seen."
    )
    plots.write_report(folder / "report.html", "Three networks that read digits", sections, lead)


COMMAND = Command(
    run,
    (
        *DATA,
        Folder("--out", default=Path("demo"), help="default: demo"),
        seed_of("all weights, orders and pairs", COURSE_SEED),
        JSON,
    ),
    "demo --out demo",
    needs=("matplotlib", "rich", "jinja2"),
)
