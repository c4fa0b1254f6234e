"""MNIST from wherever it is: a named folder, the user's cache, a mirror, or the embedded sample."""

import io
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from types import ModuleType

import numpy as np

from digitscope.data.course_files import read_course_mnist, write_course_mnist
from digitscope.data.known_files import KNOWN_FILES, MNIST, STANDARD_NAMES, FoundFile, identify, md5, parse_idx
from digitscope.data.local_files import (
    about,
    cache_directory,
    decompressed,
    expanded,
    find_data_directory,
    is_file,
    new_files,
    places,
    read_content,
)
from digitscope.data.splits import Dataset, Split, hold_out_last_tenth, is_divided_at_last_tenth, joined
from digitscope.errors import DataError, MissingExtraError
from digitscope.files import write_bytes

Report = Callable[[str], None]

COURSE_NAME = "mnist.pkl.gz"
UNCHECKED_NAME = "unchecked data"
SAMPLE_PATH = Path(__file__).with_name("mnist_sample.npz")
SAMPLE_NAME, SAMPLE_SOURCE = "MNIST sample", "the embedded sample: 5,000 real MNIST digits"

OFFLINE_VARIABLE = "DIGITSCOPE_OFFLINE"
MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
    "https://raw.githubusercontent.com/fgnt/mnist/master/",
)
TIMEOUTS = (3.0, 15.0)  # seconds to connect, and between two pieces of the answer
LARGEST_CONTENT = 64 * 2**20  # bytes uncompressed; MNIST's largest file has 45 MiB


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
    say = report or (lambda _: None)
    found = _load_cache() or (_download(say) if download else None)
    if found is None:
        found = load_sample()
        say(f"no full MNIST here: using {found.source}; `digitscope data fetch` or --data DIR gets all 70,000")
    return found


def load_sample() -> Dataset:
    """Return the embedded sample, which `mnist_sample.md` describes: 4,000 digits to train on, 500 and 500."""
    with np.load(SAMPLE_PATH, allow_pickle=False) as stored:
        names = ("train", "validation", "test")
        splits = [Split(stored[f"{name}_images"], stored[f"{name}_labels"]) for name in names]
    return Dataset(SAMPLE_NAME, SAMPLE_SOURCE, *splits)


def has_mnist(directory: Path | str) -> bool:
    """Tell whether `directory` or its subfolder `mnist` holds a file that MNIST could be read from.

    Raises:
        DataError: there is no such folder, or it cannot be looked at.
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
    if _is_offline():  # that was wanted, so it is no failure to speak of
        return None
    try:
        _check_downloads_work(MNIST)
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
        with about(path, "; get the file again"):
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


# The only code of the package that uses the network.


def fetch_mnist(*, report: Report | None = None) -> Path:
    """Download MNIST's four files into the user's cache and return its folder; correct files are kept.

    `MIRRORS` are tried in order for each file. `report` is called with each downloaded file and with each failure
    of a mirror.

    Raises:
        DataError: no mirror has a file, the cache cannot be written, or DIGITSCOPE_OFFLINE forbids to try.
        MissingExtraError: pooch is not installed.
    """
    folder = cache_directory()
    fetch_files(KNOWN_FILES[MNIST], folder, mirrors=MIRRORS, report=report)
    return folder


def fetch_files(
    digests: Mapping[str, str], folder: Path, *, mirrors: Sequence[str], report: Report | None = None
) -> None:
    """Bring each file of `digests` (name -> MD5 of its uncompressed content) into `folder`, as `name`.gz.

    Raises:
        DataError, MissingExtraError: as for `fetch_mnist`.
    """
    for name, digest in digests.items():
        path = folder / f"{name}.gz"
        with suppress(DataError):
            if md5(read_content(path)) == digest:
                continue
        _check_downloads_work(path.name)
        say = report or (lambda _: None)
        say(f"downloading {path.name} into {folder}")
        body = _fetch(path.name, digest, mirrors, say)
        try:
            write_bytes(path, body)
        except OSError as error:
            raise DataError(
                f"{path}: cannot be written ({error.strerror or error}); "
                "make the cache folder writable, or keep the data elsewhere and name it by --data"
            ) from None


def _check_downloads_work(what: str) -> None:
    """Check that the environment allows to download `what` and that pooch is installed; no mirror is asked."""
    if _is_offline():
        raise DataError(f"{what}: not downloaded, because {OFFLINE_VARIABLE} is set; unset it to download")
    _pooch()


def _is_offline() -> bool:
    return os.environ.get(OFFLINE_VARIABLE, "") not in {"", "0"}


def _fetch(file_name: str, digest: str, mirrors: Sequence[str], report: Report) -> bytes:
    """Return the body of `file_name` from the first mirror whose content is right."""
    for mirror in mirrors:
        try:
            body = _get(mirror + file_name)
            found = md5(decompressed(body, LARGEST_CONTENT))
            if found == digest:
                return body
            reason = f"content with MD5 {found}, expected {digest}"
        except DataError as error:
            reason = str(error)
        except (OSError, ValueError) as error:  # every error of requests is one of the two, and its text is long
            status = getattr(getattr(error, "response", None), "status_code", None)
            reason = f"HTTP status {status}" if status else type(error).__name__
        report(f"{mirror}{file_name}: {reason}")
    raise DataError(
        f"{file_name}: none of {len(mirrors)} mirrors delivered it; "
        "try again with a network, or put the file into a folder and name that by --data"
    )


def _get(url: str) -> bytes:
    body = io.BytesIO()
    _pooch().HTTPDownloader(timeout=TIMEOUTS, stream=False)(url, body, pooch=None)
    return body.getvalue()


def _pooch() -> ModuleType:
    try:
        return import_module("pooch")  # optional, and slow to import
    except ImportError:
        raise MissingExtraError("pooch", "train") from None
