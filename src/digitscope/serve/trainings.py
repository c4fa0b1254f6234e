"""The trainings of a server: so many at once, and forgotten when they have ended."""

import asyncio
from typing import TYPE_CHECKING

from digitscope.serve.training import Training

if TYPE_CHECKING:
    from digitscope.serve.live_training import Lesson, UInt8


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
        self._most, self._most_seconds, self._most_silence, self._kept = most, most_seconds, most_silence, kept
        self._trainings: dict[str, Training] = {}
        self._starting = asyncio.Lock()

    def __getitem__(self, name: str) -> Training:
        """Return the training whose id is `name`.

        Raises:
            KeyError: there is none, or it is forgotten.
        """
        return self._trainings[name]

    async def start(self, lesson: "Lesson", drawing: "UInt8 | None" = None) -> Training | None:
        """Start a training, and return it; None if there are as many as may be.

        Args:
            lesson: what is to be learned.
            drawing: uint8 (28, 28), what to read after every epoch.
        """
        async with self._starting:
            if sum(not training.is_over for training in self._trainings.values()) >= self._most:
                return None
            training = await Training.start(
                lesson, most_seconds=self._most_seconds, most_silence=self._most_silence
            )
            self._trainings[training.id] = training
        forget = asyncio.get_running_loop().call_later
        training.task.add_done_callback(lambda _: forget(self._kept, self._trainings.pop, training.id, None))
        if drawing is not None:
            await training.draw(drawing)
        return training

    async def remove(self, training: Training) -> None:
        """Stop a training, wait until its process is gone, and forget it."""
        training.stop("stopped", "stopped as you asked")
        await asyncio.wait([training.task])
        self._trainings.pop(training.id, None)

    async def close(self) -> None:
        """Stop all, and return when no process is left."""
        async with self._starting:
            for training in self._trainings.values():
                training.stop("stopped", "the server stops")
            await asyncio.gather(*(training.task for training in self._trainings.values()))
