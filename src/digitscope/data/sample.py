"""5,000 real MNIST digits that come with the package; `mnist_sample.md` says which, and their licence."""

from pathlib import Path

import numpy as np

from digitscope.data.splits import Dataset, Split

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
