"""`digitscope export`: a run as an ONNX file; that of digits has calibrated probabilities."""

import argparse
import json
from dataclasses import asdict

from digitscope.cli.arguments import add_data, add_json
from digitscope.cli.console import print_table
from digitscope.cli.datasets import dataset_for, pens_for
from digitscope.cli.page_report import page_rows
from digitscope.cli.paths import onnx_argument, path_argument
from digitscope.cli.remarks import remark
from digitscope.data import Dataset
from digitscope.data.page_scores import score_scenes
from digitscope.errors import SettingError
from digitscope.experiments.recipes import Recipe
from digitscope.experiments.run import Run, load_run
from digitscope.experiments.scoring import PAGES_A_STEP, load_reader, predict_in_steps
from digitscope.experiments.sources import as_met
from digitscope.export import OPSET, export_calibrated, export_page, in_half_precision
from digitscope.inference import Recognizer
from digitscope.metrics import Evaluation, evaluate_logits
from digitscope.training import evaluate, predict_logits


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.epilog = "example: digitscope export runs/best-1 --to best.onnx"
    parser.add_argument("run_folder", metavar="RUN", type=path_argument, help="a run folder, as train makes")
    parser.add_argument("--to", type=onnx_argument, required=True, metavar="FILE.onnx", help="where it goes")
    parser.add_argument(
        "--half", action="store_true", help="round its weights to float16: half the size, a thousandth off"
    )
    add_data(parser)
    add_json(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Write the file, and print its validation scores beside those of the run."""
    trained = load_run(options.run_folder)
    dataset = dataset_for(trained.recipe.task, options)
    _check(trained.recipe, dataset)
    if dataset.sha256() != trained.data_sha256:
        remark(f"{dataset.name}, from {dataset.source}, is not what {options.run_folder} was trained with")
    if trained.recipe.task == "page":
        return _export_page(trained, dataset, options)
    model = in_half_precision(trained.model) if options.half else trained.model
    met = as_met(trained.recipe, dataset.train, pens_for(trained.recipe.settings, options.data))
    temperature = export_calibrated(model, met, dataset.validation, options.to)
    before = evaluate(trained.model, dataset.validation)
    after = evaluate_logits(
        Recognizer.load(options.to).logits(dataset.validation.images), dataset.validation.labels
    )
    if options.json:
        told = {"file": str(options.to), "opset": OPSET, "temperature": temperature}
        print(json.dumps({**told, "validation": {"nll": after.nll, "ece": after.ece, "accuracy": after.accuracy}}))
    else:
        title = f"{options.to}: opset {OPSET}, {options.to.stat().st_size:,} bytes, temperature {temperature:.3f}"
        print_table(title, ("validation split", "the run", "the file"), _rows(before, after))
    return 0


def _export_page(trained: Run, dataset: Dataset, options: argparse.Namespace) -> int:
    """Write the network that finds digits on pages; it has no probabilities to calibrate."""
    images, planes = dataset.validation.images, dataset.validation.labels
    export_page(in_half_precision(trained.model) if options.half else trained.model, options.to, images)
    before = score_scenes(predict_logits(trained.model, images, batch_size=PAGES_A_STEP), planes)
    after = score_scenes(predict_in_steps(load_reader(options.to), images, lambda: None), planes)
    if options.json:
        print(json.dumps({"file": str(options.to), "opset": OPSET, "validation": asdict(after)}))
    else:
        rows = [
            (name, run, file) for (name, run), (_, file) in zip(page_rows(before), page_rows(after), strict=True)
        ]
        title = f"{options.to}: opset {OPSET}, {options.to.stat().st_size:,} bytes"
        print_table(title, ("validation split", "the run", "the file"), rows)
    return 0


def _check(recipe: Recipe, dataset: Dataset) -> None:
    """Refuse what no reader of such files could open."""
    recipe.check_data(dataset)
    if recipe.task == "separation":
        raise SettingError(
            f"{recipe.name} separates pixels: expected a run that reads digits, as what reads files does"
        )
    height, width = dataset.train.images.shape[1:]
    if (height, width) == (32, 32):
        raise SettingError(
            f"{dataset.source} has images of {height} x {width}: expected 28 x 28, as a file reads them"
        )


def _rows(before: Evaluation, after: Evaluation) -> list[tuple[str, str, str]]:
    return [
        ("accuracy", f"{before.accuracy:.2%}", f"{after.accuracy:.2%}"),
        ("negative log-likelihood", f"{before.nll:.4f}", f"{after.nll:.4f}"),
        ("calibration error", f"{before.ece:.4f}", f"{after.ece:.4f}"),
    ]
