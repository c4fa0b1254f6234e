"""MNIST from wherever it is: a named folder, the user's cache, a mirror, or the embedded sample."""

from collections.abc import Mapping
from pathlib import Path

from digitscope.data.course_files import read_course_mnist, write_course_mnist
from digitscope.data.download import Report, check_downloads_work, fetch_mnist, is_offline, say_nothing
from digitscope.data.known_files import MNIST, STANDARD_NAMES, FoundFile, identify, parse_idx
from digitscope.data.local_files import (
    about,
    cache_directory,
    expanded,
    find_data_directory,
    is_file,
    new_files,
    places,
    read_content,
)
from digitscope.data.sample import load_sample
from digitscope.data.splits import Dataset, Split, hold_out_last_tenth, is_divided_at_last_tenth, joined
from digitscope.errors import DataError, MissingExtraError

COURSE_NAME = "mnist.pkl.gz"
UNCHECKED_NAME = "unchecked data"


def load_mnist(
    directory: Path | str | None = None, *, download: bool = True, check: bool = True, report: Report | None = None
) -> Dataset:
    """Return MNIST: images uint8 (N, 28, 28), labels uint8 (N,).

    `directory`, or else DIGITSCOPE_DATA, names a folder. It, or its subfolder `mnist`, must hold IDX files,
    gzipped or not, or the course's `mnist.pkl.gz`. If none is named, the data come from the user's cache, a
    download into it, or the embedded sample, in this order. `source` of the result says which. The validation
    split is the last tenth of the training file.

    Args:
        directory: the folder with the data.
        download: whether the network may be used; DIGITSCOPE_OFFLINE=1 forbids it as well.
        check: whether the content of a named folder must be MNIST or Fashion-MNIST, by its hash. If False, any
            four IDX files of the standard names are accepted.
        report: called with one line when a download begins, when it fails, and when only the embedded sample is
            left.

    Raises:
        DataError: the named folder or a file in it is missing, cannot be read, is damaged or not what its name
            promises.
    """
    folder = find_data_directory(directory)
    if folder is None:
        return load_mnist_elsewhere(download=download, report=report)
    return _load_folder(folder, check=check)


def load_mnist_elsewhere(*, download: bool = True, report: Report | None = None) -> Dataset:
    """Return MNIST as `load_mnist` does with no folder named, also when DIGITSCOPE_DATA names one.

    A cache that is incomplete, damaged or unreadable is passed over.
    """
    say = report or say_nothing
    found = _load_cache() or (_download(say) if download else None)
    if found is None:
        found = load_sample()
        say(f"no full MNIST here: using {found.source}; `digitscope data fetch` or --data DIR gets all 70,000")
    return found


def has_mnist(directory: Path | str) -> bool:
    """Tell whether `directory` or its subfolder `mnist` holds a file that MNIST could be read from.

    DataError tells that there is no such folder, or that it cannot be looked at.
    """
    return any(_idx_paths(place) or is_file(place / COURSE_NAME) for place in places(expanded(directory)))


def write_mnist(dataset: Dataset, directory: Path | str) -> Path:
    """Write `dataset` to `directory` as the course's `mnist.pkl.gz`, whole or not at all, and return its path.

    The file holds three pairs: images float32 (N, 784), pixel / 256, with labels int64 (N,). The first two are
    five sixths and a sixth of the training and validation digits in order (50,000 and 10,000 of full MNIST), the
    third the test digits.

    Raises:
        DataError: `dataset` does not hold single digits of 28x28 pixels; its validation split is not the last
            tenth, as `load_mnist` assumes; or the file exists or cannot be written.
    """
    shape = dataset.train.images.shape[1:]
    if shape != (28, 28) or dataset.train.labels.ndim != 1 or not is_divided_at_last_tenth(dataset):
        raise DataError(
            f"{dataset.name}: {len(dataset.train)} training and {len(dataset.validation)} validation images of "
            f"shape {shape} make no {COURSE_NAME}: expected single digits of shape (28, 28), the last tenth for "
            "validation, as full MNIST has them: `digitscope data fetch` or --data DIR gets it"
        )
    path = expanded(directory) / COURSE_NAME
    with new_files(path) as (temporary,):
        write_course_mnist(temporary, joined(dataset.train, dataset.validation), dataset.test)
    return path


