"""Official strings that are a dictionary: how many layers there are, and for each layer one entry in every list."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from workbench.spaces.chains import no_architecture

_LONGEST = 10_000  # characters; the largest configuration of these spaces takes some hundred


def read_configuration(text: str, space: str, count: str, lists: Sequence[str]) -> dict[str, Any]:
    """The dictionary that `text` is in JSON: a whole number under `count`, and as long a list under each of `lists`.

    Raises `InvalidInput`, in the name of the space, for whatever is not of this form.
    """
    expected = (
        f"a JSON object with {count!r}, a number of layers, and lists as long under {', '.join(map(repr, lists))}"
    )
    try:
        found = json.loads(text) if isinstance(text, str) and len(text) <= _LONGEST else None
    except (ValueError, RecursionError):
        found = None
    if not (isinstance(found, dict) and set(found) == {count, *lists}):
        raise no_architecture(text, space, f"{expected} is expected")
    layers = found[count]
    if not isinstance(layers, int) or layers < 1 or any(_length(found[name]) != layers for name in lists):
        raise no_architecture(text, space, f"{expected} is expected")
    return found


def _length(value: object) -> int:
    return len(value) if isinstance(value, list) else -1
