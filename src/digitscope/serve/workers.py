"""Threads that do, or wait for, what takes longer than the event loop may be away."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from starlette.requests import ClientDisconnect, Request

from digitscope.serve.limits import Limits
from digitscope.serve.problems import Problem

T = TypeVar("T")


class Workers:
    """Threads of an app; what they have no time for yet waits in line.

    There are `limits.processes` of them, and as many for what is quick, which does not wait for the rest.
    """

    def __init__(self, limits: Limits) -> None:
        self._seconds = limits.reading_seconds
        self._threads = ThreadPoolExecutor(limits.processes, thread_name_prefix="worker")
        self._quick = ThreadPoolExecutor(limits.processes, thread_name_prefix="quick")

    def begin(self, function: Callable[[], object]) -> None:
        """Have `function` called, and do not wait for it."""
        self._quick.submit(function)

    async def do(self, request: Request, function: Callable[[], T], *, quick: bool = False) -> T:
        """Return what `function` returns; it is not called any more if nobody waits for it when its turn comes.

        Raises:
            Problem: 503, it takes too long. A thread cannot be stopped: a call that has begun goes on to its end.
            ClientDisconnect: the client left.
        """
        work = asyncio.get_running_loop().run_in_executor(self._quick if quick else self._threads, function)
        gone = asyncio.ensure_future(request.receive())  # after the body there is nothing but the client's leaving
        either: list[asyncio.Future[Any]] = [work, gone]
        try:
            await asyncio.wait(either, timeout=self._seconds, return_when=asyncio.FIRST_COMPLETED)
            if work.done():
                return work.result()
            if gone.done():
                raise ClientDisconnect
            detail = f"not done within {self._seconds:g} s: try again later, or with a smaller picture"
            raise Problem(503, "Service Unavailable", detail, Retry_After="10")
        finally:
            work.cancel()
            gone.cancel()
