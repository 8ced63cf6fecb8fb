"""Copies of operations: "none#2" is a second answer that means the operation "none"."""

from __future__ import annotations

COPY = "#"


def original(name: str) -> str:
    """The operation that `name` is, without the number of its copy."""
    return name.partition(COPY)[0]


def copies(name: str, n: int) -> tuple[str, ...]:
    """`n` names of one operation: itself, then "name#2" to "name#n"."""
    return (name, *(f"{name}{COPY}{i}" for i in range(2, n + 1)))
