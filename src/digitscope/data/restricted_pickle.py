"""Reads a pickle of arrays, lists, tuples, numbers and strings, and nothing that runs.

A pickle is a program: it names functions and calls them. Here every name that it may use stands for a small
stand-in below, so it never calls anything outside this file, NumPy's own reconstruction included.
"""

import gzip
import pickle
import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from digitscope.errors import DataError

_PLAIN_DTYPE = re.compile(r"b1|[iu][1248]|f[248]")
_PLAIN_VALUES = (bool, int, float, str, bytes, type(None))


def restricted_load(file: BinaryIO | gzip.GzipFile) -> object:
    """Return the arrays, lists, tuples, numbers and strings that the pickle in `file` holds.

    Text and arrays that Python 2 wrote are read as Latin-1.

    Raises:
        DataError: the pickle is broken, or holds or calls anything else.
    """
    try:
        return _with_arrays(_RestrictedUnpickler(file, encoding="latin1").load(), {})
    except Exception as error:  # noqa: BLE001  a broken pickle can raise anything, MemoryError included
        reason = str(error) or type(error).__name__
        raise DataError(
            f"not a pickle that can be read safely ({reason}); "
            "expected arrays, lists, tuples, numbers and strings only"
        ) from None


class _Callable:
    """A callable that a pickle may name; the pickle cannot change it."""

    __slots__ = ("_make",)

    def __init__(self, make: Callable[..., object]) -> None:
        self._make = make

    def __call__(self, *arguments: object) -> object:
        return self._make(*arguments)

    def __setstate__(self, _state: object, /) -> None:
        raise pickle.UnpicklingError("it tries to change a function")


class _Dtype:
    """Stands for `numpy.dtype`: a boolean, integer or float type of known size."""

    def __init__(self, name: object, *_flags: object) -> None:
        if not isinstance(name, str) or not _PLAIN_DTYPE.fullmatch(name):
            raise pickle.UnpicklingError(f"an array of dtype {name!r}")
        self.dtype: np.dtype[Any] = np.dtype(name)

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        _version, byte_order, subarray, names, fields, *_layout = state
        if (subarray, names, fields) != (None, None, None):
            raise pickle.UnpicklingError("an array of a compound dtype")
        self.dtype = self.dtype.newbyteorder(byte_order)


class _Array:
    """Stands for an array while the pickle is read: NumPy makes it empty, then sets its state."""

    def __init__(self, *_initial: object) -> None:
        self.array: NDArray[Any] = np.empty(0)

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        _version, shape, dtype, fortran_order, content = state
        raw = content.encode("latin1") if isinstance(content, str) else content
        if not isinstance(dtype, _Dtype) or not isinstance(raw, bytes | bytearray):
            raise pickle.UnpicklingError("an array that is not made of plain numbers")
        stored = np.frombuffer(raw, dtype.dtype).reshape(shape, order="F" if fortran_order else "C")
        self.array = stored.astype(dtype.dtype.newbyteorder("="))


def _from_buffer(content: object, dtype: object, shape: tuple[int, ...], order: str) -> _Array:
    """Stand for NumPy's `_frombuffer`, which pickles of protocol 5 call."""
    made = _Array()
    made.__setstate__((None, shape, dtype, order == "F", content))
    return made


def _encode(text: str, encoding: str) -> bytes:
    """Stand for `_codecs.encode`, by which Python 3 writes bytes for Python 2."""
    if encoding != "latin1":
        raise pickle.UnpicklingError(f"bytes in the encoding {encoding!r}")
    return text.encode("latin1")


_ARRAY = _Callable(_Array)
_ADMITTED: Mapping[tuple[str, str], _Callable] = MappingProxyType(
    {
        ("numpy", "ndarray"): _ARRAY,
        ("numpy", "dtype"): _Callable(_Dtype),
        ("numpy.core.multiarray", "_reconstruct"): _ARRAY,
        ("numpy._core.multiarray", "_reconstruct"): _ARRAY,
        ("numpy.core.numeric", "_frombuffer"): _Callable(_from_buffer),
        ("numpy._core.numeric", "_frombuffer"): _Callable(_from_buffer),
        ("_codecs", "encode"): _Callable(_encode),
        ("__builtin__", "bytes"): _Callable(lambda: b""),  # how Python 3 writes empty bytes for Python 2
    }
)


class _RestrictedUnpickler(pickle.Unpickler):
    def find_class(self, module_name: str, global_name: str) -> _Callable:
        if (module_name, global_name) not in _ADMITTED:
            raise pickle.UnpicklingError(f"it calls {module_name}.{global_name}")
        return _ADMITTED[module_name, global_name]


def _with_arrays(value: object, seen: dict[int, object]) -> object:
    """Return `value` with the arrays in place of their stand-ins.

    `seen` holds the lists and tuples met so far by identity: a pickle can hold one list a billion times.
    """
    if isinstance(value, _Array):
        return value.array
    if isinstance(value, _PLAIN_VALUES):
        return value
    if not isinstance(value, list | tuple):
        raise pickle.UnpicklingError(f"it holds a {type(value).__name__.lstrip('_').lower()}")
    if id(value) not in seen:
        seen[id(value)] = value
        seen[id(value)] = type(value)([_with_arrays(item, seen) for item in value])
    return seen[id(value)]
