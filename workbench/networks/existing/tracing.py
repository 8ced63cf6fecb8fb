"""Following a batch through any torch module: its layers, their shapes, and which of them share their width."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import networkx as nx
import torch
from torch import fx, nn
from torch.nn.modules.conv import _ConvNd

from workbench.errors import InvalidInput
from workbench.networks.existing.widths import Shape, Width, Widths, described
from workbench.networks.preserved import preserved, seeded

INPUT, OUTPUT = "in", "out"


@dataclass(frozen=True)
class Layer:
    """A layer that ran: its name in the model, its type and the shapes it mapped, batch axis first."""

    name: str
    kind: str
    inputs: Shape
    outputs: Shape


@dataclass(frozen=True)
class Trace:
    """A model followed with one batch: layers in the order they ran, how they are connected, who shares which width.

    `graph` has a node for every layer and every joining operation, with `layer` or `op`, between "in" and "out".
    `widths` maps a layer's name to the width of its output; None where the route did not find any out.
    """

    layers: dict[str, Layer]
    graph: nx.DiGraph
    widths: dict[str, Width] | None


def hooked(model: nn.Module, example: torch.Tensor) -> Trace:
    """The leaf layers of `model` in the order they run on `example`, found by hooks: works for every module."""
    layers: dict[str, Layer] = {}

    def watch(name: str) -> Callable[..., None]:
        def note(module: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
            if inputs and isinstance(inputs[0], torch.Tensor) and isinstance(output, torch.Tensor):
                shapes = tuple(inputs[0].shape), tuple(output.shape)
                layers.setdefault(name, Layer(name, type(module).__name__, *shapes))

        return note

    handles = [m.register_forward_hook(watch(name)) for name, m in model.named_modules() if name]
    try:
        forward(model, example)
    finally:
        for handle in handles:
            handle.remove()
    graph = nx.DiGraph()
    ran = [name for name in layers if not any(True for _ in model.get_submodule(name).children())]
    nx.add_path(graph, [INPUT, *ran, OUTPUT])
    for name in ran:
        graph.nodes[name]["layer"] = name
    return Trace(layers, graph, None)


def forward(model: nn.Module, example: torch.Tensor) -> Any:
    """What `model` makes of `example`, without gradients; the model and the global generators are left as they were."""
    with preserved(model), seeded(0, example.device), torch.no_grad():
        model.eval()
        try:
            return model(example)
        except (RuntimeError, ValueError, TypeError, IndexError, AttributeError) as error:
            raise InvalidInput(
                f"The model cannot run on the example of shape {tuple(example.shape)} and type {example.dtype}: "
                f"{error}. Give an example= batch that it takes."
            ) from error


def traced(model: nn.Module, example: torch.Tensor) -> Trace:
    """The model followed symbolically (torch.fx): its layers, their graph, and their widths.

    Raises `InvalidInput` for a module that cannot be traced, with the part that is in the way.
    """
    layers = hooked(model, example).layers
    module = _symbolic(model)
    shapes = _shapes(module, model, example)
    widths = Widths(model, shapes)
    for node in module.graph.nodes:
        widths.visit(node)
    return Trace(layers, _graph(module.graph), widths.of_layers)


# -- torch.fx --------------------------------------------------------------------------------------------------


class _Tracer(fx.Tracer):
    """Leaves torch's own layers whole, and looks into everything else."""

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        """Whether a module is a layer rather than something made of layers."""
        return super().is_leaf_module(m, module_qualified_name) or not any(True for _ in m.children())


# torch.fx writes the names of modules into source code: one such as "def" or with a quote in it is a SyntaxError there.
_UNTRACEABLE = (
    fx.proxy.TraceError, TypeError, ValueError, RuntimeError, AttributeError, NameError, IndexError, SyntaxError,
)  # fmt: skip


def _symbolic(model: nn.Module) -> fx.GraphModule:
    try:
        return fx.GraphModule(model, _Tracer().trace(model))
    except _UNTRACEABLE as error:
        part, why = _culprit(model, error)
        where = f"its part {part!r} ({type(model.get_submodule(part)).__name__})" if part else "its own forward"
        raise InvalidInput(
            f"The {type(model).__name__} cannot be traced: {where} is in the way: {why}. "
            'Give route="hooks", which follows a batch instead of the code, or choose layers inside the other parts.'
        ) from error


