"""The log: one line of JSON a request, what was asked and what became of it. Nobody's address and no content."""

import json
import logging
import time
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

ACCESS_LOG = logging.getLogger("digitscope.access")

CLIENT_GONE = 499  # nginx's status for a client that left before the answer; RFC 9110 has none


class AccessLog:
    """Middleware that logs each request when its answer is sent: level INFO, the logger `digitscope.access`."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, count bytes, and log it, however it ends."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        start = time.perf_counter()
        entry: dict[str, Any] = {
            "method": scope["method"],
            "path": scope["path"],
            "status": CLIENT_GONE,
            "in": 0,
            "out": 0,
        }

        async def counted_receive() -> Message:
            message = await receive()
            entry["in"] += len(message.get("body", b""))
            return message

        async def counted_send(message: Message) -> None:
            entry["status"] = message.get("status", entry["status"])
            entry["out"] += len(message.get("body", b""))
            await send(message)

        try:
            await self.app(scope, counted_receive, counted_send)
        except Exception:
            entry["status"] = HTTPStatus.INTERNAL_SERVER_ERROR
            raise
        finally:
            ACCESS_LOG.info({**entry, "ms": round(1000 * (time.perf_counter() - start), 2)})


class JsonLines(logging.Formatter):
    """Makes one line of JSON of every record: what a request's record holds, or a level and a message."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        if isinstance(record.msg, dict):
            return json.dumps({"time": at, **record.msg})
        content = {"time": at, "level": record.levelname.lower(), "message": record.getMessage()}
        if record.exc_info:
            content["traceback"] = self.formatException(record.exc_info)
        return json.dumps(content)


def log_to_standard_error() -> None:
    """Have requests, warnings and errors of this process written to standard error as lines of JSON."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines())
    logging.getLogger().addHandler(handler)
    ACCESS_LOG.setLevel(logging.INFO)
    logging.getLogger("python_multipart").setLevel(logging.ERROR)  # of a broken form its sender is told
