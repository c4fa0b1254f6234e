"""`digitscope export`: a run as an ONNX file, with calibrated probabilities."""

import argparse
import json

from digitscope.cli.arguments import add_data, add_json
from digitscope.cli.console import print_table
from digitscope.cli.datasets import dataset_for, pens_for
from digitscope.cli.paths import onnx_argument, path_argument
from digitscope.cli.remarks import remark
from digitscope.data import Dataset
from digitscope.errors import SettingError
from digitscope.experiments.recipes import Recipe
from digitscope.experiments.run import load_run
from digitscope.experiments.sources import as_met
from digitscope.export import OPSET, export_calibrated, in_half_precision
from digitscope.inference import Recognizer
from digitscope.metrics import Evaluation, evaluate_logits
from digitscope.training import evaluate


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
    """Write the file, its probabilities calibrated on the validation split, and tell what that changed."""
    trained = load_run(options.run_folder)
    dataset = dataset_for(trained.recipe.task, options)
    _check(trained.recipe, dataset)
    if dataset.sha256() != trained.data_sha256:
        remark(f"{dataset.name}, from {dataset.source}, is not what {options.run_folder} was trained with")
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
