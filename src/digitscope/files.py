"""Files that are whole or absent: write to a temporary name beside the target, sync to disk, then move."""

import os
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path in `path`'s folder; move it onto `path` when the block ends without an error.

    An error or an interruption leaves whatever stood at `path` as it was. Missing parent folders are made.
    The temporary name keeps the suffix, because writers such as matplotlib choose the format by it.

    Raises:
        OSError: a parent folder or the file cannot be made; `filename` is that folder, or `path`.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.stem}-{secrets.token_hex(8)}{path.suffix}")
    with _blamed_on(path):
        temporary.touch(exist_ok=False)  # mkstemp would make a file that only its owner can read
    try:
        yield temporary
        with _blamed_on(path):
            with temporary.open("rb+") as written:
                os.fsync(written.fileno())
            temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_bytes(path: Path, content: bytes) -> None:
    """Write `content` to `path`, whole or not at all."""
    with replacing(path) as temporary, _blamed_on(path):
        temporary.write_bytes(content)


def write_text(path: Path, content: str) -> None:
    """Write `content` to `path` as UTF-8, whole or not at all."""
    write_bytes(path, content.encode())


def make_folder(folder: Path) -> None:
    """Make `folder` with its parents, unless it is there, and find out whether files can be made in it.

    Raises:
        OSError: it cannot be made, or nothing can be made in it; `filename` is a folder.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with _blamed_on(folder), tempfile.TemporaryFile(dir=folder):
        pass


@contextmanager
def _blamed_on(path: Path) -> Iterator[None]:
    """Let an OSError of the block name `path`: nobody knows the temporary file that stands for it."""
    try:
        yield
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error
