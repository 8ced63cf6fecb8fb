"""The trees of NAS-Bench-Graph in canonical form: skips first, then branches in order of size and operations."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

# A node with all that hangs from it: minus its number of nodes, its label, and its branches in order. Plain tuples,
# because their own order is then the canonical one: larger branches first, equal ones by their operations.
Branch = tuple[int, int, tuple[Any, ...]]


def canonical_form(links: Sequence[int], ops: Sequence[int], skip: int) -> tuple[list[int], list[int]]:
    """Links and operations that are the same for architectures that compute the same (Qin et al., 2022).

    A skip computes nothing: with nodes behind it, alone behind its node, or straight from the input it is taken out
    and put before all others. What remains is ordered.
    """
    branches = _grown(links, ops)
    if skip in ops:
        branches = _without_skips(branches, skip, at_input=True)
        while -sum(branch[0] for branch in branches) < len(links):
            branches = [_branch(skip, branches)]
    return _numbered(branches)


def in_order(links: Sequence[int]) -> tuple[list[int], list[int]]:
    """The nodes in the order of one of the nine link lists, larger branches first; and that link list."""
    links, order = _numbered(_grown(links, range(len(links))))
    return order, links


def _branch(label: int, behind: Iterable[Branch]) -> Branch:
    children = tuple(sorted(behind))
    return sum(child[0] for child in children) - 1, label, children


def _grown(links: Sequence[int], labels: Sequence[int]) -> list[Branch]:
    """What hangs from the input; node i + 1 hangs from node `links[i]`, which comes before it."""
    behind: list[list[Branch]] = [[] for _ in range(len(links) + 1)]
    for number in range(len(links), 0, -1):
        behind[links[number - 1]].append(_branch(labels[number - 1], behind[number]))
    return sorted(behind[0])


def _without_skips(branches: Iterable[Branch], skip: int, *, at_input: bool) -> list[Branch]:
    behind = list(_behind_skips(branches, skip))
    if at_input:
        behind = [branch for branch in behind if branch[1] != skip]
    elif len(behind) == 1 and behind[0][1] == skip:
        return []  # the node's only branch: without it the node itself is the output
    return sorted(_branch(label, _without_skips(inside, skip, at_input=False)) for _, label, inside in behind)


def _behind_skips(branches: Iterable[Branch], skip: int) -> Iterator[Branch]:
    """The branches, those of a skip in its place."""
    for branch in branches:
        if branch[1] == skip and branch[2]:
            yield from _behind_skips(branch[2], skip)
        else:
            yield branch


def _numbered(branches: Sequence[Branch]) -> tuple[list[int], list[int]]:
    """Links and labels of the nodes, numbered level by level."""
    links, labels = [], []
    waiting = [(0, branch) for branch in branches]
    for source, (_, label, children) in waiting:  # grows while it is walked through
        links.append(source)
        labels.append(label)
        waiting += [(len(links), child) for child in children]
    return links, labels
