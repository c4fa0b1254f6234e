"""How handwritten numbers with signs are read: dates, decimals, negative numbers, times and sums, one a picture.

    python -m benchmarks.signs [--texts N] [--seed S] [--show N] [--model NAME] [--split NAME] [--json]

They are written with MNIST's test digits and the strokes of UNIPEN's held-back writers; with `--split validation`,
with validation digits and the other writers. A text is right if all that is read is that text; spaces are ignored.
"""

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from types import MappingProxyType

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
from numpy.typing import NDArray

import digitscope
from benchmarks.arguments import parser_for
from benchmarks.busy_drafts import BusyDraft
from digitscope.data import load_mnist
from digitscope.data.glyphs import Mark
from digitscope.data.hands import Material
from digitscope.data.typeset import random_sum
from digitscope.detections import SIGNS
from digitscope.experiments.machine import describe_machine

UInt8 = NDArray[np.uint8]

SIZES, MARGIN = (24.0, 80.0), 1.0
"""Pixels of a digit's height, and the white around a text in heights of a digit."""

INK = (0.75, 0.95)
"""Share of the paper's light that the pen takes."""

NOISE = 3.0
"""Standard deviation of the noise, of 255."""


def date(generator: np.random.Generator) -> str:
    """Return a date such as 3/12/2022 or 07.05.98."""
    day, month, year = (int(generator.integers(*ends)) for ends in ((1, 32), (1, 13), (1900, 2030)))
    two = generator.random() < 0.5
    parts = (f"{day:02}", f"{month:02}", f"{year % 100:02}") if two else (str(day), str(month), str(year))
    return str(generator.choice(list("/.-"))).join(parts)


def decimal(generator: np.random.Generator) -> str:
    """Return a decimal number such as 12.5 or 3,75."""
    behind = "".join(generator.choice(list("0123456789"), int(generator.integers(1, 4))))
    return f"{generator.integers(0, 1000)}{generator.choice(['.', ','])}{behind}"


def negative(generator: np.random.Generator) -> str:
    """Return a negative number such as -25 or -0.5."""
    return f"-{decimal(generator) if generator.random() < 0.3 else generator.integers(1, 10_000)}"


def time(generator: np.random.Generator) -> str:
    """Return a time such as 9:05."""
    return f"{generator.integers(0, 24)}:{generator.integers(0, 60):02}"


KINDS: Mapping[str, Callable[[np.random.Generator], str]] = MappingProxyType(
    {"dates": date, "decimals": decimal, "negative numbers": negative, "times": time, "sums": random_sum}
)


@dataclass(frozen=True)
class Text:
    """A text of a kind, and what was read; neither has spaces."""

    kind: str
    written: str
    read: str


def picture(
    material: Material, text: str, generator: np.random.Generator, sizes: tuple[float, float] = SIZES
) -> tuple[UInt8, tuple[Mark, ...]]:
    """Return a picture of a handwritten text, dark on light, and its digits and signs in pixels."""
    size = float(np.exp(generator.uniform(*np.log(sizes))))
    draft, margin = BusyDraft(material, size, (1, 1), generator, 0), round(MARGIN * size)
    writing = draft.number(text, (0.06, generator.uniform(0.15, 0.4)))
    ink = np.pad(writing.coverage, margin) * (generator.uniform(*INK) / 255)
    light = generator.uniform(180, 250) * (1 - ink) + generator.normal(0, NOISE, ink.shape)
    marks = tuple(mark.moved(margin, margin) for mark in writing.marks)
    return np.asarray(np.rint(light.clip(0, 255)), dtype=np.uint8), marks


def read_all(material: Material, texts: int, seed: int, model: str) -> list[Text]:
    """Read texts of all kinds in turns."""
    results = []
    for number in range(texts):
        generator = np.random.default_rng([seed, number])
        kind = list(KINDS)[number % len(KINDS)]
        written = KINDS[kind](generator)
        image, _ = picture(material, written, generator)
        reading = digitscope.read(image, model=model)
        results.append(Text(kind, written.replace("_", ""), "".join(reading.text.split())))
    return results


def row(name: str, texts: list[Text]) -> str:
    """Return one line of the table."""
    right = sum(text.written == text.read for text in texts)
    digits = sum(_digits(text.written) == _digits(text.read) for text in texts)
    return f"| {name} | {len(texts)} | {right / len(texts):.1%} | {digits / len(texts):.1%} |"


def _digits(text: str) -> str:
    return "".join(character for character in text if character not in SIGNS)


def main() -> None:
    """Measure and print."""
    parser = parser_for(__doc__, "seed", "model", "split")
    parser.add_argument("--texts", type=int, default=300, metavar="N", help="of all kinds together (default 300)")
    parser.add_argument("--show", type=int, default=0, metavar="N", help="print the first N that are wrong")
    arguments = parser.parse_args()
    if arguments.texts < len(KINDS):
        parser.error(f"--texts {arguments.texts}: expected at least {len(KINDS)}")
    material = Material.of(load_mnist().splits[arguments.split], held_back=arguments.split == "test")
    texts = read_all(material, arguments.texts, arguments.seed, arguments.model)
    if arguments.json:
        print(json.dumps({"machine": describe_machine(), "texts": [asdict(text) for text in texts]}, indent=2))
        return
    print("| kind | texts | exact | digits exact |\n| --- | ---: | ---: | ---: |")
    for kind in KINDS:
        print(row(kind, [text for text in texts if text.kind == kind]))
    print(row("all", texts))
    for text in [text for text in texts if text.written != text.read][: arguments.show]:
        print(f"{text.written} as {text.read or 'nothing'}")


if __name__ == "__main__":
    main()
