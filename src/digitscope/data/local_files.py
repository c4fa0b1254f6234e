"""Where data lie on this machine, and their content."""

import gzip
import io
import os
import zlib
from pathlib import Path

import platformdirs

from digitscope.errors import DataError

DATA_VARIABLE = "DIGITSCOPE_DATA"
GZIP_MAGIC = b"\x1f\x8b"


def find_data_directory(directory: Path | str | None = None) -> Path | None:
    """Return the folder that the user names: `directory`, else DIGITSCOPE_DATA, else None."""
    named = directory or os.environ.get(DATA_VARIABLE)
    return Path(named).expanduser() if named else None


def cache_directory() -> Path:
    """Return the folder of this user's cache that holds MNIST once it was downloaded; it need not exist."""
    return platformdirs.user_cache_path("digitscope") / "mnist"


def places(folder: Path) -> tuple[Path, Path]:
    """Return where data may lie when the user names `folder`: there, or in its subfolder `mnist`.

    Raises:
        DataError: there is no such folder.
    """
    if not folder.is_dir():
        raise DataError(
            f"{folder}: no such folder; expected one that holds data files: "
            f"check what --data or {DATA_VARIABLE} names"
        )
    return folder, folder / "mnist"


def read_content(path: Path) -> bytes:
    """Return the content of the file at `path`, uncompressed if it is gzipped, whatever its name.

    Raises:
        DataError: the file cannot be read, or its compressed content is damaged.
    """
    try:
        return decompressed(path.read_bytes())
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error})") from None
    except DataError as error:
        raise DataError(f"{path}: {error}; get the file again") from None


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
