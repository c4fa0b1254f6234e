"""Headers of every answer: what a browser may do with it."""

from collections.abc import Mapping
from types import MappingProxyType

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

CONTENT_SECURITY_POLICY = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' blob:",  # a picture that the user gave is shown from memory
        "connect-src 'self'",  # the API
        "base-uri 'none'",  # this and what follows is not covered by default-src
        "form-action 'none'",
        "frame-ancestors 'none'",
    ]
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


def is_of_the_api(scope: Scope) -> bool:
    """Tell whether a request is for the API; a path begins with where the app is mounted (ASGI's `root_path`)."""
    path: str = scope["path"].removeprefix(scope.get("root_path", ""))
    return path.startswith("/api/")


class SecurityHeaders:
    """Middleware that adds `HEADERS`, and says what may be kept: nothing of the API, an unchanged page."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and the answer back with the headers."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        of_the_api = is_of_the_api(scope)  # now: a route changes the scope

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(HEADERS)
                headers.setdefault("Cache-Control", "no-store" if of_the_api else "no-cache")
            await send(message)

        await self.app(scope, receive, send_with_headers)
