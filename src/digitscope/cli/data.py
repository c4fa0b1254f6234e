"""`digitscope data`: what there is, fetch MNIST, write files of digits and pen strokes, draw a contact sheet."""

import argparse
import json
from pathlib import Path

from digitscope.cli.arguments import DATA, JSON, Argument, Command, Flag, Folder, Number, file_argument, seed_of
from digitscope.cli.console import remark
from digitscope.cli.datasets import dataset_for, single_digits
from digitscope.data import COURSE_SEED, fetch_mnist, make_two_digit, write_mnist, write_two_digit
from digitscope.data.local_files import DATA_VARIABLE, find_data_directory
from digitscope.errors import SettingError


def info(options: argparse.Namespace) -> int:
    """Print the name, the source and the size of each split."""
    dataset = dataset_for(options.task, options)
    shapes = {name: split.images.shape for name, split in dataset.splits.items()}
    if options.json:
        facts = {"name": dataset.name, "source": dataset.source, "sha256": dataset.sha256(), "splits": shapes}
        print(json.dumps(facts))
        return 0
    print(f"{dataset.name}, from {dataset.source}")
    for name, (n, height, width) in shapes.items():
        print(f"  {name:10} {n:7,} images of {height} x {width}")
    print(f"  sha256     {dataset.sha256()}")
    return 0


def fetch(_: argparse.Namespace) -> int:
    """Download what is missing, and say where it is."""
    print(f"MNIST is in {fetch_mnist(report=remark)}")
    return 0


def mnist(options: argparse.Namespace) -> int:
    """Write MNIST in the course's format, and say where it is."""
    digits = single_digits(options.data, options.unchecked)
    path = write_mnist(digits, options.out)
    n_train = len(digits.train) + len(digits.validation)
    print(f"{n_train:,} training and {len(digits.test):,} test digits of {digits.name} are in {path}")
    return 0


def two_digit(options: argparse.Namespace) -> int:
    """Build a two-digit set and write it in the course's format."""
    digits = single_digits(options.data, options.unchecked)
    dataset = make_two_digit(digits, n_train=options.train, n_test=options.test, seed=options.seed)
    write_two_digit(dataset, options.out, mini=not options.full)
    print(f"{options.train:,} training and {options.test:,} test pairs of {digits.name} are in {options.out}")
    return 0


def pens(options: argparse.Namespace) -> int:
    """Write the pen strokes of UNIPEN, and say where they are."""
    from digitscope.data.unipen import convert_unipen

    into = options.out or find_data_directory()
    if into is None:
        raise SettingError(f"no folder for the pen strokes: name one with --out or {DATA_VARIABLE}")
    counts = convert_unipen(options.unipen, into, report=remark)
    print(", ".join(f"{n:,} {name}" for name, n in counts.items()) + f" are in {into / 'pens'}")
    return 0


def sample(options: argparse.Namespace) -> int:
    """Draw the sheet and say where it is."""
    from digitscope.plots import contact_sheet, save_figure

    dataset = dataset_for(options.task, options)
    split = dataset.splits[options.split]
    save_figure(contact_sheet(split, options.n, title=f"{dataset.name}, {options.split} split"), options.out)
    print(f"{options.out}: the first {min(options.n, len(split)):,} images of the {options.split} split")
    return 0


FIGURE_ENDINGS = (".png", ".svg", ".pdf")  # file name extensions of figures: the formats that `save_figure` writes

TASK = Argument("--task", default="digit", choices=("digit", "two-digit"), help="default: digit")

PAIRS = Command(
    two_digit,
    (
        *DATA,
        Folder("--out", required=True, help="where the four files go"),
        Flag("--full", help="give them the full-size set's names, without _mini"),
        seed_of("the pairs", COURSE_SEED),
        Number("--train", default=40_000, help="pairs to learn from; the last tenth validates (default: 40000)"),
        Number("--test", default=4_000, help="pairs of test digits (default: 4000)"),
    ),
    "data two-digit --out Datasets",
)
PENS = Command(
    pens,
    (
        Folder(
            "--unipen",
            required=True,
            help="the unpacked release train_r01_v07, from https://doi.org/10.5281/zenodo.1195803",
        ),
        Folder("--out", help="its subfolder pens gets the files (default: DIGITSCOPE_DATA)"),
    ),
    "data pens --unipen train_r01_v07 --out Datasets",
)
SHEET = Command(
    sample,
    (
        *DATA,
        TASK,
        Argument(
            "--out FILE",
            type=file_argument("format to draw in", *FIGURE_ENDINGS),
            default=Path("sample.png"),
            help=f"its ending, one of {', '.join(FIGURE_ENDINGS)}, chooses the format (default: sample.png)",
        ),
        Argument("--split", default="train", choices=("train", "validation", "test"), help="default: train"),
        Number("-n", default=50, help="images on the sheet (default: 50)"),
    ),
    "data sample --split test -n 100",
)

COMMAND = Command(
    example="data info",
    actions={
        "info": (
            "what the data are and where they come from",
            Command(info, (*DATA, TASK, JSON), "data info --data ../Datasets --task two-digit"),
        ),
        "fetch": ("download MNIST into the cache", Command(fetch, (), "data fetch")),
        "mnist": (
            "write MNIST as the course's mnist.pkl.gz",
            Command(
                mnist,
                (*DATA, Folder("--out", required=True, help="where the file goes")),
                "data mnist --out Datasets",
            ),
        ),
        "two-digit": ("write an overlapping two-digit set as the course's files", PAIRS),
        "pens": ("write the pen strokes of UNIPEN's public release for training", PENS),
        "sample": ("draw a contact sheet of the first images of a split", SHEET),
    },
)
