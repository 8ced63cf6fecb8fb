"""Typed convolutions: chains of layers whose shapes fit, and mutations that keep them fitting (NeuralArTS, 2021)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property
from itertools import product
from typing import TYPE_CHECKING

import networkx as nx
import numpy as np

from workbench.architecture import Architecture
from workbench.errors import Infeasible, InvalidInput
from workbench.networks.signatures import Signature, check_pooling
from workbench.spaces.choices import Answer, Choices
from workbench.spaces.space import SearchSpace, Seed

if TYPE_CHECKING:
    import torch

    from workbench.tasks.task import Task

STEM = Signature(channels=16)
SMALLEST = 8  # height and width of the smallest images that every architecture takes
DEPTHS = (2, 3, 4)
ANSWERS: dict[str, tuple[int, ...]] = {
    "kernel": (1, 3, 5),
    "stride": (1, 2),
    "padding": (0, 1, 2),
    "dilation": (1, 2),
    "channels": (16, 32),
}
KINDS = {  # what each kind of layer is asked
    "identity": (),
    "max_pool": ("kernel", "stride", "padding", "dilation"),
    "avg_pool": ("kernel", "stride", "padding"),
    "depthwise": ("kernel", "stride", "padding", "dilation"),
    "conv": ("kernel", "stride", "padding", "dilation", "channels"),
}


@dataclass(frozen=True)
class Layer:
    """A layer by its kind and settings; settings that its kind does not have stay at their defaults."""

    kind: str
    kernel: int = 1
    stride: int = 1
    padding: int = 0
    dilation: int = 1
    channels: int | None = None

    @property
    def settings(self) -> dict[str, Answer]:
        """The kind and what it is asked."""
        return {name: getattr(self, name) for name in ("kind", *KINDS[self.kind])}

    def answers(self, setting: str) -> Answer:
        """The answer to one setting; None where the kind is not asked."""
        return self.settings.get(setting)

    def signature(self) -> Signature:
        """What it does to shapes; raises `InvalidInput` for a pooling padded by more than half of its kernel."""
        if self.kind.endswith("pool"):
            check_pooling(self.kernel, self.padding)
        return Signature.of_window(self.kernel, self.stride, self.padding, self.dilation, self.channels)

    def __str__(self) -> str:
        return " ".join(f"{value}" if name == "kind" else f"{name[0]}{value}" for name, value in self.settings.items())


@dataclass(frozen=True)
class Placed:
    """A layer in a chain, and the earlier point whose value it adds: 0 is the stem, i the i-th layer."""

    layer: Layer
    adds: int | None


class TypedConvolutions(SearchSpace):
    """Chains of two to four layers, each free in kind, window and channels, with sums of points of equal shape.

    A chain is an architecture if it has a type: every layer takes what the one before it makes, for all images from
    8 x 8 pixels, and the terms of a sum have equal shapes for all of them. Samples, mutants and children are made by
    type and always build. With `typed=False` every combination is an architecture and is moved about as in any other
    space; one without a type is refused when it is built.
    """

    def __init__(self, typed: bool = True) -> None:
        self.typed = typed
        self.name = "typed_convolutions" if typed else "untyped_convolutions"

    def suggest(self, choices: Choices) -> nx.DiGraph:
        """The depth, then of every layer its kind, its settings and the earlier point that it adds."""
        graph = nx.DiGraph()
        graph.add_node("in", label="in", role="input")
        points = ["in"]
        for i, placed in enumerate(self._asked(choices)):
            name, last = f"l{i}", points[-1]
            settings = placed.layer.settings
            asked = tuple(f"{name}.{setting}" for setting in (*settings, "add"))
            graph.add_node(name, role="op", op=str(placed.layer), questions=asked, **settings, adds=placed.adds)
            graph.add_edge(last, name)
            points.append(name)
            if placed.adds is not None:
                points[-1] = f"{name}+"
                graph.add_node(f"{name}+", label="+", role="state")
                graph.add_edges_from([(name, f"{name}+"), (points[placed.adds], f"{name}+")])
        graph.add_node("out", label="out", role="output")
        graph.add_edge(points[-1], "out")
        return graph

    def ask(self, choices: Choices) -> None:
        """The same without the graph."""
        self._asked(choices)

    def network(self, graph: nx.DiGraph, task: Task) -> torch.nn.Module:
        """Stem, layers, pooled to a classifier; raises `InvalidInput` that names a layer that does not fit."""
        from workbench.networks.typed_convolutions import Network

        return Network(graph, task.shape, task.n_classes)

    @property
    def size(self) -> int:
        """The number of chains that have a type, counted type by type."""
        return self._size

    # -- by type -------------------------------------------------------------------------------------------------

    def mutate(self, arch: Architecture, seed: Seed = None) -> Architecture:
        """`arch` with one answer changed at random and whatever that leaves without a type made to fit.

        A layer that has to change becomes one with the same signature where there is one (a larger kernel gets more
        padding), else the one that shares most answers; a sum whose terms differ takes another term or none.
        """
        if not self.typed:
            return super().mutate(arch, seed)
        rng = np.random.default_rng(seed)
        changes = [(q.name, a) for q in self.questions(arch) for a in q.answers if a != arch.decisions[q.name]]
        for i in rng.permutation(len(changes)):
            mutant = self._fitted(dict(arch.decisions), rng, changes[i])
            if mutant is not None:
                return mutant
        raise Infeasible(f"No answer of {arch} can be changed without leaving {self.name}.")

    def crossover(self, a: Architecture, b: Architecture, seed: Seed = None) -> Architecture:
        """Each answer from `a` or `b` with equal chance, and whatever has no type made to fit."""
        if not self.typed:
            return super().crossover(a, b, seed)
        rng = np.random.default_rng(seed)
        first, second = self._own(a).decisions, self._own(b).decisions
        wanted = {name: parent[name] for name in {**first, **second} if (parent := _either(first, second, name, rng))}
        child = self._fitted(wanted, rng)
        assert child is not None
        return child

    def _draw(self, rng: np.random.Generator) -> Architecture:
        if not self.typed:
            return super()._draw(rng)
        drawn = self._fitted({"depth": DEPTHS[rng.integers(len(DEPTHS))]}, rng)
        assert drawn is not None
        return drawn

    def _fitted(
        self, wanted: Mapping[str, Answer], rng: np.random.Generator, change: tuple[str, Answer] | None = None
    ) -> Architecture | None:
        """The chain nearest to the `wanted` answers that has a type and makes the `change`; None where none does.

        From the input on: there is always a layer that fits (the identity does), and no sum always fits.
        """
        changed, answer = change or ("", None)
        depth = _number(answer if changed == "depth" else wanted["depth"])
        decisions: dict[str, Answer] = {"depth": depth}
        types = [STEM]
        for i in range(depth):
            old = {name: wanted[f"l{i}.{name}"] for name in ("kind", *ANSWERS, "add") if f"l{i}.{name}" in wanted}
            forced = changed.removeprefix(f"l{i}.") if changed.startswith(f"l{i}.") else ""
            options = [x for x in _fitting(types[-1]) if forced in ("", "add") or x.answers(forced) == answer]
            if not options:
                return None
            layer = _nearest(options, old, rng)
            types.append(types[-1].then(layer.signature()))
            sums = [None, *(j for j, earlier in enumerate(types[:-1]) if earlier == types[-1])]
            if forced == "add" and answer not in sums:
                return None
            decisions |= {f"l{i}.{name}": value for name, value in layer.settings.items()}
            drawn = sums[rng.integers(len(sums))] if "add" not in old else old["add"] if old["add"] in sums else None
            decisions[f"l{i}.add"] = answer if forced == "add" else drawn
        return Architecture(self, decisions)

    # -- inside --------------------------------------------------------------------------------------------------

    def _asked(self, choices: Choices) -> list[Placed]:
        chain: list[Placed] = []
        for i in range(int(str(choices.suggest_categorical("depth", DEPTHS)))):
            kind = str(choices.suggest_categorical(f"l{i}.kind", tuple(KINDS)))
            settings = {s: _number(choices.suggest_categorical(f"l{i}.{s}", ANSWERS[s])) for s in KINDS[kind]}
            adds = choices.suggest_categorical(f"l{i}.add", (None, *range(i + 1)))
            chain.append(Placed(Layer(kind, **settings), None if adds is None else _number(adds)))
        if self.typed:
            _check(chain)
        return chain

    @cached_property
    def _size(self) -> int:
        if not self.typed:
            layers = sum(len(list(_settings(kind))) for kind in KINDS)
            sizes = [1]
            for i in range(max(DEPTHS)):
                sizes.append(sizes[-1] * layers * (i + 2))
            return sum(sizes[depth] for depth in DEPTHS)
        return sum(number for depth, number in enumerate(_numbers(max(DEPTHS)), start=1) if depth in DEPTHS)


def _check(chain: Sequence[Placed]) -> None:
    """Raises `Infeasible` for a chain without a type."""
    types = [STEM]
    for i, placed in enumerate(chain):
        try:
            types.append(types[-1].then(placed.layer.signature()))
        except InvalidInput as error:
            raise Infeasible(f"Layer l{i} ({placed.layer}) {error}.") from None
        if types[-1].least > SMALLEST:
            least, words = types[-1].least, f"Layer l{i} ({placed.layer}) needs images of at least"
            raise Infeasible(f"{words} {least} x {least}; the smallest are {SMALLEST} x {SMALLEST}.")
        if placed.adds is not None and types[placed.adds] != types[-1]:
            raise Infeasible(f"Layer l{i} ({placed.layer}) cannot add point {placed.adds}: their shapes differ.")


@cache
def _layers() -> dict[Signature, tuple[Layer, ...]]:
    """Every layer there is, by its signature: those of one entry are interchangeable."""
    found: dict[tuple[Signature, int], list[Layer]] = {}
    for layer in (Layer(kind, **settings) for kind in KINDS for settings in _settings(kind)):
        try:
            signature = layer.signature()
        except InvalidInput:
            continue
        found.setdefault((signature, signature.least), []).append(layer)
    return {signature: tuple(layers) for (signature, _), layers in found.items()}


def _settings(kind: str) -> Iterator[dict[str, int]]:
    for values in product(*(ANSWERS[name] for name in KINDS[kind])):
        yield dict(zip(KINDS[kind], values, strict=True))


def _fitting(before: Signature) -> list[Layer]:
    """The layers that can stand behind a point of type `before`."""
    return [x for signature, layers in _layers().items() if before.then(signature).least <= SMALLEST for x in layers]


def _nearest(options: Sequence[Layer], old: Mapping[str, Answer], rng: np.random.Generator) -> Layer:
    """The option most like the `old` answers: of the same signature, then of the most equal answers, then any.

    Where there are no old answers the kind is drawn first, so that kinds with more settings are no likelier.
    """
    if "kind" not in old:
        kinds = sorted({layer.kind for layer in options})
        kind = kinds[rng.integers(len(kinds))]
        options = [layer for layer in options if layer.kind == kind]
        return options[rng.integers(len(options))]
    kind = str(old["kind"])
    before = Layer(kind, **{name: _number(old[name]) for name in KINDS[kind] if name in old})
    try:
        same = before.signature()
    except InvalidInput:
        same = None
    alike = set(_layers().get(same, ())) if same else set()
    likeness = [
        (x in alike, x.kind == kind, sum(getattr(x, name) == old.get(name) for name in KINDS[x.kind])) for x in options
    ]
    most = max(likeness)
    best = [x for x, likely in zip(options, likeness, strict=True) if likely == most]
    return best[rng.integers(len(best))]


def _numbers(depth: int) -> Iterator[int]:
    """The number of typed chains of 1, 2, ... `depth` layers.

    What the layers so far leave behind is the last type (with its `least`, which equality leaves out) and, for sums to
    come, the types of the points that can be met again: strides only grow, so those before the last stride cannot.
    """
    states: Counter[tuple[_Point, tuple[Signature, ...]]] = Counter({((STEM, STEM.least), (STEM,)): 1})
    behind = cache(_behind)
    for _ in range(depth):
        after: Counter[tuple[_Point, tuple[Signature, ...]]] = Counter()
        for (last, points), number in states.items():
            alike = points if points[-1].stride == last[0].stride else ()
            for made, layers in behind(*last):
                reachable = (*alike, made[0]) if made[0].stride == last[0].stride else (made[0],)
                after[made, reachable] += number * layers * reachable.count(made[0])
        states = after
        yield sum(states.values())


_Point = tuple[Signature, int]


def _behind(last: Signature, least: int) -> list[tuple[_Point, int]]:
    """The types that can stand behind a point, each with how many layers make it."""
    found: Counter[_Point] = Counter()
    for signature, layers in _layers().items():
        made = replace(last, least=least).then(signature)
        if made.least <= SMALLEST:
            found[made, made.least] += len(layers)
    return list(found.items())


def _either(
    a: Mapping[str, Answer], b: Mapping[str, Answer], name: str, rng: np.random.Generator
) -> Mapping[str, Answer] | None:
    """One of the parents by chance, if it answers the question."""
    parent = a if rng.integers(2) else b
    return parent if name in parent else None


def _number(answer: Answer) -> int:
    # A check for the type checker: all answers but kinds are numbers.
    assert isinstance(answer, int)
    return answer
