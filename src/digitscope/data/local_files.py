"""Where data lie on this machine, and their content."""

import gzip
import io
import os
import stat
import zlib
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import platformdirs

from digitscope.errors import DataError
from digitscope.files import replacing

DATA_VARIABLE = "DIGITSCOPE_DATA"
GZIP_MAGIC = b"\x1f\x8b"


def find_data_directory(directory: Path | str | None = None) -> Path | None:
    """Return the folder that the user names: `directory`, else DIGITSCOPE_DATA, else None.

    Raises:
        DataError: ~ stands before a user whom this machine does not know.
    """
    named = directory or os.environ.get(DATA_VARIABLE)
    return expanded(named) if named else None


def expanded(directory: Path | str) -> Path:
    """Return `directory` with the home folder in place of a leading ~.

    Raises:
        DataError: ~ stands before a user whom this machine does not know.
    """
    try:
        return Path(directory).expanduser()
    except RuntimeError as error:
        raise DataError(f"{directory}: {error}; expected a folder: write its full path") from None


def cache_directory() -> Path:
    """Return the folder of this user's cache that holds MNIST once it was downloaded; it need not exist."""
    return platformdirs.user_cache_path("digitscope") / "mnist"


def places(folder: Path) -> tuple[Path, Path]:
    """Return where data may lie in `folder`, which must be there: itself and its subfolder `mnist`.

    Raises:
        DataError: there is no such folder, or it cannot be looked at.
    """
    if is_file(folder):
        raise DataError(f"{folder}: a file; expected the folder that holds the data files: name {folder.parent}")
    if not is_folder(folder):
        raise DataError(
            f"{folder}: no such folder; expected one that holds data files: "
            f"check what --data or {DATA_VARIABLE} names"
        )
    return folder, folder / "mnist"


def is_file(path: Path) -> bool:
    """Tell whether a file is at `path`.

    Raises:
        DataError: the system does not let us look, which must not pass for a file that is missing.
    """
    return stat.S_ISREG(_mode(path))


def is_folder(path: Path) -> bool:
    """Tell whether a folder is at `path`.

    Raises:
        DataError: as for `is_file`.
    """
    return stat.S_ISDIR(_mode(path))


def _mode(path: Path) -> int:
    """Return the type and mode of what is at `path`; 0, which is no type, when nothing is."""
    try:
        return path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return 0
    except OSError as error:
        raise DataError(
            f"{path}: cannot be read ({error.strerror or error}); expected a folder whose files can be: "
            "change its permissions, or name another by --data"
        ) from None


def refuse_existing(paths: Iterable[Path]) -> None:
    """Check that nothing is at any of `paths`.

    Raises:
        DataError: something is.
        OSError: the system does not let us look.
    """
    for path in paths:
        if path.exists():
            raise DataError(f"{path}: is there already and is kept; expected a folder without it: name another")


@contextmanager
def new_files(*paths: Path) -> Iterator[list[Path]]:
    """Yield temporary paths that are moved to `paths` when all are whole.

    Raises:
        DataError: something is at one of `paths`, or it cannot be written.
    """
    try:
        refuse_existing(paths)
        with ExitStack() as stack:
            yield [stack.enter_context(replacing(path)) for path in paths]
    except OSError as error:
        where = paths[0] if len(paths) == 1 else paths[0].parent
        raise DataError(f"{where}: cannot be written ({error.strerror or error}): name another folder") from None


@contextmanager
def about(path: Path, advice: str = "") -> Iterator[None]:
    """Let an error of the block, which reads the file at `path`, name it.

    Raises:
        DataError: the block raised it or an OSError.
    """
    try:
        yield
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error})") from None
    except DataError as error:
        raise DataError(f"{path}: {error}{advice}") from None


def read_content(path: Path) -> bytes:
    """Return the content of the file at `path`, uncompressed if it is gzipped, whatever its name.

    Raises:
        DataError: the file cannot be read, or its compressed content is damaged.
    """
    with about(path, "; get the file again"):
        return decompressed(path.read_bytes())


def decompressed(content: bytes, limit: int = -1) -> bytes:
    """Return `content`, uncompressed if it is gzipped, then at most `limit` bytes of it unless that is -1.

    Raises:
        DataError: the compressed content is damaged.
    """
    if not content.startswith(GZIP_MAGIC):
        return content
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(content)) as file:
            return file.read(limit)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"damaged gzip content ({error})") from None
