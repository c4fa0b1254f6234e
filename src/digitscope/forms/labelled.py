"""Digits of reviewed fields, labelled by the values that hold: data to teach a network with, or to test it on."""

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from digitscope.data import Split
from digitscope.data.known_files import STANDARD_NAMES, idx_of
from digitscope.data.local_files import expanded, refuse_existing
from digitscope.data.overlapping import DIGIT_SHAPE
from digitscope.errors import DataError
from digitscope.files import write_bytes
from digitscope.forms.store import Store

TEST_EVERY = 5  # one form of so many is for the test; a form is of one writer


@dataclass(frozen=True)
class LabelledDigits:
    """Digits of reviewed fields."""

    train: Split  # of most forms
    test: Split  # of other forms
    left_out: int  # reviewed fields whose values have another number of digits than was found in them


def labelled_digits(store: Store) -> LabelledDigits:
    """Return the digits of those reviewed fields in which as many digits were found as the value has.

    Every fifth form is for the test, or the last of fewer.

    Raises:
        DataError: there are too few digits.
    """
    forms: dict[int, list[Split]] = {}
    left_out = 0
    for form, value, png in store.reviewed():
        labels = np.array([int(character) for character in value if character in "0123456789"], np.uint8)
        images = np.zeros((0, *DIGIT_SHAPE), np.uint8)
        if png is not None:
            images = np.asarray(Image.open(io.BytesIO(png))).reshape(-1, *DIGIT_SHAPE)
        if len(images) != len(labels):
            left_out += 1
        elif len(labels):
            forms.setdefault(form, []).append(Split(images, labels))
    both = list(forms.values())
    of_test = both[TEST_EVERY - 1 :: TEST_EVERY] or both[-1:]
    train = [split for form in both if form not in of_test for split in form]
    test = [split for form in of_test for split in form]
    if not test or sum(map(len, train)) < 2:
        n_digits = sum(len(split) for form in both for split in form)
        raise DataError(
            f"{store.path}: has {n_digits} labelled digits of {len(both)} reviewed forms: expected at least 3 "
            "of two forms, one of which tests: review more"
        )
    return LabelledDigits(_joined(train), _joined(test), left_out)


def write_digits(digits: LabelledDigits, folder: Path) -> None:
    """Write digits as the four IDX files of a folder that `--data` takes.

    Raises:
        DataError: one of the files is there.
    """
    folder = expanded(folder)
    refuse_existing(folder / name for name in STANDARD_NAMES)
    arrays = (digits.train.images, digits.train.labels, digits.test.images, digits.test.labels)
    for name, array in zip(STANDARD_NAMES, arrays, strict=True):
        write_bytes(folder / name, idx_of(array))


def _joined(splits: list[Split]) -> Split:
    return Split(
        np.concatenate([split.images for split in splits]), np.concatenate([split.labels for split in splits])
    )
