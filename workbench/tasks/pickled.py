"""Reading the published Python batch files of CIFAR and ImageNet16 without running anything they contain."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np

from workbench.errors import InvalidInput


def read_batch(path: Path) -> dict[str, Any]:
    """The dictionary in a batch file, byte keys as text; raises `InvalidInput` for any other file."""
    try:
        with path.open("rb") as file:
            content = _ArraysOnly(file, encoding="bytes").load()
    except _REFUSED as error:
        raise InvalidInput(f"{path} is no batch file of arrays and labels: {error}.") from error
    if not isinstance(content, dict):
        raise InvalidInput(f"{path} holds a {type(content).__name__}; a batch file holds a dictionary.")
    return {key.decode() if isinstance(key, bytes) else key: value for key, value in content.items()}


# What a truncated, damaged or hostile pickle can raise while it is read.
_REFUSED = (
    pickle.UnpicklingError,
    EOFError,
    ValueError,
    TypeError,
    AttributeError,
    LookupError,
    MemoryError,
)


class _ArraysOnly(pickle.Unpickler):
    """An unpickler that knows the three names a NumPy array is written with, and no other."""

    def find_class(self, module: str, name: str) -> Any:
        allowed = {
            ("numpy", "ndarray"): np.ndarray,
            ("numpy", "dtype"): np.dtype,
            ("numpy.core.multiarray", "_reconstruct"): _reconstruct,
            ("numpy._core.multiarray", "_reconstruct"): _reconstruct,
            # Python 3 writes bytes for old protocols as encode(text, "latin1").
            ("_codecs", "encode"): _latin1,
        }
        try:
            return allowed[module, name]
        except KeyError:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}, which is not allowed") from None


def _reconstruct(kind: object, shape: tuple[int, ...], dtype: bytes | str) -> np.ndarray:
    """An empty array to be filled by its state, as NumPy's own function of that name makes it."""
    if kind is not np.ndarray:
        raise pickle.UnpicklingError(f"it makes an array of {kind!r}")
    return np.ndarray.__new__(np.ndarray, shape, dtype.decode() if isinstance(dtype, bytes) else dtype)


def _latin1(text: str, encoding: str) -> bytes:
    if encoding != "latin1":
        raise pickle.UnpicklingError(f"it uses the encoding {encoding!r}")
    return text.encode("latin1")
