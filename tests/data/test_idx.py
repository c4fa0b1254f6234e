import struct
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from digitscope.data import parse_idx
from digitscope.data.splits import UInt8
from digitscope.errors import DataError

TWO_BY_THREE = b"\x00\x00\x08\x02" + struct.pack(">II", 2, 3) + bytes([1, 2, 3, 4, 5, 255])


def test_a_file_written_by_hand() -> None:
    array = parse_idx(TWO_BY_THREE)
    assert array.dtype == np.uint8
    assert array.tolist() == [[1, 2, 3], [4, 5, 255]]
    array[0, 0] = 9  # a copy, not a view of the bytes


@given(arrays(np.uint8, array_shapes(min_dims=1, max_dims=4, min_side=0, max_side=5)))
def test_shapes_and_values(array: UInt8) -> None:
    header = struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape)
    back = parse_idx(header + array.tobytes())
    assert back.shape == array.shape
    assert np.array_equal(back, array)


@given(st.binary(max_size=40))
def test_any_bytes_give_an_array_or_a_data_error(content: bytes) -> None:
    with suppress(DataError):
        array = parse_idx(content)
        assert content.endswith(array.tobytes())


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\x1f\x8b\x08\x00rest", "not an IDX file: it begins with 1f8b0800"),
        (b"\x00\x00\x0d" + TWO_BY_THREE[3:], "type code 0x0d: expected 0x08"),
        (TWO_BY_THREE[:10], "truncated: its header ends within its 2 dimensions"),
        (TWO_BY_THREE[:-1], r"truncated: 5 values, expected 6 for shape \(2, 3\)"),
    ],
)
def test_broken_files(content: bytes, message: str) -> None:
    with pytest.raises(DataError, match=message):
        parse_idx(content)
