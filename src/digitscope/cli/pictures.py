"""The pictures that a call names, read one after the other: here, by workers of this machine, or on Ray."""

import argparse
import glob
import os
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

from digitscope.cli.arguments import Number, check_engine, count_argument, engine
from digitscope.cluster import connected, load_ray, n_cores
from digitscope.cores import usable_cores
from digitscope.errors import ClusterError, DataError, SettingError
from digitscope.workers import Workers

T = TypeVar("T")
Found = tuple[str, T | DataError]  # a path, and what was read there, or why nothing could be read

STANDARD_INPUT = "-"

PICTURE_ENDINGS = (
    *(".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp", ".gif"),
    *(".heic", ".heif", ".avif", ".pdf"),
)
"""File name extensions of pictures in a folder, in lower case."""

PICTURES_A_TASK = 32  # pictures that one task on Ray reads
RETRIES = 2  # times that Ray runs a task again whose process or machine is lost

READERS = (
    Number(
        "--workers",
        type=count_argument,
        default=1,
        help="processes of this machine that read; output and order are the same (default: 1)",
    ),
    *engine("reads: this process, or tasks on a Ray cluster whose machines see the same files"),
)
"""Arguments that say which processes read."""

ON_RAY = "With --engine ray output and order are the same; every machine sees the {files} at the same paths."
"""A sentence for the help of a command."""


# Which pictures the words of a call name


def find_pictures(words: Sequence[str], *, but: Path | None = None) -> tuple[list[str], list[str]]:
    """Return the paths of the pictures that `words` name, each once, in their order; and what to complain of.

    Words are paths, patterns, or "-" for standard input. A file that is named is taken, whether it is there or
    not. Of a folder and of a pattern those files are taken that are called like pictures and are not hidden,
    sorted. The folder `but` is passed over inside of others. A complaint is a line for each word that names no
    picture and each folder that cannot be searched.

    Raises:
        SettingError: no word names a picture; it has the complaints.
    """
    paths: dict[str, None] = {}
    complaints: list[str] = []
    for word in words:
        named = _named_by(word, but, complaints)
        paths.update(dict.fromkeys(named))
        if not named:
            complaints.append(f"{word}: no pictures: expected files that end in {', '.join(PICTURE_ENDINGS)}")
    if not paths:
        raise SettingError("; ".join(complaints))
    return list(paths), complaints


def _named_by(word: str, but: Path | None, complaints: list[str]) -> list[str]:
    if word == STANDARD_INPUT:
        return [word]
    if os.path.isdir(word):  # noqa: PTH112 - `Path` raises on names that no file can have
        found = _in_folder(word, but, complaints)
    elif glob.has_magic(word) and not os.path.lexists(word):
        matches = glob.glob(word, recursive=True)  # noqa: PTH207 - `Path.glob` takes no absolute patterns
        found = (Path(match) for match in matches if _is_picture(match) and Path(match).is_file())
    else:
        plain = str(Path(word))  # without ./, so that it is the same path as of a folder
        return [word if plain == STANDARD_INPUT else plain]
    return [str(path) for path in sorted(found, key=lambda path: path.parts)]


def _in_folder(folder: str, but: Path | None, complaints: list[str]) -> Iterator[Path]:
    def complain(error: OSError) -> None:
        complaints.append(f"{error.filename}: cannot be searched ({error.strerror})")

    def is_searched(path: Path) -> bool:
        return not path.name.startswith(".") and not (but is not None and but.exists() and path.samefile(but))

    for parent, folders, files in os.walk(folder, onerror=complain):
        folders[:] = [name for name in folders if is_searched(Path(parent, name))]
        for path in (Path(parent, name) for name in files if _is_picture(name) and not name.startswith(".")):
            if path.is_file() or path.is_symlink():  # no pipe, which never ends; a broken link is told of
                yield path


def _is_picture(path: str) -> bool:
    return path.lower().endswith(PICTURE_ENDINGS)


# Which processes read them


