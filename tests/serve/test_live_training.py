"""Networks that learn in processes of their own: what they tell, and that none outlives who started it."""

import asyncio
import base64
import json
import os
import signal
import threading
import time
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from multiprocessing import Pipe
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from digitscope.data import Dataset
from digitscope.scratch import ScratchSettings, train
from digitscope.serve.live_training import MOST_UNITS, Lesson, UInt8, learn
from digitscope.serve.training_api import NICENESS, Training, Trainings
from tests.serve.helpers import children_of, soon

SHORT = Lesson(ScratchSettings(hidden=(8,), epochs=3), seed=1, examples=300)
LONG = Lesson(ScratchSettings(hidden=(512,), epochs=100, batch_size=1), examples=2000)

FAST = Lesson(ScratchSettings(hidden=(), epochs=100_000), examples=50)

Told = list[tuple[str, Any]]


def told_of(lesson: Lesson, *drawings: UInt8) -> Told:
    """Return all messages of a lesson, learned in this process, and its end.

    Each epoch reads the next of `drawings`; the last one is read again.
    """
    ours, theirs = Pipe()
    told: Told = []
    to_read: deque[UInt8 | None] = deque(drawings or [None])

    def listen() -> None:
        with suppress(EOFError):
            while True:
                word, content = ours.recv()
                if word == "ready":
                    ours.send(to_read.popleft() if len(to_read) > 1 else to_read[0])
                else:
                    told.append((word, json.loads(content) if word == "epoch" else content))

    listener = threading.Thread(target=listen)
    listener.start()
    with theirs:
        end = learn(theirs, lesson)
    listener.join()
    ours.close()
    return [*told, ("end", end)]


# What a process tells


def test_it_learns_as_the_scratch_package_does(sample: Dataset) -> None:
    (word, data), *epochs, (last, end) = told_of(SHORT)
    assert (word, data) == ("data", {"name": "MNIST sample", "train": 300, "validation": 500})
    generator = np.random.default_rng(1)
    _, history = train(sample.train[:300], sample.validation, SHORT.settings, generator=generator)
    for number, ((word, told), record) in enumerate(zip(epochs, history, strict=True), start=1):
        assert word == "epoch"
        assert (told["epoch"], told["epochs"], told["drawing"]) == (number, 3, None)
        for name in ("train_loss", "train_accuracy", "validation_loss", "validation_accuracy"):
            assert told[name] == getattr(record, name)
    assert (last, end["reason"]) == ("end", "done")
    assert f"{100 * history[-1].validation_accuracy:.1f} %" in end["detail"]


@pytest.mark.parametrize("hidden", [(), (100,)])
def test_the_weights_as_pictures(hidden: tuple[int, ...], sample: Dataset) -> None:
    lesson = Lesson(ScratchSettings(hidden=hidden, epochs=2), examples=300)
    (_, first), (_, last) = told_of(lesson)[1:-1]
    generator = np.random.default_rng(0)
    network, _ = train(sample.train[:300], sample.validation, lesson.settings, generator=generator)
    pictures, units = last["weights"], last["weights"]["units"]
    assert first["weights"]["units"] == units
    n_units = (hidden or (10,))[0]
    assert len(set(units)) == len(units) == min(n_units, MOST_UNITS)
    values = np.frombuffer(base64.b64decode(pictures["values"]), np.uint8).reshape(len(units), 784)
    weights = network.layers[0].weight[:, units].T
    expected = weights / np.abs(weights).max(axis=1, keepdims=True)
    np.testing.assert_allclose((values - 128.0) / 127, expected, atol=0.51 / 127)


def test_the_drawing_is_read_after_every_epoch(sample: Dataset) -> None:
    *_, (_, last), _ = told_of(SHORT, sample.test.images[0], sample.test.images[7])
    generator = np.random.default_rng(1)
    network, _ = train(sample.train[:300], sample.validation, SHORT.settings, generator=generator)
    odds = np.exp(network.logits(sample.test.images[7:8])[0].astype(np.float64))
    np.testing.assert_allclose(last["drawing"]["probabilities"], odds / odds.sum(), atol=1e-5)
    assert last["drawing"]["label"] == odds.argmax()


