"""Jobs: work that takes longer than the event loop may be away, for clients that may leave or run out of time."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from starlette.requests import ClientDisconnect, Request

from digitscope.serve.problems import Problem
from digitscope.serve.settings import Limits

T = TypeVar("T")

PATIENCE_SECONDS = 1.0  # for abandoned work to end by itself before its process is killed, which then starts anew


class Jobs:
    """The jobs of an app: `limits.processes` at once, and as many quick ones, which do not wait for the rest."""

    def __init__(self, limits: Limits) -> None:
        self._seconds = limits.reading_seconds
        self._slots = asyncio.Semaphore(limits.processes)
        self._quick_slots = asyncio.Semaphore(limits.processes)

    async def do(self, request: Request, work: Callable[[], Coroutine[Any, Any, T]], *, quick: bool = False) -> T:
        """Return the result of `work()`, which begins when a slot is free.

        If its client leaves or the time is up, it does not begin, or is cancelled a little later.

        Raises:
            Problem: 503, the time is up.
            ClientDisconnect: the client left.
        """
        slots, has_begun = self._quick_slots if quick else self._slots, False

        async def in_turn() -> T:
            nonlocal has_begun
            async with slots:
                has_begun = True
                return await work()

        job = asyncio.ensure_future(in_turn())
        gone = asyncio.ensure_future(request.receive())  # after the body, only a disconnect can arrive
        try:
            either: list[asyncio.Future[Any]] = [job, gone]
            await asyncio.wait(either, timeout=self._seconds, return_when=asyncio.FIRST_COMPLETED)
            if job.done():
                return job.result()
            if gone.done():
                raise ClientDisconnect
            detail = f"not done within {self._seconds:g} s: try again later, or with a smaller picture"
            raise Problem(503, detail, Retry_After="10")
        finally:
            gone.cancel()
            if not job.done():
                job.add_done_callback(lambda done: done.cancelled() or done.exception())  # nobody waits for it
                asyncio.get_running_loop().call_later(PATIENCE_SECONDS if has_begun else 0, job.cancel)
