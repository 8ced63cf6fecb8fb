"""The files that a user brings: where they are looked for, and what is said when they are absent or too large."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from workbench.errors import InvalidInput, MissingData


def find_file(
    what: str, names: Sequence[str], advice: str, given: str | os.PathLike[str] | None = None, marker: str = ""
) -> Path:
    """The file or folder that `names` calls by one of its names: in $WORKBENCH_DATA, or else in ./data.

    `given` is the user's own path of it, or of the folder it is in. With `marker`, a folder is looked for that holds
    a file of this name. Raises `MissingData`, which says what is missing, where it was looked for and the `advice`.
    """
    if given is not None:
        if not isinstance(given, str | os.PathLike):
            raise InvalidInput(f"{given!r} is no path to {what}: a string or a path is expected.")
        places = [Path(given), *(Path(given) / name for name in names)]
    else:
        data = os.environ.get("WORKBENCH_DATA")
        folders = [Path(data).expanduser(), Path("data")] if data else [Path("data")]
        places = [folder / name for folder in folders for name in names]
    for place in places:
        if (place / marker).is_file():
            return place.resolve()
    raise MissingData(f"No {what} at {' or '.join(map(str, places))}: {advice}")


def read_file(path: Path, largest: int, advice: str) -> bytes:
    """The bytes of a file; raises `InvalidInput` for one of more than `largest` bytes, which is not read further."""
    try:
        with path.open("rb") as file:
            raw = file.read(largest + 1)
    except OSError as error:
        raise MissingData(f"{path} cannot be read ({error.strerror}). {advice}") from None
    if len(raw) > largest:
        raise InvalidInput(f"{path} has more than {largest:,} bytes, as the official file has not. {advice}")
    return raw
