"""`digitscope export`: a run as an ONNX file; that of digits has calibrated probabilities."""

import argparse
import json
from dataclasses import asdict
from typing import Any

from digitscope.cli.arguments import DATA, JSON, Command, File, Flag, file_argument
from digitscope.cli.console import print_table, remark
from digitscope.cli.datasets import dataset_for
from digitscope.cli.evaluate import Rows, in_words, page_rows
from digitscope.data import Dataset
from digitscope.data.page_scores import score_scenes
from digitscope.data.pen_digits import load_pen_digits
from digitscope.errors import SettingError
from digitscope.experiments.run import Run, load_run
from digitscope.experiments.scoring import PAGES_A_STEP, load_trained, predict_in_steps
from digitscope.experiments.sources import as_met
from digitscope.export import OPSET, export_calibrated, export_page, in_half_precision
from digitscope.metrics import evaluate_logits
from digitscope.reading import Recognizer
from digitscope.training import evaluate, predict_logits

TOLD = {"accuracy": "accuracy", "nll": "negative log-likelihood", "ece": "calibration error"}


def run(options: argparse.Namespace) -> int:
    """Write the file, and print its validation scores beside those of the run."""
    trained = load_run(options.run_folder)
    dataset = dataset_for(trained.recipe.task, options)
    _check(trained, dataset)
    if dataset.sha256() != trained.data_sha256:
        remark(f"{dataset.name}, from {dataset.source}, is not what {options.run_folder} was trained with")
    write = _export_page if trained.recipe.task == "page" else _export_digits
    told, of_run, of_file, ending = write(trained, dataset, options)
    if options.json:
        print(json.dumps({"file": str(options.to), "opset": OPSET, **told}))
    else:
        rows = [(name, run, file) for (name, run), (_, file) in zip(of_run, of_file, strict=True)]
        title = f"{options.to}: opset {OPSET}, {options.to.stat().st_size:,} bytes{ending}"
        print_table(title, ("validation split", "the run", "the file"), rows)
    return 0


Exported = tuple[dict[str, Any], Rows, Rows, str]
"""The scores for JSON, those of the run and of the file in words, and the end of the table's title."""


def _export_digits(trained: Run, dataset: Dataset, options: argparse.Namespace) -> Exported:
    """Write a network that reads digits, its probabilities calibrated."""
    model = in_half_precision(trained.model) if options.half else trained.model
    pens = load_pen_digits(options.data) if trained.recipe.settings.pens else None
    met = as_met(trained.recipe, dataset.train, pens)
    temperature = export_calibrated(model, met, dataset.validation, options.to)
    before = evaluate(trained.model, dataset.validation)
    logits = Recognizer.load(options.to).logits(dataset.validation.images)
    after = evaluate_logits(logits, dataset.validation.labels)
    scores = {"nll": after.nll, "ece": after.ece, "accuracy": after.accuracy}
    told = {"temperature": temperature, "validation": scores}
    return told, in_words(TOLD, before), in_words(TOLD, after), f", temperature {temperature:.3f}"


def _export_page(trained: Run, dataset: Dataset, options: argparse.Namespace) -> Exported:
    """Write the network that finds digits on pages; it has no probabilities to calibrate."""
    images, planes = dataset.validation.images, dataset.validation.labels
    export_page(in_half_precision(trained.model) if options.half else trained.model, options.to, images)
    before = score_scenes(predict_logits(trained.model, images, batch_size=PAGES_A_STEP), planes)
    after = score_scenes(predict_in_steps(load_trained(options.to), images, lambda: None), planes)
    return {"validation": asdict(after)}, page_rows(before), page_rows(after), ""


def _check(trained: Run, dataset: Dataset) -> None:
    """Refuse what no reader of such files could open."""
    recipe = trained.recipe
    recipe.check_data(dataset)
    if recipe.task == "separation":
        raise SettingError(
            f"{recipe.name} separates pixels: expected a run that reads digits, as what reads files does"
        )
    if dataset.train.images.shape[1:] == (32, 32):
        raise SettingError(f"{dataset.source} has images of 32 x 32: expected 28 x 28, as a file reads them")


COMMAND = Command(
    run,
    (
        File("run_folder RUN", help="a run folder, as train makes"),
        File("--to FILE.onnx", type=file_argument("ONNX file", ".onnx"), required=True, help="where it goes"),
        Flag("--half", help="round its weights to float16: half the size, a thousandth off"),
        *DATA,
        JSON,
    ),
    "export runs/best-1 --to best.onnx",
    needs=("rich",),
)
