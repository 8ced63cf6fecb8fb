"""Which process, and which thread of it, is at work: how a study shared between processes knows its searchers."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Mapping
from typing import Any


def here(thread: str = "") -> dict[str, str]:
    """This process, and a background thread of it by its unique name, as user attributes."""
    process = {"process": f"{socket.gethostname()}:{os.getpid()}"}
    return process | {"thread": thread} if thread else process


def is_alive(searcher: Mapping[str, Any]) -> bool:
    """Whether a searcher that called itself so still runs; one on another host is taken to.

    This process without a thread is the caller itself, and so not at work on anything.
    """
    host, _, pid = str(searcher.get("process", "")).rpartition(":")
    if not pid.isdigit():
        return False
    if host != socket.gethostname():
        return True
    if int(pid) == os.getpid():
        others = (thread for thread in threading.enumerate() if thread is not threading.current_thread())
        return any(thread.name == searcher.get("thread") for thread in others)
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
