"""`digitscope demo`: the main job on whatever data there is."""

import argparse
import json
import shlex
from collections.abc import Sequence
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

from digitscope.cli.arguments import add_data, add_json, add_seed, path_argument
from digitscope.cli.console import print_table, remark, step_bar
from digitscope.cli.datasets import single_digits
from digitscope.data import COURSE_SEED, Dataset
from digitscope.experiments.demo import Part, run_demo
from digitscope.experiments.machine import describe_machine
from digitscope.files import make_folder, write_text
from digitscope.plots import (
    Code,
    FigureBlock,
    Paragraph,
    Section,
    Stat,
    Stats,
    Table,
    confusion_heat_map,
    contact_sheet,
    learning_curves,
    misread_sheet,
    save_figure,
    weight_pictures,
    write_report,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

HEADER = ("network", "parameters", "epochs", "seconds", "test images", "accuracy", "both right")
SHORT_HEADER = ("network", "epochs", "seconds", "accuracy", "both right")


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.epilog = "example: digitscope demo --out demo"
    add_data(parser)
    parser.add_argument("--out", type=path_argument, default=Path("demo"), metavar="DIR", help="default: demo")
    add_seed(parser, "all weights, orders and pairs", default=COURSE_SEED)
    add_json(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Train the demo's networks, print their scores, write curves and the report."""
    import_module("matplotlib")  # it draws at the end: better missed before the training
    started = perf_counter()
    mnist = single_digits(options.data, options.unchecked)
    make_folder(options.out)  # what cannot be written had better fail before the training
    remark(f"data: {mnist.name}, from {mnist.source}")
    with step_bar() as bar:
        parts = tuple(run_demo(mnist, seed=options.seed, on_part=bar.start, on_step=bar.step))
    curves = learning_curves({part.name: part.history for part in parts})
    save_figure(curves, options.out / "curves.png")
    write_text(options.out / "results.json", json.dumps(_as_json(mnist, parts), indent=2) + "\n")
    report = options.out / "report.html"
    write_report(
        report, "Three networks that read digits", _sections(mnist, parts, curves, _command(options)), _lead(mnist)
    )
    if options.json:
        print(json.dumps(_as_json(mnist, parts)))
    else:
        print_table(
            f"Digits read right on test images of {mnist.name}", SHORT_HEADER, [_short_row(part) for part in parts]
        )
        print(f"{options.out}: report.html, curves.png and results.json, in {perf_counter() - started:.0f} s")
    return 0


def _command(options: argparse.Namespace) -> str:
    words = ["digitscope", "demo", "--out", str(options.out), "--seed", str(options.seed)]
    words += ["--data", str(options.data)] if options.data else []
    words += ["--unchecked"] if options.unchecked else []
    return shlex.join(words)


def _short_row(part: Part) -> tuple[str, ...]:
    name, _, epochs, seconds, _, accuracy, both = _row(part)
    return name, epochs, seconds, accuracy, both


def _row(part: Part) -> tuple[str, ...]:
    scores = part.scores
    both = "" if scores.both_right is None else f"{scores.both_right:.2%}"
    return (
        part.name,
        f"{part.n_parameters:,}",
        str(len(part.history)),
        f"{part.seconds:.1f}",
        f"{scores.n:,}",
        f"{scores.accuracy:.2%}",
        both,
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


def _lead(mnist: Dataset) -> str:
    return (
        f"Two learn single digits from {len(mnist.train):,} images of {mnist.name}, the third from pairs of them. "
        "Each is scored once, on images that no network had seen."
    )


def _sections(mnist: Dataset, parts: Sequence[Part], curves: "Figure", command: str) -> list[Section]:
    numpy_part, convolutional, pairs = parts
    return [
        _summary(parts),
        Section(
            "How they learned",
            (
                FigureBlock(
                    curves,
                    "Loss and accuracy after every pass over the training images.",
                ),
            ),
        ),
        _numpy_section(numpy_part),
        _convolutional_section(convolutional),
        _pairs_section(pairs),
        _origin(mnist, command),
    ]


def _summary(parts: Sequence[Part]) -> Section:
    stats = Stats(
        tuple(
            Stat(
                part.name,
                f"{part.scores.accuracy:.2%}",
                f"of {part.test.labels.size:,} test digits, {part.seconds:.0f} s",
            )
            for part in parts
        )
    )
    return Section("What they read", (stats, Table(HEADER, tuple(_row(part) for part in parts))))


def _numpy_section(part: Part) -> Section:
    blocks = [
        Paragraph(
            "One hidden layer, written in NumPy: digitscope.scratch is short enough to read in one sitting. "
            "Each picture shows where ink raises or lowers one hidden unit."
        )
    ]
    if part.first_weights is None:
        return Section("The network you can read", tuple(blocks))
    figure = FigureBlock(weight_pictures(part.first_weights, 30), "First-layer weights of 30 hidden units.")
    return Section("The network you can read", (*blocks, figure))


def _convolutional_section(part: Part) -> Section:
    return Section(
        "What the convolutional network misreads",
        (
            FigureBlock(
                misread_sheet(part.test, part.logits, 12),
                "The errors it was surest of, each with the truth and the reading.",
            ),
            FigureBlock(
                confusion_heat_map(part.scores.confusion), "True digit against digit read, all test images."
            ),
        ),
    )


def _pairs_section(part: Part) -> Section:
    return Section(
        "Two digits over each other",
        (
            Paragraph(
                "The upper digit fills rows 0 to 27, the lower rows 14 to 41; where they overlap, "
                "the brighter pixel shows. New pairs are made for every training step."
            ),
            FigureBlock(contact_sheet(part.test, 20, title="Test pairs"), "Test pairs, labelled upper/lower."),
            FigureBlock(misread_sheet(part.test, part.logits, 12), "The errors it was surest of."),
        ),
    )


def _origin(mnist: Dataset, command: str) -> Section:
    facts = (("data", f"{mnist.name}, from {mnist.source}"), *describe_machine().items())
    return Section("Where the numbers come from", (Code(command), Table(("", ""), facts)))
