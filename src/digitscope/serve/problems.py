"""Errors as problem details: RFC 9457's `application/problem+json`.

Status codes follow RFC 9110. 400: the body does not parse. 413: the body is too large. 415: the content type is
not supported. 422: the content cannot be used, such as a damaged picture or one with too many pixels. 501: the
server lacks an extra package.
"""

import asyncio
import logging
from http import HTTPStatus
from types import MappingProxyType
from typing import Any
from urllib.parse import quote

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.types import Scope

from digitscope.errors import DataError, MissingExtraError, SettingError

LOG = logging.getLogger("digitscope.serve")

CONTENT_TYPE = "application/problem+json"

TITLES = MappingProxyType({413: "Content Too Large", 422: "Unprocessable Content"})
"""RFC 9110's titles of two statuses; Python before 3.13 has older ones."""

LONGEST_PATH = 200  # characters; a problem cuts a longer path
MOST_COMPLAINTS = 5  # validation errors that a problem lists for one request


def title_of(status: int) -> str:
    """Return RFC 9110's title of a status."""
    return TITLES.get(status) or HTTPStatus(status).phrase


class Problem(HTTPException):
    """A refused or failed request, and why; routes and middleware raise it.

    Args:
        status: of the answer.
        detail: one line: what, where, what was expected, the next step.
        headers: further headers of the answer; an underscore in a keyword stands for a hyphen.
    """

    def __init__(self, status: int, detail: str, **headers: str) -> None:
        super().__init__(status, detail, {name.replace("_", "-"): value for name, value in headers.items()})

    def response(self, scope: Scope) -> JSONResponse:
        """Return the answer to the request of `scope`."""
        content = {
            "type": "about:blank",
            "title": title_of(self.status_code),
            "status": self.status_code,
            "detail": self.detail,
            "instance": path_of(scope),
        }
        return JSONResponse(content, self.status_code, self.headers, CONTENT_TYPE)


def path_of(scope: Scope) -> str:
    """Return the requested path, percent-encoded, and cut if it is long."""
    path = quote(scope["path"], safe="/:@!$&'()*+,;=")
    return path if len(path) <= LONGEST_PATH else f"{path[:LONGEST_PATH]}..."


async def answer_with_problem(request: Request, error: Exception) -> JSONResponse:
    """Answer a request, as a handler of exceptions that takes the place of FastAPI's own."""
    return problem_of(error, request.scope).response(request.scope)


def problem_of(error: BaseException, scope: Scope) -> Problem:
    """Return the problem for `error`. Unexpected errors are logged, and the client gets no details."""
    match error:
        case Problem():
            return error
        case HTTPException():
            return _of_status(error, scope)
        case RequestValidationError():
            errors = error.errors()
            complaints = [f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in errors[:MOST_COMPLAINTS]]
            is_no_json = any(each["type"] == "json_invalid" for each in errors)
            return Problem(400 if is_no_json else 422, "; ".join(complaints))
        case MissingExtraError():
            return Problem(501, f"the server cannot do that: {error}")
        case DataError() | SettingError():
            return Problem(422, " ".join(str(error).split()))
        case asyncio.CancelledError():
            stopped = "the server stops, and what was asked for was not done: ask again when it is back"
            return Problem(503, stopped)
    LOG.error("%s %s failed", scope["method"], scope["path"], exc_info=error)
    return Problem(500, "internal error; see the server's log")


def _of_status(error: HTTPException, scope: Scope) -> Problem:
    """Return the problem for an answer that Starlette or FastAPI gives on its own."""
    headers, detail = dict(error.headers or {}), str(error.detail)
    if error.status_code == HTTPStatus.NOT_FOUND:
        detail = f"there is nothing at {path_of(scope)}: /openapi.json tells what there is"
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        allowed = [method for method in ("GET", "POST", "PUT", "DELETE") if method in headers.get("Allow", "")]
        headers["Allow"] = ", ".join([*allowed, "HEAD"] if "GET" in allowed else allowed)
        detail = f"{scope['method'][:20]} is not for {path_of(scope)}: expected {headers['Allow']}"
    return Problem(error.status_code, detail, **headers)


def problem_responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return how OpenAPI describes answers with these statuses, for the `responses` of a route or a router."""
    described: dict[int | str, dict[str, Any]] = {}
    for status in statuses:
        properties: dict[str, dict[str, object]] = {
            "type": {"type": "string", "example": "about:blank"},
            "title": {"type": "string", "example": title_of(status)},
            "status": {"type": "integer", "example": status},
            "detail": {"type": "string"},
            "instance": {"type": "string", "description": "the path that was asked for"},
        }
        schema = {"type": "object", "required": list(properties), "properties": properties}
        described[status] = {"description": title_of(status), "content": {CONTENT_TYPE: {"schema": schema}}}
    return described
