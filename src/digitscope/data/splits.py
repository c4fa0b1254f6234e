"""The shape of the data everywhere: uint8 images with their labels, in three splits."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from digitscope.errors import DataError

UInt8 = NDArray[np.uint8]
Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]
Index = slice | NDArray[np.integer]

Task = Literal["digit", "two-digit", "separation", "page", "item"]
"""The use of a network: read one digit or two over each other, separate the two, find items on pages, or classify
one item.
"""

# The task by the number of axes of its labels, if they are no planes.
TASKS: Mapping[int, Task] = MappingProxyType({1: "digit", 2: "two-digit", 4: "separation"})

# Height and width of an item's image, and its highest label: see `digitscope.items`.
ITEM_SHAPE, MOST_OF_ITEM = (32, 64), 42

# The highest label of other tasks than reading digits, and what labels are.
HIGHEST: Mapping[Task, tuple[int, str]] = MappingProxyType(
    {"separation": (1, "masks of 0 and 1"), "item": (MOST_OF_ITEM, f"items 0 to {MOST_OF_ITEM}")}
)

# Planes of a page's labels, each a quarter as high and wide as the page: see `digitscope.data.page_targets`.
PAGE_PLANES = 17


@dataclass(frozen=True, eq=False)
class Split:
    """Images and what is written on them, checked once when made.

    Attributes:
        images: uint8 (N, H, W): digits as white ink (255) on black (0), pages and items as photographed.
        labels: uint8 (N,), or (N, 2) for two digits: column 0 the upper, column 1 the lower. To separate two
            digits (N, 2, H, W): 1 where the upper digit, and likewise where the lower, has ink. Images of
            items, 32x64, have those of `digitscope.items`.

    Raises:
        DataError: a shape or dtype is another, the lengths differ, or a label is above 9, one of a pixel above 1,
            one of an item above 42.
    """

    images: UInt8
    labels: UInt8

    def __post_init__(self) -> None:
        images, labels = self.images, self.labels
        if images.dtype != np.uint8 or images.ndim != 3:
            raise DataError(
                f"images are {images.dtype} of shape {images.shape}: expected uint8 of shape (N, height, width)"
            )
        masks = (2, *images.shape[1:])
        planes = (PAGE_PLANES, *(length // 4 for length in images.shape[1:]))
        if labels.dtype != np.uint8 or labels.shape[1:] not in {(), (2,), masks, planes}:
            expected = f"(N,), (N, 2) or (N, {', '.join(map(str, masks))})"
            raise DataError(
                f"labels are {labels.dtype} of shape {labels.shape}: expected uint8 of shape {expected}"
            )
        if len(images) != len(labels):
            raise DataError(f"{len(images)} images but {len(labels)} labels: expected one label an image")
        if self.task == "page":
            return
        highest, known = HIGHEST.get(self.task, (9, "digits 0 to 9"))
        if labels.max(initial=0) > highest:
            raise DataError(f"label {labels.max()} among the labels: expected {known}")

    @property
    def task(self) -> Task:
        """The task of a network for these examples."""
        if self.images.shape[1:] == ITEM_SHAPE:
            return "item"
        return "page" if self.labels.shape[1:2] == (PAGE_PLANES,) else TASKS[self.labels.ndim]

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: Index) -> "Split":
        """Return the examples that `index` (a slice or an array of positions) selects."""
        return Split(self.images[index], self.labels[index])


@dataclass(frozen=True, eq=False)
class Dataset:
    """Three splits, what they are, such as "MNIST", and where they came from, for people.

    A network learns from `train`, choices are made on `validation`, and `test` is read once for each reported
    figure. Splits that digitscope makes share no digit. In the course's own two-digit files only the test pairs
    are of other digits: its training file draws on MNIST's 60,000, so one digit can serve training and validation.
    """

    name: str
    source: str
    train: Split
    validation: Split
    test: Split

    @property
    def splits(self) -> dict[str, Split]:
        """The splits by name, in the order train, validation, test."""
        return {"train": self.train, "validation": self.validation, "test": self.test}

    def sha256(self) -> str:
        """Return the hash of every pixel and label, in hexadecimal: equal data give equal hashes."""
        digest = hashlib.sha256()
        for split in self.splits.values():
            for array in (split.images, split.labels):
                digest.update(str(array.shape).encode())
                digest.update(np.ascontiguousarray(array).data)
        return digest.hexdigest()


def joined(first: Split, second: Split) -> Split:
    """Return the examples of `first` followed by those of `second`."""
    pairs = ((first.images, second.images), (first.labels, second.labels))
    return Split(*map(np.concatenate, pairs))


def hold_out_last_tenth(split: Split) -> tuple[Split, Split]:
    """Return the first nine tenths of `split`, rounded down, and the rest, for validation; neither is empty.

    Raises:
        DataError: there are fewer than two examples.
    """
    if len(split) < 2:
        raise DataError(f"{len(split)} examples to train on: expected at least 2, one of them for validation")
    cut = 9 * len(split) // 10
    return split[:cut], split[cut:]


def is_divided_at_last_tenth(dataset: Dataset) -> bool:
    """Tell whether `hold_out_last_tenth` would divide the training and validation examples as they are."""
    n_train, n_both = len(dataset.train), len(dataset.train) + len(dataset.validation)
    return n_both >= 2 and n_train == 9 * n_both // 10
