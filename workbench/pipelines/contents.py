"""What is in a file, a chunk at a time: its bytes as they lie there, and what it holds compressed.

Looked into are gzip, bzip2, xz and zip by their first bytes, whatever the file is called: .gz, .npz, .pt, .xlsx, a zip
in a zip. Not looked into, beyond the bytes as they lie there, are formats with a compression of their own (Parquet,
HDF5, PDF, the pixels and compressed texts of PNG) and encrypted members of a zip.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

CHUNK = 1 << 22
MOST_EXPANDED = 16 * 1024**3  # bytes that one file may grow to
DEEPEST = 3  # archives in archives
_DAMAGED = (
    EOFError,
    OSError,
    zlib.error,
    lzma.LZMAError,
    zipfile.BadZipFile,
    RuntimeError,
    ValueError,
)

_ZIP = b"PK"
_STREAMS: dict[bytes, Callable[[IO[bytes]], Any]] = {
    b"\x1f\x8b": gzip.open,
    b"BZh": bz2.open,
    b"\xfd7zXZ\x00": lzma.open,
}


class TooLarge(Exception):
    """A file that expands to more than is looked through."""


def contents(path: Path) -> Iterator[tuple[str, Iterator[bytes]]]:
    """Yield what is in a regular file: where ("" for the file itself, else the member), and its bytes in chunks.

    The chunks of one have to be taken before the next is asked for. What is damaged ends where it cannot be read.

    Raises:
        TooLarge: while the chunks are taken, for a file that expands to more than 16 GiB.
        OSError: for a file that cannot be read.
    """
    left = [MOST_EXPANDED]
    with path.open("rb") as file:
        yield "", _chunks(file)
        yield from _expanded(file, "", left, DEEPEST)


def _expanded(file: IO[bytes], where: str, left: list[int], depth: int) -> Iterator[tuple[str, Iterator[bytes]]]:
    file.seek(0)
    head = file.read(6)
    file.seek(0)
    if head.startswith(_ZIP):
        yield from _members(file, where, left, depth)
    for magic, uncompressed in _STREAMS.items():
        if head.startswith(magic):
            with uncompressed(file) as opened:
                yield from _one(opened, f"{where}, uncompressed" if where else "uncompressed", left, depth)


def _members(file: IO[bytes], where: str, left: list[int], depth: int) -> Iterator[tuple[str, Iterator[bytes]]]:
    try:
        archive = zipfile.ZipFile(file)
        members = archive.infolist()
    except _DAMAGED:
        return
    with archive:
        for member in members:
            try:
                opened = archive.open(member)
            except _DAMAGED:
                continue
            with opened:
                yield from _one(opened, f"{where}, {member.filename}" if where else member.filename, left, depth)


def _one(file: IO[bytes], where: str, left: list[int], depth: int) -> Iterator[tuple[str, Iterator[bytes]]]:
    """One compressed thing; an archive in it is written to a temporary file, for it has to be read twice."""
    try:
        head = file.read(6)
    except _DAMAGED:
        return
    if depth > 1 and head.startswith((_ZIP, *_STREAMS)):
        with tempfile.TemporaryFile() as copy:
            copy.write(head)
            for chunk in _limited(file, left):
                copy.write(chunk)
            copy.seek(0)
            yield where, _chunks(copy)
            yield from _expanded(copy, where, left, depth - 1)
    else:
        yield where, _limited(file, left, head)


def _limited(file: Any, left: list[int], head: bytes = b"") -> Iterator[bytes]:
    """The bytes that come out, up to where the file is damaged, in chunks of about the same size."""
    pieces, size, more = [head], len(head), True
    while more:
        try:
            piece = file.read1(CHUNK)
        except _DAMAGED:
            piece = b""
        more = bool(piece)
        pieces.append(piece)
        size += len(piece)
        if size >= CHUNK or not more:
            left[0] -= size
            if left[0] < 0:
                raise TooLarge
            yield b"".join(pieces)
            pieces, size = [], 0


def _chunks(file: IO[bytes]) -> Iterator[bytes]:
    while chunk := file.read(CHUNK):
        yield chunk
