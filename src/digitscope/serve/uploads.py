"""Request bodies: the bytes of a picture, or images for a network, told apart by the content type."""

import json
import math
from collections.abc import Collection, Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from python_multipart import FormParser
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import Field, File, parse_options_header
from starlette.datastructures import Headers

from digitscope.serve.problems import Problem
from digitscope.serve.schemas import ReadOptions

UInt8 = NDArray[np.uint8]

BYTES, FORM, JSON = "application/octet-stream", "multipart/form-data", "application/json"

FIELD = "picture"
"""The field of a form that has the file."""


def picture_of(body: bytes, headers: Headers) -> bytes:
    """Return the bytes of the file that was sent, in a form or as the body.

    Raises:
        Problem: 415 for another content type, 400 for a form that does not parse, 422 for one without the file
            or with an option as a field.
    """
    kind = content_type(headers)
    if kind == FORM:
        return _file_in_form(body, headers["content-type"])
    if kind == BYTES or kind.startswith("image/"):
        return body
    raise unsupported(kind, f"{FORM} with the field {FIELD}, an image type such as image/png, or {BYTES}")


def _file_in_form(body: bytes, form_type: str) -> bytes:
    boundary = parse_options_header(form_type)[1].get(b"boundary")
    if not boundary:
        raise Problem(400, "Bad Request", "the form does not parse: its content type names no boundary")
    fields: list[Field] = []
    files: list[File] = []
    ends: list[bool] = []
    try:
        parser = FormParser(
            FORM,
            fields.append,
            files.append,
            lambda: ends.append(True),
            boundary,
            config={"MAX_MEMORY_FILE_SIZE": math.inf},
        )  # in memory, whatever the size: nothing that people send is written to a temporary file
        parser.write(body)
    except FormParserError as error:
        raise Problem(400, "Bad Request", f"the form does not parse: {error}") from None
    if not ends:
        raise Problem(400, "Bad Request", "the form does not parse: it ends before its last boundary")
    _check_fields(fields)
    contents = [file.file_object for file in files if file.field_name == FIELD.encode()]
    if len(contents) != 1:
        detail = f"the form has {len(contents)} files in the field {FIELD!r}: expected one"
        raise Problem(422, "Unprocessable Content", detail)
    contents[0].seek(0)
    return contents[0].read()


def _check_fields(fields: Iterable[Field]) -> None:
    """Refuse an option among the fields, which would be passed over; whatever else a form has is no matter."""
    for name in ReadOptions.model_fields:
        if any(field.field_name == name.encode() for field in fields):
            detail = f"the form has {name!r} as a field: expected it in the address, as in /api/read?{name}=..."
            raise Problem(422, "Unprocessable Content", detail)


def images_of(body: bytes, headers: Headers, image_shapes: Collection[tuple[int, ...]]) -> UInt8:
    """Return uint8 images (N, height, width) of one of `image_shapes`: one from bytes, one or more from JSON.

    Raises:
        Problem: 415 for another content type, 400 for JSON that does not parse, 422 for anything but images.
    """
    kind = content_type(headers)
    if kind == BYTES:
        return _image_in_bytes(body, image_shapes)
    if kind == JSON:
        return _images_in_json(body, image_shapes)
    raise unsupported(kind, f"{JSON} or {BYTES}")


def _image_in_bytes(body: bytes, image_shapes: Collection[tuple[int, ...]]) -> UInt8:
    for height, width in image_shapes:
        if len(body) == height * width:
            return np.frombuffer(body, np.uint8).reshape(1, height, width)
    sizes = " or ".join(f"{height * width:,} ({_told([(height, width)])})" for height, width in image_shapes)
    detail = f"{len(body):,} bytes are no image: expected {sizes}; several images go as {JSON}"
    raise Problem(422, "Unprocessable Content", detail)


def _images_in_json(body: bytes, image_shapes: Collection[tuple[int, ...]]) -> UInt8:
    try:
        content = json.loads(body)
    except (ValueError, RecursionError) as error:
        reason = str(error) if isinstance(error, json.JSONDecodeError) else "it is no text of numbers and lists"
        raise Problem(400, "Bad Request", f"the body is not JSON: {reason}") from None
    pixels = _pixels(content.get("images") if isinstance(content, dict) else None)
    if pixels is None or pixels.shape[1:] not in image_shapes or not len(pixels):
        shapes = _told(image_shapes)
        detail = f'expected {{"images": [image, ...]}}, all of {shapes} whole numbers from 0 to 255'
        raise Problem(422, "Unprocessable Content", detail)
    return pixels


def _told(image_shapes: Collection[tuple[int, ...]]) -> str:
    return " or ".join(f"{height} rows of {width}" for height, width in image_shapes)


def _pixels(images: Any) -> UInt8 | None:
    """Return lists of numbers as an array, or None if they are no bytes in rows of equal length."""
    try:
        array = np.array(images)
    except ValueError:  # lists of different lengths
        return None
    if array.dtype.kind not in "iuf" or not np.all((array >= 0) & (array <= 255) & (np.rint(array) == array)):
        return None
    return array.astype(np.uint8)


def content_type(headers: Headers) -> str:
    """Return the content type without its parameters, in lower case.

    Raises:
        Problem: 415, the body is encoded (compressed).
    """
    encoding = headers.get("content-encoding", "identity").lower()
    if encoding != "identity":
        detail = f"the body is encoded as {encoding[:80]!r}: expected it as it is"
        raise Problem(415, "Unsupported Media Type", detail, Accept_Encoding="identity")
    return headers.get("content-type", BYTES).partition(";")[0].strip().lower()


def unsupported(kind: str, expected: str) -> Problem:
    """Return the problem that a body is of `kind`."""
    return Problem(415, "Unsupported Media Type", f"the content type is {kind[:80]!r}: expected {expected}")
