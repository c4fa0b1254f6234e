"""IDX, the file format of MNIST: bytes in, array out, and back.

A file is two zero bytes, a type code, the number of dimensions, each dimension as a big-endian 32-bit number,
then the values in row-major order. Source: the description on MNIST's page, "The IDX file format".
"""

import math
import struct

import numpy as np

from digitscope.data.splits import UInt8
from digitscope.errors import DataError

UNSIGNED_BYTE = 0x08


def parse_idx(content: bytes) -> UInt8:
    """Return the uint8 array that `content`, an uncompressed IDX file, holds; the array can be written to.

    Raises:
        DataError: `content` is no IDX file, is truncated, has bytes left over, or is not of uint8.
    """
    shape = _parse_header(content)
    start = _header_length(len(shape))
    values, expected = len(content) - start, math.prod(shape)
    if values != expected:
        fault = "truncated" if values < expected else "followed by other bytes"
        raise DataError(f"an IDX file that is {fault}: {values} values, expected {expected} for shape {shape}")
    return np.frombuffer(content, dtype=np.uint8, offset=start).reshape(shape).copy()


def format_idx(array: UInt8) -> bytes:
    """Return the uncompressed IDX file that holds `array`, uint8 of one or more dimensions.

    Raises:
        DataError: the dtype is another, or there is no dimension.
    """
    if array.dtype != np.uint8 or not 1 <= array.ndim <= 255:
        raise DataError(f"{array.dtype} of shape {array.shape} has no IDX form here: expected uint8, 1-D or more")
    header = struct.pack(f">HBB{array.ndim}I", 0, UNSIGNED_BYTE, array.ndim, *array.shape)
    return header + array.tobytes()


def _parse_header(content: bytes) -> tuple[int, ...]:
    """Return the shape that the header states."""
    if len(content) < _header_length(0):
        raise DataError(f"an IDX file that is truncated: {len(content)} bytes, expected a header of at least 4")
    zeros, type_code, dimensions = struct.unpack_from(">HBB", content)
    if zeros != 0 or dimensions == 0:
        raise DataError(
            f"not an IDX file: it begins with {content[:4].hex()}, expected 0000 08 and the dimensions"
        )
    if type_code != UNSIGNED_BYTE:
        raise DataError(f"an IDX file of type code 0x{type_code:02x}: expected 0x08, unsigned bytes")
    if len(content) < _header_length(dimensions):
        raise DataError(f"an IDX file that is truncated: its header ends within its {dimensions} dimensions")
    return struct.unpack_from(f">{dimensions}I", content, offset=4)


def _header_length(dimensions: int) -> int:
    return 4 + 4 * dimensions
