"""Plain values out of a file that `torch.save` wrote, read without torch and without running anything in it."""

from __future__ import annotations

import io
import pickle
import pickletools
import zipfile
from pathlib import Path
from typing import Any, NoReturn

from workbench.benchmarks.files.plain_pickle import NUMPY_NUMBERS, read_plain
from workbench.benchmarks.files.user_files import read_file
from workbench.errors import InvalidInput

_ZIP = b"PK\x03\x04"
_MEMBER = "data.pkl"
# Before torch 1.6 a file was a row of pickles: a magic number, a version, facts about the machine, then the value.
_OLD_HEADERS, _OLD_HEADERS_END = 3, 4096  # how many before the value, and bytes that they never fill


class _Latin1:
    """Stands in for the encoder with which old pickles write bytes: gives the bytes."""

    __slots__ = ()

    def __new__(cls, text: object, encoding: object) -> Any:
        """The bytes of `text`."""
        if not isinstance(text, str) or encoding != "latin1":
            raise pickle.UnpicklingError(f"it encodes {type(text).__name__} as {encoding!r}")
        return text.encode("latin1")

    def __setstate__(self, state: object) -> NoReturn:
        # Without this method a pickle could write attributes onto the class itself.
        raise pickle.UnpicklingError("an encoder with a state")


# torch writes pickles of protocol 2, which has no bytes of its own.
_KNOWN = {**NUMPY_NUMBERS, ("_codecs", "encode"): _Latin1}


def read_torch_file(path: Path, largest: int, advice: str) -> Any:
    """The dictionaries, lists, numbers and strings in a file of at most `largest` bytes.

    Raises `InvalidInput` for a file of another kind, a damaged one, or one that holds anything else: tensors, say.
    """
    raw = read_file(path, largest, advice)
    packed = _packed(raw, path, advice) if raw.startswith(_ZIP) else raw[_old_start(raw, path, advice) :]
    return read_plain(packed, str(path), advice, _KNOWN)


def _packed(raw: bytes, path: Path, advice: str) -> bytes:
    """The pickle in the archive that torch writes since 1.6."""
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            found = [info for info in archive.infolist() if info.filename.rpartition("/")[2] == _MEMBER]
            # torch does not compress: a member is never larger than the file, and cannot unpack to more than it.
            if len(found) != 1 or found[0].compress_type != zipfile.ZIP_STORED or found[0].file_size > len(raw):
                raise InvalidInput(f"{path} is no file of torch.save: it lacks one plain {_MEMBER}. {advice}")
            return archive.read(found[0])
    except (zipfile.BadZipFile, EOFError, OSError, ValueError, LookupError, RuntimeError) as error:
        if isinstance(error, InvalidInput):
            raise
        raise InvalidInput(f"{path} cannot be unpacked: {error}. {advice}") from None


def _old_start(raw: bytes, path: Path, advice: str) -> int:
    """Where the value begins in a file of torch before 1.6."""
    stream = io.BytesIO(raw[:_OLD_HEADERS_END])
    try:
        for _ in range(_OLD_HEADERS):
            for _opcode in pickletools.genops(stream):
                pass  # each pickle is passed over, and none is carried out
    except (ValueError, LookupError, OverflowError, MemoryError) as error:
        raise InvalidInput(f"{path} is no file of torch.save: {error}. {advice}") from None
    return stream.tell()
