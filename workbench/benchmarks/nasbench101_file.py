"""One record of the official NAS-Bench-101 file: a cell, a number of epochs, and what one training run measured."""

from __future__ import annotations

import json
import math
import re
import struct
from base64 import b64decode
from collections.abc import Iterator
from typing import NamedTuple

from workbench.errors import InvalidInput
from workbench.spaces.nasbench101 import text_of
from workbench.spaces.nasbench101_cells import (
    INPUT,
    MAX_EDGES,
    OPERATIONS,
    OUTPUT,
    VERTICES,
    Cell,
    is_pruned,
    module_hash,
)

BUDGETS = (108, 36, 12, 4)
LARGEST = 16 * 2**10  # bytes of a record; the real ones have about 400
QUANTITIES = ("valid_accuracy", "test_accuracy", "train_accuracy", "train_time_s")
_HASH = re.compile(r"[0-9a-f]{32}")
_DOUBLE = struct.Struct("<d")
# Fields of the messages `ModelMetrics` and `EvaluationData` in the authors' model_metrics.proto.
_EVALUATION, _PARAMETERS = 1, 2
_FIELDS = (2, 3, 4, 5)  # training time, accuracy on training, validation and test images
# An evaluation as it is usually written: the doubles of fields 1 to 5, each after its tag.
_USUAL, _TAGS = struct.Struct("<BdBdBdBdBd"), (9, 17, 25, 33, 41)
_WIDTHS = {1: 8, 5: 4}  # bytes of protobuf's two wire types of fixed width


class Run(NamedTuple):
    """A record whose metrics have not been looked at: the official hash, epochs, and the file's own texts."""

    key: str
    epochs: int
    adjacency: str
    operations: str
    metrics: str


class Metrics(NamedTuple):
    """`QUANTITIES` half-way and at the end of a run, accuracies in percent, and the number of parameters."""

    half: tuple[float, ...]
    last: tuple[float, ...]
    params: int


def read_run(record: bytes) -> Run:
    """The fields of a record; raises `InvalidInput` for another layout."""
    try:
        fields = json.loads(record)
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"a record is no JSON: {error}") from None
    if not isinstance(fields, list) or [type(field) for field in fields] != [str, int, str, str, str]:
        raise InvalidInput("a record is not a list of hash, epochs, adjacency, operations and metrics")
    run = Run(*fields)
    if not _HASH.fullmatch(run.key) or run.epochs not in BUDGETS:
        raise InvalidInput(f"a record is of hash {run.key[:40]!r} and {run.epochs} epochs")
    return run


def read_cell(run: Run, *, check: bool) -> str:
    """Our string of the cell of a run; raises `InvalidInput` for none, or, with `check`, for that of another hash."""
    n = math.isqrt(len(run.adjacency))
    first, *ops, last = run.operations.split(",") if "," in run.operations else ("", "")
    edges = tuple(divmod(at, n) for at, digit in enumerate(run.adjacency[: VERTICES**2]) if digit == "1")
    known = first == INPUT and last == OUTPUT and set(ops) <= set(OPERATIONS) and set(run.adjacency) <= {"0", "1"}
    inside = n * n == len(run.adjacency) and len(ops) == n - 2 <= VERTICES - 2 and len(edges) <= MAX_EDGES
    if not (known and inside and all(a < b for a, b in edges) and is_pruned(n, edges)):
        raise InvalidInput(
            f"{run.key} is of {run.adjacency[:60]!r} and {run.operations[:120]!r}, which is no pruned cell"
        )
    cell = Cell(n, edges, tuple(ops))
    if check and module_hash(cell) != run.key:
        raise InvalidInput(f"{run.key} is not the hash of the cell {run.adjacency}, {run.operations}")
    return text_of(cell)


def read_metrics(run: Run) -> Metrics:
    """What a run measured; raises `InvalidInput` for a malformed or incomplete message."""
    try:
        message = b64decode(run.metrics, validate=True)
    except ValueError as error:
        raise InvalidInput(f"the metrics of {run.key} are not in base 64: {error}") from None
    evaluations: list[bytes] = []
    params = 0
    for number, value in _fields(message):
        if number == _EVALUATION and isinstance(value, bytes):
            evaluations.append(value)
        elif number == _PARAMETERS and isinstance(value, int):
            params = value
    # The first evaluation is of the network before training; the authors' own reader leaves it out too.
    if len(evaluations) < 3 or not 0 < params < 2**31:
        raise InvalidInput(f"{run.key} has {len(evaluations)} evaluations, where 3 are due, and {params} parameters")
    return Metrics(_evaluation(evaluations[1], run), _evaluation(evaluations[2], run), params)


def _evaluation(message: bytes, run: Run) -> tuple[float, ...]:
    if message[45:46] in (b"", b"2"):  # nothing, or the text of field 6, after five doubles
        usual = _USUAL.unpack_from(message) if len(message) >= _USUAL.size else ()
        if usual[::2] == _TAGS:
            return _in_our_order(*usual[3::2])
    found = {number: value for number, value in _fields(message) if isinstance(value, bytes) and len(value) == 8}
    try:
        return _in_our_order(*(float(_DOUBLE.unpack(found[field])[0]) for field in _FIELDS))
    except KeyError:
        raise InvalidInput(f"an evaluation of {run.key} lacks an accuracy or its time") from None


def _in_our_order(seconds: float, train: float, valid: float, test: float) -> tuple[float, ...]:
    return 100 * valid, 100 * test, 100 * train, seconds


def _fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Number and value of each field of a protobuf message: an int for a varint, else the field's bytes."""
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        number, kind = tag >> 3, tag & 7
        if kind == 0:
            value, at = _varint(message, at)
            yield number, value
            continue
        width, at = (_WIDTHS[kind], at) if kind in _WIDTHS else _length(message, at, kind)
        if at + width > len(message):
            raise InvalidInput(f"field {number} of a message goes beyond its end")
        yield number, message[at : at + width]
        at += width


def _length(message: bytes, at: int, kind: int) -> tuple[int, int]:
    if kind != 2:
        raise InvalidInput(f"a message has a field of kind {kind}, which protobuf does not write")
    return _varint(message, at)


def _varint(message: bytes, at: int) -> tuple[int, int]:
    """The number that starts at a byte, seven bits in each byte, the lowest first; and where it ends."""
    number = 0
    for shift in range(0, 70, 7):
        if at >= len(message):
            break
        byte = message[at]
        at += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return number, at
    raise InvalidInput("a number in a message has no end")
