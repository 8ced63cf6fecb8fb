"""Search curves that fill in while the searches run: one picture in the notebook's output, drawn again and again."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

import pandas as pd

_SHARE = 0.1  # of the time, at most, that goes into drawing
_PAUSE_S = (1.0, 3.0)  # between two drawings, at least and at most


def in_notebook() -> bool:
    """Whether what is displayed here ends up in a notebook's output."""
    shell = sys.modules.get("IPython") and sys.modules["IPython"].get_ipython()
    return type(shell).__name__ == "ZMQInteractiveShell"


class LiveCurves:
    """The curves of a comparison, replaced in place as it goes on; draws nothing where `shown` is False.

    An ordinary figure each time, so that a stored notebook and a report hold the last one.
    """

    def __init__(self, label: str, regret: bool, shown: bool) -> None:
        self._label = f"regret of {label}" if regret else label
        self._value = "regret" if regret else "best"
        self._shown = shown
        self._handle: Any = None
        self._next = 0.0
        self._drawn = 0

    def show(self, frame: Callable[[], pd.DataFrame], done: int, of: int) -> None:
        """Draw what is there after `done` `of` so many searches, unless that was just done; the last one always."""
        if not self._shown or done == self._drawn or (done < of and time.monotonic() < self._next):
            return
        start = time.monotonic()
        title = "Search strategies" if done >= of else f"Search strategies: {done} of {of} searches"
        self._display(frame(), title)
        end = time.monotonic()
        least, most = _PAUSE_S
        self._drawn, self._next = done, end + min(max(least, (end - start) / _SHARE), most)

    def _display(self, frame: pd.DataFrame, title: str) -> None:
        from IPython.display import display

        from workbench.plots.search_curves import search_curves

        # Plotly displays a figure by itself, and would make a new output each time; its bundle can be replaced.
        figure = search_curves(frame, self._value, self._label, title)
        bundle = figure._repr_mimebundle_()
        if self._handle is None:
            self._handle = display(bundle, raw=True, display_id=True)  # type: ignore[no-untyped-call]
            return
        # JupyterLab keeps a plotly picture as it first was, unless its output was something else in between.
        self._handle.update({"text/html": f'<div style="height:{figure.layout.height}px"></div>'}, raw=True)
        self._handle.update(bundle, raw=True)
