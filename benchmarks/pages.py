"""How pages of handwritten digits are read: digits found and right, false ones, seconds, for each nuisance.

    python -m benchmarks.pages [--pages N] [--nuisance NAME ...] [--seed S] [--model NAME] [--split NAME] [--json]

Pages are made of MNIST's test digits; choices are made on pages of `--split validation`. Page i depends on the
seed and i alone, and most nuisances share its text. A digit is right if its box matches, its label is equal and
its place in the reading order too; an accepted digit that matches none is false: `digitscope.metrics.score_page`
has the definitions. The last row is the mean over the nuisances.
"""

import argparse
import json
import os
import statistics
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before NumPy is loaded; a second thread gains it little

import numpy as np

import digitscope
from digitscope.data import Split, load_mnist
from digitscope.data.pages import NUISANCES, Page, make_page
from digitscope.experiments.machine import describe_machine
from digitscope.metrics import PageScore, score_page

HEADER = ("nuisance", "pages", "digits", "found and right", "false a page", "median seconds a page")


@dataclass(frozen=True)
class Row:
    """What the pages of one nuisance gave, or the mean over nuisances; `right` is a share of the digits."""

    nuisance: str
    pages: int
    digits: int
    right: float
    false_a_page: float
    seconds: float


def read_page(page: Page, model: str) -> tuple[PageScore, float]:
    """Return the score of one page and the seconds that it took."""
    start = time.perf_counter()
    reading = digitscope.read(page.image, model=model)
    seconds = time.perf_counter() - start
    accepted = [digit for digit in reading.digits if digit.accepted]
    score = score_page(
        np.array([digit.label for digit in page.digits], dtype=np.int64),
        np.array([digit.box for digit in page.digits], dtype=np.int64).reshape(-1, 4),
        np.array([digit.label for digit in accepted], dtype=np.int64),
        np.array([digit.box for digit in accepted], dtype=np.int64).reshape(-1, 4),
    )
    return score, seconds


def measure(digits: Split, nuisance: str, *, pages: int, seed: int, model: str) -> Row:
    """Read `pages` pages with this nuisance."""
    generators = [np.random.default_rng([seed, number]) for number in range(pages)]
    results = [read_page(make_page(digits, nuisance=nuisance, generator=each), model) for each in generators]
    n = sum(score.n for score, _ in results)
    return Row(
        nuisance,
        pages,
        n,
        sum(score.right for score, _ in results) / n,
        sum(score.false for score, _ in results) / pages,
        statistics.median(seconds for _, seconds in results),
    )


def mean_row(rows: Sequence[Row]) -> Row:
    """Return the sums of pages and digits and the means of the rest, every nuisance with the same weight."""
    return Row(
        "mean",
        sum(row.pages for row in rows),
        sum(row.digits for row in rows),
        statistics.mean(row.right for row in rows),
        statistics.mean(row.false_a_page for row in rows),
        statistics.mean(row.seconds for row in rows),
    )


def in_words(row: Row) -> str:
    """Return one line of the table."""
    cells = [f"{row.nuisance:13}", f"{row.pages:5}", f"{row.digits:6,}", f"{100 * row.right:13.2f} %"]
    return f"| {' | '.join([*cells, f'{row.false_a_page:12.2f}', f'{row.seconds:21.3f}'])} |"


def parsed() -> argparse.Namespace:
    """Return the command's arguments."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pages", type=int, default=10, metavar="N", help="of each nuisance (default 10)")
    parser.add_argument("--nuisance", nargs="+", choices=NUISANCES, default=[*NUISANCES], metavar="NAME")
    parser.add_argument("--seed", type=int, default=0, metavar="S", help="of the pages (default 0)")
    parser.add_argument("--model", default="digit", metavar="NAME", help="that reads digits (default digit)")
    parser.add_argument("--split", choices=("test", "validation"), default="test", help="default test")
    parser.add_argument("--json", action="store_true", help="print JSON")
    arguments = parser.parse_args()
    if arguments.pages < 1:
        parser.error(f"--pages {arguments.pages}: expected at least 1")
    return arguments


def main() -> None:
    """Measure and print."""
    arguments = parsed()
    mnist = load_mnist()
    digits = mnist.splits[arguments.split]
    read_page(make_page(digits, generator=np.random.default_rng()), arguments.model)  # loads the network
    if not arguments.json:
        print(f"| {' | '.join(HEADER)} |\n| --- | ---: | ---: | ---: | ---: | ---: |")
    rows: list[Row] = []
    for name in arguments.nuisance:
        rows.append(measure(digits, name, pages=arguments.pages, seed=arguments.seed, model=arguments.model))
        if not arguments.json:
            print(in_words(rows[-1]), flush=True)
    settings = {"data": mnist.source, "split": arguments.split, "seed": arguments.seed, "model": arguments.model}
    machine = describe_machine()
    if arguments.json:
        table = [asdict(row) for row in [*rows, mean_row(rows)]]
        print(json.dumps({"machine": machine, **settings, "rows": table}, indent=2))
    else:
        print(in_words(mean_row(rows)))
        print(", ".join(f"{key} {value}" for key, value in (settings | machine).items()))


if __name__ == "__main__":
    main()
