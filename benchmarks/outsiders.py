"""How well what is no digit is told from digits, and how few readings are wrong among those that are sure.

    python -m benchmarks.outsiders [--model NAME] [--split NAME] [--fashion DIR] [--json]

Digits are MNIST's, those of `--split test` unless told otherwise. Outsiders are the 10,000 test images of
Fashion-MNIST, which Debian has as `dataset-fashion-mnist` (left out where they are not), 2,000 printed letters and
2,000 scribbles, framed as ink on a page is. No letter is among them that is drawn like a digit: I, O, S, Z, b, g,
l, o, q, s, z. Outsiders are told by `digitscope.inference.acceptance.cost`; which digits are the surest, their
confidence tells: of 30,000 validation digits it leaves fewer errors among them than that cost does.
"""

import argparse
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
from digitscope.data import load_mnist
from digitscope.data.augmentation import Augmentation, augment
from digitscope.data.idx import parse_idx
from digitscope.experiments.machine import describe_machine
from digitscope.inference.acceptance import MOST_COST, cost
from digitscope.inference.framing import frame

UInt8 = NDArray[np.uint8]

LETTERS = "ABCDEFGHJKLMNPQRTUVWXYacdefhijkmnprtuvwxy"
N_DRAWN = 2_000
N_READ = 500
SIDE = 120
FASHION = Path("/usr/share/datasets/fashion-mnist")
COVERAGES = (1.0, 0.99, 0.95)


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


def costs(prediction: digitscope.Prediction) -> NDArray[np.float32]:
    """Return what it costs to read each image as a digit."""
    if prediction.distances is None:
        raise SystemExit("the network tells no distances: expected one that does, such as digit")
    return cost(prediction.probabilities, prediction.distances)


def share_taken(reader: digitscope.Reader, images: UInt8) -> float:
    """Return in how many of the first 500 images, each a picture of its own, some digit is accepted."""
    readings = [reader.read(image) for image in images[:N_READ]]
    return float(np.mean([any(digit.accepted for digit in reading.digits) for reading in readings]))


def measure(model: str, split: str, fashion: Path) -> dict[str, object]:
    """Return the shares and areas that the table has."""
    digits = load_mnist().splits[split]
    recognizer = digitscope.Recognizer.load(model)
    prediction = recognizer.predict(digits.images)
    own = costs(prediction)
    right = prediction.labels == digits.labels
    sure_first = right[np.argsort(-prediction.probabilities.max(axis=1), kind="stable")]
    kept = {coverage: sure_first[: round(coverage * len(right))] for coverage in COVERAGES}
    others = outsiders(fashion)
    other = {name: costs(recognizer.predict(images)) for name, images in others.items()}
    reader = digitscope.Reader.load(model)
    return {
        "error at coverage": {f"{coverage:.0%}": float(1 - kept[coverage].mean()) for coverage in COVERAGES},
        "accepted digits": float((own <= MOST_COST).mean()),
        "AUROC": {name: _area(own, theirs) for name, theirs in other.items()},
        "accepted outsiders": {name: float((theirs <= MOST_COST).mean()) for name, theirs in other.items()},
        "pictures of them in which a digit is accepted": {
            name: share_taken(reader, images) for name, images in others.items()
        },
    }


def _area(own: NDArray[np.float32], theirs: NDArray[np.float32]) -> float:
    is_outside = np.repeat([0, 1], [len(own), len(theirs)])
    return float(roc_auc_score(is_outside, np.concatenate([own, theirs])))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="digit", metavar="NAME", help="that reads digits (default digit)")
    parser.add_argument("--split", choices=("test", "validation"), default="test", help="default test")
    parser.add_argument("--fashion", type=Path, default=FASHION, metavar="DIR", help=f"default {FASHION}")
    parser.add_argument("--json", action="store_true", help="print JSON")
    arguments = parser.parse_args()
    results = measure(arguments.model, arguments.split, arguments.fashion)
    if arguments.json:
        print(json.dumps({**results, "machine": describe_machine()}, indent=2))
        return
    for name, value in results.items():
        for which, number in value.items() if isinstance(value, dict) else [("", value)]:
            print(
                f"| {name} | {which} | {number:.4%} |"
                if name != "AUROC"
                else f"| {name} | {which} | {number:.4f} |"
            )


if __name__ == "__main__":
    main()
