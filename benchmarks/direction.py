"""How often the direction of a page is found: pages as they are, on either side, and upside down.

    python -m benchmarks.direction [--pages N] [--seed S] [--model NAME] [--split NAME] [--json]

The pages come from `benchmarks.pages`: print, words, forms, tables, sums and plain numbers, in turns. Each is
read in all four directions. A direction is found if `Reading.rotation` equals the clockwise degrees that bring
the page upright.
"""

import json
import os
from collections.abc import Sequence

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

import digitscope
from benchmarks.arguments import parser_for
from benchmarks.busy_pages import make_busy_page
from digitscope.data import load_mnist
from digitscope.data.hands import Material
from digitscope.experiments.machine import describe_machine

KINDS = ("print-around", "words-around", "form", "combs", "rings", "table", "sums", "hairline", "fold", "screen")


def found_of(material: Material, number: int, seed: int, model: str) -> list[bool]:
    """Return for page `number` and each direction whether it is found."""
    generator = np.random.default_rng([seed, number])
    image = make_busy_page(material, nuisance=KINDS[number % len(KINDS)], generator=generator).image
    turned = [np.ascontiguousarray(np.rot90(image, quarters)) for quarters in range(4)]
    return [digitscope.read(each, model=model).rotation == 90 * k for k, each in enumerate(turned)]


def table(found: Sequence[Sequence[bool]]) -> dict[str, float]:
    """Return the share of pages whose direction is found, for each direction and the mean."""
    shares = np.mean(found, axis=0)
    rows = {f"{90 * quarters} degrees": float(share) for quarters, share in enumerate(shares)}
    return {**rows, "mean": float(shares.mean())}


def main() -> None:
    """Measure and print."""
    parser = parser_for(__doc__, "seed", "model", "split")
    parser.add_argument("--pages", type=int, default=50, metavar="N", help="in each direction (default 50)")
    arguments = parser.parse_args()
    if arguments.pages < 1:
        parser.error(f"--pages {arguments.pages}: expected at least 1")
    material = Material.of(load_mnist().splits[arguments.split], held_back=arguments.split == "test")
    numbers = range(arguments.pages)
    found = [found_of(material, number, arguments.seed, arguments.model) for number in numbers]
    rows = table(found)
    if arguments.json:
        print(json.dumps({"machine": describe_machine(), "pages": arguments.pages, "found": rows}, indent=2))
        return
    print("| direction | pages | found |\n| --- | ---: | ---: |")
    for name, share in rows.items():
        print(f"| {name} | {arguments.pages} | {share:.1%} |")
    kinds = {kind: found[number :: len(KINDS)] for number, kind in enumerate(KINDS)}
    print(", ".join(f"{kind} {np.mean(each):.0%}" for kind, each in kinds.items() if each))


if __name__ == "__main__":
    main()
