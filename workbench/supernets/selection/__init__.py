"""Selection: which architecture a trained relaxation stands for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.errors import InvalidInput
from workbench.networks.elastic.gates import Gate

if TYPE_CHECKING:
    from workbench.architecture import Architecture
    from workbench.supernets.relaxations import Relaxation
    from workbench.supernets.supernet import Supernet


def top_edges(relaxation: Relaxation, k: int = 2) -> Architecture:
    """Keep, for every node, the `k` incoming edges whose strongest operation other than "none" is strongest.

    The derivation of DARTS (Liu, Simonyan & Yang, ICLR 2019, section 2.4): an edge that is kept becomes its strongest
    operation. Relaxations that know which edges they choose have their own, `argmax`. Raises `InvalidInput` where gates
    are no edges of cells, and where the space has another number of inputs.
    """
    net, probabilities = relaxation.net, relaxation.probabilities()
    chosen: dict[str, Gate] = {}
    for edges in incoming(net).values():
        worths = {name: probabilities[name].clone() for name in edges if name in probabilities}
        for name in edges:
            chosen[name] = none = net.options[name].index("none")
            if name in worths:
                worths[name][none] = -1.0
        for name in sorted(worths, key=lambda name: -float(worths[name].max()))[:k]:
            chosen[name] = int(worths[name].argmax())
    return net.architecture(chosen)


def incoming(net: Supernet) -> dict[str, list[str]]:
    """The gates of the edges into every node of every cell: "normal.3" -> ["normal.0->3", "normal.1->3", ...].

    Raises `InvalidInput` where gates are not called "source->target" or an edge cannot be "none".
    """
    nodes: dict[str, list[str]] = {}
    for name, allowed in net.options.items():
        source, arrow, target = name.partition("->")
        if not arrow or "none" not in allowed:
            raise InvalidInput(
                f"Edges are chosen where every gate is an edge, such as 'normal.0->2', that may be 'none'; {name!r} of "
                f"{net.space.name} has the options {', '.join(map(repr, allowed))}. Use the relaxation's argmax()."
            )
        cell, dot, _ = source.rpartition(".")
        nodes.setdefault(f"{cell}{dot}{target}", []).append(name)
    return nodes
