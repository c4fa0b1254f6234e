"""Draws the house, `docs/images/house.svg`: the packages by layer, and who imports whom.

Usage: python -m scripts.draw_house

The rows are those of the contract in `pyproject.toml`. The lines are the imports that grimp, which import-linter
needs, finds in the source. An import that follows from others is left out: `cli` imports `errors`, as do most
packages that it imports.
"""

import tomllib
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from xml.sax.saxutils import escape

import grimp
import numpy as np

from digitscope.files import write_text

ROOT = Path(__file__).parent.parent
PICTURE = ROOT / "docs" / "images" / "house.svg"

WIDTH, ROW, BOX, LETTER, ROOM = 860, 64, 28, 8.4, 22
"""Pixels: of the picture, from row to row, the height of a box, of a letter, and around a box's name."""

AWAY = 60
"""Pixels that a box alone in its row stands beside the middle, so that lines pass it."""

LANE = 7
"""Pixels between two lines that pass a row in one gap, and between a line and a box."""

STYLE = """\
text{font:14px ui-monospace,monospace;text-anchor:middle;fill:#1a1a1a}
rect{fill:#e3ebf5;stroke:#5b6b7f}
.row{fill:#f5f6f8;stroke:none}
.torch rect{fill:#fde8d7;stroke:#b3591b}
path{stroke:#8a97a8;fill:none}
.note{font:13px system-ui,sans-serif;text-anchor:start}"""


