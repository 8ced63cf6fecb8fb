"""Graph tensors: operations and wires of many architectures as padded arrays, for graph networks and diffusion."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from workbench.architecture import Architecture
from workbench.errors import InvalidInput
from workbench.spaces.encodings.landmarks import landmarks, slots
from workbench.spaces.encodings.wiring import wiring

if TYPE_CHECKING:
    from workbench.spaces.space import SearchSpace


class GraphTensors(NamedTuple):
    """Architectures as arrays of one size.

    `nodes` (n, places, operations) float32, one-hot; `adjacency` (n, places, places) float32, upper triangular, 1
    from a source to its target; `mask` (n, places) bool, whether the place is used. `slots` and `operations` name
    the places and the operations.
    """

    nodes: NDArray[np.float32]
    adjacency: NDArray[np.float32]
    mask: NDArray[np.bool_]
    slots: tuple[Hashable, ...]
    operations: tuple[str, ...]


def graph_tensors(space: SearchSpace, archs: Sequence[Architecture]) -> GraphTensors:
    """The wirings of `archs` as arrays; 8 places and 7 operations for NAS-Bench-201 (An et al., ICLR 2024).

    Inputs and outputs are operations too. Places and operations are those of the space's landmarks: a place outside is
    left out, an operation outside has a row of zeros. Mind the memory in spaces of many hundred places.
    """
    places, operations = slots(space), _operations(space)
    place = {slot: i for i, slot in enumerate(places)}
    letter = {operation: i for i, operation in enumerate(operations)}
    nodes = np.zeros((len(archs), len(places), len(operations)), dtype=np.float32)
    wires = np.zeros((len(archs), len(places), len(places)), dtype=np.float32)
    mask = np.zeros((len(archs), len(places)), dtype=np.bool_)
    for row, arch in enumerate(archs):
        found = wiring(space.graph(arch))
        at = [place.get(slot) for slot in found.slots]
        for a, b in ((at[source], at[target]) for source, target in found.edges()):
            if a is not None and b is not None:
                wires[row, min(a, b), max(a, b)] = 1.0
        for slot, label in zip(found.slots, found.labels, strict=True):
            if slot in place:
                mask[row, place[slot]] = True
                if label in letter:
                    nodes[row, place[slot], letter[label]] = 1.0
    return GraphTensors(nodes, wires, mask, places, operations)


def from_graph_tensors(space: SearchSpace, nodes: NDArray[np.float32]) -> list[Architecture]:
    """The architectures whose operations have the largest values in `nodes` (n, places, operations), one-hot or soft.

    Only for flat spaces in which every question chooses the operation of one place, such as NAS-Bench-201: there the
    wires follow. Raises `InvalidInput` elsewhere.
    """
    places, operations = slots(space), _operations(space)
    values = np.asarray(nodes)
    if values.ndim != 3 or values.shape[1:] != (len(places), len(operations)):
        expected = f"(n, {len(places)}, {len(operations)})"
        raise InvalidInput(f"Nodes of {space.name} have shape {expected}; got {values.shape}.")
    place = {name: i for i, name in enumerate(_choosers(space))}
    missing = [question.name for question in space.questions() if question.name not in place]
    if not space.flat or missing:
        words = f"; {', '.join(missing[:3])} do not" if missing else ""
        raise InvalidInput(
            f"Architectures of {space.name} cannot be read from their operations alone: every question would have to "
            f"choose the operation of one place{words}. Use from_unit_cube instead."
        )
    letter = {operation: i for i, operation in enumerate(operations)}
    decided = []
    for row in values:
        best = {}
        for question in space.questions():
            scores = [row[place[question.name], letter[str(answer)]] for answer in question.answers]
            best[question.name] = question.answers[int(np.argmax(scores))]
        decided.append(space.architecture(best))
    return decided


@lru_cache(maxsize=64)
def _operations(space: SearchSpace) -> tuple[str, ...]:
    """Inputs and outputs first, then the operations by name."""
    found = {
        (role not in ("input", "output"), label)
        for _, wires in landmarks(space)
        for label, role in zip(wires.labels, wires.roles, strict=True)
    }
    return tuple(dict.fromkeys(label for _, label in sorted(found)))


def _choosers(space: SearchSpace) -> list[str]:
    """For each place the one question that chose its operation, or an empty name."""
    chosen: dict[Hashable, str] = {}
    for _, wires in landmarks(space):
        for slot, names in zip(wires.slots, wires.questions, strict=True):
            chosen[slot] = names[0] if len(names) == 1 else ""
    return [chosen.get(slot, "") for slot in slots(space)]
