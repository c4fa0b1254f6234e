"""`digitscope evaluate`: score a network on a split, and tell the scores in words, figures and a report."""

import argparse
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from digitscope import metrics, plots
from digitscope.cli.arguments import (
    DATA,
    DEVICE,
    JSON,
    Argument,
    Command,
    File,
    Folder,
    Number,
    call_of,
    seed_of,
    words_of,
)
from digitscope.cli.console import print_table, remark, step_bar
from digitscope.cli.datasets import dataset_for, single_digits
from digitscope.data import COURSE_SEED, PAIRS_FOR, Split, Task
from digitscope.data.mnist import SAMPLE_NAME
from digitscope.data.page_scores import PageScores, f1_of_scenes, score_scenes
from digitscope.data.pen_digits import load_pen_digits
from digitscope.data.splits import UInt8
from digitscope.errors import DataError, SettingError
from digitscope.experiments.items import ItemScores, score_items
from digitscope.experiments.machine import describe_machine
from digitscope.experiments.scoring import TrainedNetwork, fresh_pairs, load_trained, predict_in_steps
from digitscope.files import make_folder
from digitscope.metrics import Evaluation, Floats, MaskEvaluation, evaluate_logits, evaluate_masks
from digitscope.plots import FigureBlock, Section, Stat, Table
from digitscope.reading import SHIPPED

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PENS = "pens"  # the split that is no part of MNIST
REPORT = "report.html"

RELIABILITY_CAPTION = (
    "Accuracy at each confidence, on scales that spread what lies near 100 %. The bars of a calibrated network "
    "end on the dashed line; one that ends at the very top is a bin without an error."
)

MOST_ERRORS = 48  # images on the sheet of errors: what a person looks through in a minute or two
MOST_PAIRS, MOST_SCENES = 10, 12  # the worst pairs on their sheet, and the scenes on each of two sheets

Rows = list[tuple[str, str]]  # scores in words: pairs of a name and a value


class Examples(NamedTuple):
    """Examples to score, their title, and the source of their digits."""

    split: Split
    title: str
    source: str


class Drawn(NamedTuple):
    """A figure, with its heading and its caption in the report."""

    heading: str
    figure: "Figure"
    caption: str


