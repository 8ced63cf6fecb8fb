"""A value that could not be computed: NaN that knows why."""

from __future__ import annotations


class Unscored(float):
    """A NaN with a `reason`; a proxy returns it instead of a number."""

    reason: str

    def __new__(cls, reason: str) -> Unscored:  # noqa: D102 - made as its class says
        value = super().__new__(cls, "nan")
        value.reason = reason
        return value

    def __reduce__(self) -> tuple[type[Unscored], tuple[str]]:
        return (Unscored, (self.reason,))

    def __repr__(self) -> str:
        return f"Unscored({self.reason!r})"
