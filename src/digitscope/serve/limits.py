"""The limits of an app, as one frozen value that is checked when it is made."""

import math
from dataclasses import dataclass, field, fields
from typing import Annotated, get_args

from digitscope.cores import usable_cores
from digitscope.errors import SettingError


def _cores() -> int:
    return min(usable_cores(), 4)


@dataclass(frozen=True)
class Limits:
    """The limits of an app, checked once. Requests beyond a limit get the status named in its annotation.

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
    ] = field(default_factory=_cores)
    images: Annotated[int, "images that one call of predict may have, else 413"] = 4096
    pages: Annotated[int, "pages that a TIFF file may have, else 422; each takes its time"] = 20

    def __post_init__(self) -> None:
        for each in fields(self):
            kind, value = get_args(each.type)[0], getattr(self, each.name)
            if kind is int and (type(value) is not int or value < 1):
                raise SettingError(f"{each.name} is {value!r}: expected a whole number from 1")
            if kind is float and not _is_duration(value):
                raise SettingError(f"{each.name} is {value!r}: expected seconds above 0")
        if self.held_bytes < self.body_bytes:
            raise SettingError(
                f"held_bytes is {self.held_bytes}: expected room for one body, body_bytes ({self.body_bytes})"
            )


def _is_duration(value: object) -> bool:
    return type(value) in (int, float) and 0 < value < math.inf  # type: ignore[operator]
