"""An app run by uvicorn: what it listens on, for what it waits how long, and how it ends."""

import signal
import socket
from typing import Any

import uvicorn
from fastapi import FastAPI

from digitscope.errors import DigitscopeError

HEAD_BYTES = 16_384  # bytes of a request's line and headers
KEEP_ALIVE_SECONDS = 15  # seconds that a connection stays open after an answer, for the next request
GRACE_SECONDS = 10  # seconds that requests in work have to end in when the server is told to stop
BACKLOG = 2048  # connections that wait to be accepted


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens there; on a free port if `port` is 0.

    Raises:
        DigitscopeError: the port is in use or not ours to have, or there is no such host.
    """
    try:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        listener = socket.create_server(address[:2], family=family, backlog=BACKLOG)
    except OSError as error:
        reason = str(error.strerror).partition(" (")[0].lower()  # without the address, which Python adds
        raise DigitscopeError(
            f"cannot listen on port {port} of {host} ({reason}): choose another; --port 0 takes any that is free"
        ) from None
    # Connections inherit this. Without it the second part of an answer waits about 40 ms for the client to
    # acknowledge the first (delayed ACK, RFC 1122).
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def url_of(listener: socket.socket) -> str:
    """Return where a browser on this machine finds what `listener` serves."""
    host, port = listener.getsockname()[:2]
    names = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}  # noqa: S104
    return f"http://{names.get(host) or (f'[{host}]' if ':' in host else host)}:{port}"


def run(app: FastAPI, listener: socket.socket) -> None:
    """Serve `app` until SIGINT or SIGTERM; what is in work then is finished."""
    server = _Server(config(app))
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, server.handle_exit)  # for before uvicorn listens to them, and after that
    server.run([listener])


def config(app: FastAPI) -> uvicorn.Config:
    """Return uvicorn's configuration for `app`.

    Forwarded headers of proxies are ignored, because nothing depends on the client's address.
    """
    return uvicorn.Config(
        app,
        loop="asyncio",
        http="h11",
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=GRACE_SECONDS,
        h11_max_incomplete_event_size=HEAD_BYTES,
    )


class _Server(uvicorn.Server):
    """Ends the trainings first; else the shutdown would wait for their listeners."""

    def handle_exit(self, *_: object) -> None:
        """Finish what is in work. uvicorn itself would cut that off at a second Ctrl-C, which leaves traces."""
        self.should_exit = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        app: Any = self.config.app
        if hasattr(app.state, "trainings"):  # the review has none
            await app.state.trainings.close()
        await super().shutdown(sockets)
