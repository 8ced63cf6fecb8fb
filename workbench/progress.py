"""Progress: a bar for what takes over a second, in the terminal and in the notebook."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")


def progress(items: Iterable[T], total: int, label: str, done: int = 0, show: bool = True) -> Iterator[T]:
    """`items` one by one, with a bar that appears after a second and shows the remaining time."""
    if not show:  # a search asks for its trials one by one: even a bar that is never seen would cost it time
        yield from items
        return
    from tqdm.auto import tqdm

    yield from tqdm(items, total=total, initial=done, desc=label, delay=1.0, leave=False)


def say(sentence: str) -> None:
    """Tell the user one thing, beside the progress bar and not in the output of a script."""
    from tqdm.auto import tqdm

    tqdm.write(sentence, file=sys.stderr)
