"""A process in which pictures are read, one after the other: `python -m digitscope.serve.picture_reading`.

It reads parcels on standard input: the network for one digit, that for two, then pictures. It answers each picture
with a parcel on standard output. When its input ends, whoever started it is gone, and it ends too.
"""

import io
import json
import signal
import sys
import traceback
from pathlib import Path
from typing import BinaryIO

import numpy as np

from digitscope.errors import DataError
from digitscope.inference import Reader, Recognizer
from digitscope.serve.base64_pixels import in_base64
from digitscope.serve.parcels import receive, send


class Upload(io.BytesIO):
    """A picture that was sent, under the name that errors give it."""

    name = "the picture"


def answer_all(requests: BinaryIO, answers: BinaryIO) -> None:
    """Read pictures until there are no more.

    The head of one has its `mode`, `pages` that it may have at most, and `seconds` after which this process ends,
    as nothing else stops a reading. That of an answer has its `outcome`: "read", "refused" or "mistake".
    """
    reader = Reader(_network(requests), _network(requests))
    _warm_up(reader)
    while True:
        head, picture = receive(requests)
        _end_after(head["seconds"])
        outcome, content = _answer(reader, picture, head["mode"], head["pages"])
        _end_after(0)
        send(answers, content.encode(), outcome=outcome)


def _network(requests: BinaryIO) -> Recognizer:
    head, content = receive(requests)
    return Recognizer(Path(head["path"]), threads=1, content=content)


def _warm_up(reader: Reader) -> None:
    """Load what reading needs, so that the first picture need not wait for it."""
    stroke = np.full((64, 64), 255, np.uint8)
    stroke[16:48, 30:34] = 0
    reader.read(stroke)


def _end_after(seconds: float) -> None:
    """Have this process killed then, wherever it is; never, if that is 0. Windows knows no such thing."""
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_REAL, seconds)


def _answer(reader: Reader, picture: bytes, mode: str, pages: int) -> tuple[str, str]:
    try:
        return "read", _as_json(reader, picture, mode, pages)
    except DataError as error:
        return "refused", str(error)
    except Exception:  # noqa: BLE001 - whatever it is, it is told to who asked
        return "mistake", traceback.format_exc()


def _as_json(reader: Reader, picture: bytes, mode: str, pages: int) -> str:
    """Return the reading as JSON, with the image that the network saw of each digit."""
    read = reader.read if mode == "page" else reader.read_pair
    reading = read(Upload(picture), most_pages=pages)
    content = reading.to_json()
    for digit, as_json in zip(reading.digits, content["digits"], strict=True):
        height, width = digit.image.shape
        as_json["seen"] = {"width": width, "height": height, "pixels": in_base64(digit.image)}
    return json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def main() -> None:
    """Read what standard input brings."""
    try:
        answer_all(sys.stdin.buffer, sys.stdout.buffer)
    except (EOFError, BrokenPipeError):
        return


if __name__ == "__main__":
    main()
