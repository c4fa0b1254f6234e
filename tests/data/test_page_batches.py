"""Batches of scenes: the same whatever makes them, and processes that end with the training."""

import multiprocessing
from collections.abc import Iterator

import numpy as np
import pytest

from digitscope.data import Split, page_batches
from digitscope.data.batches import Batch
from digitscope.data.hands import Material
from digitscope.data.page_batches import FreshExamples, made_scenes, make_scenes
from digitscope.errors import ClusterError, SettingError


def noise(_: Material, seed: tuple[int, ...]) -> Split:
    """Return a group of four pictures with planes, without the time that pages take."""
    generator = np.random.default_rng(seed)
    images, planes = (generator.integers(0, 256, (4, *shape), np.uint8) for shape in ((32, 32), (17, 8, 8)))
    return Split(images, planes)


@pytest.fixture
def small_stock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let few groups wait; what is made does not depend on their number."""
    monkeypatch.setattr(page_batches, "AHEAD", 1)


@pytest.fixture
def made(material: Material, small_stock: None) -> Iterator[dict[int, list[list[Batch]]]]:
    """Two epochs by one process, and one by two."""
    del small_stock
    epochs = {}
    for processes, n in ((1, 2), (2, 1)):
        generator = np.random.default_rng(7)
        source = FreshExamples(material, 3, 7, noise, mixed=1, processes=processes)
        epochs[processes] = [list(source.epoch(generator)) for _ in range(n)]
    yield epochs
    for processes in epochs:
        page_batches._workers(material, processes).close()
    page_batches._workers.cache_clear()


def content(batches: list[Batch]) -> list[bytes]:
    return [images.tobytes() + planes.tobytes() for images, planes in batches]


def test_batches_are_a_function_of_the_generator(made: dict[int, list[list[Batch]]], material: Material) -> None:
    (first, second), (by_two,) = made[1], made[2]
    assert FreshExamples(material, 3, 7).n_batches == 2 == len(first)
    for images, planes in first:
        assert (images.shape, planes.shape) == ((3, 32, 32), (3, 17, 8, 8))
        assert images.dtype == planes.dtype == np.uint8
    assert content(first) == content(by_two)
    assert not set(content(first)) & set(content(second))


def test_groups_are_a_function_of_their_seed(material: Material) -> None:
    first, second = (make_scenes(material, (1, 2, 3)) for _ in range(2))
    assert content([(first.images, first.labels)]) == content([(second.images, second.labels)])
    assert (first.images.shape[1:], first.labels.shape[1:]) == ((256, 256), (17, 64, 64))
    assert len(first) in (4, 8)


def test_made_scenes_begin_alike_whatever_their_number(material: Material) -> None:
    few, more = made_scenes(material, 2, seed=5), made_scenes(material, 3, seed=5)
    assert np.array_equal(few.images, more.images[:2])
    assert np.array_equal(few.labels, more.labels[:2])


def test_an_epoch_holds_at_least_a_batch(material: Material) -> None:
    with pytest.raises(SettingError, match="batch_size = 4: expected 1 to 3, the examples of an epoch"):
        FreshExamples(material, 4, 3)


def test_a_process_that_has_ended_is_one_line(material: Material, small_stock: None) -> None:
    del small_stock
    batches = FreshExamples(material, 2, 100, noise, mixed=1).epoch(np.random.default_rng(0))
    next(batches)
    for worker in multiprocessing.active_children():
        worker.kill()
    with pytest.raises(ClusterError, match="a process that makes pages has ended: continue with --resume"):
        list(batches)
    page_batches._workers.cache_clear()
