"""Which network gives a place in a table of scores its value: its own, or one for all that compute the same."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from workbench.architecture import Architecture
from workbench.proxies.proxy import Proxy


class Cell(NamedTuple):
    """A network, by its architecture, and the name of a proxy of it."""

    arch: Architecture
    proxy: str


class Sharing:
    """Which architecture is scored for which: its representative by proxies of the function, itself by all others."""

    def __init__(self, archs: Iterable[Architecture], members: Sequence[Proxy], share: bool) -> None:
        self._members = members
        self.shared = tuple(member.name for member in members if share and member.of == "function")
        self._stand_ins = {arch: arch.space.representative(arch) if self.shared else arch for arch in archs}

    def cell(self, arch: Architecture, member: Proxy) -> Cell:
        """Where the score of `arch` by a proxy is found."""
        return Cell(self._stand_ins[arch] if member.name in self.shared else arch, member.name)

    def work(self) -> dict[Architecture, list[Proxy]]:
        """Architectures to score and the proxies to score them by, in the order in which they come up."""
        found: dict[Architecture, dict[str, Proxy]] = {}
        for arch in self._stand_ins:
            for member in self._members:
                found.setdefault(self.cell(arch, member).arch, {})[member.name] = member
        return {arch: list(members.values()) for arch, members in found.items()}
