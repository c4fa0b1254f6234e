"""What an app takes on, as one frozen value that is checked when it is made."""

import math
import os
from dataclasses import dataclass, field, fields

from digitscope.errors import SettingError


def _cores() -> int:
    return min(os.cpu_count() or 1, 4)


@dataclass(frozen=True)
class Limits:
    """What an app takes on, checked once when made. What is beyond it is refused with a status that says why.

    How many pixels a picture may have is the library's limit and not set here.

    Attributes:
        body_bytes: bytes that a request's body may have, else 413.
        held_bytes: bytes that all bodies in memory may have together, else 503.
        body_seconds: seconds that a body may take to arrive, else 408.
        requests: requests that may be in work or wait at once, else 503; those that only look (GET) do not count.
        reading_seconds: seconds that a picture may wait and be read, else 503.
        processes: processes that read pictures, and as many for small ones; each starts when it is needed.
        images: images that one call of predict may have, else 413.
        pages: pages that a TIFF file may have, else 422; each takes its time.

    Raises:
        SettingError: a value is of the wrong kind or out of range.
    """

    body_bytes: int = 32_000_000
    held_bytes: int = 256_000_000
    body_seconds: float = 20.0
    requests: int = 64
    reading_seconds: float = 30.0
    processes: int = field(default_factory=_cores)
    images: int = 4096
    pages: int = 20

    def __post_init__(self) -> None:
        for each in fields(self):
            value = getattr(self, each.name)
            if each.type is int and (type(value) is not int or value < 1):
                raise SettingError(f"{each.name} is {value!r}: expected a whole number from 1")
            if each.type is float and not _is_duration(value):
                raise SettingError(f"{each.name} is {value!r}: expected seconds above 0")
        if self.held_bytes < self.body_bytes:
            raise SettingError(
                f"held_bytes is {self.held_bytes}: expected room for one body, body_bytes ({self.body_bytes})"
            )


def _is_duration(value: object) -> bool:
    return type(value) in (int, float) and 0 < value < math.inf  # type: ignore[operator]
