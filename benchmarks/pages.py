"""How pages of handwritten digits are read: digits found and right, false ones, seconds, for each nuisance.

    python -m benchmarks.pages [--pages N] [--nuisance NAME ...] [--seed S] [--model NAME] [--split NAME] [--json]

Pages of the first nuisances (`benchmarks.plain_pages`) are made of MNIST's test digits. Pages of the others
(`benchmarks.busy_pages`) also have the writing of UNIPEN's held-back writers. Choices are made on pages of
`--split validation`, which has MNIST's validation digits and the other writers. Page i depends only on the seed
and i.

A digit is right if its box, its label and its place in the reading order match. An accepted digit without a match
is false; see `digitscope.metrics.score_page`. Only handwritten digits count. One that is read as print is missing,
and a printed one that is read as handwriting is false. The row `printed` is about pages with both: the share of
the digits found, written or printed, whose kind is right.
"""

import argparse
import json
import os
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before NumPy is loaded; a second thread gains it little

import numpy as np
from numpy.typing import NDArray

import digitscope
from benchmarks.arguments import parser_for
from benchmarks.busy_pages import BUSY_NUISANCES, make_busy_page
from benchmarks.plain_pages import NUISANCES, Page, PlacedDigit, make_page
from digitscope.data import Split, load_mnist
from digitscope.data.hands import Material
from digitscope.data.pens import has_pens
from digitscope.experiments.machine import describe_machine
from digitscope.metrics import PageScore, match_boxes, score_page
from digitscope.reading import Digit

HEADER = ("nuisance", "pages", "digits", "found and right", "false a page", "median seconds a page")


@dataclass(frozen=True)
class Told:
    """Of pages with print: digits found, written or printed, and those whose kind is right."""

    pages: int = 0
    digits: int = 0
    right: int = 0

    def __add__(self, other: "Told") -> "Told":
        return Told(self.pages + other.pages, self.digits + other.digits, self.right + other.right)

    def in_words(self) -> str:
        """Return one line of the table."""
        share = 100 * self.right / max(self.digits, 1)
        cells = [f"{'printed':13}", f"{self.pages:5}", f"{self.digits:6,}", f"{share:13.2f} %"]
        return f"| {' | '.join([*cells, ' ' * 12, ' ' * 21])} |"


@dataclass(frozen=True)
class Row:
    """The scores on pages of one nuisance, or the mean over nuisances; `right` is a share of the digits."""

    nuisance: str
    pages: int
    digits: int
    right: float
    false_a_page: float
    seconds: float

    def in_words(self) -> str:
        """Return one line of the table."""
        cells = [f"{self.nuisance:13}", f"{self.pages:5}", f"{self.digits:6,}", f"{100 * self.right:13.2f} %"]
        return f"| {' | '.join([*cells, f'{self.false_a_page:12.2f}', f'{self.seconds:21.3f}'])} |"


def read_page(page: Page, model: str) -> tuple[PageScore, float, Told]:
    """Return the score of one page, the seconds that it took, and how print was told."""
    start = time.perf_counter()
    reading = digitscope.read(page.image, model=model)
    seconds = time.perf_counter() - start
    accepted = [digit for digit in reading.digits if digit.accepted]
    written = [digit for digit in accepted if not digit.printed]
    score = score_page(_labels(page.digits), _boxes(page.digits), _labels(written), _boxes(written))
    return score, seconds, kinds_told(page, accepted) if page.printed else Told()


def kinds_told(page: Page, accepted: Sequence[Digit]) -> Told:
    """Return of how many digits found the kind is right."""
    truth = [*page.digits, *page.printed]
    matches = match_boxes(_boxes(truth).astype(np.float64), _boxes(accepted).astype(np.float64))
    right = sum(accepted[row].printed == (number >= len(page.digits)) for row, number in matches.items())
    return Told(1, len(matches), right)


def _labels(digits: Sequence[PlacedDigit | Digit]) -> NDArray[np.int64]:
    return np.array([digit.label for digit in digits], dtype=np.int64)


def _boxes(digits: Sequence[PlacedDigit | Digit]) -> NDArray[np.int64]:
    return np.array([digit.box for digit in digits], dtype=np.int64).reshape(-1, 4)


