"""What was sent: the bytes of a picture, or images for a network. Of what kind it is, its content type says."""

import json
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from python_multipart import FormParser
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import File, parse_options_header
from starlette.datastructures import Headers

from digitscope.serve.problems import Problem

UInt8 = NDArray[np.uint8]

BYTES, FORM, JSON = "application/octet-stream", "multipart/form-data", "application/json"

FIELD = "picture"
"""The field of a form that has the file."""


def picture_of(body: bytes, headers: Headers) -> bytes:
    """Return the bytes of the file that was sent, in a form or as the body.

    Raises:
        Problem: 415 for another content type, 400 for a form that does not parse, 422 for one without the file.
    """
    kind = content_type(headers)
    if kind == FORM:
        return _file_in_form(body, headers["content-type"])
    if kind == BYTES or kind.startswith("image/"):
        return body
    raise unsupported(kind, f"{FORM} with the field {FIELD}, an image type such as image/png, or {BYTES}")


def _file_in_form(body: bytes, form_type: str) -> bytes:
    boundary = parse_options_header(form_type)[1].get(b"boundary")
    files: list[File] = []
    ends: list[bool] = []
    try:
        parser = FormParser(
            FORM,
            None,
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
    contents = [file.file_object for file in files if file.field_name == FIELD.encode()]
    if len(contents) != 1:
        detail = f"the form has {len(contents)} files in the field {FIELD!r}: expected one"
        raise Problem(422, "Unprocessable Content", detail)
    contents[0].seek(0)
    return contents[0].read()


def images_of(body: bytes, headers: Headers, image_shape: tuple[int, int]) -> UInt8:
    """Return uint8 images (N, height, width) of `image_shape`, at least one, from bytes or JSON.

    Raises:
        Problem: 415 for another content type, 400 for JSON that does not parse, 422 for anything but images.
    """
    kind = content_type(headers)
    if kind == BYTES:
        return _images_in_bytes(body, image_shape)
    if kind == JSON:
        return _images_in_json(body, image_shape)
    raise unsupported(kind, f"{JSON} or {BYTES}")


def _images_in_bytes(body: bytes, image_shape: tuple[int, int]) -> UInt8:
    height, width = image_shape
    if not body or len(body) % (height * width):
        raise Problem(
            422,
            "Unprocessable Content",
            f"{len(body):,} bytes are no images: expected {height * width} for each, {height} rows of {width}",
        )
    return np.frombuffer(body, np.uint8).reshape(-1, height, width)


def _images_in_json(body: bytes, image_shape: tuple[int, int]) -> UInt8:
    try:
        content = json.loads(body)
    except (ValueError, RecursionError) as error:
        reason = str(error) if isinstance(error, json.JSONDecodeError) else "it is no text of numbers and lists"
        raise Problem(400, "Bad Request", f"the body is not JSON: {reason}") from None
    pixels = _pixels(content.get("images") if isinstance(content, dict) else None)
    if pixels is None or pixels.shape[1:] != image_shape or not len(pixels):
        height, width = image_shape
        raise Problem(
            422,
            "Unprocessable Content",
            f'expected {{"images": [image, ...]}}, each of {height} rows of {width} whole numbers from 0 to 255',
        )
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