def check_readers(options: argparse.Namespace, paths: Sequence[str]) -> None:
    """Refuse `READERS` that contradict each other or cannot read `paths`, or a Ray that cannot be used.

    Raises:
        SettingError: two options contradict each other, or a picture comes on standard input.
        ClusterError: the address is none of a cluster.
        ModuleNotFoundError: Ray is asked for and not installed.
    """
    check_engine(options)
    if options.engine == "ray" and options.workers > 1:
        raise SettingError(
            f"--workers {options.workers}: a Ray cluster has its own: expected --engine local with it"
        )
    if STANDARD_INPUT in paths and are_elsewhere(options):
        alone = "--engine local" if options.engine == "ray" else "--workers 1"
        raise SettingError(f"-: standard input is read in this process alone: expected {alone} with it")
    if options.engine == "ray":  # which is missed before anything is read
        load_ray(options.address)


def are_elsewhere(options: argparse.Namespace) -> bool:
    """Tell whether other processes read."""
    return options.engine == "ray" or bool(options.workers > 1)


def read_each(
    read_one: Callable[[str], T], paths: Sequence[str], options: argparse.Namespace
) -> Generator[Found[T], None, None]:
    """Yield what `read_one` returns for each path, in their order, or the `DataError` that it raises.

    Other processes, if the `READERS` among `options` ask for them, read ahead until the iteration is left. They
    must be able to import `read_one`, or the function that it is a partial of.

    Raises:
        ClusterError: there is no cluster, or one of its machines cannot read.
    """
    if not paths or not are_elsewhere(options):
        yield from (_attempt(read_one, path) for path in paths)
    elif options.engine == "ray":
        with connected(options.address, usable_cores()) as ray:
            yield from read_on_ray(ray, read_one, paths)
    else:
        with Workers(min(options.workers, len(paths))) as pool:
            for path, task in zip(paths, pool.in_order(read_one, paths, ahead=2 * pool.processes), strict=True):
                try:
                    yield path, task.result()
                except DataError as error:
                    yield path, error
                except ClusterError as error:
                    yield path, DataError(f"{path}: {error}")


def _attempt(read_one: Callable[[str], T], path: str) -> Found[T]:
    try:
        return path, read_one(path)
    except DataError as error:
        return path, error


def read_on_ray(ray: Any, read_one: Callable[[str], T], paths: Sequence[str]) -> Iterator[Found[T]]:
    """Do the same as `read_each` on the cluster that the module `ray` is connected to.

    Every machine needs digitscope, and sees the pictures, and other files that are read, at the same paths. Twice
    as many tasks as the cluster has cores are under way, however many pictures there are.

    Raises:
        ClusterError: a machine of the cluster cannot read.
    """
    task = ray.remote(num_cpus=1, max_retries=RETRIES)(_read_some)

    def begin(some: Sequence[str]) -> Any:
        return task.remote(read_one, str(Path.cwd()), some)

    def end(some: Sequence[str], running: Any) -> Iterator[Found[T]]:
        try:
            yield from ray.get(running)
        except ray.exceptions.RayTaskError as error:
            raise ClusterError(f"a machine of the Ray cluster cannot read: {error.cause or error}") from None
        except ray.exceptions.RayError:  # lost time and again: its pictures are tried one by one
            if len(some) == 1:
                yield some[0], DataError(f"{some[0]}: the process that read it ended, {RETRIES + 1} times")
                return
            for path in some:
                yield from end([path], begin([path]))

    under_way = deque[tuple[Sequence[str], Any]]()
    for start in range(0, len(paths), PICTURES_A_TASK):
        some = paths[start : start + PICTURES_A_TASK]
        under_way.append((some, begin(some)))
        if len(under_way) >= 2 * n_cores(ray):
            yield from end(*under_way.popleft())
    for each in under_way:
        yield from end(*each)


def _read_some(read_one: Callable[[str], T], folder: str, paths: Sequence[str]) -> list[Found[T]]:
    """Return what was found at `paths`, seen from `folder`."""
    os.chdir(folder)
    return [_attempt(read_one, path) for path in paths]
