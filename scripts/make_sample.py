"""Writes the embedded sample, `src/digitscope/data/mnist_sample.npz`, from full MNIST.

Usage: DIGITSCOPE_DATA=DIR python -m scripts.make_sample
"""

import sys
from pathlib import Path

import numpy as np

from digitscope.data import Dataset, load_mnist
from digitscope.data.mnist import SAMPLE_NAME, SAMPLE_PATH, SAMPLE_SOURCE
from digitscope.data.splits import UInt8
from digitscope.files import replacing


def sample_of(mnist: Dataset) -> Dataset:
    """Return the rows of full MNIST that the embedded sample holds; none is from MNIST's test set.

    The rows held out, 54,000 to 54,999 of MNIST's training file, are rows that no recipe trains on.
    """
    held_out = mnist.validation
    return Dataset(SAMPLE_NAME, SAMPLE_SOURCE, mnist.train[:4_000], held_out[:500], held_out[500:1_000])


def write_sample(sample: Dataset, path: Path) -> None:
    """Write `sample` to `path`, an `.npz` file; equal samples give equal bytes."""
    arrays: dict[str, UInt8] = {}
    for name, split in sample.splits.items():
        arrays |= {f"{name}_images": split.images, f"{name}_labels": split.labels}
    with replacing(path) as temporary:
        np.savez_compressed(temporary, allow_pickle=False, **arrays)


def main() -> None:
    """Write the sample, or end with one line when full MNIST is not there."""
    mnist = load_mnist()
    if (mnist.name, len(mnist.train)) != ("MNIST", 54_000):
        sys.exit(f"found {mnist.source}: expected full MNIST; set DIGITSCOPE_DATA to its folder")
    write_sample(sample_of(mnist), SAMPLE_PATH)


if __name__ == "__main__":
    main()
