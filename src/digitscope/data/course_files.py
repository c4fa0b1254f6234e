"""The course's own files: `mnist.pkl.gz`, and sets of overlapping pairs with their labels.

Pixels are stored there as floats, a pixel divided by 256: dividing and multiplying by it are exact.
"""

import gzip
import io
import pickle
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from digitscope.data.local_files import (
    DATA_VARIABLE,
    about,
    expanded,
    find_data_directory,
    is_file,
    is_folder,
    new_files,
    places,
    read_content,
)
from digitscope.data.restricted_pickle import restricted_load
from digitscope.data.splits import Dataset, Split, UInt8, hold_out_last_tenth, is_divided_at_last_tenth, joined
from digitscope.errors import DataError

LEVELS = 256
CHUNK = 2_000  # images converted at a time, which bounds the memory of the floats in between
BOTH_SIZES = (True, False)  # whether a set of pairs is the `_mini` one, in the order of preference


def read_course_mnist(path: Path) -> tuple[Split, Split]:
    """Return the training digits (the first two pairs, in order) and the test digits of `mnist.pkl.gz`.

    Raises:
        DataError: the file cannot be read, or does not hold what the course's file does.
    """
    with about(path), gzip.open(path) as file:
        stored = restricted_load(file)
        if not isinstance(stored, list | tuple) or len(stored) != 3:
            raise DataError("expected three (images, labels) pairs")
        first, second, test = (_single_digits(pair) for pair in stored)
        return joined(first, second), test


def write_course_mnist(path: Path, train: Split, test: Split) -> None:
    """Write `mnist.pkl.gz` to `path`: five sixths of `train`, the rest of it, and `test`."""
    cut = 5 * len(train) // 6
    splits = (train[:cut], train[cut:], test)
    pairs = [(each.images.reshape(len(each), -1), each.labels.astype(np.int64)) for each in splits]
    _write_pickle(path, pairs, np.float32)


def load_two_digit(directory: Path | str | None = None, *, mini: bool | None = None) -> Dataset:
    """Return the course's overlapping pairs: images (N, 42, 28), labels (N, 2), column 0 the upper digit.

    `directory`, or else DIGITSCOPE_DATA, names the folder of the files, or the parent of their folder `mnist`.
    `mini` selects the set whose names end in `_mini`, or the full-size one. The default is the first of these two
    that is complete; `source` of the result says which. The last tenth of the training file is for validation. The
    course drew its pairs before this split, so a validation digit can be in a training pair too.

    Raises:
        DataError: a file is missing, cannot be read or is damaged, or no folder is named.
    """
    folder = find_data_directory(directory)
    if folder is None:
        raise DataError(
            f"no folder with the course's two-digit files is named: pass one, or set {DATA_VARIABLE}; "
            "`digitscope data two-digit` writes a set of the same kind"
        )
    place, is_mini = _complete_set(folder, BOTH_SIZES if mini is None else (mini,))
    train_images, train_labels, *of_test = _paths(place, mini=is_mini)
    train, validation = hold_out_last_tenth(read_pairs(train_images, train_labels))
    test = read_pairs(*of_test)
    source = f"{place}, its {'_mini' if is_mini else 'full-size'} files"
    return Dataset("two overlapping digits", source, train, validation, test)


def has_two_digit(directory: Path | str) -> bool:
    """Tell whether `directory` or its subfolder `mnist` holds any of the course's two-digit files.

    `load_two_digit` finds out whether a set of them is complete, and names those that lack.

    Raises:
        DataError: the folder cannot be looked at.
    """
    folder = expanded(directory)
    looked_in = places(folder) if is_folder(folder) else ()
    return any(is_file(path) for place in looked_in for mini in BOTH_SIZES for path in _paths(place, mini=mini))


def write_two_digit(dataset: Dataset, directory: Path | str, *, mini: bool = True) -> tuple[Path, ...]:
    """Write `dataset` to `directory` as the course's four files and return their paths.

    The validation split follows the training split in one file, of which readers hold out the last tenth. An
    error while writing leaves no file.

    Raises:
        DataError: `dataset` does not hold pairs; its validation split is not the last tenth, as readers of the
            file assume; or a file exists or cannot be written.
    """
    if dataset.train.labels.ndim != 2 or not is_divided_at_last_tenth(dataset):
        raise DataError(
            f"{dataset.name}: {len(dataset.train)} training and {len(dataset.validation)} "
            f"validation examples with labels of shape {dataset.train.labels.shape} have no such files: "
            "expected labels (N, 2), the validation split a tenth of the two"
        )
    paths = _paths(expanded(directory), mini=mini)
    with new_files(*paths) as temporary:
        _write_pairs(joined(dataset.train, dataset.validation), *temporary[:2])
        _write_pairs(dataset.test, *temporary[2:])
    return paths


def read_pairs(images_path: Path, labels_path: Path) -> Split:
    """Return the overlapping pairs in one of the course's image files and its label file.

    Raises:
        DataError: a file cannot be read or is not such a file, or the two differ in length.
    """
    with about(images_path), gzip.open(images_path) as file:
        stored = restricted_load(file)
        if not isinstance(stored, list):
            raise DataError("expected a list of images")
        images = _pixels(stored)
        if images.shape[1:] != (42, 28):
            raise DataError(f"images of shape {images.shape[1:]}: expected (42, 28)")
    labels = _read_labels(labels_path)
    if len(images) != len(labels):
        raise DataError(
            f"{labels_path}: {len(labels)} labels for the {len(images)} images of {images_path.name}; "
            "expected one label an image: take both files from the same set"
        )
    return Split(images, labels)


