"""How many requests are in work at once."""

from starlette.types import ASGIApp, Receive, Scope, Send

from digitscope.serve.access import LOOKING
from digitscope.serve.problems import Problem


class CrowdGuard:
    """Middleware that refuses a request while `most` others are worked on or wait; those that only look pass."""

    def __init__(self, app: ASGIApp, most: int) -> None:
        self.app = app
        self._most = most
        self._inside = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on.

        Raises:
            Problem: 503 while there are too many others.
        """
        if scope["type"] != "http" or scope["method"] in LOOKING:
            await self.app(scope, receive, send)
            return
        if self._inside >= self._most:
            detail = f"{self._inside} requests are in work or wait already: try again in a second"
            raise Problem(503, "Service Unavailable", detail, Retry_After="1")
        self._inside += 1
        try:
            await self.app(scope, receive, send)
        finally:
            self._inside -= 1
