"""Networks that learn in processes of their own: what they tell, and that none outlives who started it."""

import asyncio
import base64
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from digitscope.data import Dataset
from digitscope.scratch import ScratchSettings, train
from digitscope.serve.live_training import MOST_UNITS, Drawing, Lesson, learn
from digitscope.serve.training import Training
from digitscope.serve.trainings import Trainings
from tests.conftest import NAMED_DATA

SHORT = Lesson(ScratchSettings(hidden=(8,), epochs=3), seed=1, examples=300)
LONG = Lesson(ScratchSettings(hidden=(512,), epochs=100, batch_size=1), examples=2000)

Told = list[tuple[str, Mapping[str, Any]]]


def told_of(lesson: Lesson, drawing: Drawing | None = None) -> Told:
    """Everything that `learn` tells of a lesson, here in this process."""
    told: Told = []
    learn(lesson, drawing or Drawing(), lambda word, particulars: told.append((word, particulars)))
    return told


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


@pytest.mark.parametrize("hidden", [(), (8,), (100,)])
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
    drawing = Drawing()
    drawing.image = sample.test.images[7]
    *_, (_, last), _ = told_of(SHORT, drawing)
    generator = np.random.default_rng(1)
    network, _ = train(sample.train[:300], sample.validation, SHORT.settings, generator=generator)
    odds = np.exp(network.logits(sample.test.images[7:8])[0].astype(np.float64))
    np.testing.assert_allclose(last["drawing"]["probabilities"], odds / odds.sum(), atol=1e-5)
    assert last["drawing"]["label"] == odds.argmax()


def test_a_drawing_takes_the_place_of_the_one_before(sample: Dataset) -> None:
    drawing = Drawing()
    drawing.follow(base64.b64encode(image.tobytes()) + b"\n" for image in sample.test.images[:2])
    assert drawing.image is not None
    np.testing.assert_array_equal(drawing.image, sample.test.images[1])


def test_a_loss_that_leaves_the_numbers() -> None:
    lesson = Lesson(ScratchSettings(hidden=(64,), learning_rate=2, activation="identity"), examples=1000)
    *_, (word, end) = told_of(lesson)
    assert (word, end["reason"]) == ("end", "diverged")
    assert end["detail"].startswith("the loss is not finite in epoch ")


def test_data_that_are_not_there(tmp_path: Path) -> None:
    told = told_of(Lesson(SHORT.settings, folder=str(tmp_path)))
    assert [word for word, _ in told] == ["end"]
    assert told[0][1]["reason"] == "failed"
    assert str(tmp_path) in told[0][1]["detail"]


def test_full_mnist(mnist: Dataset) -> None:
    (_, data), *_ = told_of(Lesson(ScratchSettings(hidden=(), epochs=1), folder=NAMED_DATA, examples=100))
    assert data == {"name": mnist.name, "train": 100, "validation": len(mnist.validation)}


def test_a_lesson_is_one_line() -> None:
    lesson = Lesson(ScratchSettings(hidden=(3,), activation="tanh", learning_rate=0.7), 5, "/some\nwhere", 200)
    assert "\n" not in lesson.to_json()
    assert Lesson.from_json(lesson.to_json()) == lesson


# Processes


