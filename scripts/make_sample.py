"""Writes the embedded sample, `src/digitscope/data/mnist_sample.npz`, from full MNIST.

Usage: DIGITSCOPE_DATA=DIR python scripts/make_sample.py
"""

import sys

from digitscope.data import load_mnist
from digitscope.data.sample import SAMPLE_PATH, sample_of, write_sample


def main() -> None:
    """Write the sample, or end with one line when full MNIST is not there."""
    mnist = load_mnist()
    if (mnist.name, len(mnist.train)) != ("MNIST", 54_000):
        sys.exit(f"found {mnist.source}: expected full MNIST; set DIGITSCOPE_DATA to its folder")
    write_sample(sample_of(mnist), SAMPLE_PATH)


if __name__ == "__main__":
    main()
