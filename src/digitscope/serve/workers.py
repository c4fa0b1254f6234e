"""Threads that do, or wait for, what takes longer than the event loop may be away."""

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

from starlette.requests import ClientDisconnect, Request

from digitscope.serve.limits import Limits
from digitscope.serve.problems import Problem

T = TypeVar("T")

LOG = logging.getLogger("digitscope.serve")

PATIENCE_SECONDS = 1.0
"""Time for abandoned work to end by itself before it is stopped."""


class Workers:
    """Worker threads of an app, with a queue.

    There are `limits.processes` of them, and as many for quick work, which does not wait for the rest.
    """

    def __init__(self, limits: Limits) -> None:
        self._seconds = limits.reading_seconds
        self._threads = ThreadPoolExecutor(limits.processes, thread_name_prefix="worker")
        self._quick = ThreadPoolExecutor(limits.processes, thread_name_prefix="quick")

    def begin(self, function: Callable[[], object]) -> None:
        """Have `function` called, and do not wait for it; if it fails, the log says so."""
        self._quick.submit(function).add_done_callback(_log_failure)

    async def do(
        self,
        request: Request,
        function: Callable[[], T],
        *,
        quick: bool = False,
        stop: Callable[[], None] = lambda: None,
    ) -> T:
        """Return the result of `function`; queued work is cancelled if its client leaves or the time is up.

        If the work has begun by then, `stop` ends it a little later, because a thread cannot be ended.

        Raises:
            Problem: 503, the time is up.
            ClientDisconnect: the client left.
        """
        loop = asyncio.get_running_loop()
        work = loop.run_in_executor(self._quick if quick else self._threads, function)
        gone = asyncio.ensure_future(request.receive())  # after the body, only a disconnect can arrive
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
            if not work.done():
                loop.call_later(PATIENCE_SECONDS, stop)
            work.cancel()
            gone.cancel()


def _log_failure(done: Future[object]) -> None:
    if error := done.exception():
        LOG.error("what was begun has failed", exc_info=error)
