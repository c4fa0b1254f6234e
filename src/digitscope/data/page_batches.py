"""Scenes of documents, and what is made of them, as training batches that other processes make meanwhile."""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import count

import numpy as np

from digitscope.data.batches import Batch, check_batch_size
from digitscope.data.documents import make_document
from digitscope.data.hands import Material
from digitscope.data.page_targets import planes_of
from digitscope.data.scenes import Scene, mosaic, photographed
from digitscope.data.splits import Split, UInt8
from digitscope.errors import ClusterError
from digitscope.workers import Task, Workers

# Pictures of each document; a document takes longer to make than a picture of it.
SCENES_A_DOCUMENT = 8

# Share of mosaics among the groups of scenes.
MOSAICS = 0.12

# Groups of examples that are made in advance.
AHEAD = 24

# A function at the top of a module that makes a group of examples; equal seeds give equal ones.
Make = Callable[[Material, tuple[int, ...]], Split]


def make_scenes(material: Material, seed: tuple[int, ...]) -> Split:
    """Return a group of scenes of one kind with their planes; equal seeds give equal scenes."""
    generator = np.random.default_rng(seed)
    if generator.random() < MOSAICS:
        scenes = [mosaic(material, generator) for _ in range(SCENES_A_DOCUMENT // 2)]
    else:
        document = make_document(material, generator)
        scenes = [photographed(document, generator) for _ in range(SCENES_A_DOCUMENT)]
    return _with_planes(scenes)


def made_scenes(material: Material, n: int, seed: int) -> Split:
    """Return `n` scenes of `n` documents or mosaics with their planes; equal seeds give equal scenes."""
    scenes = []
    for number in range(n):
        generator = np.random.default_rng((seed, number))
        if number % 8 == 7:
            scenes.append(mosaic(material, generator))
        else:
            document = make_document(material, generator)
            scenes.append(photographed(document, generator, is_overview=number % 4 == 3))
    return _with_planes(scenes)


def _with_planes(scenes: list[Scene]) -> Split:
    return Split(np.stack([scene.image for scene in scenes]), np.stack([planes_of(scene) for scene in scenes]))


@dataclass(frozen=True, eq=False)
class FreshExamples:
    """New examples for every batch, made by other processes: scenes, or the items of scenes.

    Raises:
        SettingError: `batch_size` is below 1 or above `epoch_size`.
    """

    material: Material  # the digits and pens for the documents; each process receives it once
    batch_size: int
    epoch_size: int  # examples an epoch; a batch that is not full is left out
    make: Make = make_scenes  # makes a group of examples, all of one document
    mixed: int = 128  # a batch is drawn from so many examples; more keep those of one document apart
    processes: int = 2  # that make examples

    def __post_init__(self) -> None:
        check_batch_size(self.batch_size, self.epoch_size)

    @property
    def n_batches(self) -> int:
        """Batches an epoch, each of them full."""
        return self.epoch_size // self.batch_size

    def epoch(self, generator: np.random.Generator, /, *, plain: bool = False) -> Iterator[Batch]:
        """Yield batches, a function of `generator` alone.

        Raises:
            ClusterError: a process that makes examples has ended.
        """
        del plain  # no example is warped
        key = tuple(int(number) for number in generator.integers(2**32, size=4))
        images: list[UInt8] = []
        labels: list[UInt8] = []
        groups = self._groups(key)
        for _ in range(self.n_batches):
            while len(images) < max(self.batch_size, self.mixed):
                group = next(groups)
                images += list(group.images)
                labels += list(group.labels)
            chosen = sorted(generator.choice(len(images), self.batch_size, replace=False).tolist(), reverse=True)
            yield np.stack([images.pop(row) for row in chosen]), np.stack([labels.pop(row) for row in chosen])

    def _groups(self, key: tuple[int, ...]) -> Iterator[Split]:
        """Yield groups of examples in the order of their seeds."""
        workers = _workers(self.material, self.processes)
        tasks: deque[Task[Split]] = deque()
        try:
            for number in count():
                tasks.append(workers.submit(_make, self.make, (*key, number)))
                if len(tasks) >= AHEAD:
                    yield tasks.popleft().result()
        except ClusterError:
            raise ClusterError("a process that makes pages has ended: continue with --resume") from None
        finally:
            for task in tasks:
                if not task.has_begun:  # else its worker would be killed, which the next epoch needs
                    task.cancel()


_material: Material


def _begin(material: Material) -> None:
    global _material
    _material = material


def _make(make: Make, seed: tuple[int, ...]) -> Split:
    return make(_material, seed)


@cache
def _workers(material: Material, processes: int) -> Workers:
    """Return the processes that make examples of `material`; they end with this process."""
    return Workers(processes, _begin, material)
