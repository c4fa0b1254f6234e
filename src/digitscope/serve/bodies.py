"""Request bodies: the bytes of a picture, images for a network, or one digit, told apart by the content type."""

import base64
import json
import math
import sys
from collections.abc import AsyncGenerator, Collection, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
import python_multipart  # noqa: F401 - starlette would miss it only when a form comes
from numpy.typing import NDArray
from starlette.datastructures import Headers, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from digitscope.serve.content_types import BYTES, FORM, JSON, PDF, SIDE
from digitscope.serve.examples import DIGIT_SENT
from digitscope.serve.problems import Problem
from digitscope.serve.schemas import ReadOptions

UInt8 = NDArray[np.uint8]

FIELD = "picture"  # the field of a form that has the file

DIGIT_BODY: Mapping[str, Any] = MappingProxyType(
    {
        "requestBody": {
            "required": True,
            "description": "28 rows of 28 pixels, 0 for paper to 255 for ink: `seen.pixels` of a reading, decoded",
            "content": {
                BYTES: {
                    "schema": {"type": "string", "format": "binary", "minLength": SIDE**2, "maxLength": SIDE**2},
                    "examples": DIGIT_SENT,
                }
            },
        }
    }
)
"""How OpenAPI describes the body that `digit_of` takes."""


def content_type(headers: Headers) -> str:
    """Return the content type without its parameters, in lower case.

    Raises:
        Problem: 415, the body is encoded (compressed).
    """
    encoding = headers.get("content-encoding", "identity").lower()
    if encoding != "identity":
        detail = f"the body is encoded as {encoding[:80]!r}: expected it as it is"
        raise Problem(415, detail, Accept_Encoding="identity")
    return headers.get("content-type", BYTES).partition(";")[0].strip().lower()


def unsupported(kind: str, expected: str) -> Problem:
    """Return the problem that a body is of `kind`."""
    return Problem(415, f"the content type is {kind[:80]!r}: expected {expected}")


async def json_only(request: Request) -> None:
    """Check that the body is JSON; a dependency of routes whose bodies FastAPI parses.

    Raises:
        Problem: 415 for another content type.
    """
    kind = content_type(request.headers)
    if kind != JSON:
        raise unsupported(kind, JSON)


class _FormInMemory(MultiPartParser):
    """Starlette's parser, which here writes nothing that people send to a temporary file."""

    spool_max_size = sys.maxsize
    has_ended = False

    def on_end(self) -> None:
        self.has_ended = True


async def _files_in(request: Request, names: Sequence[str], not_fields: Iterable[str] = ()) -> list[bytes]:
    """Return the bytes of the files in the fields `names` of a form, which may have none of `not_fields`."""

    async def body() -> AsyncGenerator[bytes, None]:
        yield await request.body()
        if not parser.has_ended:  # raised in here, where the parser closes what it has begun
            raise MultiPartException("it ends before its last boundary")

    parser = _FormInMemory(request.headers, body())
    try:
        form = await parser.parse()
    except MultiPartException as error:
        raise Problem(400, f"the form does not parse: {error.message}") from None
    try:
        for name in not_fields:
            if isinstance(form.get(name), str):
                expected = f"expected it in the address, as in /api/read?{name}=..."
                raise Problem(422, f"the form has {name!r} as a field: {expected}")
        found = []
        for name in names:
            files = [part for part in form.getlist(name) if isinstance(part, UploadFile)]
            if len(files) != 1:
                raise Problem(422, f"the form has {len(files)} files in the field {name!r}: expected one")
            found.append(await files[0].read())
        return found
    finally:
        await form.close()


async def files_of(request: Request, *names: str) -> list[bytes]:
    """Return the bytes of the files in the fields `names` of a form.

    Raises:
        Problem: 415 for another content type, 400 for a form that does not parse, 422 for one without a file.
    """
    kind = content_type(request.headers)
    if kind != FORM:
        raise unsupported(kind, f"{FORM} with the fields {', '.join(names)}")
    return await _files_in(request, names)


async def picture_of(request: Request) -> bytes:
    """Return the bytes of the file in a form, or as the body.

    Raises:
        Problem: 415 for another content type, 400 for a form that does not parse, 422 for one without the file
            or with an option as a field.
    """
    kind = content_type(request.headers)
    if kind in (BYTES, PDF) or kind.startswith("image/"):
        return await request.body()
    if kind != FORM:
        expected = f"{FORM} with the field {FIELD}, an image type such as image/png, {PDF} or {BYTES}"
        raise unsupported(kind, expected)
    (picture,) = await _files_in(request, [FIELD], ReadOptions.model_fields)
    return picture


def images_of(body: bytes, headers: Headers, image_shapes: Collection[tuple[int, ...]]) -> UInt8:
    """Return uint8 images (N, height, width) of one of `image_shapes`: one from bytes, one or more from JSON.

    Raises:
        Problem: 415 for another content type, 400 for JSON that does not parse, 422 for anything but images.
    """
    kind = content_type(headers)
    if kind == BYTES:
        for height, width in image_shapes:
            if len(body) == height * width:
                return np.frombuffer(body, np.uint8).reshape(1, height, width)
        sizes = " or ".join(f"{math.prod(shape):,} ({shape[0]} rows of {shape[1]})" for shape in image_shapes)
        detail = f"{len(body):,} bytes are no image: expected {sizes}; several images go as {JSON}"
        raise Problem(422, detail)
    if kind != JSON:
        raise unsupported(kind, f"{JSON} or {BYTES}")
    try:
        content = json.loads(body)
    except (ValueError, RecursionError) as error:
        reason = str(error) if isinstance(error, json.JSONDecodeError) else "it is no text of numbers and lists"
        raise Problem(400, f"the body is not JSON: {reason}") from None
    pixels = _pixels(content.get("images") if isinstance(content, dict) else None)
    if pixels is None or pixels.shape[1:] not in image_shapes or not len(pixels):
        shapes = " or ".join(f"{height} rows of {width}" for height, width in image_shapes)
        detail = f'expected {{"images": [image, ...]}}, all of {shapes} whole numbers from 0 to 255'
        raise Problem(422, detail)
    return pixels


def _pixels(images: Any) -> UInt8 | None:
    """Return lists of numbers as an array, or None if they are no bytes in rows of equal length."""
    try:
        array = np.array(images)
    except ValueError:  # lists of different lengths
        return None
    if array.dtype.kind not in "iuf" or not np.all((array >= 0) & (array <= 255) & (np.rint(array) == array)):
        return None
    return array.astype(np.uint8)


async def digit_of(request: Request) -> UInt8:
    """Return the digit, uint8 (28, 28), that is the body of `request`.

    Raises:
        Problem: 415 for another content type, 422 for another number of bytes.
    """
    kind = content_type(request.headers)
    if kind != BYTES:
        raise unsupported(kind, BYTES)
    body = await request.body()
    if len(body) != SIDE**2:
        expected = f"{SIDE**2}, {SIDE} rows of {SIDE} pixels, 0 for paper to 255 for ink"
        raise Problem(422, f"{len(body):,} bytes: expected {expected}")
    return np.frombuffer(body, np.uint8).reshape(SIDE, SIDE)


def digit_in_base64(text: str) -> UInt8:
    """Return the digit, uint8 (28, 28), in a `Base64Digit`."""
    return np.frombuffer(base64.b64decode(text), np.uint8).reshape(SIDE, SIDE)


def in_base64(content: bytes | UInt8) -> str:
    """Return bytes, or pixels of any shape row by row, as base64."""
    return base64.b64encode(bytes(content)).decode()
