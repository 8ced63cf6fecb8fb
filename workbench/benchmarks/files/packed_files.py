"""Files packed in a .tar.gz, read in memory: nothing is written to disk, whatever the archive calls its members."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

_BLOCK = 512
_FILES, _FOLDER = b"0\0", b"5"


def unpacked(raw: bytes, largest: int) -> Iterator[tuple[str, bytes]]:
    """The names and contents of the plain files of a .tar.gz, of which at most `largest` bytes are unpacked.

    Raises `ValueError` with the reason for what is damaged, larger, or holds links, devices or long names.
    """
    data = _decompressed(raw, largest)
    place = 0
    while place + _BLOCK <= len(data):
        header = data[place : place + _BLOCK]
        place += _BLOCK
        if not header.strip(b"\0"):
            return
        name, kind, size = _read_header(header)
        if place + size > len(data):
            raise ValueError(f"the archive ends inside {name!r}")
        if kind in _FILES:
            yield name, data[place : place + size]
        elif kind != _FOLDER or size:
            raise ValueError(f"{name!r} is no plain file")
        place += -(-size // _BLOCK) * _BLOCK
    raise ValueError("the archive has no end")


def _decompressed(raw: bytes, largest: int) -> bytes:
    reader = zlib.decompressobj(wbits=31)  # 31: with gzip's header and checksum
    try:
        data = reader.decompress(raw, largest + 1)
    except zlib.error as error:
        raise ValueError(f"it is no whole gzip file ({error})") from None
    if len(data) > largest:
        raise ValueError(f"it unpacks to more than {largest:,} bytes")
    if not reader.eof:
        raise ValueError("it is no whole gzip file (the end is missing)")
    return data


def _read_header(header: bytes) -> tuple[str, bytes, int]:
    """The name, the kind and the size of a member."""
    checked = header[:148] + b" " * 8 + header[156:]
    if sum(checked) != _octal(header[148:156]):
        raise ValueError("a member's header is damaged")
    return header[:100].rstrip(b"\0").decode("ascii", "replace"), header[156:157], _octal(header[124:136])


def _octal(field: bytes) -> int:
    digits = field.strip(b"\0 ")
    if not digits.isdigit():
        raise ValueError("a number in a member's header is damaged")
    return int(digits, 8)
