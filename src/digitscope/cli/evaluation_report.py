"""The output of an evaluation: three figures and a report."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from digitscope.data import Split
from digitscope.experiments.machine import describe_machine
from digitscope.metrics import Evaluation, Floats, log_softmax
from digitscope.plots import (
    Code,
    FigureBlock,
    Section,
    Stat,
    Stats,
    Table,
    confusion_heat_map,
    misread_sheet,
    reliability_diagram,
    save_figure,
    write_report,
)

FIGURES = ("confusion.png", "reliability.png", "errors.png")
REPORT = "report.html"
FILES = (*FIGURES, REPORT)

MOST_ERRORS = 48
"""Images on the sheet of errors: what a person looks through in a minute or two."""


def score_rows(scores: Evaluation) -> list[tuple[str, str]]:
    """Return the scores in words, as pairs of a name and a value."""
    rows = [("images", f"{scores.n:,}"), ("accuracy", f"{scores.accuracy:.2%}")]
    if scores.both_right is not None:
        upper, lower = scores.per_position
        rows += [("upper digit", f"{upper:.2%}"), ("lower digit", f"{lower:.2%}")]
        rows += [("both right", f"{scores.both_right:.2%}")]
    return [
        *rows,
        ("negative log-likelihood", f"{scores.nll:.4f}"),
        ("calibration error", f"{scores.ece:.4f}"),
    ]


def write_evaluation(
    folder: Path, title: str, split: Split, logits: Floats, scores: Evaluation, origin: Mapping[str, str]
) -> None:
    """Write FILES into `folder`, for `logits` of every image of `split`.

    `origin` has the "command" that makes the same figures again, and the "data" in words.
    """
    confusion = confusion_heat_map(scores.confusion)
    reliability = reliability_diagram(np.exp(log_softmax(logits)), split.labels)
    errors = misread_sheet(split, logits, MOST_ERRORS)
    for name, figure in zip(FIGURES, (confusion, reliability, errors), strict=True):
        save_figure(figure, folder / name)
    trust = (
        "Accuracy at each confidence, on scales that spread what lies near 100 %. The bars of a calibrated "
        "network end on the dashed line; one that ends at the very top is a bin without an error."
    )
    sections = [
        Section("Result", (_stats(scores), Table(("score", "value"), tuple(score_rows(scores))))),
        Section(
            "Which digits are taken for which",
            (FigureBlock(confusion, "True digit against digit read; the shades are those of the errors."),),
        ),
        Section("How far its confidence can be trusted", (FigureBlock(reliability, trust),)),
        Section(
            "What it misreads",
            (FigureBlock(errors, "The errors it was surest of, each with the truth and the reading."),),
        ),
        origin_section(origin),
    ]
    write_report(folder / REPORT, title, sections)


def _stats(scores: Evaluation) -> Stats:
    digits = sum(map(sum, scores.confusion))
    stats = [Stat("accuracy", f"{scores.accuracy:.2%}", f"of {digits:,} digits")]
    if scores.both_right is not None:
        stats.append(Stat("both right", f"{scores.both_right:.2%}", f"of {scores.n:,} images"))
    return Stats(
        (
            *stats,
            Stat("negative log-likelihood", f"{scores.nll:.4f}", "nats a digit; guessing has 2.3026"),
            Stat("calibration error", f"{scores.ece:.4f}", "mean gap of confidence and accuracy, 15 bins"),
        )
    )


def origin_section(origin: Mapping[str, str]) -> Section:
    """Return the section on the data and the command that `origin` names, and on this machine."""
    facts = (("data", origin["data"]), *describe_machine().items())
    return Section("Where the numbers come from", (Code(origin["command"]), Table(("", ""), facts)))
