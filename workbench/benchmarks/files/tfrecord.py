"""TensorFlow's record files, read without TensorFlow: length, checksum, data, checksum, record after record."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np

from workbench.errors import InvalidInput, MissingData

BLOCK = 2**20  # bytes read at a time
_HEAD = struct.Struct("<QI")  # length of the data, checksum of the length
_TAIL = struct.Struct("<I")  # checksum of the data
_FRAME = _HEAD.size + _TAIL.size
_POLYNOMIAL, _MASK = 0x82F63B78, 0xA282EAD8

Checksums = np.ndarray[tuple[int], np.dtype[np.uint32]]


def read_records(path: Path, largest: int, advice: str) -> Iterator[list[bytes]]:
    """The records of a file in order, one list for every MiB read; every checksum is checked.

    Raises `InvalidInput`, ending in `advice`, for a file that is damaged or has a record of more than `largest` bytes.
    """
    waiting, done = b"", 0
    try:
        with path.open("rb") as file:
            while chunk := file.read(BLOCK):
                waiting += chunk
                heads, records, tails, end = _frames(waiting, largest, f"{path} is damaged after byte {done:,}", advice)
                if not (_agree(heads) and _agree(list(zip(records, tails, strict=True)))):
                    raise InvalidInput(f"{path} is damaged between bytes {done:,} and {done + end:,}. {advice}")
                waiting, done = waiting[end:], done + end
                yield records
    except OSError as error:
        raise MissingData(f"{path} cannot be read ({error.strerror}). {advice}") from None
    if waiting:
        raise InvalidInput(f"{path} ends in the middle of a record, after byte {done:,}. {advice}")


def masked_checksums(texts: Sequence[bytes]) -> Checksums:
    """The checksum of each text as these files store it: CRC-32C, rotated by 15 bits, plus a constant."""
    crcs = _checksums(texts)
    masked: Checksums = ((crcs >> np.uint32(15)) | (crcs << np.uint32(17))) + np.uint32(_MASK)
    return masked


def _frames(
    buffer: bytes, largest: int, where: str, advice: str
) -> tuple[list[tuple[bytes, int]], list[bytes], list[int], int]:
    """The whole records in a buffer: lengths with their checksums, data, checksums of these, and where they end."""
    heads: list[tuple[bytes, int]] = []
    records: list[bytes] = []
    tails: list[int] = []
    start = 0
    while start + _FRAME <= len(buffer):
        length, check = _HEAD.unpack_from(buffer, start)
        if length > largest:
            raise InvalidInput(f"{where}: a record of {length:,} bytes, where none has more than {largest:,}. {advice}")
        end = start + _FRAME + length
        if end > len(buffer):
            break
        heads.append((buffer[start : start + 8], check))
        records.append(buffer[start + _HEAD.size : end - _TAIL.size])
        tails.append(_TAIL.unpack_from(buffer, end - _TAIL.size)[0])
        start = end
    return heads, records, tails, start


def _agree(checked: Sequence[tuple[bytes, int]]) -> bool:
    stored = np.array([check for _, check in checked], dtype=np.uint32)
    return bool((masked_checksums([text for text, _ in checked]) == stored).all())


def _checksums(texts: Sequence[bytes]) -> Checksums:
    """The CRC-32C (Castagnoli) of each text, worked out by numpy: the first byte of all texts, then the second..."""
    lengths = np.array([len(text) for text in texts], dtype=np.int64)
    by_length = np.argsort(-lengths, kind="stable")
    data = np.frombuffer(b"".join(texts), dtype=np.uint8)
    starts = (np.cumsum(lengths) - lengths)[by_length]
    # How many texts have a byte j: the first so many in order of length.
    remaining = len(texts) - np.searchsorted(np.sort(lengths), np.arange(lengths.max(initial=0)), side="right")
    table, crcs = _table(), np.full(len(texts), 0xFFFFFFFF, dtype=np.uint32)
    for j, count in enumerate(remaining.tolist()):
        crc = crcs[:count]
        crcs[:count] = table[(crc ^ data[starts[:count] + j]) & np.uint32(0xFF)] ^ (crc >> np.uint32(8))
    found = np.empty_like(crcs)
    found[by_length] = ~crcs
    return found


@lru_cache(maxsize=1)
def _table() -> Checksums:
    """What each byte does to a checksum."""
    values = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        values = np.where(values & 1, (values >> np.uint32(1)) ^ np.uint32(_POLYNOMIAL), values >> np.uint32(1))
    return values