def test_a_loss_that_leaves_the_numbers() -> None:
    lesson = Lesson(ScratchSettings(hidden=(64,), learning_rate=2, activation="identity"), examples=1000)
    *_, (word, end) = told_of(lesson)
    assert (word, end["reason"]) == ("end", "diverged")
    assert end["detail"].startswith("the loss is not finite in epoch ")


def test_data_that_are_not_there(tmp_path: Path) -> None:
    told = told_of(Lesson(SHORT.settings, folder=tmp_path))
    assert [word for word, _ in told] == ["end"]
    assert told[0][1]["reason"] == "failed"
    assert str(tmp_path) in told[0][1]["detail"]


# Worker processes


def learners() -> set[int]:
    """Return the worker processes of trainings: those of the pools of other tests have this process's niceness."""
    found = set()
    for pid in children_of(os.getpid()):
        with suppress(ProcessLookupError):  # it has ended meanwhile
            if os.getpriority(os.PRIO_PROCESS, pid) >= min(19, os.getpriority(os.PRIO_PROCESS, 0) + NICENESS):
                found.add(pid)
    return found


def with_trainings(use: Callable[[Trainings], Awaitable[None]], **limits: float) -> None:
    """Let `use` have trainings with `limits`; close them, after which no process may be left."""

    async def run() -> None:
        trainings = Trainings(**limits)  # type: ignore[arg-type]
        try:
            await asyncio.wait_for(use(trainings), 60)
        finally:
            await trainings.close()
            assert soon(lambda: not learners())

    asyncio.run(run())


async def started(trainings: Trainings, lesson: Lesson = LONG) -> Training:
    training = trainings.start(lesson)
    assert training is not None
    return training


async def heard(training: Training, after: int = 0) -> list[tuple[int, str, Any]]:
    """All events of a training, to its end."""
    return [
        (int(event.id or 0), event.event or "", json.loads(event.raw_data or ""))
        async for event in training.events(after)
    ]


def test_a_process_tells_what_the_function_does() -> None:
    async def use(trainings: Trainings) -> None:
        training = await started(trainings, SHORT)
        assert await training.data() == {"name": "MNIST sample", "train": 300, "validation": 500}
        events = await heard(training)
        for (_, _, event), (_, told) in zip(events, told_of(SHORT)[1:], strict=True):
            assert {**event, "seconds": 0} == {**told, "seconds": 0}
        assert [(number, name) for number, name, _ in events] == [
            (1, "epoch"),
            (2, "epoch"),
            (3, "epoch"),
            (4, "end"),
        ]

    with_trainings(use)


def test_who_comes_late_or_again_hears_the_rest() -> None:
    async def use(trainings: Trainings) -> None:
        training = await started(trainings, SHORT)
        first, second = await asyncio.gather(heard(training), heard(training, after=2))
        assert second == first[2:]
        assert await heard(training) == first
        assert await heard(training, after=3) == first[3:]
        assert await heard(training, after=99) == []

    with_trainings(use)


def test_a_new_drawing_is_read_while_it_runs(sample: Dataset) -> None:
    async def use(trainings: Trainings) -> None:
        lesson = Lesson(ScratchSettings(hidden=(32,), epochs=100), examples=1000)
        training = trainings.start(lesson, sample.test.images[0])
        assert training is not None
        readings = []
        async for event in training.events():
            if event.event == "epoch":
                readings.append(json.loads(event.raw_data or "")["drawing"]["probabilities"])
                if len(readings) == 1:
                    training.drawing = 255 - sample.test.images[0]
                if readings[-1] != readings[0] and max(abs(np.subtract(readings[-1], readings[-2]))) > 0.3:
                    return
        pytest.fail("the readings stayed alike")

    with_trainings(use)


