"""Reading a picture in a worker process. The server itself does not load what reads pages."""

import base64
import io
import json
import os
import sys
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from digitscope.forms import FormReader
    from digitscope.reading import Reader, Reading


@dataclass(frozen=True, eq=False)
class NetworkFile:
    """An ONNX file as the service found it, whatever becomes of it later."""

    path: Path  # where it was
    content: bytes
    card: str  # its model card, in Markdown; empty if it has none

    @classmethod
    def of(cls, path: Path, content: bytes | None = None) -> "NetworkFile":
        """Read the file at `path`, unless its `content` is at hand, and the card beside it."""
        card = path.with_suffix(".md")
        text = card.read_text(encoding="utf-8") if card.is_file() else ""
        return cls(path, path.read_bytes() if content is None else content, text)


class _Upload(io.BytesIO):
    """A picture that was sent, under the name that errors give it."""

    name = "the picture"


_reader: "Reader"
_most_pages: int


def begin(
    digits: NetworkFile, pairs: NetworkFile, pages: NetworkFile, items: NetworkFile, most_pages: int
) -> None:
    """Load the networks in a worker, and read once, so that the first picture is read at once."""
    from digitscope.reading import Reader, Recognizer
    from digitscope.reading.finder import Finder, PageNetwork

    global _reader, _most_pages
    _most_pages = most_pages
    one, two, each = (Recognizer(file.path, threads=1, content=file.content) for file in (digits, pairs, items))
    _reader = Reader(Finder(PageNetwork(pages.path, threads=1, content=pages.content), each), one, two)
    stroke = np.full((64, 64), 255, np.uint8)
    stroke[16:48, 30:34] = 0
    _reader.read(stroke)
    with Path(os.devnull).open("wb") as nothing:  # decoders tell there what they think of damaged pictures
        for stream in (sys.stdout, sys.stderr):
            os.dup2(nothing.fileno(), stream.fileno())


def read(picture: bytes, mode: str, printed: bool, rotation: int | None) -> bytes:
    """Return the reading of a picture file's content as JSON, in a worker that has begun.

    `mode` is "page" or "pair". `printed` and `rotation` are as `Reader.read` takes them, for pages alone.

    Raises:
        DataError: it is no picture, damaged or too large.
    """
    if mode == "pair":
        return as_json(_reader.read_pair(_Upload(picture), most_pages=_most_pages))
    return as_json(_reader.read(_Upload(picture), printed=printed, rotation=rotation, most_pages=_most_pages))


def read_form(description: bytes, empty: bytes, picture: bytes) -> bytes:
    """Return the values of filled-in forms as JSON, in a worker that has begun.

    The arguments are the contents of the form's TOML file and of two picture files.

    Raises:
        DataError: a picture is none, or the description is no TOML.
        SettingError: the description contradicts itself.
        MissingExtraError: the extra `forms` is not installed.
    """
    forms = _form_reader(description, empty).read(_Upload(picture), most_pages=_most_pages)
    return json.dumps({"forms": [form.to_json() for form in forms]}, ensure_ascii=False).encode()


@lru_cache(maxsize=2)
def _form_reader(description: bytes, empty: bytes) -> "FormReader":
    """Return the reader of a form; to find the features of its print takes longer than to read a page."""
    from digitscope.forms import FormReader
    from digitscope.forms.description import form_of

    form = replace(form_of(description, Path("the form")), reference=Path("the empty page"))
    page = _Upload(empty)
    page.name = "the empty page"
    return FormReader(form, _reader, empty=page)


def as_json(reading: "Reading") -> bytes:
    """Return the reading as JSON, with the image that the network saw of each digit."""
    content = reading.to_json()
    for digit, as_dict in zip(reading.digits, content["digits"], strict=True):
        height, width = digit.image.shape
        pixels = base64.b64encode(digit.image.tobytes()).decode()
        as_dict["seen"] = {"width": width, "height": height, "pixels": pixels}
    return json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
