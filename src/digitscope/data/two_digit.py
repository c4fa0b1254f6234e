"""The course's overlapping pairs: reading its files, and writing a set in their format."""

from contextlib import ExitStack
from pathlib import Path

from digitscope.data.course_files import read_pairs, write_pair_images, write_pair_labels
from digitscope.data.local_files import (
    DATA_VARIABLE,
    expanded,
    find_data_directory,
    is_file,
    is_folder,
    places,
    refuse_existing,
)
from digitscope.data.splits import Dataset, Split, hold_out_last_tenth, is_divided_at_last_tenth, joined
from digitscope.errors import DataError
from digitscope.files import replacing

BOTH_SIZES = (True, False)  # of a set, in the order of preference: the `_mini` one, then the full-size one


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
    train_images, train_labels, test_images, test_labels = _paths(place, mini=is_mini)
    train, validation = hold_out_last_tenth(read_pairs(train_images, train_labels))
    test = read_pairs(test_images, test_labels)
    source = f"{place}, its {'_mini' if is_mini else 'full-size'} files"
    return Dataset("two overlapping digits", source, train, validation, test)


def has_two_digit(directory: Path | str) -> bool:
    """Tell whether `directory` or its subfolder `mnist` holds any of the course's two-digit files.

    Whether a set of them is complete is what `load_two_digit` finds out: it names those that lack.

    Raises:
        DataError: the folder cannot be looked at.
    """
    folder = expanded(directory)
    looked_in = places(folder) if is_folder(folder) else ()
    return any(is_file(path) for place in looked_in for mini in BOTH_SIZES for path in _paths(place, mini=mini))


def write_two_digit(dataset: Dataset, directory: Path | str, *, mini: bool = True) -> tuple[Path, ...]:
    """Write `dataset` to `directory` as the course's four files and return their paths.

    The validation split follows the training split in one file, of which readers hold out the last tenth.
    All four are whole before the first one gets its name, so an error while writing leaves none. Only a machine
    that stops in the instant of the four renames can leave fewer, each of them whole.

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
    both = joined(dataset.train, dataset.validation)
    paths = _paths(expanded(directory), mini=mini)
    try:
        refuse_existing(paths)
        _write(dataset.test, both, paths)
    except OSError as error:
        raise DataError(f"{directory}: cannot be written ({error.strerror or error})") from None
    return paths


def _write(test: Split, both: Split, paths: tuple[Path, ...]) -> None:
    """Write the four files under temporary names and move them when the last one is whole."""
    with ExitStack() as stack:
        train_images, train_labels, test_images, test_labels = (
            stack.enter_context(replacing(path)) for path in paths
        )
        write_pair_images(train_images, both)
        write_pair_labels(train_labels, both)
        write_pair_images(test_images, test)
        write_pair_labels(test_labels, test)


def two_digit_names(*, mini: bool = True) -> tuple[str, str, str, str]:
    """Return the course's file names: training images and labels, test images and labels."""
    ending = "_mini" if mini else ""
    return (
        f"train_multi_digit{ending}.pkl.gz",
        f"train_labels{ending}.txt.gz",
        f"test_multi_digit{ending}.pkl.gz",
        f"test_labels{ending}.txt.gz",
    )


def _complete_set(folder: Path, sizes: tuple[bool, ...]) -> tuple[Path, bool]:
    """Return the place in `folder` of the first complete set of `sizes` (whether _mini), and its size."""
    looked_in = places(folder)
    begun = []
    for mini in sizes:
        for place in looked_in:
            lacking = [path.name for path in _paths(place, mini=mini) if not is_file(path)]
            if not lacking:
                return place, mini
            if len(lacking) < len(two_digit_names()):
                begun.append(f"{place} lacks {', '.join(lacking)}")
    raise DataError(_none_complete(folder, sizes, begun))


def _none_complete(folder: Path, sizes: tuple[bool, ...], begun: list[str]) -> str:
    names = ", or ".join(", ".join(two_digit_names(mini=mini)) for mini in sizes)
    if begun:
        return (
            f"{'; '.join(begun)}: expected a complete set of two-digit files: add what is missing, "
            "or write a set into another folder with `digitscope data two-digit`"
        )
    return (
        f"{folder}: no two-digit files here or in its subfolder mnist; expected all of {names}: "
        "`digitscope data two-digit` writes such a set"
    )


def _paths(place: Path, *, mini: bool) -> tuple[Path, Path, Path, Path]:
    train_images, train_labels, test_images, test_labels = two_digit_names(mini=mini)
    return place / train_images, place / train_labels, place / test_images, place / test_labels