def measure(
    make: Callable[[np.random.Generator], Page], nuisance: str, *, pages: int, seed: int, model: str
) -> tuple[Row, Told]:
    """Read `pages` pages that `make` makes."""
    generators = [np.random.default_rng([seed, number]) for number in range(pages)]
    scores, seconds, told = zip(*(read_page(make(each), model) for each in generators), strict=True)
    n = sum(score.n for score in scores)
    right, false = sum(score.right for score in scores) / n, sum(score.false for score in scores) / pages
    return Row(nuisance, pages, n, right, false, statistics.median(seconds)), sum(told, Told())


def mean_row(name: str, rows: Sequence[Row]) -> Row:
    """Return the sums of pages and digits and the means of the rest, every nuisance with the same weight."""
    return Row(
        name,
        sum(row.pages for row in rows),
        sum(row.digits for row in rows),
        statistics.mean(row.right for row in rows),
        statistics.mean(row.false_a_page for row in rows),
        statistics.mean(row.seconds for row in rows),
    )


def maker(digits: Split, material: Material | None, nuisance: str) -> Callable[[np.random.Generator], Page]:
    """Return the function that makes pages with this nuisance."""
    if material is not None and nuisance in BUSY_NUISANCES:
        return lambda generator: make_busy_page(material, nuisance=nuisance, generator=generator)
    return lambda generator: make_page(digits, nuisance=nuisance, generator=generator)


def parsed() -> argparse.Namespace:
    """Return the command's arguments."""
    names = [*NUISANCES, *BUSY_NUISANCES]
    parser = parser_for(__doc__, "seed", "model", "split")
    parser.add_argument("--pages", type=int, default=10, metavar="N", help="of each nuisance (default 10)")
    parser.add_argument("--nuisance", nargs="+", choices=names, default=names, metavar="NAME")
    arguments = parser.parse_args()
    if arguments.pages < 1:
        parser.error(f"--pages {arguments.pages}: expected at least 1")
    if not has_pens():
        arguments.nuisance = [name for name in arguments.nuisance if name in NUISANCES]
        print("no pen strokes, so only the pages of MNIST's digits: DIGITSCOPE_DATA lacks them", file=sys.stderr)
    return arguments


def measure_all(
    arguments: argparse.Namespace, digits: Split, show: Callable[[str], None]
) -> tuple[list[Row], Told]:
    """Read pages of all nuisances; return their rows, each group followed by its mean, and how print was told."""
    is_busy = any(name in BUSY_NUISANCES for name in arguments.nuisance)
    material = Material.of(digits, held_back=arguments.split == "test") if is_busy else None
    read_page(make_page(digits, generator=np.random.default_rng()), arguments.model)  # loads the network
    table: list[Row] = []
    told = Told()
    for group, mean in ((NUISANCES, "mean"), (BUSY_NUISANCES, "mean, busy")):
        rows: list[Row] = []
        for name in (name for name in arguments.nuisance if name in group):
            make = maker(digits, material, name)
            row, kinds = measure(make, name, pages=arguments.pages, seed=arguments.seed, model=arguments.model)
            rows, told = [*rows, row], told + kinds
            show(row.in_words())
        if rows:
            table += [*rows, mean_row(mean, rows)]
            show(table[-1].in_words())
    return table, told


def main() -> None:
    """Measure and print."""
    arguments = parsed()
    mnist = load_mnist()

    def show(line: str) -> None:
        if not arguments.json:
            print(line, flush=True)

    show(f"| {' | '.join(HEADER)} |\n| --- | ---: | ---: | ---: | ---: | ---: |")
    table, told = measure_all(arguments, mnist.splits[arguments.split], show)
    if told.pages:
        show(told.in_words())
    settings = {"data": mnist.source, "split": arguments.split, "seed": arguments.seed, "model": arguments.model}
    machine = describe_machine()
    show(", ".join(f"{key} {value}" for key, value in (settings | machine).items()))
    if arguments.json:
        rows = [asdict(row) for row in table]
        print(json.dumps({"machine": machine, **settings, "rows": rows, "printed": asdict(told)}, indent=2))


if __name__ == "__main__":
    main()