def run(options: argparse.Namespace) -> int:
    """Score every image of the split, print what came out, and draw it if that is asked for."""
    if options.seed is not None and options.pairs is None:
        raise SettingError("--seed is of the pairs that --pairs makes: pass --pairs N with it, or leave it out")
    if options.figures and options.figures.resolve() == options.model.resolve():
        raise SettingError(
            f"--figures {options.figures} is MODEL itself, which keeps its own report: name another folder"
        )
    reader = load_trained(options.model, device=options.device)
    choose = _pens if options.split == PENS else _split if options.pairs is None else _pairs
    split, name, source = choose(reader, options)
    title = f"{reader.name} on {name}"
    if reader.data_sha256 is None and SAMPLE_NAME in source:
        remark(
            f"no test: the sample is of digits that {reader.name} may have learned from; --data DIR gives others"
        )
    if options.figures:
        for package in ("matplotlib", "jinja2"):
            import_module(package)  # it draws at the end: better missed before the scoring
        with _figures_blamed():
            make_folder(options.figures)
    scoring = SCORINGS[reader.task]
    with step_bar() as bar:
        bar.start(reader.name, -(-len(split) // reader.images_a_step))
        logits = predict_in_steps(reader, split.images, bar.step)
    scores = scoring.evaluate(logits, split.labels)
    if options.figures:
        words = words_of(options, "split", "data", "pairs", "seed", "figures", "device", "unchecked")
        command = call_of("evaluate", options.model, *words)
        with _figures_blamed():
            scoring.write(options.figures, title, split, logits, scores, command, source)
    if options.json:
        known = {name: value for name, value in asdict(scores).items() if value is not None}
        print(json.dumps({**known, "data": source}))
        return 0
    print_table(title, ("", ""), scoring.rows(scores))
    if isinstance(scores, Evaluation):
        header = ("true digit, read as", *map(str, range(metrics.N_CLASSES)))
        rows = ((str(digit), *(f"{n:,}" if n else "" for n in row)) for digit, row in enumerate(scores.confusion))
        print_table("Confusion", header, tuple(rows))
    if options.figures:
        print(f"{options.figures}: {', '.join(scoring.files)}")
    return 0


def _pens(reader: TrainedNetwork, options: argparse.Namespace) -> Examples:
    if reader.task != "digit" or options.pairs is not None:
        raise SettingError(f"--split {PENS} has single digits: expected a network for one digit, without --pairs")
    digits = load_pen_digits(options.data, held_back=True)
    split = digits.each(np.random.default_rng(0))  # the same drawings for every network
    return Examples(split, "UNIPEN's held-back writers", "UNIPEN's train_r01_v07, writers held back")


def _split(reader: TrainedNetwork, options: argparse.Namespace) -> Examples:
    dataset = dataset_for(reader.task, options)
    size = dataset.train.images.shape[1:]
    if size not in reader.sizes:
        expected = " or ".join(f"{height} x {width}" for height, width in reader.sizes)
        raise DataError(
            f"{dataset.source}: images of {size[0]} x {size[1]}: expected {expected} for {reader.name}"
        )
    if reader.data_sha256 is not None and dataset.sha256() != reader.data_sha256:
        remark(f"{dataset.name}, from {dataset.source}, is not what {options.model} was trained with")
    title = f"the {options.split} split of {dataset.name}"
    return Examples(dataset.splits[options.split], title, f"{dataset.name}, from {dataset.source}")


def _pairs(reader: TrainedNetwork, options: argparse.Namespace) -> Examples:
    if reader.task not in PAIRS_FOR:
        does = {"page": "finds digits on pages", "item": "reads items of pages"}.get(
            reader.task, "reads one digit"
        )
        raise SettingError(f"--pairs makes pairs of digits, but {reader.name} {does}: leave --pairs out")
    singles = single_digits(options.data, options.unchecked)
    seed = COURSE_SEED if options.seed is None else options.seed
    split = fresh_pairs(singles, options.split, options.pairs, seed=seed, task=reader.task)
    title = f"{len(split):,} pairs of digits of the {options.split} split of {singles.name}"
    return Examples(split, title, f"pairs made with seed {seed} of {singles.name}, from {singles.source}")


@contextmanager
def _figures_blamed() -> Iterator[None]:
    """Let an OSError of the block say which option names the place."""
    try:
        yield
    except OSError as error:
        reason = f"cannot be written ({error.strerror}): name another folder with --figures"
        raise DataError(f"{error.filename}: {reason}") from None


# The report of the scores, for each task


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
    draw: Callable[[Split, Floats, Any], list[Drawn]]

    @property
    def files(self) -> tuple[str, ...]:
        """The names of all files that `write` leaves."""
        return (*self.figures, REPORT)

    def write(
        self, folder: Path, title: str, split: Split, logits: Floats, scores: Any, command: str, source: str
    ) -> None:
        """Write `files`: `command` makes them again, and `source` says what the data are."""
        result = plots.Stats(tuple(self.stats(scores))), Table(("score", "value"), tuple(self.rows(scores)))
        sections = [Section("Result", result)]
        for name, (heading, figure, caption) in zip(self.figures, self.draw(split, logits, scores), strict=True):
            plots.save_figure(figure, folder / name)
            sections.append(Section(heading, (FigureBlock(figure, caption),)))
        facts = Table(("", ""), (("data", source), *describe_machine().items()))
        sections.append(Section("Where the numbers come from", (plots.Code(command), facts)))
        plots.write_report(folder / REPORT, title, sections)


def in_words(names: Mapping[str, str], scores: Any) -> Rows:
    """Return scores in words; `names` has the words of each, by the name of the attribute."""
    forms = {"n": ",", "nll": ".4f", "ece": ".4f"}
    return [(words, format(getattr(scores, name), forms.get(name, ".2%"))) for name, words in names.items()]


def _reading_rows(scores: Evaluation) -> Rows:
    rows = in_words({"n": "images", "accuracy": "accuracy"}, scores)
    if scores.both_right is not None:
        upper, lower = scores.per_position
        rows += [("upper digit", f"{upper:.2%}"), ("lower digit", f"{lower:.2%}")]
        rows += [("both right", f"{scores.both_right:.2%}")]
    return rows + in_words({"nll": "negative log-likelihood", "ece": "calibration error"}, scores)


def _reading_stats(scores: Evaluation) -> list[Stat]:
    digits = sum(map(sum, scores.confusion))
    stats = [Stat("accuracy", f"{scores.accuracy:.2%}", f"of {digits:,} digits")]
    if scores.both_right is not None:
        stats.append(Stat("both right", f"{scores.both_right:.2%}", f"of {scores.n:,} images"))
    return [
        *stats,
        Stat("negative log-likelihood", f"{scores.nll:.4f}", "nats a digit; guessing has 2.3026"),
        Stat("calibration error", f"{scores.ece:.4f}", "mean gap of confidence and accuracy, 15 bins"),
    ]


def _draw_readings(split: Split, logits: Floats, scores: Evaluation) -> list[Drawn]:
    confusion = plots.confusion_heat_map(scores.confusion)
    reliability = plots.reliability_diagram(np.exp(metrics.log_softmax(logits)), split.labels)
    errors = plots.misread_sheet(split, logits, MOST_ERRORS)
    shades = "True digit against digit read; the shades are those of the errors."
    told = "The errors it was surest of, each with the truth and the reading."
    return [
        Drawn("Which digits are taken for which", confusion, shades),
        Drawn("How far its confidence can be trusted", reliability, RELIABILITY_CAPTION),
        Drawn("What it misreads", errors, told),
    ]


def _separation_rows(scores: MaskEvaluation) -> Rows:
    upper, lower = scores.per_position
    return [
        *in_words({"n": "images", "mean_iou": "mean IoU"}, scores),
        ("upper digit", f"{upper:.2%}"),
        ("lower digit", f"{lower:.2%}"),
        *in_words({"nll": "negative log-likelihood of a pixel"}, scores),
    ]


def _separation_stats(scores: MaskEvaluation) -> list[Stat]:
    note = "pixels in common of those that either has, mean over images and both digits"
    return [Stat("mean intersection over union", f"{scores.mean_iou:.2%}", note)]


def _draw_separations(split: Split, logits: Floats, _: MaskEvaluation) -> list[Drawn]:
    overlaps = metrics.intersection_over_union(logits > 0, split.labels > 0).mean(axis=1)
    worst = np.argsort(overlaps, kind="stable")[:MOST_PAIRS]
    told = "Below each pair its intersections over union: of the upper digit, of the lower one."
    first = plots.separation_sheet(split, logits, title="The first pairs")
    last = plots.separation_sheet(split[worst], logits[worst], title="The worst pairs")
    return [Drawn("Which pixels are whose", first, told), Drawn("Where it is least right", last, told)]


page_rows = partial(
    in_words,
    {
        "n": "handwritten digits",
        "precision": "precision",
        "recall": "recall",
        "mean_average_precision": "mean average precision",
        "class_accuracy": "class accuracy",
        "f1": "F1",
        "worst_f1": "F1, worst tenth of the scenes",
        "signs": "F1, signs",
        "printed": "written or printed",
    },
)
item_rows = partial(
    in_words,
    {
        "n": "detections",
        "accuracy": "accuracy",
        "precision": "handwritten digits, precision",
        "recall": "handwritten digits, recall",
        "signs": "F1, signs",
        "nll": "negative log-likelihood",
        "ece": "calibration error",
    },
)


def _page_stats(scores: PageScores) -> list[Stat]:
    note = "harmonic mean of precision and recall, in which a wrong class is both a miss and a false detection"
    return [
        Stat("F1", f"{scores.f1:.2%}", note),
        Stat("class accuracy", f"{scores.class_accuracy:.2%}", "of the detected digits"),
        Stat("F1 of the worst tenth", f"{scores.worst_f1:.2%}", "of the scenes with digits"),
    ]


def _item_stats(scores: ItemScores) -> list[Stat]:
    return [
        Stat("accuracy", f"{scores.accuracy:.2%}", f"of {scores.n:,} detections"),
        Stat("precision", f"{scores.precision:.2%}", "of handwritten digits"),
        Stat("recall", f"{scores.recall:.2%}", "of handwritten digits"),
    ]


def _draw_pages(split: Split, maps: Floats, _: PageScores) -> list[Drawn]:
    each = f1_of_scenes(maps, split.labels)
    worst = np.argsort(each, kind="stable")[: min(MOST_SCENES, int(np.isfinite(each).sum()) or 1)]
    told = "A box counts from an intersection over union of 0.5. The digit read stands over each box."
    drawn = []
    for name, rows in (("The first scenes", np.arange(min(MOST_SCENES, len(split)))), ("The worst scenes", worst)):
        captions = ["no digit" if np.isnan(f1) else f"F1 {f1:.2f}" for f1 in each[rows]]
        drawn.append(Drawn(name, plots.scene_sheet(split[rows], maps[rows], captions, title=name), told))
    return drawn


def _draw_items(split: Split, logits: Floats, _: ItemScores) -> list[Drawn]:
    told = "The errors it was surest of: the item from near, and what is around it."
    return [Drawn("What it misreads", plots.misread_sheet(split, logits, MOST_ERRORS), told)]


READING = Scoring(
    evaluate_logits,
    _reading_rows,
    _reading_stats,
    ("confusion.png", "reliability.png", "errors.png"),
    _draw_readings,
)
SEPARATION = Scoring(
    evaluate_masks, _separation_rows, _separation_stats, ("separation.png", "worst.png"), _draw_separations
)

SCORINGS: Mapping[Task, Scoring] = MappingProxyType(
    {
        "digit": READING,
        "two-digit": READING,
        "separation": SEPARATION,
        "item": Scoring(score_items, item_rows, _item_stats, ("errors.png",), _draw_items),
        "page": Scoring(score_scenes, page_rows, _page_stats, ("pages.png", "worst.png"), _draw_pages),
    }
)


FILES, SEPARATION_FILES, PAGE_FILES = (", ".join(SCORINGS[task].files) for task in ("digit", "separation", "page"))

COMMAND = Command(
    run,
    (
        File("model MODEL", help="a run folder, an .onnx file, or one of the shipped networks below"),
        *DATA,
        Argument(
            "--split",
            default="test",
            choices=("train", "validation", "test", PENS),
            help="default: test; pens: UNIPEN's digits by the writers who are held back, drawn once each",
        ),
        Number(
            "--pairs",
            help="of a network for two digits or their pixels: score N pairs made of the split's single digits "
            "(default: the course's files if they are there, else 4000 pairs to test on)",
        ),
        seed_of(f"the pairs that --pairs makes (default: {COURSE_SEED})"),
        Folder(
            "--figures",
            help=f"write {FILES}, of pixels {SEPARATION_FILES}, or of pages {PAGE_FILES}, there (default: none)",
        ),
        DEVICE,
        JSON,
    ),
    "evaluate two-digit --pairs 10000 --figures scores",
    "shipped networks:\n" + "\n".join(f"  {name:12} {summary}" for name, summary in SHIPPED.items()),
    needs=("rich",),
)
