"""The main module, which every new process reads again: whether it can, and what lives only there."""

from __future__ import annotations

import ast
import multiprocessing
import pickle
import sys
from pathlib import Path
from typing import Any

IMPORT_IT = "what is defined in the notebook has to stand in a file and be imported, for a process to know it."


def guard_missing() -> str | None:
    """The path of a script that a new process would run again from top to bottom; None where there is none.

    A script is safe if anything in it stands under a top-level `if` that asks for `__name__`. A notebook or a prompt
    has no file to read, and the `__main__` of a package is not read again.
    """
    main = sys.modules["__main__"]
    path = getattr(main, "__file__", None)
    spec = getattr(main, "__spec__", None)
    if path is None or (spec is not None and spec.name.rpartition(".")[2] == "__main__"):
        return None
    try:
        tree = ast.parse(Path(path).read_bytes())
    except (OSError, SyntaxError, ValueError):
        return None
    asks = (isinstance(part, ast.If) and "__name__" in _names(part.test) for part in tree.body)
    return None if any(asks) else str(path)


def is_being_read() -> bool:
    """Whether this is a new process that is still reading the script it was started from."""
    return bool(getattr(multiprocessing.current_process(), "_inheriting", False))


def unknown_elsewhere(sent: bytes) -> bool:
    """Whether what was pickled needs a notebook's or a prompt's own definitions, which no new process has."""
    return b"__main__" in sent and getattr(sys.modules["__main__"], "__file__", None) is None


def stays_behind(thing: Any) -> str | None:
    """Why `thing` cannot be sent to a new process, as advice to the user; None where it can."""
    try:
        sent = pickle.dumps(thing)
    except Exception as error:  # whatever a stranger's object raises, it does not travel
        return f"what is worked on cannot be sent to a process ({type(error).__name__}: {error})."
    return IMPORT_IT if unknown_elsewhere(sent) else None


def _names(expression: ast.expr) -> set[str]:
    return {node.id for node in ast.walk(expression) if isinstance(node, ast.Name)}
