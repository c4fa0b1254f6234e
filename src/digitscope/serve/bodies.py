"""Middleware that receives a body completely before its route runs, so stalled clients block nobody."""

import asyncio
import io

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from digitscope.serve.limits import Limits
from digitscope.serve.problems import Problem

ALWAYS_TAKEN = 65_536
"""Bytes of a body that are always accepted, so that stalled large bodies block no small one."""


class BodyGuard:
    """Middleware that collects the body in memory, and refuses one that is too large or too slow."""

    def __init__(self, app: ASGIApp, limits: Limits) -> None:
        self.app = app
        self._limits = limits
        self._held = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on with its whole body in one message; drop it if its client has left.

        Raises:
            Problem: 413 for a body that is too large, 408 if it does not arrive, 503 if all bodies take too much.
        """
        if scope["type"] != "http" or not _has_body(headers := Headers(scope=scope)):
            await self.app(scope, receive, send)
            return
        self._check_length(headers.get("content-length", "0"))
        body = io.BytesIO()
        try:
            if await self._arrived(body, receive):
                await self.app(scope, _again(body.getvalue(), receive), send)
        finally:
            self._held -= body.tell()

    def _check_length(self, length: str) -> None:
        if int(length) > self._limits.body_bytes:  # the server has refused what is no number
            raise self._too_large(f"{int(length):,} bytes")

    async def _arrived(self, body: io.BytesIO, receive: Receive) -> bool:
        """Collect what comes in `body`; return False if the client left meanwhile."""
        try:
            async with asyncio.timeout(self._limits.body_seconds):
                while True:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        return False
                    self._hold(message.get("body", b""), body)
                    if not message.get("more_body", False):
                        return True
        except TimeoutError:
            detail = f"the body has not arrived within {self._limits.body_seconds:g} s: send it again, in one go"
            raise Problem(408, "Request Timeout", detail, Connection="close") from None

    def _hold(self, chunk: bytes, body: io.BytesIO) -> None:
        self._held += body.write(chunk)
        if body.tell() > self._limits.body_bytes:
            raise self._too_large("the body")
        if self._held > self._limits.held_bytes and body.tell() > ALWAYS_TAKEN:
            detail = "the bodies of all requests take too much memory now: try again in a second"
            raise Problem(503, "Service Unavailable", detail, Retry_After="1")

    def _too_large(self, what: str) -> Problem:
        detail = f"{what} is too large: expected at most {self._limits.body_bytes:,} bytes"
        return Problem(413, "Content Too Large", detail)


def _has_body(headers: Headers) -> bool:
    return "transfer-encoding" in headers or headers.get("content-length", "0") != "0"


def _again(body: bytes, receive: Receive) -> Receive:
    """Return a `receive` that gives `body`, and then what comes after it."""
    given = False

    async def receive_again() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return receive_again
