"""The lock of a run folder: one run at a time works in it, counting stages that outlive a killed run."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from workbench.errors import WorkbenchError

PATIENCE = 5.0  # seconds; a stage of a killed run needs a moment to end


class FolderInUse(WorkbenchError):
    """Another run is at work in this folder."""


@contextmanager
def held(folder: Path, patience: float = PATIENCE) -> Iterator[int]:
    """Hold the lock of a run folder; yields the open file's descriptor, to be inherited by the stages.

    A stage that inherits it keeps the folder locked as long as it lives, even when the run itself was killed.

    Raises:
        FolderInUse: when another run still holds it after `patience` seconds.
    """
    path = folder / "run.lock"
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        _acquire(handle, folder, patience)
        os.ftruncate(handle, 0)
        with suppress(OSError):  # only for the words of an error, which a full disk may do without
            os.write(handle, str(os.getpid()).encode())
        yield handle
    finally:
        os.close(handle)


def is_held(folder: Path) -> bool:
    """Whether a run is at work in `folder`."""
    if sys.platform == "win32":
        return False
    import fcntl

    try:
        handle = os.open(folder / "run.lock", os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False


def _acquire(handle: int, folder: Path, patience: float) -> None:
    if sys.platform == "win32":
        return  # no inheritable file lock there: keep runs of one folder apart yourself
    import fcntl

    deadline = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() > deadline:
                owner = os.pread(handle, 20, 0).decode(errors="replace") or "unknown"
                raise FolderInUse(
                    f"Another run (process {owner}) is at work in {folder}. "
                    "Wait until it ends, stop it, or give another folder."
                ) from None
            time.sleep(0.1)
