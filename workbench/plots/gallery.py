"""A gallery: architectures drawn side by side, each with its title and what is known about it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from workbench.architecture import Architecture
from workbench.drawing import Drawing, Fact, lay_out, svg


class Picture(NamedTuple):
    """One architecture of a gallery: its drawing with dead edges marked, its title and its facts."""

    drawing: Drawing
    title: str
    facts: tuple[Fact, ...] = ()


class Gallery(NamedTuple):
    """Pictures in their order; shows itself in a notebook and in a report."""

    pictures: tuple[Picture, ...]

    def _repr_html_(self) -> str:
        drawn = "".join(f"<div>{svg(p.drawing, p.title, p.facts)}</div>" for p in self.pictures)
        columns = "display:grid;grid-template-columns:repeat(auto-fit,minmax(400px,1fr));gap:16px"
        return f'<div style="{columns}">{drawn}</div>'


def gallery(archs: Iterable[Architecture], titles: Sequence[str] = (), facts: Sequence[Sequence[Fact]] = ()) -> Gallery:
    """Return architectures as pictures; titles and facts go by position, missing ones are left out."""
    return Gallery(
        tuple(
            Picture(
                lay_out(arch.graph, arch.space.live(arch.graph)),
                titles[place] if place < len(titles) else "",
                tuple(facts[place]) if place < len(facts) else (),
            )
            for place, arch in enumerate(archs)
        )
    )
