"""`digitscope evaluate`: score a network on a split."""

import argparse
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from importlib import import_module

import numpy as np

from digitscope.cli import arguments as cli
from digitscope.cli.console import print_table, remark, step_bar
from digitscope.cli.datasets import dataset_for, single_digits
from digitscope.cli.evaluation_report import SCORINGS
from digitscope.data import COURSE_SEED, PAIRS_FOR, Split
from digitscope.data.mnist import SAMPLE_NAME
from digitscope.data.pen_digits import load_pen_digits
from digitscope.errors import DataError, SettingError
from digitscope.experiments.scoring import TrainedNetwork, fresh_pairs, load_trained, predict_in_steps
from digitscope.files import make_folder
from digitscope.metrics import N_CLASSES, Evaluation
from digitscope.reading import SHIPPED

PENS = "pens"
"""The split that is no part of MNIST."""


Examples = tuple[Split, str, str]
"""Examples to score, their title, and the source of their digits."""


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
        words = cli.words_of(options, "split", "data", "pairs", "seed", "figures", "device", "unchecked")
        command = cli.call_of("evaluate", options.model, *words)
        with _figures_blamed():
            scoring.write(options.figures, title, split, logits, scores, command, source)
    if options.json:
        known = {name: value for name, value in asdict(scores).items() if value is not None}
        print(json.dumps({**known, "data": source}))
        return 0
    print_table(title, ("", ""), scoring.rows(scores))
    if isinstance(scores, Evaluation):
        header = ("true digit, read as", *map(str, range(N_CLASSES)))
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
    return (split, "UNIPEN's held-back writers", "UNIPEN's train_r01_v07, writers held back")


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
    return (dataset.splits[options.split], title, f"{dataset.name}, from {dataset.source}")


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
    return (split, title, f"pairs made with seed {seed} of {singles.name}, from {singles.source}")


@contextmanager
def _figures_blamed() -> Iterator[None]:
    """Let an OSError of the block say which option names the place."""
    try:
        yield
    except OSError as error:
        reason = f"cannot be written ({error.strerror}): name another folder with --figures"
        raise DataError(f"{error.filename}: {reason}") from None


FILES, SEPARATION_FILES, PAGE_FILES = (", ".join(SCORINGS[task].files) for task in ("digit", "separation", "page"))

COMMAND = cli.Command(
    run,
    (
        cli.File(
            "model", metavar="MODEL", help="a run folder, an .onnx file, or one of the shipped networks below"
        ),
        *cli.DATA,
        cli.Argument(
            "--split",
            default="test",
            choices=("train", "validation", "test", PENS),
            help="default: test; pens: UNIPEN's digits by the writers who are held back, drawn once each",
        ),
        cli.Number(
            "--pairs",
            help="of a network for two digits or their pixels: score N pairs made of the split's single digits "
            "(default: the course's files if they are there, else 4000 pairs to test on)",
        ),
        cli.seed_of(f"the pairs that --pairs makes (default: {COURSE_SEED})"),
        cli.Folder(
            "--figures",
            help=f"write {FILES}, of pixels {SEPARATION_FILES}, or of pages {PAGE_FILES}, there (default: none)",
        ),
        cli.DEVICE,
        cli.JSON,
    ),
    "evaluate two-digit --pairs 10000 --figures scores",
    "shipped networks:\n" + "\n".join(f"  {name:12} {summary}" for name, summary in SHIPPED.items()),
    needs=("rich",),
)
