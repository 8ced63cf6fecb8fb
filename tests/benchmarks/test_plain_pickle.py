"""Reading plain pickles: numbers come back, code never runs, damage is an error of ours."""

from __future__ import annotations

import os
import pickle
from collections import OrderedDict
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.benchmarks.files import plain_pickle
from workbench.benchmarks.files.pickle_memo import exceeds_memo
from workbench.benchmarks.files.plain_pickle import NUMPY_ARRAYS, NUMPY_NUMBERS, read_plain
from workbench.errors import InvalidInput

VALUE = OrderedDict(
    [
        (
            "200",
            {("cifar10", 777): {"params": np.float64(0.129306), "n": np.int64(3), "lat": [np.float32(0.5)]}},
        )
    ]
)


class Hostile:
    """Pickles as a call of `os.mkdir`."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("module", [b"numpy.core.multiarray", b"numpy._core.multiarray"])
def test_numbers_written_by_any_numpy_come_back_as_python_numbers(module: bytes) -> None:
    raw = pickle.dumps(VALUE, protocol=4)
    new = b"\x16numpy._core.multiarray"
    assert raw.count(new) == 1
    raw = raw[:2] + raw[11:].replace(new, bytes([len(module)]) + module)  # without the frame, which has a length
    found = read_plain(raw, "file", "Advice.", NUMPY_NUMBERS)
    assert found == {"200": {("cifar10", 777): {"params": 0.129306, "n": 3, "lat": [0.5]}}}
    assert type(found["200"]["cifar10", 777]["params"]) is float


def test_without_an_allowance_not_even_numpy_is_known() -> None:
    assert read_plain(pickle.dumps({"a": [1.5, (2, "x", None)]}), "f", "a") == {"a": [1.5, (2, "x", None)]}
    with pytest.raises(InvalidInput, match=r"file.pkl cannot be read: it names numpy.* Get another."):
        read_plain(pickle.dumps(np.float64(1)), "file.pkl", "Get another.")


@pytest.mark.parametrize("protocol", [3, 4, 5])
@pytest.mark.parametrize(
    "array", [np.arange(6.0).reshape(2, 3), np.asfortranarray(np.ones((3, 2), ">f4")), np.arange(4), np.array(7)]
)
def test_arrays_of_numbers_come_back_where_they_are_allowed(array: np.ndarray, protocol: int) -> None:
    raw = pickle.dumps({"x": array}, protocol=protocol)
    if b"_frombuffer" not in raw:  # protocol 5 has a function of its own, which no file of ours uses
        np.testing.assert_array_equal(read_plain(raw, "f", "a", NUMPY_ARRAYS)["x"].values, array)
    with pytest.raises(InvalidInput, match="which these files never hold"):
        read_plain(raw, "f", "a", NUMPY_NUMBERS)


@pytest.mark.parametrize(
    "raw",
    [
        pickle.dumps(np.array([{}, []], dtype=object), protocol=3),
        pickle.dumps(np.array(["a", "b"]), protocol=3),
        pickle.dumps(np.arange(3.0), protocol=3).replace(b"K\x03\x85", b"K\x04\x85"),  # four numbers of three
        b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\ndtype\n(K\x00tC\x01btR.",
        b"cnumpy.core.multiarray\n_reconstruct\n(N}S'x'\nI1\nstb.",  # writing onto the class of the stand-in
        b"cnumpy\nndarray\n(N}S'values'\nI1\nstb.",
        b"cnumpy\nndarray\n)\x81}S'values'\nI1\nsb.",
    ],
)
def test_other_arrays_are_refused(raw: bytes) -> None:
    with pytest.raises(InvalidInput, match=r"file cannot be read: .* Advice\."):
        read_plain(raw, "file", "Advice.", NUMPY_ARRAYS)


@pytest.mark.parametrize(
    "raw",
    [
        b"\x80\x04Nr\x00\x00\x00\x40.",  # file it under 2**30: eight gigabytes of places
        b"Np1073741824\n.",
        b"X\x03\x00\x00\x00abcG12345678Nr\x00\x00\x00\x01.",  # after a text and a number
        b"\x8c\x02abI7\nNp99999999999999999999999\n.",
    ],
)
def test_a_pickle_that_asks_for_gigabytes_of_memory_is_refused_before_it_is_read(raw: bytes) -> None:
    assert exceeds_memo(raw)
    with pytest.raises(InvalidInput, match=r"file cannot be read: it asks for more memory than it can fill. Advice\."):
        read_plain(raw, "file", "Advice.")


@pytest.mark.parametrize("protocol", range(6))
def test_whole_pickles_of_every_protocol_are_seen_to_the_end(protocol: int) -> None:
    value = [VALUE, "é" * 300, bytes(300), 2**70, -5, 1e9, True, None, {1, 2}, ("r" * 9, 70_000), list(range(600))]
    raw = pickle.dumps(value, protocol=protocol)
    assert not exceeds_memo(raw)
    assert exceeds_memo(raw[:-1] + b"r\x00\x00\x00\x40.")  # whatever stands before, what asks for too much is found


@pytest.mark.parametrize("allowed", [plain_pickle.NOTHING, NUMPY_NUMBERS])
def test_a_hostile_pickle_is_refused_and_does_nothing(allowed: Any, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="it names posix.mkdir, which these files never hold"):
        read_plain(pickle.dumps([1, Hostile(tmp_path / "made")]), "file", "Advice.", allowed)
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize(
    "raw",
    [
        b"cnumpy\ndtype.__init__\n.",  # a way into the stand-in's insides
        b"ccollections\nOrderedDict.__init__\n.",
        b"cnumpy\ndtype\n(S'O8'\ntR.",  # an object dtype
        b"cnumpy\ndtype\n(]tR.",
        b"cnumpy\ndtype\n(S'f8'\ntR(I3\nS'X'\ntb.",  # no such byte order
        b"cnumpy\ndtype\n(N}S'order'\nS'>'\nstb.",  # writing onto the class of the stand-in
        b"cnumpy.core.multiarray\nscalar\n(N}S'x'\nI1\nstb.",
        b"cnumpy.core.multiarray\nscalar\n(S'f8'\nS'12345678'\ntR.",  # a string where a dtype belongs
        b"cnumpy.core.multiarray\nscalar\n(cnumpy\ndtype\n(S'f8'\ntRC\x03abctR.",  # three bytes of eight
        b"cnumpy.core.multiarray\nscalar\n(ccollections\nOrderedDict\n(tR}(S'order'\nS'<'\nS'code'\nS'f8'\nubC\x0812345678tR.",
        b"Pexternal\n.",  # a persistent id
        b"\x82\x01.",  # a number of the extension registry
        b"",
        b".",
        b"(",
        b"\x80\x09.",
    ],
)
def test_crafted_opcodes_are_refused(raw: bytes) -> None:
    with pytest.raises(InvalidInput, match=r"file cannot be read: .* Advice\."):
        read_plain(raw, "file", "Advice.", NUMPY_NUMBERS)


def test_nothing_a_pickle_does_stays_on_the_stand_ins() -> None:
    before = [dict(vars(member)) for member in set(NUMPY_NUMBERS.values()) - {OrderedDict}]
    for raw in (
        b"cnumpy\ndtype\n(N}S'order'\nS'>'\nstb.",
        b"cnumpy.core.multiarray\nscalar\n(N}S'x'\nI1\nstb.",
    ):
        with pytest.raises(InvalidInput):
            read_plain(raw, "file", "Advice.", NUMPY_NUMBERS)
    assert [dict(vars(member)) for member in set(NUMPY_NUMBERS.values()) - {OrderedDict}] == before


def test_every_truncation_is_an_error_of_ours() -> None:
    raw = pickle.dumps(VALUE, protocol=4)
    for length in range(len(raw)):
        with pytest.raises(InvalidInput):
            read_plain(raw[:length], "file", "Advice.", NUMPY_NUMBERS)


@given(place=st.integers(0, 10_000), byte=st.integers(0, 255))
def test_a_changed_byte_gives_a_value_or_an_error_of_ours_and_no_other(place: int, byte: int) -> None:
    raw = bytearray(pickle.dumps(VALUE, protocol=4))
    raw[place % len(raw)] = byte
    with suppress(InvalidInput):
        read_plain(bytes(raw), "file", "Advice.", NUMPY_NUMBERS)