def layers() -> list[list[str]]:
    """Return the packages and modules of each layer of the contract, the highest first."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
    (contract,) = (each for each in contracts["contracts"] if each["type"] == "layers")
    return [layer.split(" | ") for layer in contract["layers"]]


def imports(rows: list[list[str]]) -> tuple[list[tuple[str, str]], set[str]]:
    """Return who imports whom, without what follows from others, and the packages that import torch."""
    graph = grimp.build_graph("digitscope", include_external_packages=True, cache_dir=None)
    row_of = {f"digitscope.{name}": number for number, row in enumerate(rows) for name in row}
    for name in row_of:
        graph.squash_module(name)
    with_torch = {name for name in row_of if graph.direct_import_exists(importer=name, imported="torch")}
    direct = {name: sorted(graph.find_modules_directly_imported_by(name)) for name in row_of}
    pairs = [(importer, imported) for importer in row_of for imported in direct[importer]]
    for importer, imported in pairs:
        if imported not in row_of or row_of[imported] <= row_of[importer]:  # outside, or put off: see the contract
            graph.remove_import(importer=importer, imported=imported)
    for importer, imported in pairs:
        if graph.direct_import_exists(importer=importer, imported=imported):
            graph.remove_import(importer=importer, imported=imported)
            if not graph.chain_exists(importer=importer, imported=imported):
                graph.add_import(importer=importer, imported=imported)
    left = [(a, b) for a in row_of for b in sorted(graph.find_modules_directly_imported_by(a))]
    return [(a.removeprefix("digitscope."), b.removeprefix("digitscope.")) for a, b in left], {
        name.removeprefix("digitscope.") for name in with_torch
    }


def places(rows: list[list[str]], lines: list[tuple[str, str]]) -> dict[str, tuple[float, float, float]]:
    """Return the middle of each box and its width: below the packages that import it, spread over the row."""
    found: dict[str, tuple[float, float, float]] = {}
    for number, row in enumerate(rows):
        above = {name: [found[a][0] for a, b in lines if b == name] or [WIDTH / 2] for name in row}
        wanted = {name: sum(above[name]) / len(above[name]) for name in row}
        widths = {name: LETTER * len(name) + ROOM for name in row}
        gap = (WIDTH - sum(widths.values())) / (len(row) + 1)
        left = gap
        for name in sorted(row, key=lambda name: wanted[name]):
            even = left + widths[name] / 2
            x = (even + wanted[name]) / 2 if len(row) < 3 else even
            found[name] = (x + AWAY * (-1) ** number * (len(row) == 1), 12 + ROW * number + ROW / 2, widths[name])
            left += widths[name] + gap
    return found


def routes(
    rows: list[list[str]], lines: list[tuple[str, str]], at: dict[str, tuple[float, float, float]]
) -> dict[tuple[str, str], list[float]]:
    """Return where each line passes the rows between its ends: x in a gap of each, so that it meets no box."""
    row_of = {name: number for number, row in enumerate(rows) for name in row}
    found: dict[tuple[str, str], list[float]] = {}
    taken: list[list[float]] = [[] for _ in rows]
    for line in sorted(lines, key=lambda line: row_of[line[1]] - row_of[line[0]]):
        (start, _, _), (end, _, _) = (at[name] for name in line)
        first, last = (row_of[name] for name in line)
        ways = [(0.0, [start])]
        for number in range(first + 1, last):
            straight = start + (end - start) * (number - first) / (last - first)
            ways = [
                min((cost + (x - way[-1]) ** 2, [*way, x]) for cost, way in ways)
                for x in free(rows[number], at, taken[number], straight)
            ]
        _, (_, *way) = min((cost + (way[-1] - end) ** 2, way) for cost, way in ways)
        for number, x in enumerate(way, start=first + 1):
            taken[number].append(x)
        found[line] = way
    return found


def free(
    row: list[str], at: dict[str, tuple[float, float, float]], taken: list[float], wanted: float
) -> Iterator[float]:
    """Yield the x nearest to `wanted` in each gap of `row`, away from its boxes and from the lines there."""
    places = np.arange(LANE, WIDTH - LANE)
    boxes = sorted(at[name] for name in row)
    is_free = np.full(len(places), True)
    for x, width in [*((x, width / 2) for x, _, width in boxes), *((x, 0.0) for x in taken)]:
        is_free &= abs(places - x) >= width + LANE
    gap_of = np.searchsorted([x for x, _, _ in boxes], places)
    for gap in range(len(boxes) + 1):
        inside = places[is_free & (gap_of == gap)]
        if len(inside):
            yield float(inside[np.argmin(abs(inside - wanted))])


def path(xs: list[float], top: float) -> str:
    """Return a line from height `top` down through `xs`, upright beside the boxes of each row."""
    drawn, y = [f"M{xs[0]:.0f} {top:.0f}"], top
    for place, (x, to_x) in enumerate(pairwise(xs)):
        end, bend = y + ROW - BOX, (ROW - BOX) / 2
        drawn.append(f"C{x:.0f} {y + bend:.0f} {to_x:.0f} {end - bend:.0f} {to_x:.0f} {end:.0f}")
        y = end
        if place < len(xs) - 2:
            y += BOX
            drawn.append(f"V{y:.0f}")
    return "".join(drawn)


def drawing() -> str:
    """Return the picture as SVG."""
    rows = layers()
    lines, with_torch = imports(rows)
    at = places(rows, lines)
    height = 12 + ROW * len(rows) + 40
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img">']
    parts += ["<title>The packages of digitscope by layer</title>", f"<style>{STYLE}</style>"]
    parts += [f'<rect width="{WIDTH}" height="{height}" style="fill:#fff;stroke:none"/>']
    for number in range(0, len(rows), 2):
        parts.append(f'<rect class="row" y="{12 + ROW * number}" width="{WIDTH}" height="{ROW}"/>')
    for (importer, imported), way in routes(rows, lines, at).items():
        (x, y, _), (to_x, _, _) = at[importer], at[imported]
        parts.append(f'<path d="{path([x, *way, to_x], y + BOX / 2)}"/>')
    for row in rows:
        parts.append('<g class="layer">')
        for name in row:
            x, y, width = at[name]
            kind = ' class="torch"' if name in with_torch else ""
            box = (
                f'<rect x="{x - width / 2:.0f}" y="{y - BOX / 2:.0f}" width="{width:.0f}" height="{BOX}" rx="5"/>'
            )
            parts.append(f'<g{kind}>{box}<text x="{x:.0f}" y="{y + 5:.0f}">{escape(name)}</text></g>')
        parts.append("</g>")
    note = "A line runs from a package down to one that it imports. Orange packages import PyTorch."
    parts.append(f'<text class="note" x="20" y="{height - 16}">{note}</text></svg>')
    return "\n".join(parts) + "\n"


def main() -> None:
    """Write the picture."""
    write_text(PICTURE, drawing())


if __name__ == "__main__":
    main()
