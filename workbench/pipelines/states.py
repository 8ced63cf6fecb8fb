"""Widget states in executed notebooks: made small when a stage has run, and found again for its report."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import nbformat

from workbench.pipelines.records import read_json, write_whole
from workbench.widgets.page import STATES, Stock, slim

#: Where a stage's notebook keeps what its widgets know. Jupyter's own place would hold every bundle once a widget, and
#: an editor that opened the notebook without them would show errors instead of the stills.
KEPT = "workbench_widgets"


def kept_in(document: nbformat.NotebookNode) -> Stock:
    """Return the widgets of a notebook that can live on a page, from what a stage kept, or from what Jupyter stored."""
    ours = document.metadata.get(KEPT)
    if isinstance(ours, dict):
        return Stock(ours)
    stored = document.metadata.get("widgets")
    states = stored.get(STATES) if isinstance(stored, dict) else None
    return Stock(slim(states if isinstance(states, dict) else {}))


def make_small(notebook: Path) -> None:
    """Rewrite a notebook that was executed with its widgets' states: only ours, without bundles, nothing twice."""
    document: dict[str, Any] = read_json(notebook)
    stored = document.get("metadata", {}).pop("widgets", None)
    if stored is None:
        return
    kept = slim(stored.get(STATES, {}))
    if kept["widgets"]:
        document["metadata"][KEPT] = kept
    write_whole(notebook, json.dumps(document, indent=1, ensure_ascii=False) + "\n")
