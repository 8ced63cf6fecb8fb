"""The cache of converted tables: one checked `.npz` file of plain arrays for each table."""

from __future__ import annotations

import hashlib
import io
import json
import os
import tempfile
import warnings
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

import numpy as np

Arrays = Mapping[str, "np.ndarray[tuple[int, ...], np.dtype[np.generic]]"]
FORMAT = 1
_END = b"\nworkbench-table "


class CacheRebuilt(UserWarning):
    """A cached table was damaged or out of date and has been made anew from its source."""


class CacheUnwritable(UserWarning):
    """The cache folder cannot be written: tables are converted again in every process."""


def cache_folder() -> Path:
    """$WORKBENCH_CACHE, else $XDG_CACHE_HOME/nas-workbench, else ~/.cache/nas-workbench."""
    if given := os.environ.get("WORKBENCH_CACHE"):
        return Path(given)
    if shared := os.environ.get("XDG_CACHE_HOME"):
        return Path(shared) / "nas-workbench"
    try:
        return Path.home() / ".cache" / "nas-workbench"
    except RuntimeError:  # a container's user may have no home
        return Path(tempfile.gettempdir()) / "nas-workbench"


def checksum(*parts: bytes) -> str:
    """The SHA-256 of some bytes, in hexadecimal."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return digest.hexdigest()


def cached(name: str, source: str, convert: Callable[[], Arrays]) -> Arrays:
    """The arrays of the table `name`: from the cache, or by `convert()`, which is then remembered.

    `source` is the checksum of what `convert` reads. A file that is damaged, of another format or of another
    source is made anew with a `CacheRebuilt` warning, and never believed.
    """
    path = cache_folder() / "tables" / f"{name}.npz"
    arrays, why = load(path, source)
    if arrays is not None:
        return arrays
    if why:
        message = f"The cached table {path} {why}: it is made anew from its source."
        warnings.warn(message, CacheRebuilt, stacklevel=2)
    arrays = convert()
    store(path, source, arrays)
    return arrays


def load(path: Path, source: str) -> tuple[Arrays | None, str]:
    """The arrays stored at `path`, or None with the reason ("" where there is no file)."""
    try:
        payload, mark, tail = path.read_bytes().rpartition(_END)
    except (FileNotFoundError, NotADirectoryError):
        return None, ""
    except OSError as error:
        return None, f"cannot be read ({error.strerror})"
    # The whole payload is checked before any of it is parsed, so that no damage can pass for a number.
    if not mark or not payload:
        return None, "is truncated"
    if tail != _seal(source, payload):
        return None, _mismatch(tail, source)
    with np.load(io.BytesIO(payload), allow_pickle=False) as stored:
        return {key: stored[key] for key in stored.files}, ""


def store(path: Path, source: str, arrays: Arrays) -> None:
    """Write the arrays in one step: another process sees the old file or the new one, never a half."""
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays)
    payload = buffer.getvalue()
    unfinished = path.with_name(f"{path.stem}-{uuid4().hex}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished.write_bytes(payload + _END + _seal(source, payload))
        unfinished.replace(path)
    except OSError as error:
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)
        warnings.warn(
            f"The table could not be cached as {path} ({error.strerror}); it works from memory. "
            "Set WORKBENCH_CACHE to a folder that can be written.",
            CacheUnwritable,
            stacklevel=3,
        )


def _seal(source: str, payload: bytes) -> bytes:
    """The last line of a file, after the archive, so that numpy reads the file too."""
    return json.dumps({"format": FORMAT, "source": source, "content": checksum(payload)}).encode()


def _mismatch(tail: bytes, source: str) -> str:
    try:
        seal = json.loads(tail)
        written, made_from = seal["format"], seal["source"]
    except (ValueError, LookupError, TypeError):
        return "is damaged"
    if written != FORMAT:
        return f"has format {written!r} where {FORMAT} is expected"
    return "is damaged" if made_from == source else "was made from another version of its source"
