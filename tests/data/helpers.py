"""Files as MNIST's and the course's authors wrote them, made without digitscope's own writers."""

import gzip
import os
import struct
from collections.abc import Mapping
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


def write_unipen(folder: Path, digits: Mapping[str, str]) -> Path:
    """Write a release with a digit 7 a writer: `digits` names writers, each with the lines of its 7."""
    for category, segment, label in (
        ("1a", "CHARACTER", "7"),
        ("1b", "CHARACTER", "T"),
        ("1c", "CHARACTER", "z"),
        ("1d", "CHARACTER", "+"),
        ("6", "WORD", "To"),
    ):
        for writer, lines in digits.items():
            labels = folder / "data" / category / "abc" / f"{writer}.dat"
            labels.parent.mkdir(parents=True, exist_ok=True)
            include = f".VERSION 1.0\n.INCLUDE abc/abc.doc\n.INCLUDE abc/data/{writer}.dat\n"
            labels.write_text(f'{include}.SEGMENT {segment} 0-2 ? "{label}"\n')
            strokes = folder / "include" / "abc" / "data" / f"{writer}.dat"
            strokes.parent.mkdir(parents=True, exist_ok=True)
            strokes.write_text(f".WRITER_ID {writer}\n{lines}")
    (folder / "include" / "abc" / "abc.doc").write_text(".COMMENT a tablet\n.COORD T X Y\n")
    return folder


SEVEN = """\
.PEN_DOWN
0 100 900
1 101 900
2 500 900
3 300 100
.PEN_UP
.PEN_UP
4 300 100
5 200 500
.PEN_DOWN
.PEN_DOWN
6 200 500
7 400 500
.PEN_UP
"""
"""A 7 of one stroke and a bar. The lifted pen's way counts as a component, empty ones do not. Time, x, y up."""

SEVEN_STROKES = (((0, 0), (500, 0), (250, 1000)), ((125, 500), (375, 500)))
"""The same on a side of 1000 with y down; the point that is 1.25 from the first is left out."""


def forbid(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Let the system refuse to look into `folder`: it would not refuse root, who may run the tests."""
    looked_at = os.stat

    def stat(path: Path, *, follow_symlinks: bool = True) -> os.stat_result:
        if folder in path.parents:
            raise PermissionError(13, "Permission denied", str(path))
        return looked_at(path, follow_symlinks=follow_symlinks)

    monkeypatch.setattr(Path, "stat", stat)
