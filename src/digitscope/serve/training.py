"""One network that learns in a process of its own: started, followed, stopped."""

import asyncio
import base64
import json
import secrets
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from digitscope.serve.own_processes import command_of, environment

if TYPE_CHECKING:
    from digitscope.serve.live_training import Lesson, UInt8  # which only the process that learns has to load

COMMAND = command_of("digitscope.serve.live_training")

LONGEST_LINE = 1 << 20
"""Bytes of a line that the process writes; an epoch has about 30,000."""

TICK = 0.5
"""Seconds after which who follows a training is told that nothing is new."""


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

    Attributes:
        id: how it is asked for.
        ending: `reason` and `detail` of its end; None while it learns.
        task: is done when the process is gone.
    """

    def __init__(self, process: Process, *, most_seconds: float, most_silence: float) -> None:
        """Listen to `process`; see `start`."""
        assert process.stdin is not None  # noqa: S101 - `start` asked for both pipes
        assert process.stdout is not None  # noqa: S101
        self.id = secrets.token_hex(8)
        self.ending: dict[str, str] | None = None
        self._process, self._input, self._output = process, process.stdin, process.stdout
        self._data: dict[str, Any] | None = None
        self._told_data = asyncio.Event()
        self._events: list[Event] = []
        self._news = asyncio.Event()
        self._most_silence = most_silence
        self._loop = asyncio.get_running_loop()
        self._limit = self._loop.call_later(most_seconds, self.stop, "time", f"{most_seconds:g} seconds are over")
        self._silence = self._loop.call_later(most_silence, self._stop_unheard)
        self.task = self._loop.create_task(self._listen())

    @classmethod
    async def start(cls, lesson: "Lesson", *, most_seconds: float, most_silence: float) -> "Training":
        """Start a process that learns `lesson`.

        Args:
            lesson: what is to be learned.
            most_seconds: after which it is stopped.
            most_silence: seconds without a follower after which it is stopped.
        """
        process = await asyncio.create_subprocess_exec(
            *COMMAND,
            stdin=PIPE,
            stdout=PIPE,
            limit=LONGEST_LINE,
            env=environment(),
            start_new_session=True,  # so that Ctrl+C in the server's terminal reaches the server alone
        )
        training = cls(process, most_seconds=most_seconds, most_silence=most_silence)
        await training._send(lesson.to_json().encode())
        return training

    @property
    def is_over(self) -> bool:
        """Whether its process is gone and everything is told."""
        return bool(self._events) and self._events[-1].name == "end"

    async def data(self) -> dict[str, Any] | None:
        """Return what it learns from, `name`, `train` and `validation`; None if it ended before it had them."""
        await self._told_data.wait()
        return self._data

    async def draw(self, drawing: "UInt8") -> None:
        """Have `drawing`, uint8 (28, 28), read after every epoch from now on."""
        await self._send(base64.b64encode(drawing.tobytes()))

    async def events(self, after: int = 0) -> AsyncIterator[Event | None]:
        """Yield the events from number `after` + 1 to the end, and None when nothing has happened for a while."""
        while True:
            self._put_off_silence()
            while after < len(self._events):
                yield self._events[after]
                after += 1
            if self.is_over:
                return
            with suppress(TimeoutError):
                async with asyncio.timeout(TICK):
                    await self._news.wait()
            yield None

    def stop(self, reason: str, detail: str) -> None:
        """End it now; why is told unless it has ended already. The process has nothing that it could lose."""
        self.ending = self.ending or {"reason": reason, "detail": detail}
        with suppress(ProcessLookupError):
            self._process.kill()

    def _stop_unheard(self) -> None:
        self.stop("stopped", f"nobody has watched for {self._most_silence:g} seconds")

    def _put_off_silence(self) -> None:
        self._silence.cancel()
        if not self.is_over:
            self._silence = self._loop.call_later(self._most_silence, self._stop_unheard)

    async def _send(self, line: bytes) -> None:
        with suppress(ConnectionError):  # it has ended
            self._input.write(line + b"\n")
            await self._input.drain()

    async def _listen(self) -> None:
        async for line in self._output:
            self._hear(*line.decode().rstrip().split(" ", 1))
        code = await self._process.wait()
        self._limit.cancel()
        self._silence.cancel()
        self.ending = self.ending or {
            "reason": "failed",
            "detail": f"the process that learns has ended (code {code})",
        }
        self._happen("end", json.dumps(self.ending))
        self._told_data.set()

    def _hear(self, word: str, particulars: str) -> None:
        """Take in a line of the process."""
        match word:
            case "data":
                self._data = json.loads(particulars)
                self._told_data.set()
            case "end":
                self.ending = self.ending or json.loads(particulars)
            case _:
                self._happen(word, particulars)

    def _happen(self, name: str, data: str) -> None:
        self._events.append(Event(len(self._events) + 1, name, data))
        self._news.set()
        self._news = asyncio.Event()
