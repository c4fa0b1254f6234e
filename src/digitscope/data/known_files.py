"""The four files of MNIST and its like, told apart by the hash of their uncompressed content."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import NamedTuple

from digitscope.errors import DataError

TRAIN_IMAGES = "train-images-idx3-ubyte"
TRAIN_LABELS = "train-labels-idx1-ubyte"
TEST_IMAGES = "t10k-images-idx3-ubyte"
TEST_LABELS = "t10k-labels-idx1-ubyte"
STANDARD_NAMES = (TRAIN_IMAGES, TRAIN_LABELS, TEST_IMAGES, TEST_LABELS)

MNIST = "MNIST"
FASHION_MNIST = "Fashion-MNIST"

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
        FASHION_MNIST: MappingProxyType(
            {
                TRAIN_IMAGES: "f4a8712d7a061bf5bd6d2ca38dc4d50a",
                TRAIN_LABELS: "9018921c3c673c538a1fc5bad174d6f9",
                TEST_IMAGES: "8181f5470baa50b63fa0f6fddb340f0a",
                TEST_LABELS: "15d484375f8d13e6eb1aabb0c3f46965",
            }
        ),
    }
)
_ORIGINS = MappingProxyType(
    {digest: (dataset, name) for dataset, files in KNOWN_FILES.items() for name, digest in files.items()}
)


class FoundFile(NamedTuple):
    """An uncompressed IDX file and, for messages, where it was found."""

    where: str
    content: bytes


def md5(content: bytes) -> str:
    """Return the MD5 of `content` in hexadecimal; it tells files apart and guards against no attacker."""
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def identify(files: Mapping[str, FoundFile]) -> str:
    """Return the name of the data set whose four files `files`, by standard name, are.

    Raises:
        DataError: a file's content is not the one that its name promises.
    """
    digests = {name: md5(file.content) for name, file in files.items()}
    dataset = _likely_dataset(digests.values())
    for name, digest in digests.items():
        if digest != KNOWN_FILES[dataset][name]:
            raise DataError(f"{files[name].where}: {_mismatch(digest, dataset, name)}")
    return dataset


def _likely_dataset(digests: Iterable[str]) -> str:
    met = Counter(_ORIGINS[digest][0] for digest in digests if digest in _ORIGINS)
    return max(met, key=lambda dataset: met[dataset], default=MNIST)


def _mismatch(digest: str, dataset: str, name: str) -> str:
    expected = f"expected {dataset}'s {name} ({KNOWN_FILES[dataset][name]})"
    if digest in _ORIGINS:
        origin, file = _ORIGINS[digest]
        return f"this is {origin}'s {file} (MD5 {digest}), {expected}; give each file its own name"
    return (
        f"content with MD5 {digest}, {expected}; get the file again; --unchecked (check=False) takes it as it is"
    )
