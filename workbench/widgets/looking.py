"""The thread that looks again and again at what a widget follows, until nobody is to look any more."""

from __future__ import annotations

import threading
import weakref
from typing import Protocol

EVERY, IDLE = 0.25, 1.0  # seconds between two looks: while a search goes on, and otherwise
READING = 0.01  # CPU seconds that one look may take for reading trials


class Looker(Protocol):
    """What follows something: it looks, and says when that failed."""

    def _look(self) -> float | None:
        """Take in what is new; seconds until the next look, None where that was the last."""

    def _fail(self, error: Exception) -> None:
        """Say that a look failed; the next one comes all the same."""


def follow(looker: Looker) -> threading.Event:
    """Look in a thread of its own until the event that is returned is set, or nobody has `looker` any more."""
    gone = threading.Event()
    threading.Thread(target=_follow, args=(weakref.ref(looker), gone), daemon=True).start()
    return gone


def _follow(reference: weakref.ref[Looker], gone: threading.Event) -> None:
    pause: float | None = EVERY
    while pause is not None and not gone.wait(pause):
        looker = reference()
        if looker is None:
            return
        try:
            pause = looker._look()
        except Exception as error:  # a storage that is locked or away for a moment: said in the view, and tried again
            looker._fail(error)
            pause = IDLE
        del looker
