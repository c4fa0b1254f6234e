"""`digitscope data`: what there is, fetch MNIST, write files of digits and pen strokes, draw a contact sheet."""

import argparse
import json
from pathlib import Path

from digitscope.cli.arguments import add_data, add_json, add_seed
from digitscope.cli.datasets import dataset_for, single_digits
from digitscope.cli.paths import FIGURE_ENDINGS, figure_argument, path_argument
from digitscope.cli.remarks import remark
from digitscope.data import (
    COURSE_SEED,
    fetch_mnist,
    find_data_directory,
    make_two_digit,
    write_mnist,
    write_two_digit,
)
from digitscope.data.local_files import DATA_VARIABLE
from digitscope.data.splits import Dataset
from digitscope.errors import SettingError


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the six sub-commands."""
    parser.epilog = "example: digitscope data info"
    commands = parser.add_subparsers(dest="action", metavar="ACTION", required=True)

    info = commands.add_parser("info", help="what the data are and where they come from")
    info.epilog = "example: digitscope data info --data ../Datasets --task two-digit"
    info.set_defaults(run=run_info)
    _add_task(info)
    add_json(info)

    fetch = commands.add_parser("fetch", help="download MNIST into the cache")
    fetch.epilog = "example: digitscope data fetch"
    fetch.set_defaults(run=run_fetch)

    course = commands.add_parser("mnist", help="write MNIST as the course's mnist.pkl.gz")
    course.epilog = "example: digitscope data mnist --out Datasets"
    course.set_defaults(run=run_mnist)
    add_data(course)
    _add_out(course, "where the file goes")

    pairs = commands.add_parser("two-digit", help="write an overlapping two-digit set as the course's files")
    pairs.epilog = "example: digitscope data two-digit --out Datasets"
    pairs.set_defaults(run=run_two_digit)
    _add_pairs(pairs)

    pens = commands.add_parser("pens", help="write the pen strokes of UNIPEN's public release for training")
    pens.epilog = "example: digitscope data pens --unipen train_r01_v07 --out Datasets"
    pens.set_defaults(run=run_pens)
    _add_pens(pens)

    sample = commands.add_parser("sample", help="draw a contact sheet of the first images of a split")
    sample.epilog = "example: digitscope data sample --split test -n 100"
    sample.set_defaults(run=run_sample)
    _add_sheet(sample)


def _add_pairs(parser: argparse.ArgumentParser) -> None:
    add_data(parser)
    _add_out(parser, "where the four files go")
    parser.add_argument("--full", action="store_true", help="give them the full-size set's names, without _mini")
    add_seed(parser, "the pairs", default=COURSE_SEED)
    train_help = "pairs to learn from; the last tenth validates (default: 40000)"
    parser.add_argument("--train", type=int, default=40_000, metavar="N", help=train_help)
    parser.add_argument(
        "--test", type=int, default=4_000, metavar="N", help="pairs of test digits (default: 4000)"
    )


def _add_pens(parser: argparse.ArgumentParser) -> None:
    release_help = "the unpacked release train_r01_v07, from https://doi.org/10.5281/zenodo.1195803"
    parser.add_argument("--unipen", type=path_argument, required=True, metavar="DIR", help=release_help)
    out_help = "its subfolder pens gets the files (default: DIGITSCOPE_DATA)"
    parser.add_argument("--out", type=path_argument, metavar="DIR", help=out_help)


def _add_out(parser: argparse.ArgumentParser, what: str) -> None:
    parser.add_argument("--out", type=path_argument, required=True, metavar="DIR", help=what)


def _add_sheet(parser: argparse.ArgumentParser) -> None:
    _add_task(parser)
    out_help = f"its ending, one of {', '.join(FIGURE_ENDINGS)}, chooses the format (default: sample.png)"
    parser.add_argument("--out", type=figure_argument, default=Path("sample.png"), metavar="FILE", help=out_help)
    parser.add_argument("--split", default="train", choices=("train", "validation", "test"), help="default: train")
    parser.add_argument("-n", type=int, default=50, metavar="N", help="images on the sheet (default: 50)")


def _add_task(parser: argparse.ArgumentParser) -> None:
    add_data(parser)
    parser.add_argument("--task", default="digit", choices=("digit", "two-digit"), help="default: digit")


def run_info(options: argparse.Namespace) -> int:
    """Print the name, the source and the size of each split."""
    dataset = dataset_for(options.task, options)
    facts = {
        "name": dataset.name,
        "source": dataset.source,
        "sha256": dataset.sha256(),
        "splits": {name: list(split.images.shape) for name, split in dataset.splits.items()},
    }
    if options.json:
        print(json.dumps(facts))
    else:
        _print_info(dataset)
    return 0


def _print_info(dataset: Dataset) -> None:
    print(f"{dataset.name}, from {dataset.source}")
    for name, split in dataset.splits.items():
        height, width = split.images.shape[1:]
        print(f"  {name:10} {len(split):7,} images of {height} x {width}")
    print(f"  sha256     {dataset.sha256()}")


def run_fetch(_: argparse.Namespace) -> int:
    """Download what is missing, and say where it is."""
    print(f"MNIST is in {fetch_mnist(report=remark)}")
    return 0


def run_mnist(options: argparse.Namespace) -> int:
    """Write MNIST in the course's format, and say where it is."""
    mnist = single_digits(options.data, options.unchecked)
    path = write_mnist(mnist, options.out)
    n_train = len(mnist.train) + len(mnist.validation)
    print(f"{n_train:,} training and {len(mnist.test):,} test digits of {mnist.name} are in {path}")
    return 0


def run_two_digit(options: argparse.Namespace) -> int:
    """Build a two-digit set and write it in the course's format."""
    mnist = single_digits(options.data, options.unchecked)
    dataset = make_two_digit(mnist, n_train=options.train, n_test=options.test, seed=options.seed)
    write_two_digit(dataset, options.out, mini=not options.full)
    print(f"{options.train:,} training and {options.test:,} test pairs of {mnist.name} are in {options.out}")
    return 0


def run_pens(options: argparse.Namespace) -> int:
    """Write the pen strokes of UNIPEN, and say where they are."""
    from digitscope.data.unipen import convert_unipen

    into = options.out or find_data_directory()
    if into is None:
        raise SettingError(f"no folder for the pen strokes: name one with --out or {DATA_VARIABLE}")
    counts = convert_unipen(options.unipen, into, report=remark)
    print(", ".join(f"{n:,} {name}" for name, n in counts.items()) + f" are in {into / 'pens'}")
    return 0


def run_sample(options: argparse.Namespace) -> int:
    """Draw the sheet and say where it is."""
    from digitscope.plots import contact_sheet, save_figure

    dataset = dataset_for(options.task, options)
    split = dataset.splits[options.split]
    sheet = contact_sheet(split, options.n, title=f"{dataset.name}, {options.split} split")
    save_figure(sheet, options.out)
    print(f"{options.out}: the first {min(options.n, len(split)):,} images of the {options.split} split")
    return 0
