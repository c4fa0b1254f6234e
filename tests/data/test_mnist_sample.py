from pathlib import Path

import numpy as np
from scripts.make_sample import sample_of, write_sample

from digitscope.data import Dataset
from digitscope.data.mnist import SAMPLE_PATH


def test_what_the_sample_holds(sample: Dataset) -> None:
    assert [split.images.shape for split in sample.splits.values()] == [
        (4000, 28, 28),
        (500, 28, 28),
        (500, 28, 28),
    ]
    assert sample.source == "the embedded sample: 5,000 real MNIST digits"
    # The first labels of MNIST's training file, as every introduction to it shows them.
    assert sample.train.labels[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert all(np.bincount(split.labels).min() > 30 for split in sample.splits.values())


def test_the_sample_is_small_and_needs_no_pickle() -> None:
    assert SAMPLE_PATH.stat().st_size < 1_000_000
    assert "CC BY-SA 3.0" in SAMPLE_PATH.with_suffix(".md").read_text()


def test_no_digit_is_in_two_splits(sample: Dataset) -> None:
    held = [{image.tobytes() for image in split.images} for split in sample.splits.values()]
    assert len(set.union(*held)) == sum(len(images) for images in held) == 5_000


def test_the_sample_is_the_stated_rows_of_mnist(mnist: Dataset, sample: Dataset, tmp_path: Path) -> None:
    images = np.concatenate([mnist.train.images, mnist.validation.images])
    assert np.array_equal(sample.train.images, images[:4000])
    assert np.array_equal(sample.validation.images, images[54_000:54_500])
    assert np.array_equal(sample.test.images, images[54_500:55_000])
    assert np.array_equal(sample.test.labels, mnist.validation.labels[500:1000])
    write_sample(sample_of(mnist), tmp_path / "again.npz")
    assert (tmp_path / "again.npz").read_bytes() == SAMPLE_PATH.read_bytes()
