"""Measure the shipped network on digits of other data sets, which it was not trained on.

    python -m benchmarks.foreign [--model NAME] [--limit N] [--cut-out PIXELS [--stretched] [--binary]] [--pens]
                                 [--json]

By default the digits are scikit-learn's `load_digits`: 1,797 digits of 43 Turkish writers (Alpaydin and Kaynak
1998), 8x8 pixels of 17 grey levels. Each goes through `digitscope.read` as its own picture. A picture is right
if exactly one digit is read, and it is the right one. `--cut-out` takes MNIST's validation digits instead, cut
out without a margin, as in old data sets. `--stretched` makes each fill its square, and `--binary` removes grey.
`--pens` takes the digits of UNIPEN's held-back writers, each drawn once. `digitscope evaluate digit --split
pens` scores the network alone.
"""

import json
import os
from collections import Counter
from collections.abc import Sequence

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps
from sklearn.datasets import load_digits

import digitscope
from benchmarks.arguments import parser_for
from digitscope.data import load_mnist
from digitscope.data.pen_digits import load_pen_digits

INK = 20
"""Level from which a pixel of a digit counts for its box."""


Pictures = Sequence[NDArray[np.uint8]]


def collection(limit: int) -> tuple[Pictures, NDArray[np.integer]]:
    """Return the pictures of `load_digits`, and what they show."""
    found = load_digits()
    return [np.round(image * (255 / 16)).astype(np.uint8) for image in found.images[:limit]], found.target[:limit]


def cut_out(side: int, limit: int, *, is_stretched: bool) -> tuple[Pictures, NDArray[np.integer]]:
    """Return MNIST's validation digits cut out to their rims, on squares of `side` pixels, and what they show."""
    digits = load_mnist().validation[:limit]
    return [_reduced(image, side, is_stretched=is_stretched) for image in digits.images], digits.labels


def pens(limit: int) -> tuple[Pictures, NDArray[np.integer]]:
    """Return drawings of the digits of UNIPEN's held-back writers, and what they show."""
    digits = load_pen_digits(held_back=True).each(np.random.default_rng(0))[:limit]
    return list(digits.images), digits.labels


def _reduced(image: NDArray[np.uint8], side: int, *, is_stretched: bool) -> NDArray[np.uint8]:
    rows, columns = np.flatnonzero(image.max(axis=1) > INK), np.flatnonzero(image.max(axis=0) > INK)
    tight = Image.fromarray(image[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1])
    square = tight if is_stretched else ImageOps.pad(tight, (max(tight.size), max(tight.size)))
    return np.asarray(square.resize((side, side), Image.Resampling.BOX))


def measure(model: str, pictures: Pictures, truth: NDArray[np.integer]) -> dict[str, object]:
    """Return the shares, and what is misread as what."""
    readings = [digitscope.read(picture, model=model) for picture in pictures]
    labels = [str(label) for label in truth]
    found = ["".join(str(digit.label) for digit in reading.digits) for reading in readings]
    wrong = Counter(
        f"{label} as {text or 'nothing'}" for label, text in zip(labels, found, strict=True) if label != text
    )
    return {
        "digits": len(labels),
        "read right": float(np.mean([label == text for label, text in zip(labels, found, strict=True)])),
        "right and accepted": float(np.mean([a == b.text for a, b in zip(labels, readings, strict=True)])),
        "accepted but wrong": float(
            np.mean([b.text not in (a, "") and "?" not in b.text for a, b in zip(labels, readings, strict=True)])
        ),
        "most often wrong": dict(wrong.most_common(8)),
    }


def main() -> None:
    """Measure and print."""
    parser = parser_for(__doc__, "model")
    parser.add_argument("--limit", type=int, default=1797, metavar="N", help="only the first N digits")
    parser.add_argument("--cut-out", type=int, metavar="PIXELS", help="MNIST's validation digits in place of them")
    parser.add_argument("--stretched", action="store_true", help="each fills its square")
    parser.add_argument("--binary", action="store_true", help="black and white")
    parser.add_argument("--pens", action="store_true", help="UNIPEN's held-back writers in place of them")
    arguments = parser.parse_args()
    if arguments.pens:
        pictures, truth = pens(arguments.limit)
    elif arguments.cut_out:
        pictures, truth = cut_out(arguments.cut_out, arguments.limit, is_stretched=arguments.stretched)
    else:
        pictures, truth = collection(arguments.limit)
    if arguments.binary:
        pictures = [np.where(picture > 127, np.uint8(255), np.uint8(0)) for picture in pictures]
    results = measure(arguments.model, pictures, truth)
    if arguments.json:
        print(json.dumps(results, indent=2))
    else:
        for name, value in results.items():
            print(f"| {name} | {value:.2%} |" if isinstance(value, float) else f"| {name} | {value} |")


if __name__ == "__main__":
    main()
