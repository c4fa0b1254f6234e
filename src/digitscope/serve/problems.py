"""Errors as problem details: RFC 9457's `application/problem+json`.

Status codes follow RFC 9110. 400: the body does not parse. 413: the body is too large. 415: the content type is
not supported. 422: the content cannot be used, such as a damaged picture or one with too many pixels. 501: the
server lacks an extra package.
"""

import asyncio
import logging
from collections.abc import Mapping
from http import HTTPStatus
from types import MappingProxyType
from typing import Any
from urllib.parse import quote

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from digitscope.errors import DataError, MissingExtraError, SettingError

LOG = logging.getLogger("digitscope.serve")

CONTENT_TYPE = "application/problem+json"

TITLES: Mapping[int, str] = MappingProxyType({413: "Content Too Large", 422: "Unprocessable Content"})
"""RFC 9110's titles of two statuses; Python before 3.13 has older ones."""

LONGEST_PATH = 200
"""Characters; a problem cuts a longer path."""

MOST_COMPLAINTS = 5
"""Validation errors that a problem lists for one request."""


class Problem(HTTPException):
    """A refused or failed request, and why; routes and middleware raise it.

    Attributes:
        status_code: the status.
        title: the kind of problem, the same each time.
        detail: one line: what, where, what was expected, the next step.
        headers: further headers of the answer; an underscore in a keyword stands for a hyphen.
    """

    def __init__(self, status: int, title: str, detail: str, **headers: str) -> None:
        super().__init__(status, detail, {name.replace("_", "-"): value for name, value in headers.items()})
        self.title = title

    def response(self, scope: Scope) -> JSONResponse:
        """Return the answer to the request of `scope`."""
        content = {
            "type": "about:blank",
            "title": self.title,
            "status": self.status_code,
            "detail": self.detail,
            "instance": path_of(scope),
        }
        return JSONResponse(content, self.status_code, self.headers, CONTENT_TYPE)


def path_of(scope: Scope) -> str:
    """Return the requested path, percent-encoded, and cut if it is long."""
    path = quote(scope["path"], safe="/:@!$&'()*+,;=")
    return path if len(path) <= LONGEST_PATH else f"{path[:LONGEST_PATH]}..."


class Problems:
    """Middleware that turns exceptions raised further in into problems."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on. If the answer has begun, it cannot be replaced, and the exception is raised again.

        A client that left in the meantime gets no answer.
        """
        begun = False

        async def watched(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self.app(scope, receive, watched)
        except ClientDisconnect:
            return
        except asyncio.CancelledError:
            if begun or scope["type"] != "http":
                raise
            detail = "the server stops, and what was asked for was not done: ask again when it is back"
            await Problem(503, "Service Unavailable", detail).response(scope)(scope, receive, send)
        except Exception as error:
            if begun or scope["type"] != "http":
                raise
            await problem_of(error, scope).response(scope)(scope, receive, send)


def add_handlers(app: FastAPI) -> None:
    """Replace FastAPI's own error answers of `app` with problems."""

    async def handle(request: Request, error: Exception) -> JSONResponse:
        return problem_of(error, request.scope).response(request.scope)

    for kind in (HTTPException, RequestValidationError):
        app.add_exception_handler(kind, handle)


def problem_of(error: Exception, scope: Scope) -> Problem:
    """Return the problem for `error`. Unexpected errors are logged, and the client gets no details."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, HTTPException):
        return _of_status(error, scope)
    if isinstance(error, RequestValidationError):
        return _of_validation(error)
    if isinstance(error, MissingExtraError):
        return Problem(501, "Not Implemented", f"the server cannot do that: {error}")
    if isinstance(error, DataError | SettingError):
        return Problem(422, "Unprocessable Content", " ".join(str(error).split()))
    LOG.error("%s %s failed", scope["method"], scope["path"], exc_info=error)
    return Problem(500, "Internal Server Error", "internal error; see the server's log")


def _of_status(error: HTTPException, scope: Scope) -> Problem:
    headers = dict(error.headers or {})
    detail = str(error.detail)
    if error.status_code == HTTPStatus.NOT_FOUND:
        detail = f"there is nothing at {path_of(scope)}: /openapi.json tells what there is"
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        allowed = [method for method in ("GET", "POST", "PUT", "DELETE") if method in headers.get("Allow", "")]
        headers["Allow"] = ", ".join([*allowed, "HEAD"] if "GET" in allowed else allowed)
        detail = f"{scope['method'][:20]} is not for {path_of(scope)}: expected {headers['Allow']}"
    return Problem(error.status_code, _title(error.status_code), detail, **headers)


def _title(status: int) -> str:
    return TITLES.get(status) or HTTPStatus(status).phrase


def _of_validation(error: RequestValidationError) -> Problem:
    errors = error.errors()
    detail = "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in errors[:MOST_COMPLAINTS])
    if any(each["type"] == "json_invalid" for each in errors):
        return Problem(400, "Bad Request", detail)
    return Problem(422, "Unprocessable Content", detail)


def problem_responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return how OpenAPI describes answers with these statuses, for the `responses` of a route or a router."""
    described: dict[int | str, dict[str, Any]] = {}
    for status in statuses:
        properties: dict[str, dict[str, object]] = {
            "type": {"type": "string", "example": "about:blank"},
            "title": {"type": "string", "example": _title(status)},
            "status": {"type": "integer", "example": status},
            "detail": {"type": "string"},
            "instance": {"type": "string", "description": "the path that was asked for"},
        }
        schema = {"type": "object", "required": list(properties), "properties": properties}
        described[status] = {"description": _title(status), "content": {CONTENT_TYPE: {"schema": schema}}}
    return described
