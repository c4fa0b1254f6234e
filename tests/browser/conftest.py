"""A real server and a real browser; a test fails for an error on the page, or a request to elsewhere."""

import importlib.util
import re
import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from tests.browser.studio import Studio

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from digitscope.serve import Access

FLAGS = [
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-device-for-media-stream",
    "--disable-gpu",
    "--disable-gpu-vsync",  # a movement of the pointer waits for a frame
    "--disable-frame-rate-limit",
]

Open = Callable[..., Studio]


@contextmanager
def serving(access: "Access | None" = None) -> Iterator[str]:
    """Serve the app on a free port by a thread, and give its address."""
    uvicorn = pytest.importorskip("uvicorn", reason="needs uvicorn, of the extra packages of serve")
    from digitscope.serve import create_app

    listening = socket.create_server(("127.0.0.1", 0))
    app = create_app(access=access)
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=3))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    while not server.started and thread.is_alive():
        time.sleep(0.01)
    host, port = listening.getsockname()
    yield f"http://{host}:{port}"
    server.should_exit = True
    thread.join()
    listening.close()


@pytest.fixture(scope="package")
def server() -> Iterator[str]:
    with serving() as address:
        yield address


@pytest.fixture(scope="package")
def browser() -> "Iterator[Browser]":
    """Chromium. It is closed after this package: while it is open, no other event loop can run here."""
    if importlib.util.find_spec("playwright") is None:
        pytest.skip("needs the package playwright")
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("needs chromium in PATH")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield launched
        launched.close()


@pytest.fixture
def open_studio(browser: "Browser", server: str) -> Iterator[Open]:
    """Return a function that opens the page: its named arguments are those of `Browser.new_context`.

    Afterwards the consoles must be empty but for what `Studio.expected` allows, and every request must have gone
    to the server.
    """
    opened: list[Studio] = []

    def open_page(address: str = server, **context: Any) -> Studio:
        settings = {"viewport": {"width": 1440, "height": 900}, "reduced_motion": "reduce", **context}
        page = browser.new_context(**settings).new_page()
        studio = Studio(page, re.split("/[#?]", address)[0])
        opened.append(studio)
        _watch(page, studio)
        page.goto(address)
        return studio

    yield open_page
    for studio in opened:
        studio.page.context.close()
    for studio in opened:
        assert [line for line in studio.complaints if not any(part in line for part in studio.expected)] == []
        assert {address for address in studio.requests if not address.startswith(studio.server)} == set()


@pytest.fixture
def studio(open_studio: Open) -> Studio:
    """The page on a desktop."""
    return open_studio()


def _watch(page: "Page", studio: Studio) -> None:
    """Keep what the console and the page complain of, and where every request goes."""

    def keep_request(address: str) -> None:
        if not address.startswith(("data:", "blob:")):
            studio.requests.append(address)

    page.on("request", lambda request: keep_request(request.url))
    page.on("pageerror", lambda error: studio.complaints.append(str(error)))
    page.on(
        "console",
        lambda said: studio.complaints.append(said.text) if said.type in {"error", "warning"} else None,
    )
