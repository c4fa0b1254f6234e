"""How framing decides what is read: the same digits, put into 28x28 pixels in five ways.

    python -m benchmarks.framing [--seed S] [--split NAME] [--json]

The digits are those of UNIPEN's held-back writers, each drawn once with a thin and once with a bold pen. With
`--split validation`, they are as many by the other writers. MNIST's digits are 20 pixels along the longer side,
with their centre of mass in the middle. Each way comes a step nearer to that. Three networks read them: one that
learned from MNIST's digits as they are, and two that ship.
"""

import json
import os
from collections.abc import Callable, Mapping
from types import MappingProxyType

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks.arguments import parser_for
from benchmarks.pens import drawing
from digitscope import Recognizer, scratch
from digitscope.data import load_mnist
from digitscope.data.pen_digits import load_pen_digits
from digitscope.experiments.machine import describe_machine
from digitscope.reading.framing import frame

UInt8 = NDArray[np.uint8]
Way = Callable[[UInt8], UInt8]
Reads = Callable[[UInt8], NDArray[np.integer]]

SIDE, INNER, HEIGHT = 28, 20, 200
"""Pixels of an image, of a digit's longer side in it, and of that side in the picture."""

PENS = MappingProxyType({"thin": 6, "bold": 25})
"""Pixels. MNIST's strokes are an eighth of a digit's longer side, 25 of 200."""


def squeezed(ink: UInt8) -> UInt8:
    """Return the whole picture, made 28x28."""
    return _resized(ink, SIDE, SIDE)


def stretched(ink: UInt8) -> UInt8:
    """Return the digit, made as wide and as high as the image."""
    return _resized(_cropped(ink), SIDE, SIDE)


def in_the_middle(ink: UInt8) -> UInt8:
    """Return the digit with its proportions, 20 pixels long, its box in the middle."""
    fitted = _fitted(ink)
    return _placed(fitted, fitted.shape[0] / 2, fitted.shape[1] / 2)


def by_mass(ink: UInt8) -> UInt8:
    """Return the digit with its proportions, 20 pixels long, its centre of mass in the middle."""
    fitted = _fitted(ink).astype(np.float64)
    y, x = (float((fitted.sum(axis=1 - axis) @ np.arange(fitted.shape[axis])) / fitted.sum()) for axis in (0, 1))
    return _placed(fitted.astype(np.uint8), y, x)


def as_read(ink: UInt8) -> UInt8:
    """Return the digit as `digitscope.read` frames it: strokes too as bold as MNIST's."""
    return frame((_cropped(ink) / 255).astype(np.float32))


WAYS: Mapping[str, Way] = MappingProxyType(
    {
        "the whole picture, made 28x28": squeezed,
        "cut out, stretched to 28x28": stretched,
        "cut out, 20 pixels long, in the middle": in_the_middle,
        "the same, centre of mass in the middle": by_mass,
        "the same, strokes as bold as MNIST's": as_read,
    }
)


def _cropped(ink: UInt8) -> UInt8:
    rows, columns = np.flatnonzero(ink.max(axis=1) > 76), np.flatnonzero(ink.max(axis=0) > 76)
    return ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _fitted(ink: UInt8) -> UInt8:
    cut = _cropped(ink)
    share = INNER / max(cut.shape)
    return _resized(cut, *(max(1, round(side * share)) for side in cut.shape))


def _resized(ink: UInt8, height: int, width: int) -> UInt8:
    return np.asarray(Image.fromarray(ink).resize((width, height), Image.Resampling.BICUBIC))


def _placed(ink: UInt8, y: float, x: float) -> UInt8:
    image = np.zeros((SIDE, SIDE), np.uint8)
    top, left = (
        int(np.clip(round(SIDE / 2 - place), 0, SIDE - side))
        for place, side in zip((y, x), ink.shape, strict=True)
    )
    image[top : top + ink.shape[0], left : left + ink.shape[1]] = ink
    return image


def readers(seed: int) -> dict[str, Reads]:
    """Return what reads images (N, 28, 28), by name; the first has learned from MNIST's digits as they are."""
    mnist = load_mnist()
    settings = scratch.ScratchSettings(hidden=(128,))
    plain, _ = scratch.train(mnist.train, mnist.validation, settings, generator=np.random.default_rng(seed))
    return {"scratch-128": plain.predict, **{name: _shipped(name) for name in ("digit", "digit-best")}}


def _shipped(name: str) -> Reads:
    network = Recognizer.load(name, threads=1)
    return lambda images: network.predict(images).labels


def main() -> None:
    """Measure and print."""
    parser = parser_for(__doc__, "seed", "split")
    arguments = parser.parse_args()
    held_back = arguments.split == "test"
    digits = load_pen_digits(held_back=held_back)
    n = len(load_pen_digits(held_back=True))
    rows = np.random.default_rng(arguments.seed).permutation(len(digits))[:n]
    labels = digits.labels[rows]
    inks = {pen: [255 - drawing(digits, row, HEIGHT, width) for row in rows] for pen, width in PENS.items()}
    networks = readers(arguments.seed)
    right: dict[str, dict[str, float]] = {}
    for name, way in WAYS.items():
        images = {pen: np.stack([way(ink) for ink in drawn]) for pen, drawn in inks.items()}
        right[name] = {
            f"{network}, {pen}": float((read(images[pen]) == labels).mean())
            for network, read in networks.items()
            for pen in PENS
        }
    if arguments.json:
        print(json.dumps({"machine": describe_machine(), "digits": n, "right": right}, indent=2))
        return
    print(f"| {n:,} digits | " + " | ".join(next(iter(right.values()))) + " |")
    print("| --- |" + " ---: |" * len(networks) * len(PENS))
    for name, shares in right.items():
        print(f"| {name} | " + " | ".join(f"{share:.1%}" for share in shares.values()) + " |")


if __name__ == "__main__":
    main()
