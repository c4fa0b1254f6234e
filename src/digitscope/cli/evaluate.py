"""`digitscope evaluate`: score a run on a split."""

import argparse
import json
from dataclasses import asdict

from digitscope.cli.arguments import add_data, add_device, add_json
from digitscope.cli.console import print_table
from digitscope.cli.datasets import dataset_for
from digitscope.cli.paths import path_argument
from digitscope.cli.remarks import remark
from digitscope.experiments.run import load_run
from digitscope.metrics import Evaluation
from digitscope.training import evaluate, place


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.epilog = "example: digitscope evaluate runs/fast-1 --split validation"
    parser.add_argument("model", metavar="MODEL", type=path_argument, help="a run folder")
    add_data(parser)
    parser.add_argument("--split", default="test", choices=("train", "validation", "test"), help="default: test")
    add_device(parser)
    add_json(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Score every image of the split, and print what came out."""
    trained = load_run(options.model)
    dataset = dataset_for(trained.recipe.task, options)
    if dataset.sha256() != trained.data_sha256:
        remark(f"{dataset.name}, from {dataset.source}, is not what {options.model} was trained with")
    scores = evaluate(place(trained.model, options.device), dataset.splits[options.split])
    if options.json:
        known = {name: value for name, value in asdict(scores).items() if value is not None}
        print(json.dumps(known))
    else:
        title = f"{options.model} ({trained.recipe.name}) on the {options.split} split of {dataset.name}"
        print_table(title, ("", ""), _rows(scores))
    return 0


def _rows(scores: Evaluation) -> list[tuple[str, str]]:
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
