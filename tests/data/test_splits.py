import numpy as np
import pytest

from digitscope.data import Dataset, Split
from digitscope.data.splits import hold_out_last_tenth, joined
from digitscope.errors import DataError


def empty_digits(count: int, label: int = 0) -> Split:
    return Split(np.zeros((count, 28, 28), dtype=np.uint8), np.full(count, label, dtype=np.uint8))


@pytest.mark.parametrize(
    ("images", "labels", "message"),
    [
        (np.zeros((2, 28, 28)), np.zeros(2, dtype=np.uint8), "images are float64"),
        (np.zeros((2, 4, 4), dtype=np.uint8), np.zeros((2, 3), dtype=np.uint8), "labels are uint8"),
        (np.zeros((2, 4, 4), dtype=np.uint8), np.zeros(3, dtype=np.uint8), "2 images but 3 labels"),
        (np.zeros((1, 4, 4), dtype=np.uint8), np.array([10], dtype=np.uint8), "label 10 among the labels"),
        (np.zeros((1, 4, 4), dtype=np.uint8), np.full((1, 2, 4, 4), 2, np.uint8), "expected masks of 0 and 1"),
    ],
)
def test_what_is_no_split(images: np.ndarray, labels: np.ndarray, message: str) -> None:
    with pytest.raises(DataError, match=message):
        Split(images, labels)


def test_the_last_tenth_is_held_out() -> None:
    for count, held_out in ((2, 1), (10, 1), (19, 2), (20, 2), (60, 6)):
        split = Split(empty_digits(count).images, (np.arange(count) % 10).astype(np.uint8))
        train, validation = hold_out_last_tenth(split)
        assert len(validation) == held_out
        assert np.array_equal(joined(train, validation).labels, split.labels)
    with pytest.raises(DataError, match="1 examples to train on"):
        hold_out_last_tenth(empty_digits(1))


def test_equal_data_have_equal_hashes() -> None:
    one = Dataset("a", "here", empty_digits(3), empty_digits(2), empty_digits(1))
    same = Dataset("b", "there", empty_digits(3), empty_digits(2), empty_digits(1))
    other = Dataset("a", "here", empty_digits(3), empty_digits(2), empty_digits(1, label=1))
    assert one.sha256() == same.sha256() != other.sha256()
