"""How digits drawn with thin pens are read: one digit a picture, each size with each width of pen.

    python -m benchmarks.pens [--each N] [--framed N] [--seed S] [--model NAME] [--split NAME] [--json]

Strokes are those of UNIPEN's held-back writers; with `--split validation`, of the others. Each size and pen has
the same six samples of each digit, drawn black on white with a margin. The last row has digits of these writers,
drawn with pens of all widths and framed in 28x28 pixels as MNIST's are. A picture is right if one digit is
accepted, and it is the right one. It is wrong if another digit is accepted, alone or beside it. It is refused if
digits are found but none is accepted.
"""

import json
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
from numpy.typing import NDArray

import digitscope
from benchmarks.arguments import parser_for
from digitscope.data.pen_digits import PenDigits, load_pen_digits
from digitscope.data.pens import draw_strokes
from digitscope.experiments.machine import describe_machine

UInt8 = NDArray[np.uint8]

PENS, SIZES = (1, 2, 3, 4), (100, 200, 300)
"""Pixels, the widths of pens and the longer sides of digits."""

MARGIN = 0.25
"""White around a digit, as a share of its longer side."""

HEADER = ("size", "pen", "digits", "right", "wrong", "refused", "not found")


@dataclass(frozen=True)
class Row:
    """The results for drawings of one size and pen, or for framed digits."""

    size: str
    pen: str
    digits: int
    right: int
    wrong: int
    refused: int
    not_found: int

    def in_words(self) -> str:
        """Return one line of the table."""
        return f"| {' | '.join(str(value) for value in asdict(self).values())} |"


def drawing(digits: PenDigits, row: int, size: int, pen: int) -> UInt8:
    """Return a picture of one digit, black on white."""
    points = np.concatenate(digits.strokes[row])
    scale = size / np.ptp(points, axis=0).max()
    ink = draw_strokes([stroke * scale for stroke in digits.strokes[row]], pen)
    return np.asarray(255 - np.pad(ink, round(MARGIN * size)), dtype=np.uint8)


def outcome(picture: UInt8, label: int, model: str) -> str:
    """Return what became of one picture: a name in `Row`."""
    digits = digitscope.read(picture, model=model).digits
    accepted = [digit.label for digit in digits if digit.accepted and not digit.printed]
    if accepted:
        return "right" if accepted == [label] else "wrong"
    return "refused" if digits else "not_found"


def measured(size: str, pen: str, pictures: Sequence[UInt8], labels: Sequence[int], model: str) -> Row:
    """Return the row of some pictures."""
    counts = Counter(outcome(picture, label, model) for picture, label in zip(pictures, labels, strict=True))
    names = ("right", "wrong", "refused", "not_found")
    return Row(size, pen, len(labels), *(counts[name] for name in names))


def rows(digits: PenDigits, each: int, framed: int, seed: int, model: str) -> Iterator[Row]:
    """Yield the rows of all sizes and pens, then that of framed digits."""
    generator = np.random.default_rng(seed)
    chosen = [
        int(row)
        for label in range(10)
        for row in generator.choice(np.flatnonzero(digits.labels == label), each, replace=False)
    ]
    labels = [int(label) for label in digits.labels[chosen]]
    for size in SIZES:
        for pen in PENS:
            yield measured(str(size), str(pen), [drawing(digits, row, size, pen) for row in chosen], labels, model)
    some = generator.permutation(len(digits))[:framed]
    if len(some):
        images = digits.drawn(some, generator)
        yield measured("28x28", "any", list(images.images), images.labels.tolist(), model)


def main() -> None:
    """Measure and print."""
    parser = parser_for(__doc__, "seed", "model", "split")
    parser.add_argument("--each", type=int, default=6, metavar="N", help="drawings of each digit (default 6)")
    parser.add_argument("--framed", type=int, default=1000, metavar="N", help="framed digits (default 1000)")
    arguments = parser.parse_args()
    digits = load_pen_digits(held_back=arguments.split == "test")
    if not arguments.json:
        print(f"| {' | '.join(HEADER)} |\n| {' | '.join(['---:'] * len(HEADER))} |")
    table = []
    for row in rows(digits, arguments.each, arguments.framed, arguments.seed, arguments.model):
        table.append(row)
        if not arguments.json:
            print(row.in_words(), flush=True)
    if arguments.json:
        print(json.dumps({"machine": describe_machine(), "rows": [asdict(row) for row in table]}, indent=2))


if __name__ == "__main__":
    main()
