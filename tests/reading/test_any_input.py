"""Whatever is handed in: a reading or one DataError, no warning, and less than a gigabyte.

DIGITSCOPE_EXAMPLES=500 pytest tests/reading/test_any_input.py runs 1,500 cases, 500 of each kind.
"""

import io
import os
import struct
import subprocess
import sys
import tracemalloc
import warnings
import zlib
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays, from_dtype
from numpy.typing import NDArray
from PIL import Image, features

from digitscope.detections import SIGNS
from digitscope.errors import DataError
from digitscope.reading import Reader, Reading, read
from digitscope.reading.pictures import image_of
from digitscope.reading.result import UNSURE

FORMS = ["PNG", "JPEG", "TIFF", "BMP", "GIF", "PPM", "WEBP", *(["AVIF"] if features.check("avif") else [])]
MOST_MEGABYTES = 1000
ANY = settings(
    max_examples=int(os.environ.get("DIGITSCOPE_EXAMPLES", "60")),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
READER = Reader.load(threads=1)


def read_or_refuse(source: Any) -> Reading | None:
    """Return the reading, checked against itself, or None if there was one DataError; all else fails the test."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            reading: Reading | None = READER.read(source)
        except DataError as error:
            reading, message = None, str(error)
    if reading is None:
        assert len(message.splitlines()) == 1
        return None
    assert set(reading.text) <= {*"0123456789 \n", UNSURE, *SIGNS}
    for digit in reading.digits:
        left, top, width, height = digit.box
        columns, rows = reading.sizes[digit.page]
        assert 0 <= left < left + width <= columns
        assert 0 <= top < top + height <= rows
        assert digit.probabilities.sum() == pytest.approx(1, abs=1e-3)
        assert digit.accepted is (digit.reason is None)
    return reading


def picture(form: str) -> bytes:
    """A valid file: two bars and a ring."""
    pixels = np.full((40, 60), 240, np.uint8)
    pixels[8:32, 8:12] = pixels[8:32, 22:25] = pixels[8:32, 36:52] = 10
    pixels[12:28, 40:48] = 240
    stream = io.BytesIO()
    Image.fromarray(pixels).convert("RGB").save(stream, form)
    return stream.getvalue()


@ANY
@given(
    st.sampled_from(FORMS),
    st.floats(0, 1),
    st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), max_size=4),
)
def test_valid_files_cut_and_changed(form: str, share: float, changes: list[tuple[float, int]]) -> None:
    content = bytearray(picture(form))
    for place, value in changes:
        content[int(place * len(content))] = value
    read_or_refuse(bytes(content[: round(len(content) * (share if share < 0.7 else 1))]))


@ANY
@given(
    st.sampled_from(["u1", "u2", "i4", "f4", "f8", "?"]).flatmap(
        lambda name: arrays(
            name, array_shapes(min_dims=0, max_dims=4, max_side=40), elements=from_dtype(np.dtype(name))
        )
    )
)
def test_any_array(array: NDArray[Any]) -> None:
    """NaN, infinities, negative numbers, no axes or too many."""
    read_or_refuse(array)


@ANY
@given(
    st.sampled_from(["blank", "noise", "dots", "stripes", "half", "steps", "specks"]),
    st.integers(1, 200),
    st.integers(1, 200),
    st.integers(0, 255),
    st.integers(0, 255),
)
def test_odd_pictures(kind: str, height: int, width: int, one: int, other: int) -> None:
    y, x = np.ogrid[:height, :width]
    which: NDArray[Any] = {
        "blank": np.zeros((height, width)),
        "noise": np.random.default_rng(one).random((height, width)),
        "dots": ((y % 7 < 3) & (x % 9 < 2)) * 1.0,
        "stripes": (y + x) % 6 / 5,
        "half": (x < width / 2) * np.ones((height, 1)),
        "steps": (y // 20 + x // 30) % 3 / 2,
        "specks": (y % 90 > 84) & (x % 20 > 16) & (x % 40 > 6),
    }[kind]
    reading = read_or_refuse(np.rint(one + (other - one) * which).astype(np.uint8))
    assert reading is not None
    assert reading.sizes == ((width, height),)
    if kind == "blank" or one == other:
        assert reading.digits == ()


def test_an_empty_sheet_with_dust_and_a_dark_rim() -> None:
    rim, seed = 17, 2
    generator = np.random.default_rng(seed)
    sheet = generator.normal(240, 3, (900, 700))
    for top, left in generator.integers(50, 650, (20, 2)):
        sheet[top : top + 3, left : left + 4] = 70
    for row, depth in enumerate(rim + 3 * np.sin(np.arange(900) / 70) * (rim > 0)):
        sheet[row, : int(depth)] = 60
    reading = read_or_refuse(np.clip(sheet, 0, 255).astype(np.uint8))
    assert reading is not None
    assert not any(digit.accepted for digit in reading.digits)


def test_extreme_shapes() -> None:
    shape = (1, 10_000)
    blank = read_or_refuse(np.full(shape, 128, np.uint8))
    assert blank is not None
    assert blank.digits == ()
    assert read_or_refuse(np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)) is not None


# Size


def png(width: int, height: int, kind: int = 0, palette: bytes = b"", *, rows: int | None = None) -> bytes:
    """A PNG file, written by hand, white or of a palette's first colour; only `rows` of it are really there."""

    def chunk(name: bytes, content: bytes) -> bytes:
        checksum = struct.pack(">I", zlib.crc32(name + content))
        return struct.pack(">I", len(content)) + name + content + checksum

    row = b"\0" + (b"\0" if palette else b"\xff") * (width * {6: 4, 4: 2}.get(kind, 1))
    packer = zlib.compressobj(1)
    at_once = max(1, 1_000_000 // len(row))
    counts = [at_once] * ((rows or height) // at_once) + [(rows or height) % at_once]
    pixels = b"".join(packer.compress(row * count) for count in counts) + packer.flush()
    header = struct.pack(">IIBBBBB", width, height, 8, kind, 0, 0, 0)
    return b"".join(
        (
            b"\x89PNG\r\n\x1a\n",
            chunk(b"IHDR", header),
            chunk(b"PLTE", palette) if palette else b"",
            chunk(b"IDAT", pixels),
            chunk(b"IEND", b""),
        )
    )


def test_a_size_that_is_only_claimed() -> None:
    width, height = 9_000, 9_950
    claimed = png(9, 9).replace(struct.pack(">II", 9, 9), struct.pack(">II", width, height))
    assert read_or_refuse(claimed) is None


def test_rows_that_are_missing() -> None:
    read_or_refuse(png(300, 300, rows=1))


CHILD = r"""
import re, sys
from pathlib import Path
from digitscope import read
reading = read(sys.stdin.buffer.read())
most = int(re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())[1]) // 1024
print(len(reading.digits), *reading.sizes[0], most)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="it asks /proc")
def test_the_largest_picture_with_alpha_takes_less_than_a_gigabyte() -> None:
    """A process of its own, which says the most memory that it ever held."""
    width = height = 9_459
    content = png(width, height, 6)
    done = subprocess.run([sys.executable, "-c", CHILD], input=content, capture_output=True, check=True)
    n, columns, rows, megabytes = map(int, done.stdout.split())
    assert (n, columns, rows) == (0, width, height)
    assert megabytes < MOST_MEGABYTES


def test_a_longer_side_is_refused_before_it_is_decoded() -> None:
    width, height = 65_536, 1
    with pytest.raises(DataError, match=f"{width} x {height} has too many pixels: .* 65,535 along a side"):
        read(png(width, height, 0, b"")[:100])


def test_a_large_picture_of_16_bits_takes_little_more_than_itself() -> None:
    tracemalloc.start()
    array = np.full((3_000, 4_000), 60_000, np.uint16)
    before = tracemalloc.get_traced_memory()[0]
    image = image_of(array)
    most = tracemalloc.get_traced_memory()[1] - before
    tracemalloc.stop()
    assert image.getpixel((0, 0)) == round(60_000 / 65_535 * 255)
    assert most < 2.5 * array.size  # the picture, its copy by Pillow, and a few rows in float64


def test_a_page_of_dots_is_read_in_the_end() -> None:
    """400 dashes that each may be a 1 and might belong to each other."""
    y, x = np.ogrid[:320, :320]
    reading = read_or_refuse(np.where((y % 16 < 9) & (x % 16 < 3), 0, 255).astype(np.uint8))
    assert reading is not None
