"""Many pictures on a Ray cluster: some dozens a task, told in their order."""

import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Generic, TypeVar

from digitscope.cluster import n_cores
from digitscope.errors import ClusterError, DataError

T = TypeVar("T")

PICTURES_A_TASK = 32

RETRIES = 2
"""Times that Ray runs a task again whose process or machine is lost."""


def read_on_ray(
    ray: Any, read_one: Callable[[str], T], paths: Sequence[str]
) -> Iterator[tuple[str, T | DataError]]:
    """Yield what `read_one` returns for each path, in their order, or why it could not be read.

    Every machine needs digitscope, and sees the pictures, and other files that are read, at the same paths. Twice
    as many tasks as the cluster has cores are under way, however many pictures there are.

    Args:
        ray: the module, connected.
        read_one: a function that other machines can import, or a partial of one.
        paths: of the pictures, as seen from the working directory.

    Raises:
        ClusterError: a machine of the cluster cannot read.
    """
    tasks = _Tasks(ray, read_one)
    running = deque[tuple[Sequence[str], Any]]()
    for some in _parts(paths):
        running.append((some, tasks.begin(some)))
        if len(running) >= 2 * n_cores(ray):
            yield from tasks.end(*running.popleft())
    while running:
        yield from tasks.end(*running.popleft())


class _Tasks(Generic[T]):
    def __init__(self, ray: Any, read_one: Callable[[str], T]) -> None:
        self._ray, self._read_one = ray, read_one
        self._task = ray.remote(num_cpus=1, max_retries=RETRIES)(_read)

    def begin(self, paths: Sequence[str]) -> Any:
        return self._task.remote(self._read_one, str(Path.cwd()), paths)

    def end(self, paths: Sequence[str], task: Any) -> Iterator[tuple[str, T | DataError]]:
        """Yield what a task has found. If it is lost time and again, its pictures are tried one by one."""
        try:
            yield from zip(paths, self._ray.get(task), strict=True)
        except self._ray.exceptions.RayTaskError as error:
            raise ClusterError(f"a machine of the Ray cluster cannot read: {error.cause or error}") from None
        except self._ray.exceptions.RayError:
            if len(paths) == 1:
                yield paths[0], DataError(f"{paths[0]}: the process that read it ended, {RETRIES + 1} times")
                return
            for path in paths:
                yield from self.end([path], self.begin([path]))


def _parts(paths: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(paths), PICTURES_A_TASK):
        yield paths[start : start + PICTURES_A_TASK]


def _read(read_one: Callable[[str], T], folder: str, paths: Sequence[str]) -> list[T | DataError]:
    """Return what `read_one` returns for each path, seen from `folder`, or why it cannot be read."""
    os.chdir(folder)
    found: list[T | DataError] = []
    for path in paths:
        try:
            found.append(read_one(path))
        except DataError as error:
            found.append(error)
    return found
