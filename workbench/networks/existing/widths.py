"""Which layers of a traced network share a number of channels, so that one cannot change without the others."""

from __future__ import annotations

import operator
from dataclasses import dataclass, field
from math import prod

import torch
from torch import fx, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.conv import _ConvNd

from workbench.errors import InvalidInput

Shape = tuple[int, ...]


@dataclass
class Width:
    """One number of channels: the layers that make it, follow it and read it.

    `consumers` maps a layer to how many of its inputs stand for one channel. `why_fixed` says why the number cannot be
    changed, and is empty where it can.
    """

    producers: list[str] = field(default_factory=list)
    followers: list[str] = field(default_factory=list)
    consumers: dict[str, int] = field(default_factory=dict)
    why_fixed: str = ""

    def join(self, other: Width) -> None:
        """Take over everything that `other` has: they are one number."""
        self.producers += [name for name in other.producers if name not in self.producers]
        self.followers += [name for name in other.followers if name not in self.followers]
        self.consumers |= other.consumers
        self.why_fixed = self.why_fixed or other.why_fixed


def described(node: fx.Node) -> str:
    """What a node of the graph does, in a word: "add", "matmul", the name of a layer."""
    target = node.target
    return str(target) if isinstance(target, str) else getattr(target, "__name__", str(target)).strip("_")


_FOLLOWERS = (_BatchNorm, nn.LayerNorm, nn.GroupNorm)
_JOINS = {operator.add, operator.iadd, operator.mul, operator.imul, operator.sub, torch.add, torch.mul, torch.sub}
_JOINING_METHODS = {"add", "add_", "mul", "mul_", "sub", "sub_"}
_FLATTENING = {torch.flatten, torch.reshape, "flatten", "view", "reshape"}
# Other functions keep channels apart exactly if they are known to work on each value or on each channel.
_CHANNELWISE = {"relu", "gelu", "silu", "hardswish", "sigmoid", "hardsigmoid", "tanh", "dropout", "leaky_relu", "elu"}
_CHANNELWISE |= {"relu_", "relu6", "max_pool2d", "avg_pool2d", "adaptive_avg_pool2d", "contiguous", "mean", "clone"}


class _Channels:
    """Where the channels of a tensor are: their width, their axis, and how many values each has on it."""

    def __init__(self, width: Width, axis: int, repeat: int = 1) -> None:
        self.width, self.axis, self.repeat = width, axis, repeat


