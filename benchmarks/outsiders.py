"""Measure how well digits are distinguished from other images, and the error at high coverage.

    python -m benchmarks.outsiders [--read N] [--model NAME] [--split NAME] [--fashion DIR] [--json]

Digits are MNIST's, by default from the test split. Outsiders are 10,000 images of Fashion-MNIST's test set, 2,000
printed letters and 2,000 scribbles, framed like ink on a page. Fashion-MNIST is Debian's package
`dataset-fashion-mnist`; it is left out if it is not installed. Letters that look like digits are left out (IOSZ
and bgloqsz).

The areas (AUROC) judge the digit network alone, on framed images: by its probability, by its distance, and by
both. The first `--read` images of each kind also go through `digitscope.read`, one picture each. The table has the
share of these pictures with an accepted digit. Errors are ranked by probability.
"""

import gzip
import json
import os
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import matplotlib as mpl
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from scipy.interpolate import CubicSpline
from sklearn.metrics import roc_auc_score

import digitscope
from benchmarks.arguments import parser_for
from digitscope.data import load_mnist
from digitscope.data.augmentation import Augmentation, augment
from digitscope.data.known_files import parse_idx
from digitscope.experiments.machine import describe_machine
from digitscope.reading.framing import frame

UInt8 = NDArray[np.uint8]

LETTERS = "ABCDEFGHJKLMNPQRTUVWXYacdefhijkmnprtuvwxy"
N_DRAWN = 2_000
SIDE = 120
FASHION = Path("/usr/share/datasets/fashion-mnist")
COVERAGES = (1.0, 0.99, 0.95)

STRANGENESS, UNLIKENESS = 3.0, 0.03
"""Nats that a further 1 of distance above 1 costs, and that its square costs, where both scores are combined."""


def framed(image: Image.Image) -> UInt8:
    """Return white ink on black as the reader frames it, uint8 (28, 28)."""
    ink = np.asarray(image, dtype=np.float32) / np.float32(255)
    rows, columns = np.flatnonzero(ink.max(axis=1) > 0.3), np.flatnonzero(ink.max(axis=0) > 0.3)
    return frame(ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1])


def letter(generator: np.random.Generator) -> UInt8:
    """Return one letter of a font that comes with Matplotlib, turned and bolder or finer."""
    names = ("DejaVuSans", "DejaVuSans-Oblique", "DejaVuSerif", "DejaVuSerif-Italic", "STIXGeneral")
    fonts = Path(mpl.get_data_path()) / "fonts" / "ttf"
    font = ImageFont.truetype(str(fonts / f"{generator.choice(names)}.ttf"), 64)
    image = Image.new("L", (SIDE, SIDE))
    bolder = int(generator.integers(0, 3))
    ImageDraw.Draw(image).text((30, 20), generator.choice(list(LETTERS)), font=font, fill=255, stroke_width=bolder)
    return framed(image.rotate(float(generator.uniform(-12, 12)), Image.Resampling.BICUBIC))


def scribble(generator: np.random.Generator) -> UInt8:
    """Return a smooth line through the places of a random walk."""
    n = int(generator.integers(5, 14))
    places = np.cumsum(generator.normal(size=(n, 2)), axis=0)
    line = CubicSpline(np.arange(n), places)(np.linspace(0, n - 1, 200))
    line = (line - line.min(axis=0)) / np.ptp(line, axis=0).max() * (SIDE - 30) + 15
    image = Image.new("L", (SIDE, SIDE))
    width = int(generator.integers(6, 14))
    ImageDraw.Draw(image).line([(float(x), float(y)) for x, y in line], fill=255, width=width, joint="curve")
    return framed(image)


def drawn(draw: Callable[[np.random.Generator], UInt8], generator: np.random.Generator) -> UInt8:
    """Return 2,000 drawings, bent as a hand would."""
    images = np.stack([draw(generator) for _ in range(N_DRAWN)])
    return augment(images, Augmentation(rotation=5, shear=0.1, elastic=0.5), generator=generator)


def outsiders(fashion: Path) -> dict[str, UInt8]:
    """Return the images that are no digits, by what they are."""
    generator = np.random.default_rng(0)
    found = {"letters": drawn(letter, generator), "scribbles": drawn(scribble, generator)}
    path = fashion / "t10k-images-idx3-ubyte.gz"
    return {"Fashion-MNIST": parse_idx(gzip.decompress(path.read_bytes())), **found} if path.is_file() else found


def scores(prediction: digitscope.Prediction) -> dict[str, NDArray[np.float64]]:
    """Return how unlike a digit each image is, (N,), by the network's probability, its distance, and both."""
    doubt = -np.log(np.maximum(prediction.probabilities.max(axis=1).astype(np.float64), 1e-6))
    if prediction.distances is None:
        return {"probability": doubt}
    distances = prediction.distances.astype(np.float64)
    both = doubt + STRANGENESS * np.maximum(distances - 1, 0) + UNLIKENESS * distances**2
    return {"probability": doubt, "distance": distances, "both": both}


def share_accepted(reader: digitscope.Reader, images: UInt8) -> float:
    """Return in how many images, each a picture of its own, some digit is accepted."""
    readings = [reader.read(image) for image in images]
    return float(np.mean([any(digit.accepted for digit in reading.digits) for reading in readings]))


def measure(model: str, split: str, fashion: Path, n_read: int) -> dict[str, dict[str, float]]:
    """Return the shares and areas that the table has."""
    digits = load_mnist().splits[split]
    recognizer = digitscope.Recognizer.load(model)
    prediction = recognizer.predict(digits.images)
    own = scores(prediction)
    right = prediction.labels == digits.labels
    sure_first = right[np.argsort(own["probability"], kind="stable")]
    kept = {coverage: sure_first[: round(coverage * len(right))] for coverage in COVERAGES}
    others = outsiders(fashion)
    areas: dict[str, float] = {}
    for name, images in others.items():
        theirs = scores(recognizer.predict(images))
        areas |= {f"{name}, by {score}": _area(own[score], theirs[score]) for score in own}
    reader = digitscope.Reader.load(model)
    pictures = {"digits": digits.images, **others}
    return {
        "error at coverage": {f"{coverage:.0%}": float(1 - kept[coverage].mean()) for coverage in COVERAGES},
        "AUROC": areas,
        "pictures with an accepted digit": {
            name: share_accepted(reader, images[:n_read]) for name, images in pictures.items()
        },
    }


def _area(own: NDArray[np.float64], theirs: NDArray[np.float64]) -> float:
    is_outside = np.repeat([0, 1], [len(own), len(theirs)])
    return float(roc_auc_score(is_outside, np.concatenate([own, theirs])))


def main() -> None:
    """Measure and print."""
    parser = parser_for(__doc__, "model", "split")
    parser.add_argument("--read", type=int, default=500, metavar="N", help="pictures of each kind (default 500)")
    parser.add_argument("--fashion", type=Path, default=FASHION, metavar="DIR", help=f"default {FASHION}")
    arguments = parser.parse_args()
    if arguments.read < 1:
        parser.error(f"--read {arguments.read}: expected at least 1")
    results = measure(arguments.model, arguments.split, arguments.fashion, arguments.read)
    if arguments.json:
        print(json.dumps({**results, "machine": describe_machine()}, indent=2))
        return
    print("| what | of | |\n| --- | --- | ---: |")
    for name, values in results.items():
        for which, number in values.items():
            print(f"| {name} | {which} | {f'{number:.4f}' if name == 'AUROC' else f'{number:.3%}'} |")


if __name__ == "__main__":
    main()
