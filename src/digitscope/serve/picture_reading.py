"""A process in which pictures are read, one after the other: `python -m digitscope.serve.picture_reading`.

It reads parcels on standard input: the networks for one digit, for two and for pages, then pictures. Each picture
is answered with a parcel on standard output. When its input ends, its parent is gone, and it ends too,
even in the middle of a picture.
"""

import io
import json
import os
import queue
import signal
import sys
import threading
import traceback
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import IO, Any

import numpy as np

from digitscope.errors import DataError
from digitscope.inference import Reader, Reading, Recognizer
from digitscope.inference.finder import PageNetwork
from digitscope.serve.base64_pixels import in_base64
from digitscope.serve.parcels import receive, send

Parcel = tuple[dict[str, Any], bytes]


class Upload(io.BytesIO):
    """A picture that was sent, under the name that errors give it."""

    name = "the picture"


def answer_all(reader: Reader, pictures: Iterable[Parcel], answers: IO[bytes]) -> None:
    """Read each picture; its head has the arguments of `_read`.

    The head of an answer has its `outcome`: "read" with JSON, "refused" with the reason, "mistake" with the trace.
    """
    for head, picture in pictures:
        try:
            outcome, content = "read", _as_json(_read(reader, picture, **head))
        except DataError as error:
            outcome, content = "refused", str(error)
        except Exception:  # noqa: BLE001 - whatever it is, it is told to who asked
            outcome, content = "mistake", traceback.format_exc()
        send(answers, content.encode(), outcome=outcome)


def _read(
    reader: Reader,
    picture: bytes,
    *,
    mode: str,
    pages: int,
    printed: bool = False,
    rotation: int | None = None,
    **_: object,
) -> Reading:
    """Return the reading of a picture of at most so many `pages`; what else a parcel's head has is no matter."""
    if mode == "pair":
        return reader.read_pair(Upload(picture), most_pages=pages)
    return reader.read(Upload(picture), printed=printed, rotation=rotation, most_pages=pages)


def _as_json(reading: Reading) -> str:
    """Return the reading as JSON, with the image that the network saw of each digit."""
    content = reading.to_json()
    for digit, as_json in zip(reading.digits, content["digits"], strict=True):
        height, width = digit.image.shape
        as_json["seen"] = {"width": width, "height": height, "pixels": in_base64(digit.image)}
    return json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def warm_up(reader: Reader) -> None:
    """Load what reading needs, so that the first picture need not wait for it."""
    stroke = np.full((64, 64), 255, np.uint8)
    stroke[16:48, 30:34] = 0
    reader.read(stroke)


def _reader(parcels: Iterator[Parcel]) -> Reader:
    """Return a reader with the networks in the next three parcels."""
    digits, pairs, pages = ((Path(head["path"]), content) for head, content in islice(parcels, 3))
    return Reader(
        PageNetwork(pages[0], threads=1, content=pages[1]),
        *(Recognizer(path, threads=1, content=content) for path, content in (digits, pairs)),
    )


def _following(stream: IO[bytes]) -> Iterator[Parcel]:
    """Yield the parcels of `stream`; its end ends this process, in the middle of a picture too."""
    parcels: queue.SimpleQueue[Parcel] = queue.SimpleQueue()

    def follow() -> None:
        try:
            while True:
                parcels.put(receive(stream))
        finally:
            os._exit(0)

    threading.Thread(target=follow, daemon=True).start()
    while True:
        yield parcels.get()


def _silence(stream: IO[Any]) -> None:
    """Redirect a standard stream to the null device, for this process and its libraries."""
    with Path(os.devnull).open("wb") as nothing:
        os.dup2(nothing.fileno(), stream.fileno())


def main() -> None:
    """Read what standard input brings."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # sent to all of a service: who started this one finishes first
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    _silence(sys.stdout)
    try:
        parcels = _following(sys.stdin.buffer)
        reader = _reader(parcels)
        warm_up(reader)
        _silence(sys.stderr)  # on which decoders tell what they think of damaged pictures
        answer_all(reader, parcels, answers)
    except Exception:  # noqa: BLE001 - it is told, and this process ends
        traceback.print_exc()
    os._exit(1)  # in the ordinary way Python could not end while a thread waits for standard input


if __name__ == "__main__":
    main()
