"""The course's overlapping pairs: reading its files, and writing a set in their format."""

from contextlib import ExitStack
from pathlib import Path

from digitscope.data.course_files import read_pairs, write_pair_images, write_pair_labels
from digitscope.data.local_files import DATA_VARIABLE, find_data_directory, places
from digitscope.data.splits import Dataset, Split, hold_out_last_tenth, joined
from digitscope.errors import DataError
from digitscope.files import replacing


def load_two_digit(directory: Path | str | None = None, *, mini: bool = True) -> Dataset:
    """Return the course's overlapping pairs: images (N, 42, 28), labels (N, 2), column 0 the upper digit.

    `directory`, else DIGITSCOPE_DATA, names the folder of the files or the one above their folder `mnist`;
    `mini` chooses the set whose names end in `_mini`. The last tenth of the training file is for validation.

    Raises:
        DataError: a file is missing or damaged, or no folder is named.
    """
    folder = find_data_directory(directory)
    if folder is None:
        raise DataError(
            f"no folder with the course's two-digit files is named: pass one, or set {DATA_VARIABLE}; "
            "`digitscope data two-digit` writes a set of the same kind"
        )
    place = _place(folder, mini=mini)
    if place is None:
        raise DataError(
            f"{folder}: no two-digit files here or in its subfolder mnist; expected all of "
            f"{', '.join(two_digit_names(mini=mini))}: `digitscope data two-digit` writes such a set"
        )
    train_images, train_labels, test_images, test_labels = _paths(place, mini=mini)
    train, validation = hold_out_last_tenth(read_pairs(train_images, train_labels))
    test = read_pairs(test_images, test_labels)
    return Dataset("two overlapping digits", str(place), train, validation, test)


def has_two_digit(directory: Path | str, *, mini: bool = True) -> bool:
    """Tell whether `directory` or its subfolder `mnist` holds the four files of the course's set."""
    folder = Path(directory).expanduser()
    return folder.is_dir() and _place(folder, mini=mini) is not None


def write_two_digit(dataset: Dataset, directory: Path | str, *, mini: bool = True) -> tuple[Path, ...]:
    """Write `dataset` to `directory` as the course's four files, all or none, and return their paths.

    The validation split follows the training split in one file, of which readers hold out the last tenth.

    Raises:
        DataError: `dataset` does not hold pairs, or its validation split is not a tenth, so that a reader
            would divide the file elsewhere; or a file is there already, or cannot be written.
    """
    both = joined(dataset.train, dataset.validation)
    if both.labels.ndim != 2 or len(hold_out_last_tenth(both)[0]) != len(dataset.train):
        raise DataError(
            f"{dataset.name}: {len(dataset.train)} training and {len(dataset.validation)} "
            f"validation examples with labels of shape {both.labels.shape} have no such files: "
            "expected labels (N, 2), the validation split a tenth of the two"
        )
    paths = _paths(Path(directory).expanduser(), mini=mini)
    for path in paths:
        if path.exists():
            raise DataError(f"{path}: is there already and is kept; expected a folder without it: name another")
    try:
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


def _place(folder: Path, *, mini: bool) -> Path | None:
    complete = (place for place in places(folder) if all(path.is_file() for path in _paths(place, mini=mini)))
    return next(complete, None)


def _paths(place: Path, *, mini: bool) -> tuple[Path, Path, Path, Path]:
    train_images, train_labels, test_images, test_labels = two_digit_names(mini=mini)
    return place / train_images, place / train_labels, place / test_images, place / test_labels
