"""The output of an evaluation for each task: the scores in words, figures and a report."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from digitscope import metrics, plots
from digitscope.data import Split, Task
from digitscope.data.page_scores import PageScores, f1_of_scenes, score_scenes
from digitscope.data.splits import UInt8
from digitscope.experiments.items import ItemScores, score_items
from digitscope.experiments.machine import describe_machine
from digitscope.metrics import Evaluation, Floats, MaskEvaluation
from digitscope.plots import FigureBlock, Section, Stat, Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

REPORT = "report.html"

RELIABILITY_CAPTION = (
    "Accuracy at each confidence, on scales that spread what lies near 100 %. The bars of a calibrated network "
    "end on the dashed line; one that ends at the very top is a bin without an error."
)

MOST_ERRORS = 48
"""Images on the sheet of errors: what a person looks through in a minute or two."""

MOST_PAIRS, MOST_SCENES = 10, 12
"""The worst pairs on their sheet, and the scenes on each of two sheets."""

Rows = list[tuple[str, str]]
"""Scores in words: pairs of a name and a value."""


Drawn = list[tuple[str, "Figure", str]]
"""Figures, each with its heading and its caption in the report."""


@dataclass(frozen=True)
class Scoring:
    """How the networks for a task are scored, and what is told of it.

    Attributes:
        evaluate: returns the scores of logits against labels.
        rows: returns them in words.
        stats: returns those to be seen first.
        figures: the names of the files with the figures.
        draw: returns the figures of a split, its logits and its scores, one for each name.
    """

    evaluate: Callable[[Floats, UInt8], Any]
    rows: Callable[[Any], Rows]
    stats: Callable[[Any], list[Stat]]
    figures: tuple[str, ...]
    draw: Callable[[Split, Floats, Any], Drawn]

    @property
    def files(self) -> tuple[str, ...]:
        """The names of all files that `write` leaves."""
        return (*self.figures, REPORT)

    def write(
        self, folder: Path, title: str, split: Split, logits: Floats, scores: Any, command: str, source: str
    ) -> None:
        """Write `files` into `folder`, for `logits` of every image of `split`.

        `command` makes the same figures again, and `source` says what the data are.
        """
        result = plots.Stats(tuple(self.stats(scores))), Table(("score", "value"), tuple(self.rows(scores)))
        sections = [Section("Result", result)]
        for name, (heading, figure, caption) in zip(self.figures, self.draw(split, logits, scores), strict=True):
            plots.save_figure(figure, folder / name)
            sections.append(Section(heading, (FigureBlock(figure, caption),)))
        facts = Table(("", ""), (("data", source), *describe_machine().items()))
        sections.append(Section("Where the numbers come from", (plots.Code(command), facts)))
        plots.write_report(folder / REPORT, title, sections)


# One digit, or two


def score_rows(scores: Evaluation) -> Rows:
    """Return the scores of a network that reads digits, in words."""
    rows = [("images", f"{scores.n:,}"), ("accuracy", f"{scores.accuracy:.2%}")]
    if scores.both_right is not None:
        upper, lower = scores.per_position
        rows += [("upper digit", f"{upper:.2%}"), ("lower digit", f"{lower:.2%}")]
        rows += [("both right", f"{scores.both_right:.2%}")]
    return [*rows, ("negative log-likelihood", f"{scores.nll:.4f}"), ("calibration error", f"{scores.ece:.4f}")]


def _stats(scores: Evaluation) -> list[Stat]:
    digits = sum(map(sum, scores.confusion))
    stats = [Stat("accuracy", f"{scores.accuracy:.2%}", f"of {digits:,} digits")]
    if scores.both_right is not None:
        stats.append(Stat("both right", f"{scores.both_right:.2%}", f"of {scores.n:,} images"))
    return [
        *stats,
        Stat("negative log-likelihood", f"{scores.nll:.4f}", "nats a digit; guessing has 2.3026"),
        Stat("calibration error", f"{scores.ece:.4f}", "mean gap of confidence and accuracy, 15 bins"),
    ]


def _draw_readings(split: Split, logits: Floats, scores: Evaluation) -> Drawn:
    return [
        (
            "Which digits are taken for which",
            plots.confusion_heat_map(scores.confusion),
            "True digit against digit read; the shades are those of the errors.",
        ),
        (
            "How far its confidence can be trusted",
            plots.reliability_diagram(np.exp(metrics.log_softmax(logits)), split.labels),
            RELIABILITY_CAPTION,
        ),
        (
            "What it misreads",
            plots.misread_sheet(split, logits, MOST_ERRORS),
            "The errors it was surest of, each with the truth and the reading.",
        ),
    ]


# Which pixels are whose


def separation_rows(scores: MaskEvaluation) -> Rows:
    """Return the scores of a network that separates digits, in words."""
    upper, lower = scores.per_position
    return [
        ("images", f"{scores.n:,}"),
        ("mean IoU", f"{scores.mean_iou:.2%}"),
        ("upper digit", f"{upper:.2%}"),
        ("lower digit", f"{lower:.2%}"),
        ("negative log-likelihood of a pixel", f"{scores.nll:.4f}"),
    ]


def _separation_stats(scores: MaskEvaluation) -> list[Stat]:
    note = "pixels in common of those that either has, mean over images and both digits"
    return [Stat("mean intersection over union", f"{scores.mean_iou:.2%}", note)]


def _draw_separations(split: Split, logits: Floats, _: MaskEvaluation) -> Drawn:
    overlaps = metrics.intersection_over_union(logits > 0, split.labels > 0).mean(axis=1)
    worst = np.argsort(overlaps, kind="stable")[:MOST_PAIRS]
    told = "Below each pair its intersections over union: of the upper digit, of the lower one."
    first = plots.separation_sheet(split, logits, title="The first pairs")
    last = plots.separation_sheet(split[worst], logits[worst], title="The worst pairs")
    return [("Which pixels are whose", first, told), ("Where it is least right", last, told)]


# Pages


def page_rows(scores: PageScores) -> Rows:
    """Return the scores of the page network, in words."""
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


def _page_stats(scores: PageScores) -> list[Stat]:
    note = "harmonic mean of precision and recall, in which a wrong class is both a miss and a false detection"
    return [
        Stat("F1", f"{scores.f1:.2%}", note),
        Stat("class accuracy", f"{scores.class_accuracy:.2%}", "of the detected digits"),
        Stat("F1 of the worst tenth", f"{scores.worst_f1:.2%}", "of the scenes with digits"),
    ]


def _draw_pages(split: Split, maps: Floats, _: PageScores) -> Drawn:
    each = f1_of_scenes(maps, split.labels)
    worst = np.argsort(each, kind="stable")[: min(MOST_SCENES, int(np.isfinite(each).sum()) or 1)]
    told = "A box counts from an intersection over union of 0.5. The digit read stands over each box."
    drawn = []
    for name, rows in (("The first scenes", np.arange(min(MOST_SCENES, len(split)))), ("The worst scenes", worst)):
        captions = ["no digit" if np.isnan(f1) else f"F1 {f1:.2f}" for f1 in each[rows]]
        drawn.append((name, plots.scene_sheet(split[rows], maps[rows], captions, title=name), told))
    return drawn


# Items


def item_rows(scores: ItemScores) -> Rows:
    """Return the scores of the item network, in words."""
    return [
        ("detections", f"{scores.n:,}"),
        ("accuracy", f"{scores.accuracy:.2%}"),
        ("handwritten digits, precision", f"{scores.precision:.2%}"),
        ("handwritten digits, recall", f"{scores.recall:.2%}"),
        ("F1, signs", f"{scores.signs:.2%}"),
        ("negative log-likelihood", f"{scores.nll:.4f}"),
        ("calibration error", f"{scores.ece:.4f}"),
    ]


def _item_stats(scores: ItemScores) -> list[Stat]:
    return [
        Stat("accuracy", f"{scores.accuracy:.2%}", f"of {scores.n:,} detections"),
        Stat("precision", f"{scores.precision:.2%}", "of handwritten digits"),
        Stat("recall", f"{scores.recall:.2%}", "of handwritten digits"),
    ]


def _draw_items(split: Split, logits: Floats, _: ItemScores) -> Drawn:
    told = "The errors it was surest of: the item from near, and what is around it."
    return [("What it misreads", plots.misread_sheet(split, logits, MOST_ERRORS), told)]


READING = Scoring(
    metrics.evaluate_logits, score_rows, _stats, ("confusion.png", "reliability.png", "errors.png"), _draw_readings
)

SCORINGS: Mapping[Task, Scoring] = MappingProxyType(
    {
        "digit": READING,
        "two-digit": READING,
        "separation": Scoring(
            metrics.evaluate_masks,
            separation_rows,
            _separation_stats,
            ("separation.png", "worst.png"),
            _draw_separations,
        ),
        "item": Scoring(score_items, item_rows, _item_stats, ("errors.png",), _draw_items),
        "page": Scoring(score_scenes, page_rows, _page_stats, ("pages.png", "worst.png"), _draw_pages),
    }
)