class Widths:
    """Walks a traced graph in its order and finds out which layers share a number of channels."""

    def __init__(self, model: nn.Module, shapes: dict[fx.Node, Shape]) -> None:
        self._model = model
        self._shapes = shapes
        self._channels: dict[fx.Node, _Channels] = {}
        self.of_layers: dict[str, Width] = {}

    def visit(self, node: fx.Node) -> None:
        """Note what `node` does to the widths of the tensors it reads."""
        if node not in self._shapes and node.op != "output":
            return
        tensors = [before for before in node.all_input_nodes if before in self._channels]
        if node.op == "placeholder":
            self._set(node, Width(why_fixed="it is the model's input"))
        elif node.op == "output":
            for before in tensors:
                self._fix(before, "it is the model's output")
        elif node.op == "call_module":
            self._layer(node, tensors)
        elif self._joins(node) and len(tensors) > 1:
            self._join(node, tensors)
        elif self._passes(node) and len(tensors) == 1:
            self._pass_on(node, tensors[0])
        else:
            self._opaque(node, tensors)

    def _layer(self, node: fx.Node, tensors: list[fx.Node]) -> None:
        name = str(node.target)
        layer = self._model.get_submodule(name)
        source = self._channels[tensors[0]] if len(tensors) == 1 else None
        if source is None or not self._reads_channels(layer, tensors, source):
            return self._opaque(node, tensors)
        if isinstance(layer, _ConvNd | nn.Linear):
            return self._weighted(node, name, layer, source)
        if isinstance(layer, _FOLLOWERS) or (isinstance(layer, nn.PReLU) and layer.num_parameters > 1):
            source.width.followers.append(name)
        elif any(True for _ in layer.parameters()):
            return self._opaque(node, tensors)
        self._pass_on(node, tensors[0])
        self.of_layers.setdefault(name, self._channels[node].width)

    def _reads_channels(self, layer: nn.Module, tensors: list[fx.Node], source: _Channels) -> bool:
        """Whether the axis that a layer with weights works on is the one that the channels are on."""
        last = len(self._shapes[tensors[0]]) - 1
        if isinstance(layer, nn.Linear | nn.LayerNorm):
            return source.axis == last
        return source.axis == 1 or not any(True for _ in layer.parameters())

    def _weighted(self, node: fx.Node, name: str, layer: nn.Module, source: _Channels) -> None:
        if isinstance(layer, _ConvNd) and layer.groups > 1:
            if not layer.groups == layer.in_channels == layer.out_channels:
                return self._opaque(node, [node.all_input_nodes[0]])
            source.width.followers.append(name)
            self._channels[node] = _Channels(source.width, source.axis)
            self.of_layers[name] = source.width
            return
        source.width.consumers[name] = source.repeat
        known = self.of_layers.get(name)
        width = known or Width(producers=[name])
        self.of_layers[name] = width
        axis = 1 if isinstance(layer, _ConvNd) else len(self._shapes[node]) - 1
        self._channels[node] = _Channels(width, axis)

    def _join(self, node: fx.Node, tensors: list[fx.Node]) -> None:
        """Tensors that are added or multiplied have as many channels as each other, or one for all."""
        axis = self._channels[tensors[0]].axis
        counts = {self._shapes[t][axis] if len(self._shapes[t]) > axis else 0 for t in tensors}
        alike = len(counts) == 1 and all(self._channels[t].axis == axis for t in tensors)
        if not alike or any(self._channels[t].repeat > 1 for t in tensors):
            return self._opaque(node, tensors)
        first = self._channels[tensors[0]].width
        for other in tensors[1:]:
            self._unite(first, self._channels[other].width)
        self._channels[node] = _Channels(first, axis)

    def _unite(self, width: Width, other: Width) -> None:
        if width is other:
            return
        width.join(other)
        for channels in self._channels.values():
            if channels.width is other:
                channels.width = width
        self.of_layers = {name: width if w is other else w for name, w in self.of_layers.items()}

    def _pass_on(self, node: fx.Node, before: fx.Node) -> None:
        channels, old, new = self._channels[before], self._shapes[before], self._shapes[node]
        axis, repeat = channels.axis, channels.repeat
        kept = len(new) > axis and new[axis] == old[axis]
        flattened = axis == 1 and len(new) == 2 and new[1] == prod(old[1:])
        if not kept and not flattened:
            return self._opaque(node, [before])
        self._channels[node] = _Channels(channels.width, axis, repeat if kept else repeat * prod(old[2:]))

    def _opaque(self, node: fx.Node, tensors: list[fx.Node]) -> None:
        for before in tensors:
            self._fix(before, f"it goes into {described(node)!r}, which may tie it to something else")
        self._set(node, Width(why_fixed=f"it comes from {described(node)!r}, which may tie it to something else"))
        if node.op == "call_module":
            self.of_layers.setdefault(str(node.target), self._channels[node].width)

    def _fix(self, node: fx.Node, why: str) -> None:
        width = self._channels[node].width
        width.why_fixed = width.why_fixed or why

    def _set(self, node: fx.Node, width: Width) -> None:
        shape = self._shapes.get(node, ())
        self._channels[node] = _Channels(width, 1 if len(shape) == 4 else len(shape) - 1)

    @staticmethod
    def _joins(node: fx.Node) -> bool:
        return node.target in _JOINS or (node.op == "call_method" and node.target in _JOINING_METHODS)

    @staticmethod
    def _passes(node: fx.Node) -> bool:
        return node.target in _FLATTENING or described(node) in _CHANNELWISE or Widths._joins(node)


def named_width(model: nn.Module, layer: str, readers: list[str]) -> Width:
    """The width of a layer whose readers are known by name; readers without weights of two sizes follow it."""
    width = Width(producers=[layer])
    channels = _outputs(model.get_submodule(layer), layer)
    for name in readers:
        reader = model.get_submodule(name)
        inputs = reader.in_features if isinstance(reader, nn.Linear) else getattr(reader, "in_channels", None)
        if inputs is None or (isinstance(reader, _ConvNd) and reader.groups > 1):
            width.followers.append(name)
        elif int(inputs) % channels:
            raise InvalidInput(
                f"{name!r} reads {inputs} channels, not a multiple of the {channels} that {layer!r} makes."
            )
        else:
            width.consumers[name] = int(inputs) // channels
    return width


def _outputs(layer: nn.Module, name: str) -> int:
    if isinstance(layer, nn.Linear):
        return layer.out_features
    if isinstance(layer, _ConvNd):
        return layer.out_channels
    raise InvalidInput(f"{name!r} is a {type(layer).__name__}: only convolutions and linear layers have a width.")
