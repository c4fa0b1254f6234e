"""How digits of other collections are read with the shipped network, which learned none of them.

    python -m benchmarks.foreign [--model NAME] [--limit N] [--json]

scikit-learn's `load_digits`: 1,797 digits of 43 Turkish writers (Alpaydin and Kaynak 1998), 8x8 pixels of 17 grey
levels. Each goes through `digitscope.read` as a picture of its own; right is one digit, the right one.
"""

import argparse
import json
import os
from collections import Counter

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
from sklearn.datasets import load_digits

import digitscope


def measure(model: str, limit: int) -> dict[str, object]:
    """Return the shares, and what is misread as what."""
    collection = load_digits()
    images = np.round(collection.images[:limit] * (255 / 16)).astype(np.uint8)
    readings = [digitscope.read(image, model=model) for image in images]
    labels = [str(label) for label in collection.target[:limit]]
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
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="digit", metavar="NAME", help="that reads digits (default digit)")
    parser.add_argument("--limit", type=int, default=1797, metavar="N", help="only the first N digits")
    parser.add_argument("--json", action="store_true", help="print JSON")
    arguments = parser.parse_args()
    results = measure(arguments.model, arguments.limit)
    if arguments.json:
        print(json.dumps(results, indent=2))
    else:
        for name, value in results.items():
            print(f"| {name} | {value:.2%} |" if isinstance(value, float) else f"| {name} | {value} |")


if __name__ == "__main__":
    main()
