"""Ending a child process together with its parent, so that a killed run leaves nothing working behind."""

from __future__ import annotations

import os
import signal
import sys


def die_with(parent: int) -> None:
    """Have this process killed as soon as its parent ends (Linux; elsewhere the run lock guards)."""
    if sys.platform != "linux":
        return
    import ctypes

    set_parent_death_signal = 1
    ctypes.CDLL(None, use_errno=True).prctl(set_parent_death_signal, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # it ended before we could ask
        os._exit(1)
