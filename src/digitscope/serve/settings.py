"""The settings of an app: its limits and who may ask. Both are frozen values, checked when they are made."""

import math
import re
from dataclasses import dataclass, field, fields
from typing import Annotated, get_args

from digitscope.cores import usable_cores
from digitscope.errors import SettingError

TOKEN = re.compile(r"[A-Za-z0-9._~+/-]{16,}=*")  # RFC 6750's form of a token, from 16 characters on

HOST = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?")  # letters beyond ASCII come as xn--


@dataclass(frozen=True)
class Limits:
    """The limits of an app. Requests beyond a limit get the status named in its annotation.

    `digitscope serve --help` shows the annotations. The limit on a picture's pixels is the library's.

    Raises:
        SettingError: a value is of the wrong kind or out of range.
    """

    body_bytes: Annotated[int, "bytes that a request's body may have, else 413"] = 32_000_000
    held_bytes: Annotated[int, "bytes that all bodies in memory may have together, else 503"] = 256_000_000
    body_seconds: Annotated[float, "seconds that a body may take to arrive, else 408"] = 20.0
    requests: Annotated[
        int,
        "requests that may be in work or wait at once, else 503; those that only look (GET) do not count",
    ] = 64
    reading_seconds: Annotated[float, "seconds that a picture may wait and be read, else 503"] = 30.0
    processes: Annotated[
        int,
        "processes that read pictures, and as many for small ones; each starts when it is needed",
    ] = field(default_factory=lambda: min(usable_cores(), 4))
    images: Annotated[int, "images that one call of predict may have, else 413"] = 4096
    pages: Annotated[int, "pages that a TIFF or PDF file may have, else 422; each takes its time"] = 20

    def __post_init__(self) -> None:
        for each in fields(self):
            kind, value = get_args(each.type)[0], getattr(self, each.name)
            if kind is int and (type(value) is not int or value < 1):
                raise SettingError(f"{each.name} is {value!r}: expected a whole number from 1")
            if kind is float and (type(value) not in (int, float) or not 0 < value < math.inf):
                raise SettingError(f"{each.name} is {value!r}: expected seconds above 0")
        if self.held_bytes < self.body_bytes:
            expected = f"expected room for one body, body_bytes ({self.body_bytes})"
            raise SettingError(f"held_bytes is {self.held_bytes}: {expected}")


@dataclass(frozen=True)
class Access:
    """The allowed hosts and the token.

    Attributes:
        token: required under /api as `Authorization: Bearer TOKEN`; None for no token.
        hosts: accepted host names, beside localhost and any IP address.

    Raises:
        SettingError: the token is too short or has invalid characters; a host is not a bare name.
    """

    token: str | None = field(default=None, repr=False)
    hosts: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.token is not None and not TOKEN.fullmatch(self.token):
            raise SettingError("that is no token: expected at least 16 letters, digits or any of . _ ~ + / -")
        for host in self.hosts:
            if not HOST.fullmatch(host):
                expected = "expected one such as digits.example.org, without https://, port or path"
                raise SettingError(f"the allowed host {host!r} is no bare name: {expected}")
