"""Reading a pickle that may hold plain values only: nothing in it can name code to run."""

from __future__ import annotations

import io
import pickle
import struct
from collections import OrderedDict
from collections.abc import Mapping
from math import prod
from typing import Any, NoReturn

import numpy as np

from workbench.benchmarks.files.pickle_memo import exceeds_memo
from workbench.errors import InvalidInput

# What a damaged pickle makes the reader raise: its opcodes act on whatever the damage left on the stack.
_DAMAGE = (
    pickle.UnpicklingError,
    EOFError,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    ArithmeticError,
    ImportError,
    MemoryError,
    RecursionError,
    struct.error,
)
_FORMATS = {"f8": "d", "f4": "f", "i8": "q", "i4": "i", "u8": "Q", "u4": "I", "b1": "?"}


class _Dtype:
    """Stands in for `numpy.dtype`: remembers a number's format and byte order, and nothing else."""

    __slots__ = ("code", "order")

    def __init__(self, code: object = "", *_flags: object) -> None:
        if code not in _FORMATS:
            raise pickle.UnpicklingError(f"a numpy dtype {code!r}, which is no plain number")
        self.code = str(code)
        self.order = "<"

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        if state[1] not in ("<", ">", "|"):
            raise pickle.UnpicklingError(f"a numpy dtype with byte order {state[1]!r}")
        self.order = "<" if state[1] == "|" else state[1]


class _Scalar:
    """Stands in for numpy's scalar maker: gives a Python number, whatever version of numpy wrote it."""

    __slots__ = ()

    def __new__(cls, dtype: _Dtype, raw: bytes) -> Any:
        """The number that `raw` holds in the format `dtype`."""
        if type(dtype) is not _Dtype:
            raise pickle.UnpicklingError("a numpy scalar that is no plain number")
        (number,) = struct.unpack(dtype.order + _FORMATS[dtype.code], raw)
        return number

    def __setstate__(self, state: object) -> NoReturn:
        # Without this method a pickle could write attributes onto the class itself.
        raise pickle.UnpicklingError("a numpy scalar with a state")


class PlainArray:
    """Stands in for `numpy.ndarray`: `values` is a numpy array of numbers, of whatever byte order was written."""

    __slots__ = ("values",)

    def __init__(self) -> None:
        self.values: np.ndarray[Any, Any] = np.empty(0)

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        _version, shape, dtype, by_columns, raw = state
        if type(dtype) is not _Dtype or type(raw) is not bytes or type(shape) is not tuple:
            raise pickle.UnpicklingError("a numpy array that is not of plain numbers")
        values = np.frombuffer(raw, np.dtype(dtype.order + dtype.code))
        if any(type(n) is not int or n < 0 for n in shape) or prod(shape) != len(values):
            raise pickle.UnpicklingError(f"a numpy array of shape {shape} with {len(values)} numbers")
        self.values = values.reshape(shape, order="F" if by_columns else "C")


class _Reconstruct:
    """Stands in for the function with which numpy begins to unpickle an array."""

    __slots__ = ()

    def __new__(cls, kind: object, *_first: object) -> Any:
        """An empty array, which its state is going to fill."""
        if kind is not PlainArray:
            raise pickle.UnpicklingError("a numpy array of an unknown kind")
        return PlainArray()

    def __setstate__(self, state: object) -> NoReturn:
        raise pickle.UnpicklingError("a numpy array with a second state")


NOTHING: Mapping[tuple[str, str], Any] = {}
NUMPY_NUMBERS: Mapping[tuple[str, str], Any] = {
    ("collections", "OrderedDict"): OrderedDict,
    ("numpy", "dtype"): _Dtype,
    ("numpy.core.multiarray", "scalar"): _Scalar,
    ("numpy._core.multiarray", "scalar"): _Scalar,
}
NUMPY_ARRAYS: Mapping[tuple[str, str], Any] = {
    **NUMPY_NUMBERS,
    ("numpy", "ndarray"): PlainArray,
    ("numpy.core.multiarray", "_reconstruct"): _Reconstruct,
    ("numpy._core.multiarray", "_reconstruct"): _Reconstruct,
}


class _PlainUnpickler(pickle.Unpickler):
    """An unpickler that knows the given globals and refuses every other."""

    def __init__(self, stream: io.BytesIO, allowed: Mapping[tuple[str, str], Any]) -> None:
        super().__init__(stream)
        self._allowed = allowed

    def find_class(self, module: str, name: str) -> Any:
        """The stand-in for `module.name`; raises `UnpicklingError` for what is not allowed."""
        try:
            return self._allowed[module, name]
        except KeyError:
            raise pickle.UnpicklingError(f"it names {module}.{name}, which these files never hold") from None


def read_plain(raw: bytes, what: str, advice: str, allowed: Mapping[tuple[str, str], Any] = NOTHING) -> Any:
    """The value pickled in `raw`: numbers, strings and containers, with the `allowed` globals and no other.

    `what` names the file and `advice` says how to get a good one; both go into the `InvalidInput` that is
    raised for a damaged or hostile pickle.
    """
    if exceeds_memo(raw):
        raise InvalidInput(f"{what} cannot be read: it asks for more memory than it can fill. {advice}")
    try:
        return _PlainUnpickler(io.BytesIO(raw), allowed).load()
    except _DAMAGE as error:
        why = " ".join(str(error).split()).rstrip(".") or type(error).__name__
        raise InvalidInput(f"{what} cannot be read: {why}. {advice}") from None
