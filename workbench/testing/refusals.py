"""Checking that bad input is refused, in words."""

from __future__ import annotations

from collections.abc import Callable


def refuses(error: type[Exception], act: Callable[[], object]) -> None:
    """Assert that `act` raises `error` with a message."""
    words = None
    try:
        act()
    except error as refused:
        words = str(refused)
    assert words is not None, f"{error.__name__} was expected"
    assert words, f"{error.__name__} came without words"
