import io
import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from digitscope.data.restricted_pickle import restricted_load
from digitscope.errors import DataError

PROTOCOLS = (0, pickle.HIGHEST_PROTOCOL)

# What Python 2.7 with NumPy 1 writes for `[array([1.5, 0.25], '<f4'), 'two', (3,)]` at protocol 2.
PYTHON_2_PICKLE = (
    b"\x80\x02]q\x01(cnumpy.core.multiarray\n_reconstruct\nq\x02cnumpy\nndarray\nq\x03K\x00\x85U\x01b\x87Rq\x04"
    b"(K\x01K\x02\x85cnumpy\ndtype\nq\x05U\x02f4K\x00K\x01\x87Rq\x06(K\x03U\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xff"
    b"K\x00tb\x89U\x08\x00\x00\xc0\x3f\x00\x00\x80\x3etbU\x03twoK\x03\x85e."
)


class Runs:
    """Pickles to a call of `function` with `arguments`."""

    def __init__(self, function: Any, *arguments: object) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> tuple[Any, tuple[object, ...]]:
        return self.call


def load(content: bytes) -> Any:
    return restricted_load(io.BytesIO(content))


ARRAYS: list[NDArray[Any]] = [
    np.arange(6, dtype=np.float64).reshape(2, 3) / 256,
    np.asfortranarray(np.arange(6, dtype=np.float32).reshape(2, 3)),
    np.arange(4, dtype=">i8"),
    np.array([True, False]),
    np.empty((0, 28), dtype=np.uint8),
    np.array(2.5),
]


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_arrays_and_plain_values_of_every_protocol(protocol: int) -> None:
    plain = [(1, -2.5, "drei", None, True), [10**30, b"\x00\xff"], ()]
    arrays, values = load(pickle.dumps([ARRAYS, plain], protocol=protocol))
    assert values == plain
    for loaded, array in zip(arrays, ARRAYS, strict=True):
        assert loaded.shape == array.shape
        assert loaded.dtype == array.dtype.newbyteorder("=")
        assert np.array_equal(loaded, array)


def test_a_pickle_of_python_2() -> None:
    array, text, numbers = load(PYTHON_2_PICKLE)
    assert array.dtype == np.float32
    assert array.tolist() == [1.5, 0.25]
    assert (text, numbers) == ("two", (3,))


def test_a_list_held_often_is_read_once() -> None:
    value: list[object] = [np.arange(3)]
    for _ in range(60):
        value = [value, value]  # 2**60 paths lead to the array
    loaded = load(pickle.dumps(value))
    assert loaded[0] is loaded[1]


def test_a_pickle_that_runs_a_command_does_not(tmp_path: Path) -> None:
    protocol = pickle.HIGHEST_PROTOCOL
    target = tmp_path / "touched"
    content = pickle.dumps(Runs(os.system, f"touch {target}"), protocol=protocol)
    with pytest.raises(DataError, match=r"it calls posix\.system"):
        load(content)
    assert not target.exists()
    pickle.loads(content)
    assert target.exists()  # the pickle was a real one


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (Runs(eval, "1"), "it calls .*eval"),
        (np.array([1, "x", None], dtype=object), "dtype 'O8'"),
        ({"a": 1}, "it holds a dict"),
    ],
)
def test_what_is_refused(value: object, message: str) -> None:
    with pytest.raises(DataError, match=message):
        load(pickle.dumps(value, protocol=4))


@pytest.mark.parametrize(
    "content",
    [
        b"cnumpy\ndtype\n(NI1\ntb.",  # sets the state of dtype itself
        b"cnumpy\ndtype\nN}(V__setstate__\nI1\ns\x86b.",  # ... through slots
        b"\x80\x02cnumpy\nndarray\n)\x81.",  # makes an object without the call
        b"c_codecs\nencode\n(Vx\nVrot13\ntR.",
        b"cnumpy.core.multiarray\n_reconstruct\n(tR(I1\nI1\nI2\nI00\nVxx\ntb.",  # a state without a dtype
        b"Pname\n.",  # a persistent id
    ],
)
def test_pickles_written_by_hand_to_do_harm(content: bytes) -> None:
    with pytest.raises(DataError, match="not a pickle that can be read safely"):
        load(content)
    assert load(PYTHON_2_PICKLE)[1] == "two"  # the stand-ins are as they were


@pytest.mark.parametrize(
    "content",
    [
        PYTHON_2_PICKLE[:-20],
        b"\x80\x04\x8e\xff\xff\xff\xff\xff\xff\xff\x7f",  # bytes that no memory holds
        b"]" * 100_000 + b"a" * 99_999 + b".",  # lists nested deeper than the stack
    ],
)
def test_broken_pickles(content: bytes) -> None:
    with pytest.raises(DataError, match="expected arrays, lists, tuples, numbers and strings only"):
        load(content)


@given(st.binary(max_size=60))
def test_any_bytes_give_a_value_or_a_data_error(content: bytes) -> None:
    try:
        value = load(content)
    except DataError:
        return
    assert isinstance(value, bool | int | float | str | bytes | list | tuple | np.ndarray | None)
