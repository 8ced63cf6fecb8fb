"""Channel-Bench-Macro: the widths of a ResNet and of a MobileNet, seven each (Su et al., 2021, BCNet)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import networkx as nx

from workbench.architecture import Architecture
from workbench.spaces.chains import Layer, Widths, no_architecture, widths_of

if TYPE_CHECKING:
    import torch

    from workbench.networks.counts import Counts
    from workbench.tasks.task import Task

_OFFICIAL = re.compile(r"[1-4]{7}")


def quarters(question: str, label: str, full: int) -> Layer:
    """A layer that may be a quarter, half, three quarters or all of its `full` width."""
    return Layer(question, label, (full // 4, full // 2, full * 3 // 4, full))


class ChannelBench(Widths):
    """Seven layers, each at one to four quarters of its full width: 16,384 networks."""

    def parse(self, text: str) -> Architecture:
        """The architecture of an official string such as "4344424": how many quarters each layer has."""
        if not (isinstance(text, str) and _OFFICIAL.fullmatch(text)):
            expected = f"a string of {len(self.layers)} digits from 1 to 4, quarters of the width, such as '4344424'"
            raise no_architecture(text, self.name, expected)
        digits = zip(self.layers, text, strict=True)
        return Architecture(self, {layer.question: layer.widths[int(digit) - 1] for layer, digit in digits})

    def format(self, arch: Architecture) -> str:
        """The official string."""
        widths = zip(self.layers, self.widths(self._own(arch)), strict=True)
        return "".join(str(layer.widths.index(width) + 1) for layer, width in widths)


class ChannelBenchResNet(ChannelBench):
    """The ResNet's widths: what the stem and blocks 1 and 2 put out, what 3 to 5 do, and one inside each block."""

    name = "channel_bench_resnet"
    layers = (
        quarters("stem", "stem", 256),
        quarters("block1", "inside block 1", 256),
        quarters("block2", "inside block 2", 256),
        quarters("block3", "inside block 3", 512),
        quarters("block3.out", "out of block 3", 512),
        quarters("block4", "inside block 4", 512),
        quarters("block5", "inside block 5", 512),
    )

    def network(self, graph: nx.DiGraph, task: Task) -> torch.nn.Module:
        """The official ResNet of these widths."""
        from workbench.networks.channel_bench import ResNet

        return ResNet(widths_of(graph), task.shape, task.n_classes)

    def count(self, widths: list[int], task: Task) -> Counts:
        """Parameters and multiply-adds: on CIFAR-10 the published ones."""
        from workbench.networks.channel_bench_counts import resnet_counts

        return resnet_counts(widths, task.shape, task.n_classes)


class ChannelBenchMobileNet(ChannelBench):
    """The MobileNet's widths: what the stem and blocks 1 and 2 put out, what 3 and 4 do, one inside each, the head."""

    name = "channel_bench_mobilenet"
    layers = (
        quarters("stem", "stem", 128),
        quarters("block1", "inside block 1", 768),
        quarters("block2", "inside block 2", 768),
        quarters("block3", "inside block 3", 768),
        quarters("block3.out", "out of block 3", 256),
        quarters("block4", "inside block 4", 1536),
        quarters("head", "head", 1024),
    )

    def network(self, graph: nx.DiGraph, task: Task) -> torch.nn.Module:
        """The official MobileNet of these widths."""
        from workbench.networks.channel_bench import MobileNet

        return MobileNet(widths_of(graph), task.shape, task.n_classes)

    def count(self, widths: list[int], task: Task) -> Counts:
        """Parameters and multiply-adds: on CIFAR-10 the published ones."""
        from workbench.networks.channel_bench_counts import mobilenet_counts

        return mobilenet_counts(widths, task.shape, task.n_classes)
