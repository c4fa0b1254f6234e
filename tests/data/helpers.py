"""Files as MNIST's and the course's authors wrote them, made without digitscope's own writers."""

import gzip
import os
import struct
from pathlib import Path

import pytest

from digitscope.data import Split
from digitscope.data.splits import UInt8

IDX_NAMES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)

ONLY_THE_SAMPLE = (
    "no full MNIST here: using the embedded sample: 5,000 real MNIST digits; "
    "`digitscope data fetch` or --data DIR gets all 70,000"
)
"""All that `load_mnist` reports when it is offline."""


def idx_bytes(array: UInt8) -> bytes:
    sizes = b"".join(struct.pack(">i", size) for size in array.shape)
    return bytes([0, 0, 8, array.ndim]) + sizes + bytes(array.ravel().tolist())


def idx_files(train: Split, test: Split) -> dict[str, bytes]:
    arrays = (train.images, train.labels, test.images, test.labels)
    return {name: idx_bytes(array) for name, array in zip(IDX_NAMES, arrays, strict=True)}


def write_idx_folder(folder: Path, train: Split, test: Split, *, zipped: bool = True) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in idx_files(train, test).items():
        if zipped:
            (folder / f"{name}.gz").write_bytes(gzip.compress(content))
        else:
            (folder / name).write_bytes(content)


def forbid(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Let the system refuse to look into `folder`: it would not refuse root, who may run the tests."""
    looked_at = os.stat

    def stat(path: Path, *, follow_symlinks: bool = True) -> os.stat_result:
        if folder in path.parents:
            raise PermissionError(13, "Permission denied", str(path))
        return looked_at(path, follow_symlinks=follow_symlinks)

    monkeypatch.setattr(Path, "stat", stat)
