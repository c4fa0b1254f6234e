"""Which pictures the words of a call name: files, folders, patterns that the shell left alone, standard input."""

import glob
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

STANDARD_INPUT = "-"

PICTURE_ENDINGS = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp", ".gif", ".heic", ".heif", ".avif")
"""File name extensions of pictures in a folder, in lower case."""


class Found(NamedTuple):
    """The paths of pictures, and a line for each word that names none and each folder that cannot be searched."""

    paths: list[str]
    complaints: list[str]


def find_pictures(words: Sequence[str], *, but: Path | None = None) -> Found:
    """Return the paths of the pictures that `words` name, each once, in their order.

    A file that is named is taken as it is, whether it is there or not. Of a folder and of a pattern those files
    are taken that are called like pictures and are not hidden, sorted.

    Args:
        words: paths, patterns with `*`, `?`, `[]` or `**`, or "-" for standard input.
        but: a folder that is passed over inside of others.
    """
    paths: dict[str, None] = {}
    complaints: list[str] = []
    for word in words:
        named = _named_by(word, but, complaints)
        paths.update(dict.fromkeys(named))
        if not named:
            complaints.append(f"{word}: no pictures: expected files that end in {', '.join(PICTURE_ENDINGS)}")
    return Found(list(paths), complaints)


def _named_by(word: str, but: Path | None, complaints: list[str]) -> list[str]:
    if word == STANDARD_INPUT:
        return [word]
    if os.path.isdir(word):  # noqa: PTH112 - `Path` raises on names that no file can have
        return sorted(_in_folder(word, but, complaints), key=_parts)
    if glob.has_magic(word) and not os.path.lexists(word):
        matches = glob.glob(word, recursive=True)  # noqa: PTH207 - `Path.glob` takes no absolute patterns
        pictures = (str(Path(match)) for match in matches if _is_picture(match) and Path(match).is_file())
        return sorted(pictures, key=_parts)
    plain = str(Path(word))  # without ./, so that it is the same path as of a folder
    return [word if plain == STANDARD_INPUT else plain]


def _in_folder(folder: str, but: Path | None, complaints: list[str]) -> Iterator[str]:
    def complain(error: OSError) -> None:
        complaints.append(f"{error.filename}: cannot be searched ({error.strerror})")

    for parent, folders, files in os.walk(folder, onerror=complain):
        folders[:] = [name for name in folders if not name.startswith(".") and not _same(Path(parent, name), but)]
        for path in (Path(parent, name) for name in files if _is_picture(name) and not name.startswith(".")):
            if path.is_file() or path.is_symlink():  # no pipe, which never ends; a broken link is told of
                yield str(path)


def _same(folder: Path, other: Path | None) -> bool:
    return other is not None and other.exists() and folder.samefile(other)


def _is_picture(path: str) -> bool:
    return path.lower().endswith(PICTURE_ENDINGS)


def _parts(path: str) -> tuple[str, ...]:
    return Path(path).parts
