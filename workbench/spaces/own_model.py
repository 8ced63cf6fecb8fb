"""A search space made of a torch module: the user's own model, and what some of its layers may become."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Literal

import networkx as nx

from workbench.architecture import Architecture
from workbench.errors import InvalidInput, UnknownName
from workbench.spaces.choices import Answer, Choices
from workbench.spaces.space import SearchSpace

if TYPE_CHECKING:
    import torch

    from workbench.networks.counts import Counts
    from workbench.networks.existing.changes import Change
    from workbench.networks.existing.tracing import Trace
    from workbench.networks.existing.widths import Width
    from workbench.tasks.task import Task

KINDS = ("kernel", "width", "skip", "replace", "into")
Route = Literal["trace", "hooks"]


def space_from_module(
    model: torch.nn.Module,
    choices: Mapping[str, Mapping[str, Any]],
    example: torch.Tensor | None = None,
    *,
    name: str = "",
    route: Route = "trace",
) -> ModuleSpace:
    """The search space of `model`, each named layer of which may become what `choices` says.

    `choices` maps layer names, or patterns such as "layer2.*.conv1", to the changes allowed:

    - `"kernel": [3, 5, 7]`, for convolutions; outputs keep their size;
    - `"width": [16, 32]` channels out, or shares of what there is, `[0.5, 1.0]`; everything that reads the layer
      follows, and layers whose outputs are added are one question. With `route="hooks"` the readers cannot be found
      out and are named: `"into": ["encoder.1"]`;
    - `"skip": True`, where the layer's output has its input's shape: the layer may be left out;
    - `"replace": {"gelu": nn.GELU}`: other modules in its place: a module, its class, or a function of the old layer;
      `["GELU", "SiLU"]` names classes of torch.nn.

    `example` is a batch the model takes (by default one image of 3 x 32 x 32); `name` names the space. Every answer is
    tried once, and every width beside what is skipped or replaced, so that what cannot be built is refused now.
    Weights of the model are kept where shapes allow; the model itself is never changed. `route="trace"` reads the
    model's code (torch.fx), `"hooks"` follows a batch.

    Raises `UnknownName` for a layer or a change that there is not, and `InvalidInput` for one that cannot be, for a
    width that something else fixes, and for a model that cannot be traced, with the part that is in the way.
    """
    import torch

    from workbench.networks.existing.tracing import hooked, traced

    if not isinstance(model, torch.nn.Module):
        raise InvalidInput(f"A space is made from a torch module; got {model!r}.")
    if route not in ("trace", "hooks"):
        raise UnknownName.of("route", route, ("trace", "hooks"))
    batch = torch.zeros(1, 3, 32, 32) if example is None else example
    trace = (traced if route == "trace" else hooked)(model, batch)
    return ModuleSpace(model, batch, trace, changes_of(model, trace, choices), name or type(model).__name__)


class ModuleSpace(SearchSpace):
    """The variants of one torch module; made by `space_from_module`.

    Architectures are built from the module itself: a task does not change them, it only says what to run them on.
    """

    flat = True

    def __init__(
        self, model: torch.nn.Module, example: torch.Tensor, trace: Trace, changes: Sequence[Change], name: str
    ) -> None:
        self.name = name
        self.model = model
        self.example = example
        self._trace = trace
        self._changes = {change.question: change for change in changes}
        self._try_each()

    def suggest(self, choices: Choices) -> nx.DiGraph:
        """One question for every layer and kind of change."""
        return self._drawn(
            {name: choices.suggest_categorical(name, change.answers) for name, change in self._changes.items()}
        )

    def network(self, graph: nx.DiGraph, task: Task | None = None) -> torch.nn.Module:
        """A copy of the model, changed as the graph says."""
        model = copy.deepcopy(self.model)
        for question, answer in graph.graph["answers"].items():
            self._changes[question].carry_out(model, answer)
        return model

    def canonical(self, arch: Architecture, rule: str = "isomorphic") -> str:
        """The architecture's own string: layers have their own weights, so that no two variants are the same.

        Under "functional" what is answered about a part that is left out does not count.
        """
        self._check_rule(rule)
        answers = self._own(arch).decisions
        if rule == "functional":
            changes = self._changes.values()
            gone = [change.layer for change in changes if change.kind == "skip" and answers[change.question]]
            answers = {q: answer for q, answer in answers.items() if not self._changes[q].is_within(gone)}
        return json.dumps(dict(answers))

    @property
    def counted_by_formula(self) -> bool:
        """Never: the network is run."""
        return False

    def counts(self, arch: Architecture, task: str | Task | None = None, live: bool = False) -> Counts:
        """Parameters and multiply-adds for one input like the example, or for one of `task` where it is given."""
        from workbench.networks.counting import count_module
        from workbench.tasks import task as find_task

        network = self.network(self.graph(self._own(arch)))
        shape = tuple(self.example.shape[1:])
        if task is not None and tuple(find_task(task).shape) != shape:
            return count_module(network, find_task(task).shape)
        return count_module(network, shape, self.example.dtype)

    def original(self) -> Architecture:
        """The model as it was given; raises `InvalidInput` where its own sizes are not among the answers."""
        return self.architecture({question: change.unchanged for question, change in self._changes.items()})

    def _drawn(self, answers: Mapping[str, Answer]) -> nx.DiGraph:
        from workbench.networks.existing.tracing import drawn

        asked: dict[str, list[Change]] = {}
        for change in self._changes.values():
            asked.setdefault(change.layer, []).append(change)
        graph = drawn(self._trace, self.model, set(asked))
        graph.graph["answers"] = dict(answers)
        for _, data in graph.nodes(data=True):
            changes = asked.get(data.get("layer", ""), [])
            if changes:
                words = [change.words(answers[change.question]) for change in changes]  # type: ignore[arg-type]
                data["questions"] = tuple(change.question for change in changes)
                kind = re.sub(r"\dx\d$", "", data["label"])  # the kernel is among the words where it is asked about
                data["op"] = "skip" if "skip" in words else "_".join(filter(None, [kind, *words]))
        return graph

    def _try_each(self) -> None:
        """Build and run every answer beside the model's own: what does not fit is refused with its layer."""
        from workbench.networks.existing.tracing import forward

        for question, change in self._changes.items():
            for answer in change.answers:
                model = copy.deepcopy(self.model)
                try:
                    change.carry_out(model, answer)
                    forward(model, self.example)
                except InvalidInput as error:
                    raise InvalidInput(f"{question!r} cannot be {answer!r}: {error}") from error
        for pair in _meeting(self._changes.values()):
            model = copy.deepcopy(self.model)
            try:
                for change, answer in pair:
                    change.carry_out(model, answer)
                forward(model, self.example)
            except InvalidInput as error:
                words = " with ".join(f"{change.question!r} = {answer!r}" for change, answer in pair)
                raise InvalidInput(f"{words} makes no network; leave one of the two questions out: {error}") from error


