"""How tables are read: ruled and not, of 5 to 30 rows and 3 to 6 columns, with empty cells.

    python -m benchmarks.tables [--tables N] [--seed S] [--show N] [--split NAME]

They are written with MNIST's test digits and the strokes of UNIPEN's held-back writers; with `--split validation`,
with validation digits and the other writers. A cell is right if its text stands in its row and column, or if it is
empty there.
"""

import json
import os
from dataclasses import dataclass

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
from numpy.typing import NDArray

import digitscope
from benchmarks.arguments import parser_for
from benchmarks.busy_drafts import BusyDraft, Look
from digitscope.data import load_mnist
from digitscope.data.hands import Material
from digitscope.experiments.machine import describe_machine

UInt8 = NDArray[np.uint8]

SIZE, EMPTY, NOISE = 34.0, 0.15, 3.0
"""Pixels of a digit's height, the share of empty cells, and the deviation of the noise, of 255."""


@dataclass(frozen=True, eq=False)
class Table:
    """A picture of a table, its cells, and whether it has lines."""

    image: UInt8
    cells: list[list[str]]
    is_ruled: bool


def make_table(material: Material, generator: np.random.Generator) -> Table:
    """Return a table; every row and every column has a number."""
    rows, columns = int(generator.integers(5, 31)), int(generator.integers(3, 7))
    most, lead = int(generator.integers(2, 6)), SIZE * generator.uniform(1.5, 2.0)
    width = SIZE * (most + 1.6)
    shape = (round(lead * rows + 4 * SIZE), round(width * columns + 4 * SIZE))
    draft = BusyDraft(material, SIZE, shape, generator, 0)
    draft.texts.append([])
    cells = [
        [
            ""
            if generator.random() < EMPTY
            else "".join(map(str, generator.integers(0, 10, generator.integers(1, most + 1))))
            for _ in range(columns)
        ]
        for _ in range(rows)
    ]
    for row in range(rows):
        cells[row][row % columns] = cells[row][row % columns] or "7"
    for column in range(columns):
        cells[column % rows][column] = cells[column % rows][column] or "4"
    left, top, is_right = 2 * SIZE, 2 * SIZE, generator.random() < 0.5
    for row, texts in enumerate(cells):
        for column, text in enumerate(texts):
            if text:
                piece = draft.number(text, (0.05, 0.2))
                room = width - piece.coverage.shape[1] - 0.6 * SIZE
                x = left + column * width + 0.3 * SIZE + (max(0.0, room) if is_right else 0)
                draft.place(piece, x, top + row * lead + 0.5 * (lead + SIZE), "digits")
    is_ruled = bool(generator.random() < 0.5)
    if is_ruled:
        look = Look(max(1, round(SIZE * generator.uniform(0.03, 0.08))))
        for row in range(rows + 1):
            look.rule(draft, (left, top + row * lead), (left + columns * width, top + row * lead))
        for column in range(columns + 1):
            x = left + column * width
            look.rule(draft, (x, top), (x, top + rows * lead))
    document = draft.finished()
    ink = 0.85 * document.layers["digits"] / 255
    lines = generator.uniform(0.4, 0.8) * document.layers["rules"] / 255
    light = generator.uniform(190, 250) * (1 - ink) * (1 - lines) + generator.normal(0, NOISE, shape)
    return Table(np.rint(light.clip(0, 255)).astype(np.uint8), cells, is_ruled)


def right_cells(table: Table, found: list[list[str]]) -> int:
    """Return how many cells are right and in place; none if there is another number of rows or columns."""
    if [len(row) for row in found] != [len(row) for row in table.cells]:
        return 0
    pairs = zip(table.cells, found, strict=True)
    return sum(a == b for wanted, read in pairs for a, b in zip(wanted, read, strict=True))


def main() -> None:
    """Measure and print."""
    parser = parser_for(__doc__, "seed", "split")
    parser.add_argument("--tables", type=int, default=50, metavar="N", help="ruled and not (default 50)")
    parser.add_argument("--show", type=int, default=0, metavar="N", help="print the first N of another shape")
    arguments = parser.parse_args()
    material = Material.of(load_mnist().splits[arguments.split], held_back=arguments.split == "test")
    results = []
    for number in range(arguments.tables):
        table = make_table(material, np.random.default_rng([arguments.seed, number]))
        found = [[cell or "" for cell in row] for row in digitscope.read(table.image).table or ()]
        n, right = sum(map(len, table.cells)), right_cells(table, found)
        results.append((table.is_ruled, n, right))
        if right == 0 and arguments.show > 0:
            arguments.show -= 1
            shape = (len(table.cells), len(table.cells[0]))
            print(
                f"table {number}, ruled {table.is_ruled}: {shape} as {len(found)} rows of {set(map(len, found))}"
            )
    rows = []
    for name, kinds in (("ruled", (True,)), ("not ruled", (False,)), ("all", (True, False))):
        own = [result for result in results if result[0] in kinds]
        cells, right, shaped = sum(n for _, n, _ in own), sum(r for *_, r in own), sum(r > 0 for *_, r in own)
        rows.append((name, len(own), shaped, cells, right / max(1, cells)))
    header = ("tables", "n", "of the right shape", "cells", "right and in place")
    if arguments.json:
        told = [dict(zip(header, row, strict=True)) for row in rows]
        print(json.dumps({"machine": describe_machine(), "rows": told}, indent=2))
        return
    print(f"| {' | '.join(header)} |\n| --- | ---: | ---: | ---: | ---: |")
    for *counts, share in rows:
        print(f"| {' | '.join(map(str, counts))} | {share:.1%} |")


if __name__ == "__main__":
    main()