def _load_folder(folder: Path, *, check: bool) -> Dataset:
    lacking = []
    for place in places(folder):
        paths = _idx_paths(place)
        if len(paths) == len(STANDARD_NAMES):
            return _assemble(_read_idx(paths), str(place), check=check)
        course = place / COURSE_NAME
        if is_file(course):
            return _assemble(_read_course(course), str(course), check=check)
        if paths:
            lacking.append(f"{place} lacks {', '.join(name for name in STANDARD_NAMES if name not in paths)}")
    raise DataError(
        f"{'; '.join(lacking) or f'{folder}: no MNIST here or in its subfolder mnist'}; "
        f"looked for {', '.join(STANDARD_NAMES)} (each also as .gz) or {COURSE_NAME}: "
        "put them there, or name no folder and `digitscope data fetch` gets them"
    )


def _load_cache() -> Dataset | None:
    folder = cache_directory()
    try:
        paths = _idx_paths(folder)
        if len(paths) < len(STANDARD_NAMES):
            return None
        dataset = _assemble(_read_idx(paths), f"the cache {folder}", check=True)
    except DataError:  # what is wrong in the cache is fetched again
        return None
    return dataset if dataset.name == MNIST else None


def _download(say: Report) -> Dataset | None:
    if is_offline():  # that was wanted, so it is no failure to speak of
        return None
    try:
        check_downloads_work(MNIST)
        say(f"downloading MNIST, 11 MB, into {cache_directory()}")
        fetch_mnist()
    except (DataError, MissingExtraError) as error:
        say(f"MNIST was not downloaded: {error}")
        return None
    return _load_cache()


def _idx_paths(place: Path) -> dict[str, Path]:
    """Return the standard names of the files in `place`, each with the path that it has there."""
    found = {}
    for name in STANDARD_NAMES:
        # Some archives have the files as train-images.idx3-ubyte.
        spellings = (name, name.replace("-idx", ".idx"))
        candidates = (place / f"{spelling}{ending}" for spelling in spellings for ending in ("", ".gz"))
        path = next(filter(is_file, candidates), None)
        if path is not None:
            found[name] = path
    return found


def _read_idx(paths: Mapping[str, Path]) -> dict[str, FoundFile]:
    files = {}
    for name, path in paths.items():
        content = read_content(path)
        with about(path):
            files[name] = FoundFile(str(path), parse_idx(content))
    return files


def _read_course(path: Path) -> dict[str, FoundFile]:
    """Return the digits of the course's file as the files of MNIST would hold them."""
    train, test = read_course_mnist(path)
    arrays = (train.images, train.labels, test.images, test.labels)
    named = zip(STANDARD_NAMES, arrays, strict=True)
    return {name: FoundFile(f"{path}, its {name}", array) for name, array in named}


def _assemble(files: Mapping[str, FoundFile], source: str, *, check: bool) -> Dataset:
    try:
        name = identify(files)
    except DataError:
        if check:
            raise
        name = UNCHECKED_NAME
    train_images, train_labels, test_images, test_labels = (files[each] for each in STANDARD_NAMES)
    both, test = _split_of(train_images, train_labels, 2), _split_of(test_images, test_labels, 1)
    if both.images.shape[1:] != test.images.shape[1:]:
        raise DataError(
            f"{source}: training images of shape {both.images.shape[1:]}, test images of shape "
            f"{test.images.shape[1:]}; expected one shape"
        )
    train, validation = hold_out_last_tenth(both)
    return Dataset(name, source, train, validation, test)


def _split_of(images: FoundFile, labels: FoundFile, least: int) -> Split:
    try:
        split = Split(images.array, labels.array)
    except DataError as error:
        raise DataError(f"{images.where} with {labels.where}: {error}") from None
    if len(split) < least:
        raise DataError(f"{images.where}: {len(split)} images: expected at least {least}")
    return split