def _meeting(changes: Iterable[Change]) -> Iterator[tuple[tuple[Change, Any], tuple[Change, Any]]]:
    """Each width but the model's own beside each other module, or none, in a layer's place: these two can clash."""
    every = list(changes)
    for width in (change for change in every if change.kind == "width"):
        narrow = next((answer for answer in width.answers if answer != width.unchanged), None)
        for other in (change for change in every if change.kind in ("skip", "replace")):
            if narrow is not None:
                yield from (((width, narrow), (other, a)) for a in other.answers if a != other.unchanged)


def changes_of(model: torch.nn.Module, trace: Trace, choices: Mapping[str, Mapping[str, Any]]) -> list[Change]:
    """The changes that `choices` allows, see `space_from_module`; none of them is tried."""
    from workbench.networks.existing.changes import ORDER

    if not isinstance(choices, Mapping) or not choices:
        raise InvalidInput(
            f"choices= maps layers to what they may become, as in {{'conv1': {{'kernel': [3, 5]}}}}; got {choices!r}."
        )
    found: dict[str, Change] = {}
    widths: list[Width] = []
    for pattern, wanted in choices.items():
        if not isinstance(wanted, Mapping):
            raise InvalidInput(
                f"What {pattern!r} may become is a mapping such as {{'kernel': [3, 5]}}; got {wanted!r}."
            )
        for kind in wanted:
            if kind not in KINDS:
                raise UnknownName.of(f"change of layer {pattern}", kind, KINDS)
        for layer in _matching(trace, pattern):
            for change in _changes_of(model, trace, layer, wanted, widths):
                if change.question in found:
                    raise InvalidInput(f"{change.question!r} is asked by more than one entry of choices=.")
                found[change.question] = change
    return sorted(found.values(), key=lambda change: ORDER.index(change.kind))


def _matching(trace: Trace, pattern: str) -> list[str]:
    layers = [name for name in trace.layers if _matches(name, pattern)]
    if not layers:
        raise UnknownName.of("layer that runs in the model", pattern, trace.layers)
    return layers


def _matches(name: str, pattern: str) -> bool:
    """Whether a layer's name fits the pattern, part by part: a "*" stands for one part, or for some of its letters."""
    parts, patterns = name.split("."), str(pattern).split(".")
    return len(parts) == len(patterns) and all(map(fnmatchcase, parts, patterns))


def _changes_of(
    model: torch.nn.Module, trace: Trace, layer: str, wanted: Mapping[str, Any], widths: list[Width]
) -> list[Change]:
    from workbench.networks.existing.changes import KernelChange, Replacement, Skip, WidthChange

    changes: list[Change] = []
    if "width" in wanted:
        width = _width(model, trace, layer, wanted.get("into"))
        if not any(width is known for known in widths):  # layers that share a width are asked about once
            widths.append(width)
            changes.append(WidthChange(model, layer, wanted["width"], width))
    if "kernel" in wanted:
        changes.append(KernelChange(model, layer, wanted["kernel"]))
    if "replace" in wanted:
        changes.append(Replacement(layer, wanted["replace"]))
    if wanted.get("skip"):
        changes.append(Skip(layer, trace))
    return changes


def _width(model: torch.nn.Module, trace: Trace, layer: str, into: Sequence[str] | None) -> Width:
    from workbench.networks.existing.widths import named_width

    if trace.widths is None or into is not None:
        if not into:
            raise InvalidInput(
                f'The width of {layer!r} needs the layers that read it: with route="hooks" give "into": [names].'
            )
        for name in into:
            if name not in trace.layers:
                raise UnknownName.of("layer that runs in the model", name, trace.layers)
        return named_width(model, layer, list(into))
    width = trace.widths.get(layer)
    if width is None or not width.producers:
        raise InvalidInput(f"The width of {layer!r} cannot be chosen: it is not a layer that makes channels.")
    if width.why_fixed:
        raise InvalidInput(f"The width of {layer!r} cannot be chosen: {width.why_fixed}.")
    return width
