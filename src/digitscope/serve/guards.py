"""The middleware that every request passes: headers and log of its answer, access, its body, and the load."""

import asyncio
import io
import ipaddress
import re
import secrets
import time
from collections.abc import Mapping
from http import HTTPStatus
from types import MappingProxyType
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from digitscope.serve.log import ACCESS_LOG
from digitscope.serve.problems import Problem, problem_of
from digitscope.serve.settings import Access, Limits

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' blob:; "  # a picture that the user gave is shown from memory
    "connect-src 'self'; "  # the API
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"  # which default-src does not cover
)

HEADERS: Mapping[str, str] = MappingProxyType(
    {
        "Content-Security-Policy": CONTENT_SECURITY_POLICY,
        "Permissions-Policy": "camera=(self), microphone=(), geolocation=()",
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
    }
)

SAFE_METHODS = ("GET", "HEAD", "OPTIONS")  # the methods that change nothing (RFC 9110, section 9.2.1)
ALWAYS_TAKEN = 65_536  # bytes of a body that are always accepted, so that stalled large ones block no small one
CLIENT_GONE = 499  # nginx's status for a client that left before the answer; RFC 9110 has none


def is_of_the_api(scope: Scope) -> bool:
    """Tell whether a request is for the API; a path begins with where the app is mounted (ASGI's `root_path`)."""
    path: str = scope["path"].removeprefix(scope.get("root_path", ""))
    return path.startswith("/api/")


class Answers:
    """Middleware that sees to every answer: its headers, its line in the log, and problems in place of exceptions.

    A client that left in the meantime gets no answer. If the answer has begun, it cannot be replaced, and the
    exception is raised again. `Cache-Control` says what may be kept: nothing of the API, an unchanged page.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and log it, however it ends: level INFO, the logger `digitscope.access`."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        start = time.perf_counter()
        headers = {**HEADERS, "Cache-Control": "no-store" if is_of_the_api(scope) else "no-cache"}
        entry: dict[str, Any] = {"method": scope["method"], "path": scope["path"], "status": CLIENT_GONE}
        entry |= {"in": 0, "out": 0}
        begun = False

        async def counted_receive() -> Message:
            message = await receive()
            entry["in"] += len(message.get("body", b""))
            return message

        async def send_with_headers(message: Message) -> None:
            nonlocal begun
            begun = True
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(headers)
                entry["status"] = message["status"]
            entry["out"] += len(message.get("body", b""))
            await send(message)

        try:
            await self.app(scope, counted_receive, send_with_headers)
        except ClientDisconnect:
            return
        except (Exception, asyncio.CancelledError) as error:
            if begun:
                if isinstance(error, Exception):
                    entry["status"] = HTTPStatus.INTERNAL_SERVER_ERROR
                raise
            await problem_of(error, scope).response(scope)(scope, receive, send_with_headers)
        finally:
            ACCESS_LOG.info({**entry, "ms": round(1000 * (time.perf_counter() - start), 2)})


class AccessGuard:
    """Middleware that refuses cross-origin requests and requests without the token.

    A foreign page can point its own host name at this machine, so that the browser takes it for the same origin
    (DNS rebinding). The attack needs a host name. So every IP address is accepted as the host, but only known
    names.
    """

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self.app = app
        self._hosts = {"localhost", *(host.lower() for host in access.hosts)}
        self._authorization = f"bearer {access.token}".encode() if access.token else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on what may be asked.

        Raises:
            Problem: 421 for a host of another name, 403 for another page's request, 401 without the token.
        """
        if scope["type"] == "http":
            headers = Headers(scope=scope)
            self._check_host(headers.get("host", ""))
            origin, host = headers.get("origin"), headers.get("host", "")
            is_foreign = origin is not None and origin.partition("://")[2].lower() != host.lower()
            if is_foreign and scope["method"] not in SAFE_METHODS:
                detail = (
                    f"this comes from a page of {str(origin)[:80]!r}: expected a page of this service, which was "
                    f"called {host[:80]!r}, or no browser; a proxy has to pass on the Host header"
                )
                raise Problem(403, detail)
            if self._authorization and is_of_the_api(scope):
                kind, _, token = headers.get("authorization", "").partition(" ")
                given = f"{kind.lower()} {token.strip()}".encode()
                if not secrets.compare_digest(given, self._authorization):
                    detail = "no token, or another one: expected the header Authorization: Bearer TOKEN"
                    raise Problem(401, detail, WWW_Authenticate="Bearer")
        await self.app(scope, receive, send)

    def _check_host(self, host: str) -> None:
        name = re.sub(r":\d+$", "", host).lower()
        try:
            if name not in self._hosts:
                ipaddress.ip_address(name.removeprefix("[").removesuffix("]"))
        except ValueError:
            expected = "expected localhost, an IP address or a name given by --allowed-host"
            raise Problem(421, f"this is not {name[:80]!r}: {expected}") from None


class LoadGuard:
    """Middleware that receives a body before its route runs, and refuses what is too large, too slow or too much.

    Stalled clients so block nobody. Starlette's own limit on a body's size answers without a problem. Requests
    with safe methods are not counted.
    """

    def __init__(self, app: ASGIApp, limits: Limits) -> None:
        self.app = app
        self._limits = limits
        self._held = self._in_work = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on with its whole body in one message; drop it if its client has left.

        Raises:
            Problem: 413 for a body that is too large, 408 if it does not arrive, 503 if there is too much load.
        """
        headers = Headers(scope=scope) if scope["type"] == "http" else Headers()
        length = int(headers.get("content-length", "0"))  # the server has refused what is no number
        if length > self._limits.body_bytes:
            raise self._too_large(f"{length:,} bytes")
        body, given = io.BytesIO(), list[Message]()

        async def receive_again() -> Message:
            return given.pop() if given else await receive()

        try:
            if length or "transfer-encoding" in headers:
                if not await self._has_arrived(body, receive):
                    return
                given.append({"type": "http.request", "body": body.getvalue(), "more_body": False})
            await self._in_turn(scope, receive_again, send)
        finally:
            self._held -= body.tell()

    async def _has_arrived(self, body: io.BytesIO, receive: Receive) -> bool:
        """Collect what comes in `body`; return False if the client left meanwhile."""
        is_whole = False
        try:
            async with asyncio.timeout(self._limits.body_seconds):
                while not is_whole:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        return False
                    self._held += body.write(message.get("body", b""))
                    if body.tell() > self._limits.body_bytes:
                        raise self._too_large("the body")
                    if self._held > self._limits.held_bytes and body.tell() > ALWAYS_TAKEN:
                        detail = "the bodies of all requests take too much memory now: try again in a second"
                        raise Problem(503, detail, Retry_After="1")
                    is_whole = not message.get("more_body", False)
        except TimeoutError:
            detail = f"the body has not arrived within {self._limits.body_seconds:g} s: send it again, in one go"
            raise Problem(408, detail, Connection="close") from None
        return True

    async def _in_turn(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_counted = scope["type"] == "http" and scope["method"] not in SAFE_METHODS
        if is_counted and self._in_work >= self._limits.requests:
            detail = f"{self._in_work} requests are in work or wait already: try again in a second"
            raise Problem(503, detail, Retry_After="1")
        self._in_work += is_counted
        try:
            await self.app(scope, receive, send)
        finally:
            self._in_work -= is_counted

    def _too_large(self, what: str) -> Problem:
        return Problem(413, f"{what} is too large: expected at most {self._limits.body_bytes:,} bytes")
