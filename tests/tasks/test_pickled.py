"""Batch files: the layouts there are, and everything else refused."""

from __future__ import annotations

import io
import pickle
import pickletools
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from workbench.errors import InvalidInput
from workbench.tasks.images import CIFAR10
from workbench.tasks.pickled import read_batch

PIXELS = np.arange(12, dtype=np.uint8).reshape(1, 12)


class PythonTwo(pickle._Pickler):  # type: ignore[name-defined,misc]
    """Writes bytes and text as Python 2 wrote its strings, the way the official CIFAR files are."""

    dispatch = pickle._Pickler.dispatch.copy()  # type: ignore[attr-defined]

    def save_string(self, value: bytes | str) -> None:
        raw = value.encode("latin1") if isinstance(value, str) else value
        self.write(pickle.BINSTRING + struct.pack("<i", len(raw)) + raw)

    dispatch[bytes] = save_string
    dispatch[str] = save_string

    def save_global(self, value: Any, name: str | None = None) -> None:
        module = "numpy.core.multiarray" if value.__module__ == "numpy._core.multiarray" else value.__module__
        self.write(pickle.GLOBAL + f"{module}\n{name or value.__qualname__}\n".encode())
        self.memoize(value)

    dispatch[type(len)] = save_global
    dispatch[type(lambda: 0)] = save_global
    dispatch[type] = save_global


def written_by_python_2(value: object) -> bytes:
    file = io.BytesIO()
    PythonTwo(file, protocol=2).dump(value)
    return file.getvalue()


def read(tmp_path: Path, raw: bytes) -> dict[str, Any]:
    (tmp_path / "batch").write_bytes(raw)
    return read_batch(tmp_path / "batch")


@pytest.mark.parametrize("protocol", [2, 3, 4])
def test_arrays_lists_and_texts_are_read(tmp_path: Path, protocol: int) -> None:
    content = {"data": PIXELS, "labels": [7], b"batch_label": b"one", "more": np.array([1.5, 2.5])}
    found = read(tmp_path, pickle.dumps(content, protocol=protocol))
    assert list(found) == ["data", "labels", "batch_label", "more"]
    assert np.array_equal(found["data"], PIXELS)
    assert found["data"].dtype == np.uint8
    assert found["labels"] == [7]


def test_a_file_of_python_2_is_read(tmp_path: Path) -> None:
    raw = written_by_python_2({"data": PIXELS, "labels": [3]})
    assert {op.name for op, _, _ in pickletools.genops(raw)} & {"BINSTRING"}
    found = read(tmp_path, raw)
    assert np.array_equal(found["data"], PIXELS)
    assert found["labels"] == [3]


class Trap:
    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (Path("sprung"),))


class TrapByName:
    def __reduce__(self) -> tuple[Any, ...]:
        return (eval, ("__import__('pathlib').Path('sprung').touch()",))


@pytest.mark.parametrize("trap", [Trap(), TrapByName(), {"data": Trap()}, {"labels": [TrapByName()]}])
def test_a_file_that_would_run_code_is_refused_unrun(tmp_path: Path, trap: object) -> None:
    with pytest.raises(InvalidInput, match="is not allowed"):
        read(tmp_path, pickle.dumps(trap))
    assert not Path("sprung").exists()


def test_arrays_of_anything_but_arrays_are_refused(tmp_path: Path) -> None:
    raw = pickle.dumps(np.recarray((1,), dtype=[("a", "i4")]), protocol=2)
    with pytest.raises(InvalidInput, match="not allowed"):
        read(tmp_path, raw)
    made_of_a_type = b"\x80\x02cnumpy.core.multiarray\n_reconstruct\ncnumpy\ndtype\nK\x00\x85U\x01b\x87R."
    with pytest.raises(InvalidInput, match="it makes an array of"):
        read(tmp_path, made_of_a_type)


@pytest.mark.parametrize("raw", [b"", b"PK\x03\x04", pickle.dumps({"data": PIXELS})[:-20], b"\x80\x02]."])
def test_a_damaged_or_foreign_file_is_named(tmp_path: Path, raw: bytes) -> None:
    with pytest.raises(InvalidInput, match="batch"):
        read(tmp_path, raw)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"labels": [1]}, "'data' and 'labels' are expected"),
        ({"data": PIXELS.astype(float), "labels": [1]}, "3 x side x side bytes"),
        ({"data": PIXELS, "labels": [1, 2]}, "3 x side x side bytes"),
        ({"data": PIXELS[:, :11], "labels": [1]}, "3 x side x side bytes"),
        ({"data": PIXELS, "labels": [0.5]}, "3 x side x side bytes"),
    ],
)
def test_a_batch_of_the_wrong_make_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: dict[str, Any], words: str
) -> None:
    monkeypatch.setenv("WORKBENCH_DATA", str(tmp_path))
    (tmp_path / "cifar-10-batches-py").mkdir()
    for index in range(1, 6):
        (tmp_path / "cifar-10-batches-py" / f"data_batch_{index}").write_bytes(pickle.dumps(content))
    with pytest.raises(InvalidInput, match=words):
        CIFAR10.read()
