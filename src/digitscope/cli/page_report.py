"""The figures and the report of an evaluation of the page network."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from digitscope.cli.evaluation_report import REPORT, origin_section
from digitscope.data import Split
from digitscope.data.page_scores import PageScores, f1_of_scenes
from digitscope.metrics import Floats
from digitscope.plots import FigureBlock, Section, Stat, Stats, Table, save_figure, scene_sheet, write_report

PAGE_FIGURES = ("pages.png", "worst.png")
PAGE_FILES = (*PAGE_FIGURES, REPORT)

MOST_SCENES = 12
"""Scenes on each of the two sheets."""


def page_rows(scores: PageScores) -> list[tuple[str, str]]:
    """Return the scores in words, as pairs of a name and a value."""
    return [
        ("handwritten digits", f"{scores.n:,}"),
        ("precision", f"{scores.precision:.2%}"),
        ("recall", f"{scores.recall:.2%}"),
        ("mean average precision", f"{scores.mean_average_precision:.2%}"),
        ("class accuracy", f"{scores.class_accuracy:.2%}"),
        ("F1", f"{scores.f1:.2%}"),
        ("F1, worst tenth of the scenes", f"{scores.worst_f1:.2%}"),
        ("F1, signs", f"{scores.signs:.2%}"),
        ("written or printed", f"{scores.printed:.2%}"),
    ]


def write_pages(
    folder: Path, title: str, split: Split, maps: Floats, scores: PageScores, origin: Mapping[str, str]
) -> None:
    """Write PAGE_FILES into `folder`, as `write_evaluation` does its files."""
    each = f1_of_scenes(maps, split.labels)
    worst = np.argsort(each, kind="stable")[: min(MOST_SCENES, int(np.isfinite(each).sum()) or 1)]
    sheets = []
    for name, rows in (("The first scenes", np.arange(min(MOST_SCENES, len(split)))), ("The worst scenes", worst)):
        captions = ["no digit" if np.isnan(f1) else f"F1 {f1:.2f}" for f1 in each[rows]]
        sheets.append(scene_sheet(split[rows], maps[rows], captions, title=name))
    for file, figure in zip(PAGE_FIGURES, sheets, strict=True):
        save_figure(figure, folder / file)
    note = "harmonic mean of precision and recall, in which a wrong class is both a miss and a false detection"
    stats = Stats(
        (
            Stat("F1", f"{scores.f1:.2%}", note),
            Stat("class accuracy", f"{scores.class_accuracy:.2%}", "of the detected digits"),
            Stat("F1 of the worst tenth", f"{scores.worst_f1:.2%}", "of the scenes with digits"),
        )
    )
    told = "A box counts from an intersection over union of 0.5. The digit read stands over each box."
    sections = [
        Section("Result", (stats, Table(("score", "value"), tuple(page_rows(scores))))),
        Section("The first scenes", (FigureBlock(sheets[0], told),)),
        Section("The worst scenes", (FigureBlock(sheets[1], told),)),
        origin_section(origin),
    ]
    write_report(folder / REPORT, title, sections)