def running_processes(parent: int) -> list[int]:
    """The processes that learn and were started by `parent`, or were before it was gone."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command = (folder / "cmdline").read_bytes()
            state, ppid = (folder / "stat").read_text().rpartition(")")[2].split()[:2]
        except OSError:  # it has ended meanwhile
            continue
        if b"digitscope.serve.live_training" in command and state not in "ZX" and int(ppid) == parent:
            found.append(int(folder.name))
    return found


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


def until(condition: Callable[[], bool], seconds: float = 5.0) -> bool:
    """Wait until `condition` holds; whether it came to that."""
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.02)
    return condition()


def with_trainings(use: Callable[[Trainings], Awaitable[None]], **limits: float) -> None:
    """Let `use` have trainings with `limits`; close them, after which no process may be left."""

    async def run() -> None:
        trainings = Trainings(**limits)  # type: ignore[arg-type]
        try:
            await asyncio.wait_for(use(trainings), 20)
        finally:
            await trainings.close()
            assert running_processes(os.getpid()) == []

    asyncio.run(run())


async def started(trainings: Trainings, lesson: Lesson = LONG) -> Training:
    training = await trainings.start(lesson)
    assert training is not None
    return training


async def heard(training: Training, after: int = 0) -> list[tuple[int, str, Any]]:
    """All events of a training, to its end."""
    return [
        (event.number, event.name, json.loads(event.data))
        async for event in training.events(after)
        if event is not None
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
        assert running_processes(os.getpid()) == []

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
        training = await trainings.start(lesson, sample.test.images[0])
        assert training is not None
        readings = []
        async for event in training.events():
            if event is not None and event.name == "epoch":
                readings.append(json.loads(event.data)["drawing"]["probabilities"])
                if len(readings) == 1:
                    await training.draw(255 - sample.test.images[0])
                if readings[-1] != readings[0] and max(abs(np.subtract(readings[-1], readings[-2]))) > 0.3:
                    return
        pytest.fail("the readings stayed alike")

    with_trainings(use)


def test_stopping_is_at_once() -> None:
    async def use(trainings: Trainings) -> None:
        training = await started(trainings)
        await training.data()
        assert len(running_processes(os.getpid())) == 1
        start = time.monotonic()
        training.stop("stopped", "enough")
        assert await heard(training) == [(1, "end", {"reason": "stopped", "detail": "enough"})]
        assert time.monotonic() - start < 1
        assert running_processes(os.getpid()) == []
        training.stop("time", "once more")
        assert training.ending == {"reason": "stopped", "detail": "enough"}

    with_trainings(use)


def test_only_so_many_at_once() -> None:
    async def use(trainings: Trainings) -> None:
        first, _ = await started(trainings), await started(trainings)
        assert await trainings.start(SHORT) is None
        first.stop("stopped", "make room")
        await first.task
        assert await trainings.start(SHORT) is not None

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

    with_trainings(use, most_silence=0.8, most_seconds=2)


def test_an_ended_one_is_forgotten() -> None:
    async def use(trainings: Trainings) -> None:
        training = await started(trainings, SHORT)
        await heard(training)
        assert trainings[training.id] is training
        await asyncio.sleep(0.3)
        with pytest.raises(KeyError):
            trainings[training.id]

    with_trainings(use, kept=0.2)


def test_one_that_was_removed_is_not_forgotten_once_more() -> None:
    async def use(trainings: Trainings) -> None:
        failures: list[dict[str, Any]] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, failure: failures.append(failure))
        training = await started(trainings)
        await trainings.remove(training)
        with pytest.raises(KeyError):
            trainings[training.id]
        await asyncio.sleep(0.2)
        assert failures == []

    with_trainings(use, kept=0.05)


def test_a_process_that_is_killed_by_somebody_else() -> None:
    async def use(trainings: Trainings) -> None:
        training = await started(trainings)
        await training.data()
        (pid,) = running_processes(os.getpid())
        os.kill(pid, signal.SIGKILL)
        assert [end for _, _, end in await heard(training)] == [
            {"reason": "failed", "detail": "the process that learns has ended (code -9)"}
        ]

    with_trainings(use)


def test_data_that_are_not_there_end_the_process(tmp_path: Path) -> None:
    async def use(trainings: Trainings) -> None:
        training = await started(trainings, Lesson(SHORT.settings, folder=str(tmp_path)))
        assert await training.data() is None
        assert training.ending is not None
        assert str(tmp_path) in training.ending["detail"]

    with_trainings(use)


def test_a_process_goes_last_and_alone() -> None:
    async def use(trainings: Trainings) -> None:
        await (await started(trainings)).data()
        (pid,) = running_processes(os.getpid())
        assert os.getpriority(os.PRIO_PROCESS, pid) == min(19, os.getpriority(os.PRIO_PROCESS, 0) + 5)
        assert os.getsid(pid) == pid

    with_trainings(use)


PARENT = """
import asyncio
from digitscope.scratch import ScratchSettings
from digitscope.serve.live_training import Lesson
from digitscope.serve.trainings import Trainings

async def main():
    lesson = Lesson(ScratchSettings(hidden=(512,), epochs=100, batch_size=1), examples=2000)
    training = await Trainings().start(lesson)
    print(await training.data(), flush=True)
    await asyncio.sleep(60)

asyncio.run(main())
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_no_process_outlives_a_killed_parent(number: signal.Signals) -> None:
    with subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        assert b"MNIST sample" in parent.stdout.readline()
        (pid,) = running_processes(parent.pid)
        parent.send_signal(number)
        parent.wait()
        assert until(lambda: not is_running(pid), 2)
