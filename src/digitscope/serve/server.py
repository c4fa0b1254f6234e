"""An app run by uvicorn: what it listens on, for what it waits how long, and how it ends."""

import asyncio
import signal
import socket

import h11
import uvicorn
from fastapi import FastAPI
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

from digitscope.errors import DigitscopeError
from digitscope.serve.headers import HEADERS
from digitscope.serve.problems import Problem

HEAD_BYTES = 16_384
"""Bytes of a request's line and headers."""

KEEP_ALIVE_SECONDS = 15
"""Seconds that a connection stays open after an answer, for the next request."""

IDLE_SECONDS = 20.0
"""Seconds within which a connection has to bring the whole head of a request."""

ANSWER_SECONDS = 60.0
"""Seconds within which a client has to take what waits to be sent to it."""

GRACE_SECONDS = 10
"""Seconds that requests in work have to end in when the server is told to stop."""

BACKLOG = 2048


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens there; on a free port if `port` is 0.

    Raises:
        DigitscopeError: the port is in use or not ours to have, or there is no such host.
    """
    try:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        return socket.create_server(address[:2], family=family, backlog=BACKLOG)
    except OSError as error:
        reason = str(error.strerror).partition(" (")[0].lower()  # without the address, which Python adds
        raise DigitscopeError(
            f"cannot listen on port {port} of {host} ({reason}): choose another; --port 0 takes any that is free"
        ) from None


def url_of(listener: socket.socket) -> str:
    """Return where a browser on this machine finds what `listener` serves."""
    host, port = listener.getsockname()[:2]
    names = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}  # noqa: S104
    return f"http://{names.get(host) or (f'[{host}]' if ':' in host else host)}:{port}"


def run(app: FastAPI, listener: socket.socket) -> None:
    """Serve `app` until SIGINT or SIGTERM; what is in work then is finished."""
    server = _Server(config(app), app)
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
        http=Connection,
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

    def __init__(self, config: uvicorn.Config, app: FastAPI) -> None:
        super().__init__(config)
        self._app = app

    def handle_exit(self, *_: object) -> None:
        """Finish what is in work. uvicorn itself would cut that off at a second Ctrl-C, which leaves traces."""
        self.should_exit = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await self._app.state.trainings.close()
        await super().shutdown(sockets)


class Connection(H11Protocol):
    """A connection that is closed when its client stalls: brings no request, or does not take an answer.

    uvicorn itself waits for both for ever; how long a body may take, `BodyGuard` decides.
    """

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to watch, and set TCP_NODELAY so that small writes are sent at once.

        An answer is written in two parts. Without the option, the second part waits about 40 ms for the client to
        acknowledge the first (delayed ACK, RFC 1122). asyncio sets the option only for sockets that name their
        protocol; sockets of `socket.create_server` do not.
        """
        super().connection_made(transport)
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._untaken: asyncio.TimerHandle | None = None
        self._look_again()

    def connection_lost(self, exc: Exception | None) -> None:
        """End the watch."""
        self._idle.cancel()
        self._forget_untaken()
        super().connection_lost(exc)

    def send_400_response(self, msg: str) -> None:
        """Tell with a problem that something was no HTTP, unless another answer has begun."""
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            detail = f"{msg} Expected HTTP/1.1, and at most {HEAD_BYTES:,} bytes of headers"
            answer = Problem(400, "Bad Request", detail, **HEADERS, Connection="close").response(None)
            status = h11.Response(status_code=400, headers=answer.raw_headers, reason=b"Bad Request")
            for event in (status, h11.Data(data=bytes(answer.body)), h11.EndOfMessage()):
                self.transport.write(self.conn.send(event) or b"")
        self.transport.close()

    def pause_writing(self) -> None:
        """Wait for the client to take what is sent, but not for ever."""
        super().pause_writing()
        self._untaken = self.loop.call_later(ANSWER_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        """Go on: the client has taken it."""
        self._forget_untaken()
        super().resume_writing()

    def _forget_untaken(self) -> None:
        if self._untaken is not None:
            self._untaken.cancel()

    def _look_again(self) -> None:
        self._idle = self.loop.call_later(IDLE_SECONDS, self._close_if_idle, self.cycle)

    def _close_if_idle(self, last: object) -> None:
        """Close the connection if no request is in work, and none has begun since `last` was the newest."""
        cycle: RequestResponseCycle | None = self.cycle
        if cycle is last and (cycle is None or cycle.response_complete):
            self.transport.close()
        else:
            self._look_again()
