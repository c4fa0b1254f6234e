"""MNIST from public mirrors into the user's cache. The only code of the package that uses the network."""

import io
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from types import ModuleType

from digitscope.data.known_files import KNOWN_FILES, MNIST, md5
from digitscope.data.local_files import cache_directory, decompressed, read_content
from digitscope.errors import DataError, MissingExtraError
from digitscope.files import write_bytes

Report = Callable[[str], None]

OFFLINE_VARIABLE = "DIGITSCOPE_OFFLINE"
MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
    "https://raw.githubusercontent.com/fgnt/mnist/master/",
)
TIMEOUTS = (3.0, 15.0)  # seconds to connect, and between two pieces of the answer
LARGEST_CONTENT = 64 * 2**20  # bytes uncompressed; MNIST's largest file has 45 MiB


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
    """Bring each file of `digests` (name -> MD5 of its uncompressed content) into `folder`, as `name`.gz."""
    for name, digest in digests.items():
        path = folder / f"{name}.gz"
        with suppress(DataError):
            if md5(read_content(path)) == digest:
                continue
        check_downloads_work(path.name)
        say = report or say_nothing
        say(f"downloading {path.name} into {folder}")
        body = _fetch(path.name, digest, mirrors, say)
        try:
            write_bytes(path, body)
        except OSError as error:
            raise DataError(
                f"{path}: cannot be written ({error.strerror or error}); "
                "make the cache folder writable, or keep the data elsewhere and name it by --data"
            ) from None


def check_downloads_work(what: str) -> None:
    """Check that the environment allows to download `what` and that pooch is installed; no mirror is asked."""
    if is_offline():
        raise DataError(f"{what}: not downloaded, because {OFFLINE_VARIABLE} is set; unset it to download")
    _pooch()


def is_offline() -> bool:
    """Tell whether the environment's DIGITSCOPE_OFFLINE forbids downloads: any value but empty and 0."""
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


def say_nothing(_message: str) -> None:
    """Stand for a report that nobody wants."""