def _culprit(model: nn.Module, error: Exception) -> tuple[str, str]:
    """The deepest part that cannot be traced by itself, and why."""
    for name, child in model.named_children():
        if any(True for _ in child.children()):
            try:
                _Tracer().trace(child)
            except _UNTRACEABLE as inner:
                part, why = _culprit(child, inner)
                return f"{name}.{part}" if part else name, why
    return "", " ".join(str(error).split())


def _shapes(module: fx.GraphModule, model: nn.Module, example: torch.Tensor) -> dict[fx.Node, Shape]:
    """The shape of every tensor in the graph."""
    found: dict[fx.Node, Shape] = {}

    class Watcher(fx.Interpreter):
        def run_node(self, n: fx.Node) -> Any:
            result = super().run_node(n)
            if isinstance(result, torch.Tensor):
                found[n] = tuple(result.shape)
            return result

    with preserved(model), seeded(0, example.device), torch.no_grad():
        model.eval()
        Watcher(module).run(example)
    return found


def _graph(traced: fx.Graph) -> nx.DiGraph:
    """Layers and joining operations as nodes; what only passes a tensor on is an edge."""
    graph = nx.DiGraph()
    graph.add_node(INPUT)
    shown: dict[fx.Node, list[str]] = {}
    for node in traced.nodes:
        sources = list(dict.fromkeys(name for before in node.all_input_nodes for name in shown.get(before, [])))
        if node.op == "placeholder":
            shown[node] = [INPUT]
        elif node.op == "output":
            graph.add_node(OUTPUT)
            graph.add_edges_from((name, OUTPUT) for name in sources)
        elif node.op == "call_module" or len(sources) > 1:
            name = _fresh(str(node.target) if node.op == "call_module" else node.name, graph)
            what = {"layer": str(node.target)} if node.op == "call_module" else {"op": described(node)}
            graph.add_node(name, **what)
            graph.add_edges_from((source, name) for source in sources)
            shown[node] = [name]
        else:
            shown[node] = sources
    return graph


def _fresh(name: str, graph: nx.DiGraph) -> str:
    """The name, or for a layer that runs again, the name with its number."""
    number = 2
    fresh = name
    while fresh in graph:
        fresh, number = f"{name}@{number}", number + 1
    return fresh


def drawn(trace: Trace, model: nn.Module, asked: set[str]) -> nx.DiGraph:
    """The trace as a graph to draw: the layers `asked` about, others with weights, and what joins them.

    A part that is asked about as a whole is one node, unless layers inside it are asked about too.
    """
    graph = trace.graph.copy()
    whole = {name for name in asked if name not in graph and not any(a.startswith(name + ".") for a in asked)}
    for name in whole:
        _merge(graph, name)
    for node in list(graph):
        if not _is_shown(graph.nodes[node], model, asked):
            graph.add_edges_from((a, b) for a in graph.predecessors(node) for b in graph.successors(node))
            graph.remove_node(node)
    for node, data in graph.nodes(data=True):
        if node in (INPUT, OUTPUT):
            data.update(label=node, role="input" if node == INPUT else "output")
        else:
            layer = data.get("layer")
            label = _label(model.get_submodule(layer)) if layer else data.pop("op")
            data.update(label=label, role="op" if layer else "state")
    return graph


def _merge(graph: nx.DiGraph, part: str) -> None:
    """Make one node of all layers inside `part`."""
    inside = [n for n, d in graph.nodes(data=True) if str(d.get("layer", "")).startswith(part + ".")]
    # What only joins tensors inside the part belongs to it too.
    reached = set(inside).union(*(nx.descendants(graph, n) for n in inside)) if inside else set()
    reaching = set(inside).union(*(nx.ancestors(graph, n) for n in inside)) if inside else set()
    members = set(inside) | {n for n in reached & reaching if "layer" not in graph.nodes[n]}
    before = {a for n in members for a in graph.predecessors(n)} - members
    after = {b for n in members for b in graph.successors(n)} - members
    graph.remove_nodes_from(members)
    graph.add_node(part, layer=part)
    graph.add_edges_from([(a, part) for a in before] + [(part, b) for b in after])


def _is_shown(data: dict[str, Any], model: nn.Module, asked: set[str]) -> bool:
    layer = data.get("layer")
    if layer is None or layer in asked:
        return True
    return isinstance(model.get_submodule(layer), _ConvNd | nn.Linear | nn.Embedding)


def _label(layer: nn.Module) -> str:
    kind = type(layer).__name__.lower()
    if isinstance(layer, _ConvNd):
        return f"conv{layer.kernel_size[0]}x{layer.kernel_size[-1]}"
    return kind
