"""The output of an evaluation of separated digits: two figures and a report."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from digitscope.cli.evaluation_report import REPORT, origin_section
from digitscope.data import Split
from digitscope.metrics import Floats, MaskEvaluation, intersection_over_union
from digitscope.plots import FigureBlock, Section, Stat, Stats, Table, save_figure, separation_sheet, write_report

SEPARATION_FIGURES = ("separation.png", "worst.png")
SEPARATION_FILES = (*SEPARATION_FIGURES, REPORT)


def separation_rows(scores: MaskEvaluation) -> list[tuple[str, str]]:
    """Return the scores in words, as pairs of a name and a value."""
    upper, lower = scores.per_position
    return [
        ("images", f"{scores.n:,}"),
        ("mean IoU", f"{scores.mean_iou:.2%}"),
        ("upper digit", f"{upper:.2%}"),
        ("lower digit", f"{lower:.2%}"),
        ("negative log-likelihood of a pixel", f"{scores.nll:.4f}"),
    ]


def write_separation(
    folder: Path, title: str, split: Split, logits: Floats, scores: MaskEvaluation, origin: Mapping[str, str]
) -> None:
    """Write SEPARATION_FILES into `folder`, as `write_evaluation` does its files."""
    overlaps = intersection_over_union(logits > 0, split.labels > 0).mean(axis=1)
    worst = np.argsort(overlaps, kind="stable")[:10]
    first = separation_sheet(split, logits, title="The first pairs")
    last = separation_sheet(split[worst], logits[worst], title="The worst pairs")
    for name, figure in zip(SEPARATION_FIGURES, (first, last), strict=True):
        save_figure(figure, folder / name)
    told = "Below each pair its intersections over union: of the upper digit, of the lower one."
    note = "pixels in common of those that either has, mean over images and both digits"
    stat = Stat("mean intersection over union", f"{scores.mean_iou:.2%}", note)
    sections = [
        Section("Result", (Stats((stat,)), Table(("score", "value"), tuple(separation_rows(scores))))),
        Section("Which pixels are whose", (FigureBlock(first, told),)),
        Section("Where it is least right", (FigureBlock(last, told),)),
        origin_section(origin),
    ]
    write_report(folder / REPORT, title, sections)
