"""5,000 real MNIST digits that come with the package; `mnist_sample.md` says which, and their licence."""

from pathlib import Path

import numpy as np

from digitscope.data.splits import Dataset, Split, UInt8
from digitscope.files import replacing

SAMPLE_PATH = Path(__file__).with_name("mnist_sample.npz")
SAMPLE_NAME = "MNIST sample"
SAMPLE_SOURCE = "the embedded sample: 5,000 real MNIST digits"


def load_sample() -> Dataset:
    """Return the embedded sample: 4,000 digits to train on, 500 for validation, 500 for testing."""
    with np.load(SAMPLE_PATH, allow_pickle=False) as stored:
        train, validation, test = (
            Split(stored[f"{name}_images"], stored[f"{name}_labels"]) for name in ("train", "validation", "test")
        )
    return Dataset(SAMPLE_NAME, SAMPLE_SOURCE, train, validation, test)


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
