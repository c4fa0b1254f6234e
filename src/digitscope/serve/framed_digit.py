"""One digit, framed as networks take it, in what was sent."""

import base64
from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from starlette.requests import Request

from digitscope.serve.examples import DIGIT_SENT, SIDE
from digitscope.serve.problems import Problem
from digitscope.serve.uploads import BYTES, content_type, unsupported

UInt8 = NDArray[np.uint8]

BODY: Mapping[str, Any] = MappingProxyType(
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
"""How OpenAPI describes the body that `digit_in_body` takes."""

Base64Digit = Annotated[
    str,
    Field(
        pattern=r"^[A-Za-z0-9+/]{1045}[AQgw]==$",
        description="base64 of 784 bytes: 28 rows of 28 pixels, 0 for paper to 255 for ink",
    ),
]


async def digit_in_body(request: Request) -> UInt8:
    """Return the digit, uint8 (28, 28), that is the body of `request`.

    Raises:
        Problem: 415 for another content type, 422 for another number of bytes.
    """
    kind = content_type(request.headers)
    if kind != BYTES:
        raise unsupported(kind, BYTES)
    body = await request.body()
    if len(body) != SIDE**2:
        detail = (
            f"{len(body):,} bytes: expected {SIDE**2}, {SIDE} rows of {SIDE} pixels, 0 for paper to 255 for ink"
        )
        raise Problem(422, "Unprocessable Content", detail)
    return np.frombuffer(body, np.uint8).reshape(SIDE, SIDE)


def digit_in_base64(text: str) -> UInt8:
    """Return the digit, uint8 (28, 28), in a `Base64Digit`."""
    return np.frombuffer(base64.b64decode(text), np.uint8).reshape(SIDE, SIDE)