def test_stopping_is_at_once() -> None:
    async def use(trainings: Trainings) -> None:
        training = await started(trainings)
        await training.data()
        (pid,) = learners()
        start = time.monotonic()
        training.stop("stopped", "enough")
        assert await heard(training) == [(1, "end", {"reason": "stopped", "detail": "enough"})]
        assert time.monotonic() - start < 1
        assert soon(lambda: pid not in learners())
        training.stop("time", "once more")
        assert training.ending == {"reason": "stopped", "detail": "enough"}

    with_trainings(use)


def test_a_stopped_training_delivers_no_late_epoch() -> None:
    """Cancelling is told at once, but the worker goes on until it is killed."""

    async def use(trainings: Trainings) -> None:
        training = await started(trainings, FAST)
        async for event in training.events():
            if event.id == "5":
                break
        training.stop("stopped", "enough")
        await training.task
        events = await heard(training)
        await asyncio.sleep(1)
        assert training.is_over
        assert await heard(training) == events
        assert trainings.start(SHORT) is not None

    with_trainings(use, most=1)


def test_an_epoch_reads_the_newest_drawing(sample: Dataset) -> None:
    async def use(trainings: Trainings) -> None:
        training = trainings.start(SHORT, sample.test.images[0])
        assert training is not None
        for image in sample.test.images[1:8]:
            training.drawing = image
        (_, _, first), *_ = await heard(training)
        assert first["drawing"] == told_of(SHORT, sample.test.images[7])[1][1]["drawing"]

    with_trainings(use)


def test_drawings_never_block_the_event_loop(sample: Dataset) -> None:
    """A pipe has room for about a hundred."""

    async def use(trainings: Trainings) -> None:
        training = await started(trainings, LONG)
        await training.data()
        start = time.monotonic()
        for number in range(2000):
            training.drawing = sample.test.images[number % 2]
            await asyncio.sleep(0)
        assert time.monotonic() - start < 0.5

    with_trainings(use)


def test_only_so_many_at_once() -> None:
    async def use(trainings: Trainings) -> None:
        first, _ = await started(trainings), await started(trainings)
        assert trainings.start(SHORT) is None
        first.stop("stopped", "make room")
        await first.task
        assert trainings.start(SHORT) is not None

    with_trainings(use, most=2)


def test_the_time_is_limited() -> None:
    async def use(trainings: Trainings) -> None:
        *_, (_, _, end) = await heard(await started(trainings))
        assert end == {"reason": "time", "detail": "0.5 seconds are over"}

    with_trainings(use, most_seconds=0.5)


def test_one_that_nobody_follows_is_stopped() -> None:
    async def use(trainings: Trainings) -> None:
        training = await started(trainings)
        await training.task
        assert training.ending == {"reason": "stopped", "detail": "nobody has watched for 0.3 seconds"}

    with_trainings(use, most_silence=0.3)


def test_one_that_somebody_follows_goes_on() -> None:
    async def use(trainings: Trainings) -> None:
        *_, (_, _, end) = await heard(await started(trainings))
        assert end["reason"] == "time"

    with_trainings(use, most_silence=0.5, most_seconds=1)


def test_an_ended_one_is_forgotten() -> None:
    async def use(trainings: Trainings) -> None:
        training = await started(trainings, SHORT)
        await heard(training)
        assert trainings[training.id] is training
        await asyncio.sleep(0.3)
        with pytest.raises(KeyError):
            trainings[training.id]

    with_trainings(use, kept=0.2)


def test_a_process_that_is_killed_by_somebody_else() -> None:
    async def use(trainings: Trainings) -> None:
        training = await started(trainings)
        await training.data()
        (pid,) = learners()
        os.kill(pid, signal.SIGKILL)
        assert [end for _, _, end in await heard(training)] == [
            {
                "reason": "failed",
                "detail": "the process that learns has ended (a worker process ended with signal SIGKILL)",
            }
        ]

    with_trainings(use)


def test_a_process_goes_last() -> None:
    async def use(trainings: Trainings) -> None:
        await (await started(trainings)).data()
        (pid,) = learners()
        assert os.getpriority(os.PRIO_PROCESS, pid) == min(19, os.getpriority(os.PRIO_PROCESS, 0) + 5)

    with_trainings(use)
