"""`digitscope serve`: the page to draw on, and the service that other programs call."""

import argparse
import gc
import ipaddress
import os
import threading
import webbrowser
from collections.abc import Callable, Iterator
from dataclasses import MISSING, fields
from pathlib import Path
from typing import TYPE_CHECKING

from digitscope import serve as service
from digitscope.cli.arguments import (
    Argument,
    Command,
    File,
    Flag,
    Number,
    annotated_fields,
    text_argument,
    whole_number,
)
from digitscope.cli.console import remark
from digitscope.errors import DataError
from digitscope.serve import Limits

if TYPE_CHECKING:
    from fastapi import FastAPI

    from digitscope.serve import Access

TOKEN_VARIABLE = "DIGITSCOPE_TOKEN"  # noqa: S105 - its name, not the token

LEAVING_SECONDS = 1.0  # seconds that the process has to end in, once the last request is answered or given up


def run(options: argparse.Namespace) -> int:
    """Serve the studio and the API."""

    def make_app(limits: Limits, access: "Access") -> "FastAPI":
        from digitscope.reading import Recognizer

        return service.create_app(Recognizer.load(options.model), limits, access)

    return serve(options, make_app)


def serve(options: argparse.Namespace, make_app: "Callable[[Limits, Access], FastAPI]") -> int:
    """Listen where the `LISTENING` options say, print the address, and serve until a signal ends it.

    Raises:
        DataError: the file with the token cannot be read.
        SettingError: a limit, the token or an allowed host is not valid.
        DigitscopeError: the address or the port cannot be listened on.
        ModuleNotFoundError: a package of the extra serve is not installed.
    """
    token = _token(options.token_file)
    gc.disable()  # packages load a tenth faster so, and the collector leaves alone what is there to stay
    try:
        from digitscope.serve import Access, log, server  # which need what the extra [serve] installs

        names = [limit.name for limit in fields(Limits)]
        given = {name: value for name in names if (value := getattr(options, name, None)) is not None}
        app = make_app(Limits(**given), Access(token, tuple(options.allowed_host)))
    finally:
        gc.freeze()
        gc.enable()
    with server.listen(options.host, options.port) as listener:
        if token is None and not ipaddress.ip_address(listener.getsockname()[0]).is_loopback:
            remark(
                f"anybody who reaches {options.host} can use this: a token in {TOKEN_VARIABLE} keeps others out"
            )
        url = server.url_of(listener)
        print(url, flush=True)
        if options.open:
            threading.Thread(target=webbrowser.open, args=(url,), daemon=True).start()
        log.log_to_standard_error()
        server.run(app, listener)
    # A picture that is still being read would keep the process, and nobody waits.
    leaving = threading.Timer(LEAVING_SECONDS, os._exit, (0,))
    leaving.daemon = True
    leaving.start()
    gc.freeze()  # what is left goes with the process; to look through it first takes a second
    return 0


def _token(path: Path | None) -> str | None:
    of_the_environment = os.environ.pop(TOKEN_VARIABLE, None)  # which the processes that read inherit
    if path is None:
        return of_the_environment
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "no text"
        raise DataError(f"{path}: cannot be read ({reason}): expected a file with the token") from None


def _limits() -> Iterator[Argument]:
    """Yield a flag for each limit of the service."""
    for limit, kind, text in annotated_fields(Limits):
        default = "one a core, four at most" if limit.default is MISSING else f"{limit.default:,}"
        metavar = "SECONDS" if kind is float else "N"
        flag = f"--{limit.name.replace('_', '-')}"
        yield Argument(flag, type=kind, metavar=metavar, help=f"{text} (default: {default})")


LISTENING = (
    Argument(
        "--host ADDRESS",
        default="127.0.0.1",
        help="address to listen on; 0.0.0.0 is every network of this machine (default: 127.0.0.1, this machine "
        "alone)",
    ),
    Number(
        "--port",
        type=whole_number("port", 0, 65_535),
        default=8000,
        help="port to listen on, 0 for any that is free (default: 8000)",
    ),
    Flag("--open", help="open the page in a browser"),
    File(
        "--token-file FILE",
        help=f"file with the token that a caller has to bring (default: that of {TOKEN_VARIABLE}, if any)",
    ),
    Argument(
        "--allowed-host NAME",
        action="append",
        default=[],
        help="bare name that the service is called by, beside localhost and addresses; once for each",
    ),
)
"""Where to listen, and to whom."""

COMMAND = Command(
    run,
    (
        *LISTENING,
        Argument(
            "--model NAME",
            type=text_argument,
            default="digit",
            help="what reads single digits: a shipped name or an .onnx file (default: digit)",
        ),
        *_limits(),
    ),
    "serve --port 8080 --open",
    f"""\
Prints its address, and on standard error one line of JSON for every request. Ctrl-C ends it, when what is in work
is done. If {TOKEN_VARIABLE} or --token-file gives a token, every call of the API has to bring it:
  curl -H 'Authorization: Bearer TOKEN' -F picture=@form.jpg http://127.0.0.1:8000/api/read""",
)