def _write_pairs(pairs: Split, images: Path, labels: Path) -> None:
    """Write a gzipped pickle of a list of float64 arrays, and gzipped text: the upper digits, then the lower."""
    _write_pickle(images, list(pairs.images), np.float64)
    text = io.BytesIO()
    np.savetxt(text, pairs.labels.T, fmt="%d")
    labels.write_bytes(gzip.compress(text.getvalue(), mtime=0))


def _complete_set(folder: Path, sizes: tuple[bool, ...]) -> tuple[Path, bool]:
    """Return the place in `folder` of the first complete set of `sizes` (whether _mini), and its size."""
    begun = []
    for mini in sizes:
        for place in places(folder):
            lacking = [path.name for path in _paths(place, mini=mini) if not is_file(path)]
            if not lacking:
                return place, mini
            if len(lacking) < 4:
                begun.append(f"{place} lacks {', '.join(lacking)}")
    if begun:
        raise DataError(
            f"{'; '.join(begun)}: expected a complete set of two-digit files: add what is missing, "
            "or write a set into another folder with `digitscope data two-digit`"
        )
    names = ", or ".join(", ".join(path.name for path in _paths(folder, mini=mini)) for mini in sizes)
    raise DataError(
        f"{folder}: no two-digit files here or in its subfolder mnist; expected all of {names}: "
        "`digitscope data two-digit` writes such a set"
    )


def _paths(place: Path, *, mini: bool) -> tuple[Path, ...]:
    """Return where the course's files would lie: training images and labels, test images and labels."""
    ending = "_mini" if mini else ""
    kinds = (f"multi_digit{ending}.pkl.gz", f"labels{ending}.txt.gz")
    return tuple(place / f"{part}_{kind}" for part in ("train", "test") for kind in kinds)


def _single_digits(pair: object) -> Split:
    match pair:
        case [np.ndarray() as images, np.ndarray() as labels]:
            if images.shape[1:] == (28 * 28,) and labels.ndim == 1:
                return Split(_pixels(images).reshape(-1, 28, 28), _digits(labels))
            shapes = f"images of shape {images.shape} with labels of shape {labels.shape}"
            raise DataError(f"{shapes}: expected (N, 784) with (N,)")
    raise DataError("expected pairs of arrays, images and labels")


def _pixels(stored: NDArray[Any] | Sequence[object]) -> UInt8:
    chunks = []
    for start in range(0, max(len(stored), 1), CHUNK):
        try:
            levels = np.asarray(stored[start : start + CHUNK], dtype=np.float64) * LEVELS
        except (ValueError, TypeError, OverflowError):
            raise DataError("expected images of one shape, as arrays of floats") from None
        pixels = np.nan_to_num(levels).clip(0, LEVELS - 1).astype(np.uint8)
        if not np.array_equal(pixels, levels):
            raise DataError(f"pixels that are not whole multiples of 1/{LEVELS} from 0 to {LEVELS - 1}/{LEVELS}")
        chunks.append(pixels)
    if len({chunk.shape[1:] for chunk in chunks}) > 1:
        raise DataError("images of different shapes: expected one shape")
    return np.concatenate(chunks)


def _digits(labels: NDArray[Any]) -> UInt8:
    wrong = labels[~np.isin(labels, np.arange(10))]
    if wrong.size:
        raise DataError(f"label {wrong[0]:g} among the labels: expected digits 0 to 9")
    return labels.astype(np.uint8)


def _read_labels(path: Path) -> UInt8:
    """Return the labels in the text file at `path`, uint8 (N, 2)."""
    lines = [line.split() for line in read_content(path).splitlines() if line.strip()]
    with about(path):
        try:
            rows = [np.array(line, dtype=np.float64) for line in lines]
        except ValueError as error:
            raise DataError(f"{error}; expected two lines of digits") from None
        if len(rows) != 2 or len(rows[0]) != len(rows[1]):
            counts = ", ".join(str(len(row)) for row in rows[:3])
            raise DataError(
                f"{len(rows)} lines of {counts or 'no'} numbers; "
                "expected two of equal length: the upper digits, then the lower ones"
            )
        return _digits(np.stack(rows, axis=1))


class _CoursePickler(pickle.Pickler):
    """Pickles uint8 arrays as the floats that the course's files hold."""

    floats: type[np.floating[Any]] = np.float64

    def reducer_override(self, value: object) -> Any:
        """Name only what every NumPy has: NumPy 1 cannot load the pickles that NumPy 2 makes by itself."""
        if not isinstance(value, np.ndarray):
            return NotImplemented
        array = np.divide(value, LEVELS, dtype=self.floats) if value.dtype == np.uint8 else value
        return np.ndarray, ((0,), "b"), array.__reduce__()[2]


def _write_pickle(path: Path, value: object, floats: type[np.floating[Any]]) -> None:
    """Write `value` to `path`; without name and time in its header the same value gives the same bytes."""
    with (
        path.open("wb") as raw,
        gzip.GzipFile(filename="", mode="wb", fileobj=raw, compresslevel=1, mtime=0) as file,
    ):
        pickler = _CoursePickler(file, protocol=4)
        pickler.floats = floats
        pickler.dump(value)
