"""The trainings of a server: each in a worker process, followed by any number of clients, forgotten at last."""

import asyncio
import json
import os
import secrets
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from digitscope.workers import Workers

if TYPE_CHECKING:
    from digitscope.serve.live_training import Lesson, UInt8  # which only the processes that learn have to load

NICENESS = 5
"""Niceness of the processes that learn, so that readings have priority."""


@dataclass(frozen=True)
class Event:
    """An event of a training: an epoch, or its end.

    Attributes:
        number: 1 for the first.
        name: "epoch" or "end".
        data: JSON on one line.
    """

    number: int
    name: str
    data: str


class Training:
    """One network that learns.

    Args:
        workers: have a process free for it.
        lesson: what is to be learned.
        drawing: uint8 (28, 28), what to read after every epoch; or None.
        most_seconds: that it may take.
        most_silence: seconds that it goes on with nobody following it.

    Attributes:
        id: how it is asked for.
        ending: `reason` and `detail` of its end; None while it learns.
        task: is done when everything is told.
    """

    def __init__(
        self,
        workers: Workers,
        lesson: "Lesson",
        drawing: "UInt8 | None",
        *,
        most_seconds: float,
        most_silence: float,
    ) -> None:
        from digitscope.serve.live_training import learn

        self.id = secrets.token_hex(8)
        self.ending: dict[str, str] | None = None
        self._events: list[Event] = []
        self._news = asyncio.Event()
        self._followers = 0
        self._drawing = drawing
        self._most_seconds, self._most_silence = most_seconds, most_silence
        self._loop = asyncio.get_running_loop()
        self._data: asyncio.Future[dict[str, Any]] = self._loop.create_future()
        self._learning = workers.submit(learn, lesson, timeout=most_seconds, on_message=self._receive)
        self._silence = self._loop.call_later(most_silence, self._stop_unheard)
        self.task = self._loop.create_task(self._wait())

    @property
    def is_over(self) -> bool:
        """Whether everything is told."""
        return bool(self._events) and self._events[-1].name == "end"

    async def data(self) -> dict[str, Any] | None:
        """Return what it learns from, `name`, `train` and `validation`; None if it ended before it had them."""
        either: list[asyncio.Future[Any]] = [self._data, self.task]
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        return self._data.result() if self._data.done() else None

    def draw(self, drawing: "UInt8") -> None:
        """Have `drawing`, uint8 (28, 28), read after every epoch from now on."""
        self._drawing = drawing

    async def events(self, after: int = 0) -> AsyncIterator[Event]:
        """Yield the events from number `after` + 1 to the end."""
        self._followers += 1
        self._silence.cancel()
        try:
            while True:
                news = self._news
                for event in self._events[after:]:
                    yield event
                after = max(after, len(self._events))
                if self.is_over:
                    return
                await news.wait()
        finally:
            self._followers -= 1
            if self._followers == 0 and not self.is_over:
                self._silence = self._loop.call_later(self._most_silence, self._stop_unheard)

    def stop(self, reason: str, detail: str) -> None:
        """End it now; why is told unless it has ended already. The process has nothing that it could lose."""
        self.ending = self.ending or {"reason": reason, "detail": detail}
        self._learning.cancel()

    def _stop_unheard(self) -> None:
        self.stop("stopped", f"nobody has watched for {self._most_silence:g} seconds")

    def _receive(self, message: tuple[str, Any]) -> None:
        with suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(self._hear, *message)

    def _hear(self, name: str, content: Any) -> None:
        if self.is_over:  # a cancelled worker goes on until it is killed
            return
        if name == "data":
            self._data.set_result(content)
        elif name == "ready":  # at most one answer is in the pipe, so that sending never blocks the loop
            with suppress(OSError):  # it has ended
                self._learning.send(self._drawing)
        else:
            self._events.append(Event(len(self._events) + 1, name, content))
            self._news.set()
            self._news = asyncio.Event()

    async def _wait(self) -> None:
        learning = asyncio.wrap_future(self._learning)
        await asyncio.wait({learning})
        self._silence.cancel()
        if self.ending is None:
            try:
                self.ending = learning.result()
            except TimeoutError:
                self.ending = {"reason": "time", "detail": f"{self._most_seconds:g} seconds are over"}
            except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - its followers are told
                self.ending = {"reason": "failed", "detail": f"the process that learns has ended ({error})"}
        self._hear("end", json.dumps(self.ending))


class Trainings:
    """The trainings of a server.

    Args:
        most: that run at once.
        most_seconds: that one may take.
        most_silence: seconds that one goes on with nobody following it.
        kept: seconds after its end until it is forgotten.
    """

    def __init__(
        self, *, most: int = 2, most_seconds: float = 300, most_silence: float = 30, kept: float = 60
    ) -> None:
        self._most, self._kept = most, kept
        self._limits = {"most_seconds": most_seconds, "most_silence": most_silence}
        self._trainings: dict[str, Training] = {}
        self._workers = Workers(most, _yield_to_others)

    def __getitem__(self, name: str) -> Training:
        """Return the training whose id is `name`.

        Raises:
            KeyError: there is none, or it is forgotten.
        """
        return self._trainings[name]

    def start(self, lesson: "Lesson", drawing: "UInt8 | None" = None) -> Training | None:
        """Start a training, and return it; None if there are as many as may be.

        Args:
            lesson: what is to be learned.
            drawing: uint8 (28, 28), what to read after every epoch.
        """
        if sum(not training.is_over for training in self._trainings.values()) >= self._most:
            return None
        training = Training(self._workers, lesson, drawing, **self._limits)
        self._trainings[training.id] = training
        forget = asyncio.get_running_loop().call_later
        training.task.add_done_callback(lambda _: forget(self._kept, self._trainings.pop, training.id, None))
        return training

    async def remove(self, training: Training) -> None:
        """Stop a training, wait until its followers are told, and forget it."""
        training.stop("stopped", "stopped as you asked")
        await asyncio.wait([training.task])
        self._trainings.pop(training.id, None)

    async def close(self) -> None:
        """Stop all, and return when no process is left."""
        for training in self._trainings.values():
            training.stop("stopped", "the server stops")
        await asyncio.gather(*(training.task for training in self._trainings.values()))
        await asyncio.to_thread(self._workers.close)


def _yield_to_others() -> None:
    if sys.platform != "win32":
        os.nice(NICENESS)
