"""An architecture: the answers to a search space's questions, as a frozen value."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html import escape
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import networkx as nx

    from workbench.spaces.choices import Answer
    from workbench.spaces.space import SearchSpace


class Architecture:
    """A point of a search space: hashable, equal by space name and answers, printed as the space's own string."""

    __slots__ = ("_answers", "_hash", "_space")

    def __init__(self, space: SearchSpace, decisions: Mapping[str, Answer] | Iterable[tuple[str, Answer]]) -> None:
        self._space = space
        self._answers: tuple[tuple[str, Answer], ...] = tuple(dict(decisions).items())
        self._hash = hash((space.name, self._answers))

    @property
    def space(self) -> SearchSpace:
        """The search space whose questions are answered."""
        return self._space

    @property
    def decisions(self) -> Mapping[str, Answer]:
        """Question -> answer, in the order asked; read-only."""
        return MappingProxyType(dict(self._answers))

    @property
    def graph(self) -> nx.DiGraph:
        """The architecture as a graph, made afresh."""
        return self._space.graph(self)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Architecture):
            return NotImplemented
        return self._answers == other._answers and self._space.name == other._space.name

    def __hash__(self) -> int:
        return self._hash

    def __reduce__(self) -> tuple[type[Architecture], tuple[SearchSpace, tuple[tuple[str, Answer], ...]]]:
        return (Architecture, (self._space, self._answers))

    def __str__(self) -> str:
        return self._space.format(self)

    def __repr__(self) -> str:
        return f"Architecture({self._space.name!r}, {str(self)!r})"

    def _repr_html_(self) -> str:
        # The drawing is a picture of the graph, which stands on the floor above values: fetched only when shown.
        from workbench.drawing import lay_out, svg

        drawn = svg(lay_out(self.graph, self._space.live(self.graph)))
        words = f'<code style="overflow-wrap:anywhere;font-size:smaller">{escape(str(self))}</code>'
        return f'<figure style="margin:0">{drawn}<figcaption>{words}</figcaption></figure>'
