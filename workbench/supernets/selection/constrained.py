"""Selection under hard limits: the best-scored options whose costs, added up exactly, stay within every limit."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import combinations, product
from typing import TYPE_CHECKING, Any

import networkx as nx
import numpy as np
import torch

from workbench.errors import InvalidInput, UnknownName
from workbench.progress import say
from workbench.studies.exact import Selection, Terms, select

if TYPE_CHECKING:
    from workbench.architecture import Architecture
    from workbench.spaces.choices import Answer
    from workbench.supernets.supernet import Supernet

COSTS = ("macs", "params")
Scores = Mapping[str, Sequence[float] | torch.Tensor]


def constrained(
    net: Supernet,
    scores: Scores,
    limits: Mapping[str, float],
    *,
    measures: Mapping[str, Callable[[Architecture], float]] | None = None,
    most: int = 256,
) -> Selection:
    """The architecture of the highest sum of scores within the limits, its violation, always 0, being said as well.

    `scores` gives every gate that has several options a number for each of them: log-probabilities, or what the loss
    rises by without it. The limits are on "macs" and "params", which `cost_tables` makes additive, so that an integer
    program finds the best; and on any of the `measures`, functions of an architecture which add up from nothing: then
    choices are gone through from the best on, and the first within the limits is taken. Raises `InvalidInput` for a
    limit below the smallest architecture, naming the smallest, and where none of the `most` best choices is within.
    """
    measures = dict(measures or {})
    for name in limits:
        if name not in COSTS and name not in measures:
            raise UnknownName.of("cost of a supernet", name, (*COSTS, *measures))
    free = {name: allowed for name, allowed in net.options.items() if len(allowed) > 1}
    missing = [name for name, allowed in free.items() if len(scores.get(name, ())) != len(allowed)]
    if missing or not free:
        raise InvalidInput(f"Every gate with several options needs a score for each; {(missing or ['no gate'])[0]!r}.")
    worth = {name: {k: float(score) for k, score in enumerate(scores[name])} for name in free}
    counted = {name: limit for name, limit in limits.items() if name in COSTS}
    tables = {name: cost_tables(net, name) for name in counted}
    rests = {name: float(net.costs(dict.fromkeys(net.options, 0))[name]) for name in counted}
    budgets = {name: limit - rests[name] for name, limit in counted.items()}
    others = {name: limit for name, limit in limits.items() if name in measures}
    smallest = dict.fromkeys(others, np.inf)
    seen, n = 0, 1 if not others else 8
    while True:
        found = _selected(worth, tables, budgets, rests, n)
        for choice in (found, *found.others)[seen:]:
            made = _of(net, choice, limits)
            spent = {name: measures[name](made.architecture) for name in others}  # type: ignore[arg-type]
            smallest = {name: min(smallest[name], spent[name]) for name in others}
            if all(spent[name] <= limit for name, limit in others.items()):
                made = replace(made, costs={**made.costs, **spent})
                say(f"{made.architecture}: violation {made.violation:g}")
                return made
        seen, exhausted = n, len(found.others) + 1 < n
        if exhausted or n >= most:
            listed = ", ".join(
                f"{name} <= {limit:g} (smallest seen {smallest[name]:g})" for name, limit in others.items()
            )
            raise InvalidInput(f"None of the {len(found.others) + 1} best choices is within {listed}. Raise the limit.")
        n = min(4 * n, most)


def cost_tables(net: Supernet, cost: str = "macs") -> Terms:
    """What each option adds to the cost of the first ones together, question by question where options just add up.

    Gates whose effects depend on each other, such as the width and the kernel of a layer, share a table of all their
    combinations; `interactions` says which do. Numbers of options stand for options, and the sum is exact.
    """
    graph = interactions(net, cost)
    base: dict[str, Any] = dict.fromkeys(net.options, 0)
    known: dict[tuple[tuple[str, int], ...], float] = {}

    def at(*numbers: tuple[str, int]) -> float:
        """The cost with these options instead of the first ones."""
        key = tuple(sorted((name, number) for name, number in numbers if number))
        if key not in known:
            known[key] = float(net.costs({**base, **dict(key)})[cost])
        return known[key]

    def own(chosen: tuple[tuple[str, int], ...]) -> float:
        """What is due to all of these options together and to no part of them."""
        parts = ((len(chosen) - n, part) for n in range(len(chosen) + 1) for part in combinations(chosen, n))
        return float(sum((-1.0) ** away * at(*part) for away, part in parts))

    tables: dict[Any, dict[Any, float]] = {}
    done: set[frozenset[str]] = set()
    for clique in sorted(map(sorted, nx.find_cliques(graph)), key=len, reverse=True):
        new = [
            set_ for n in range(1, len(clique) + 1) for set_ in combinations(clique, n) if frozenset(set_) not in done
        ]
        done |= set(map(frozenset, new))
        table = {}
        for numbers in product(*(range(len(net.options[name])) for name in clique)):
            chosen = dict(zip(clique, numbers, strict=True))
            key = numbers if len(clique) > 1 else numbers[0]
            table[key] = sum(own(tuple((name, chosen[name]) for name in set_)) for set_ in new)
        tables[tuple(clique) if len(clique) > 1 else clique[0]] = table
    return tables


def interactions(net: Supernet, cost: str = "macs") -> nx.Graph:
    """The gates with several options, joined where what one of them costs depends on the other.

    The expected cost is a sum of products of gates: two are joined where its mixed second derivative is not zero.
    """
    generator = torch.Generator().manual_seed(0)
    free = [name for name, allowed in net.options.items() if len(allowed) > 1]
    # Any point inside will do: there a derivative that is not zero everywhere is zero only by accident.
    weights = {
        name: (0.5 + torch.rand(len(net.options[name]), generator=generator)).to(net.device).requires_grad_()
        for name in free
    }
    graph = nx.Graph()
    graph.add_nodes_from(free)
    with torch.enable_grad():
        normed = {name: weight / weight.detach().sum() for name, weight in weights.items()}
        firsts = torch.autograd.grad(net.costs(normed)[cost], list(weights.values()), create_graph=True)
        for name, first in zip(free, firsts, strict=True):
            # Without the mean: adding the same to all options of a gate changes nothing that can be chosen.
            probe = torch.randn(len(first), generator=generator).to(first)
            if not first.requires_grad:
                continue
            seconds = torch.autograd.grad(
                first @ (probe - probe.mean()), list(weights.values()), retain_graph=True, allow_unused=True
            )
            for other, second in zip(free, seconds, strict=True):
                if other != name and second is not None:
                    apart = (second - second.mean()).abs().max()
                    if float(apart) > 1e-4 * float(first.detach().abs().max()):
                        graph.add_edge(name, other)
    return graph


def _selected(
    worth: Terms, tables: Mapping[str, Terms], budgets: Mapping[str, float], rests: Mapping[str, float], n: int
) -> Selection:
    try:
        return select(worth, tables, budgets, k=n)
    except InvalidInput:
        for name, table in tables.items():
            least = select(table, better="lower").objective
            if least > budgets[name]:
                raise InvalidInput(
                    f"No architecture is within {name} <= {budgets[name] + rests[name]:g}: the smallest has "
                    f"{least + rests[name]:g}. Raise the limit to that or above."
                ) from None
        raise


def _of(net: Supernet, choice: Selection, limits: Mapping[str, float]) -> Selection:
    """The selection in terms of the net: its architecture, and its costs counted anew."""
    numbers = {name: int(str(choice.answers.get(name, 0))) for name in net.options}
    answers: dict[str, Answer] = {name: net.options[name][number] for name, number in numbers.items()}
    costs = {name: float(cost) for name, cost in net.costs(numbers).items() if name in limits}
    return replace(
        choice, answers=answers, costs=costs, budgets=dict(limits), architecture=net.architecture(numbers), others=()
    )
