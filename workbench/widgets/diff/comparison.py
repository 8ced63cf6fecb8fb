"""What is compared between architectures: alignments, layouts and numbers, each made once and given as plain data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, final

from workbench.architecture import Architecture
from workbench.spaces.alignment import Alignment, align, align_graphs, compared, fixed_topology
from workbench.widgets.diff.common_layout import Looks, common_layout
from workbench.widgets.diff.numbers import SPREAD, Number, Numbers, difference
from workbench.widgets.diff.words import differences

_SMALL = 50  # nodes up to which every architecture's layout as the reference is made beforehand


@final
class Comparison:
    """Architectures of one space beside each other; every one of them can be the reference of the others."""

    def __init__(self, numbers: Numbers) -> None:
        self._numbers = numbers
        self._known: dict[Architecture, list[Number]] = {}
        self._aligned: dict[tuple[Architecture, Architecture], Alignment] = {}
        self._words: dict[tuple[Architecture, Architecture], list[str]] = {}

    def state(self, archs: Sequence[Architecture], titles: Mapping[str, str], reference: str) -> dict[str, Any]:
        """All that is shown of `archs`, as dictionaries and lists for JSON.

        `cards` and `pairs` are by the architectures' strings, `pairs[reference][other]`; `layouts` are the places
        of nodes and edges (see `common_layout`), one of them for each reference by `layout_of`. Every architecture
        can be the reference, except where graphs are large: there only the present one is, and another takes time.
        """
        looks = Looks()
        small = all(len(arch.graph) <= _SMALL for arch in archs)
        references = [arch for arch in archs if small or str(arch) == reference]
        layouts, layout_of = self._layouts(archs, references, looks)
        kept = self._numbers.known([self._of(arch) for arch in archs])
        return {
            "rows": [self._numbers.rows[i]._asdict() for i in kept],
            "cards": {str(arch): self._card(arch, titles, kept) for arch in archs},
            "pairs": {str(a): {str(b): self._pair(a, b, kept) for b in archs if b != a} for a in references},
            "layouts": layouts,
            "layout_of": layout_of,
            "looks": looks.all,
            "footnote": SPREAD if any(number.seeded for arch in archs for number in self._of(arch)) else "",
        }

    def _of(self, arch: Architecture) -> list[Number]:
        if arch not in self._known:
            self._known[arch] = self._numbers.of(arch)
        return self._known[arch]

    def _card(self, arch: Architecture, titles: Mapping[str, str], kept: Sequence[int]) -> dict[str, Any]:
        numbers = [self._of(arch)[i] for i in kept]
        shown = [{"text": n.text, "note": n.note, "spread": n.spread_text} for n in numbers]
        return {"title": titles[str(arch)], "numbers": shown}

    def _pair(self, a: Architecture, b: Architecture, kept: Sequence[int]) -> dict[str, Any]:
        found = self._alignment(a, b)
        if (a, b) not in self._words:
            self._words[a, b] = differences(a, b, found)
        rows, one, other = self._numbers.rows, self._of(a), self._of(b)
        gaps = [difference(rows[i], one[i], other[i])._asdict() for i in kept]
        return {"cost": found.cost, "exact": found.exact, "words": self._words[a, b], "differences": gaps}

    def _alignment(self, a: Architecture, b: Architecture) -> Alignment:
        if (a, b) not in self._aligned:
            self._aligned[a, b] = align(a, b)
            self._aligned[b, a] = self._aligned[a, b].backwards()
        return self._aligned[a, b]

    def _layouts(
        self, archs: Sequence[Architecture], references: Sequence[Architecture], looks: Looks
    ) -> tuple[list[dict[str, Any]], dict[str, int]]:
        """One layout for each reference; a single one where the topology is fixed."""
        alike = bool(archs) and fixed_topology(archs[0].space)
        layouts = []
        for reference in references[:1] if alike else references:
            order = [reference, *(arch for arch in archs if arch != reference)]
            graph = compared(reference)
            found = [align_graphs(graph, graph, named=True), *(self._alignment(reference, arch) for arch in order[1:])]
            layout = common_layout(order, found, looks)
            seats = dict(zip(map(str, order), layout["seats"], strict=True))
            layouts.append({**layout, "seats": seats})
        return layouts, {str(arch): 0 if alike else i for i, arch in enumerate(references)}
