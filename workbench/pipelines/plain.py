"""Values as exact builtin types, and in words short enough for an error."""

from __future__ import annotations

import sys
from typing import Any


def exact(value: object) -> object:
    """Return a number, text or list as its exact builtin type, whatever its class says of itself; else the value.

    NumPy's scalars and arrays become plain values and lists, tuples become lists. Methods that a subclass overrides
    are not called: papermill writes values into source code by `str`, where a subclass could write anything.
    """
    numpy = sys.modules.get("numpy")
    if numpy is not None and issubclass(type(value), numpy.generic | numpy.ndarray):
        value = value.tolist()  # type: ignore[attr-defined]
    kind = type(value)
    for builtin, plain in _PLAIN.items():
        if kind is not bool and issubclass(kind, builtin):
            return plain(value)
    return value


_PLAIN: dict[type, Any] = {
    int: int.__int__,
    float: float.__float__,
    str: str.__str__,
    list: lambda value: [*list.__iter__(value)],
    tuple: lambda value: [*tuple.__iter__(value)],
}


def shown(value: object, depth: int = 2) -> str:
    """Return a short text for a value of any type, for error messages; nothing of the value's own is called."""
    value = exact(value)
    if type(value) is int and abs(value) >= 10**30:
        return "a very long whole number"
    if type(value) is list:
        items = [shown(item, depth - 1) for item in value[:6]] if depth else ["..."] * bool(value)
        text = f"[{', '.join(items + ['...'] * (bool(depth) and len(value) > 6))}]"
    elif value is None or type(value) in (bool, int, float, str):
        text = repr(value[:100] if type(value) is str else value)
    else:
        return f"a value of type {type(value).__name__[:60]}"
    return text if len(text) <= 80 else text[:77] + "..."


def hidden(value: object) -> str:
    """Return what kind of thing a value is without anything of the value itself, for it may be a secret."""
    value = exact(value)
    return (
        f"a text of {len(value)} characters" if type(value) is str else f"a value of type {type(value).__name__[:60]}"
    )
