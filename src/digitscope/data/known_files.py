"""The four files of MNIST and its like: their format, IDX, and what tells them apart.

An IDX file is two zero bytes, a type code, the number of dimensions, each dimension as a big-endian 32-bit number,
then the values in row-major order. Source: the description on MNIST's page, "The IDX file format".
"""

import hashlib
import math
import struct
from collections import Counter
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from digitscope.data.splits import UInt8
from digitscope.errors import DataError

UNSIGNED_BYTE = 0x08

STANDARD_NAMES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)
TRAIN_IMAGES, TRAIN_LABELS, TEST_IMAGES, TEST_LABELS = STANDARD_NAMES

MNIST = "MNIST"

# Data set -> file -> MD5 of the uncompressed file: MNIST's as LeCun, Cortes and Burges published it,
# Fashion-MNIST's as it lies in its authors' repository (zalandoresearch/fashion-mnist).
KNOWN_FILES: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        MNIST: MappingProxyType(
            {
                TRAIN_IMAGES: "6bbc9ace898e44ae57da46a324031adb",
                TRAIN_LABELS: "a25bea736e30d166cdddb491f175f624",
                TEST_IMAGES: "2646ac647ad5339dbf082846283269ea",
                TEST_LABELS: "27ae3e4e09519cfbb04c329615203637",
            }
        ),
        "Fashion-MNIST": MappingProxyType(
            {
                TRAIN_IMAGES: "f4a8712d7a061bf5bd6d2ca38dc4d50a",
                TRAIN_LABELS: "9018921c3c673c538a1fc5bad174d6f9",
                TEST_IMAGES: "8181f5470baa50b63fa0f6fddb340f0a",
                TEST_LABELS: "15d484375f8d13e6eb1aabb0c3f46965",
            }
        ),
    }
)


class FoundFile(NamedTuple):
    """One of the four files: where it was found, for messages, and the array in it."""

    where: str
    array: UInt8


def parse_idx(content: bytes) -> UInt8:
    """Return the uint8 array that `content`, an uncompressed IDX file, holds; the array can be written to.

    Raises:
        DataError: `content` is no IDX file, is truncated, has bytes left over, or is not of uint8.
    """
    if len(content) < 4:
        raise DataError(f"an IDX file that is truncated: {len(content)} bytes, expected a header of at least 4")
    zeros, type_code, dimensions = struct.unpack_from(">HBB", content)
    if zeros != 0 or dimensions == 0:
        raise DataError(
            f"not an IDX file: it begins with {content[:4].hex()}, expected 0000 08 and the dimensions"
        )
    if type_code != UNSIGNED_BYTE:
        raise DataError(f"an IDX file of type code 0x{type_code:02x}: expected 0x08, unsigned bytes")
    start = 4 + 4 * dimensions
    if len(content) < start:
        raise DataError(f"an IDX file that is truncated: its header ends within its {dimensions} dimensions")
    shape = struct.unpack_from(f">{dimensions}I", content, offset=4)
    values, expected = len(content) - start, math.prod(shape)
    if values != expected:
        fault = "truncated" if values < expected else "followed by other bytes"
        raise DataError(f"an IDX file that is {fault}: {values} values, expected {expected} for shape {shape}")
    return np.frombuffer(content, dtype=np.uint8, offset=start).reshape(shape).copy()


def idx_of(array: UInt8) -> bytes:
    """Return the content of the IDX file that holds `array`."""
    return b"".join(_idx_parts(array))


def _idx_parts(array: UInt8) -> tuple[bytes, memoryview]:
    header = struct.pack(f">HBB{array.ndim}I", 0, UNSIGNED_BYTE, array.ndim, *array.shape)
    return header, np.ascontiguousarray(array).data


def md5(*parts: bytes | memoryview) -> str:
    """Return the MD5 of content in hexadecimal; it tells files apart and guards against no attacker."""
    digest = hashlib.md5(usedforsecurity=False)
    for part in parts:
        digest.update(part)
    return digest.hexdigest()


def identify(files: Mapping[str, FoundFile]) -> str:
    """Return the name of the data set whose files these are.

    Raises:
        DataError: a file's content is not the one that its name promises.
    """
    origins = {digest: (dataset, name) for dataset, known in KNOWN_FILES.items() for name, digest in known.items()}
    digests = {name: md5(*_idx_parts(file.array)) for name, file in files.items()}
    met = Counter(origins[digest][0] for digest in digests.values() if digest in origins)
    dataset = max(met, key=lambda name: met[name], default=MNIST)
    for name, digest in digests.items():
        if digest == KNOWN_FILES[dataset][name]:
            continue
        expected = f"expected {dataset}'s {name} ({KNOWN_FILES[dataset][name]})"
        if digest in origins:
            origin, file = origins[digest]
            fault = f"this is {origin}'s {file} (MD5 {digest}), {expected}; give each file its own name"
        else:
            fault = (
                f"content with MD5 {digest}, {expected}; get the file again; "
                "--unchecked (check=False) takes it as it is"
            )
        raise DataError(f"{files[name].where}: {fault}")
    return dataset
