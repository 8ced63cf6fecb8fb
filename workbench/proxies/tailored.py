"""Proxies with settings of their own: a teacher, a number of draws, a supernet; made by a function, not by name."""

from __future__ import annotations

from typing import Any

from workbench.proxies.proxy import Proxy


class Tailored(Proxy):
    """A proxy whose function carries settings: it travels with them, and its scores are not kept in the ledger."""

    @property
    def kept(self) -> bool:
        """Never: the ledger's key does not say what the settings were."""
        return False

    def __reduce__(self) -> tuple[Any, ...]:
        return (_made, (type(self), dict(vars(self))))


def _made(kind: type[Tailored], fields: dict[str, Any]) -> Tailored:
    return kind(**fields)
