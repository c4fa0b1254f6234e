"""Many pictures on a Ray cluster: some dozens a task, told in their order."""

import os
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from digitscope.cluster import n_cores
from digitscope.errors import ClusterError, DataError
from digitscope.reading.pictures import Source
from digitscope.reading.reader import Reader
from digitscope.reading.result import Reading

PICTURES_A_TASK = 32

RETRIES = 2
"""Times that Ray runs a task again whose process or machine is lost."""


class ReaderOnRay:
    """Reads the pictures at `paths`, of which `read` returns one after the other.

    Every machine needs digitscope, and sees the pictures, and the model if it is a file, at the same paths.
    Twice as many tasks as the cluster has cores are under way, however many pictures there are.

    Args:
        ray: the module, connected.
        model: as `Reader.load` takes it.
        paths: of the pictures, as seen from the working directory.
        how: further arguments of `Reader.read`.
    """

    def __init__(self, ray: Any, model: str, paths: Sequence[str], how: Mapping[str, Any]) -> None:
        self._ray = ray
        self._model = model
        self._how = how
        self._task = ray.remote(num_cpus=1, max_retries=RETRIES)(_read)
        self._found = self._read_all(paths)

    def read(self, source: Source) -> Reading:
        """Return what is written in the picture that is next in the order, which is `source`.

        Raises:
            DataError: it is not a picture, damaged or too large, or whatever reads it ends.
            ClusterError: a machine of the cluster cannot read.
        """
        path, found = next(self._found)
        assert path == source, "pictures are read in their order"  # noqa: S101
        if isinstance(found, str):
            raise DataError(found)
        return found

    def _read_all(self, paths: Sequence[str]) -> Iterator[tuple[str, Reading | str]]:
        running = deque[tuple[Sequence[str], Any]]()
        for some in _parts(paths):
            running.append((some, self._begin(some)))
            if len(running) >= 2 * n_cores(self._ray):
                yield from self._end(*running.popleft())
        while running:
            yield from self._end(*running.popleft())

    def _begin(self, paths: Sequence[str]) -> Any:
        return self._task.remote(self._model, str(Path.cwd()), paths, self._how)

    def _end(self, paths: Sequence[str], task: Any) -> Iterator[tuple[str, Reading | str]]:
        """Yield what a task has found. If it is lost time and again, its pictures are tried one by one."""
        try:
            yield from zip(paths, self._ray.get(task), strict=True)
        except self._ray.exceptions.RayTaskError as error:
            raise ClusterError(f"a machine of the Ray cluster cannot read: {error.cause or error}") from None
        except self._ray.exceptions.RayError:
            if len(paths) == 1:
                yield paths[0], f"{paths[0]}: the process that read it ended, {RETRIES + 1} times"
                return
            for path in paths:
                yield from self._end([path], self._begin([path]))


def _parts(paths: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(paths), PICTURES_A_TASK):
        yield paths[start : start + PICTURES_A_TASK]


def _read(model: str, folder: str, paths: Sequence[str], how: Mapping[str, Any]) -> list[Reading | str]:
    """Return of each picture what is written in it, or why it cannot be read.

    Args:
        model: as `Reader.load` takes it.
        folder: that the paths are seen from.
        paths: of the pictures.
        how: further arguments of `Reader.read`.
    """
    os.chdir(folder)
    return [_read_one(_reader(model), path, how) for path in paths]


def _read_one(reader: Reader, path: str, how: Mapping[str, Any]) -> Reading | str:
    try:
        return reader.read(path, **how)
    except DataError as error:
        return str(error)


@lru_cache(maxsize=1)
def _reader(model: str) -> Reader:
    return Reader.load(model, threads=1)
