"""NATS-Bench's size search space: the widths of five layers (Dong, Liu, Musial & Gabrys, IEEE TPAMI 2021)."""

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

WIDTHS = (8, 16, 24, 32, 40, 48, 56, 64)
_WIDTH = "|".join(map(str, WIDTHS))
_OFFICIAL = re.compile(rf"(?:{_WIDTH})(?::(?:{_WIDTH})){{4}}")


class NATSBenchSize(Widths):
    """The 32,768 networks of NATS-Bench that differ in the widths of three cells and two reductions."""

    name = "natsbench_sss"
    layers = tuple(
        Layer(name, label, WIDTHS)
        for name, label in (
            ("cell1", "cell"),
            ("reduction1", "reduction"),
            ("cell2", "cell"),
            ("reduction2", "reduction"),
            ("cell3", "cell"),
        )
    )

    def network(self, graph: nx.DiGraph, task: Task) -> torch.nn.Module:
        """The official network: the same cell in three stages, with residual reduction blocks between them."""
        from workbench.networks.natsbench_sss import Network

        return Network(widths_of(graph), task.shape, task.n_classes)

    def count(self, widths: list[int], task: Task) -> Counts:
        """Parameters and multiply-adds; the benchmark's FLOPs are as many and one for every class."""
        from workbench.networks.natsbench_sss_counts import counts

        return counts(widths, task.shape, task.n_classes)

    def parse(self, text: str) -> Architecture:
        """The architecture of an official string such as "64:64:64:64:64", the five widths."""
        if not (isinstance(text, str) and _OFFICIAL.fullmatch(text)):
            known = ", ".join(map(str, WIDTHS))
            expected = f"a string of 5 widths of {known}, separated by colons, such as '64:64:64:64:64'"
            raise no_architecture(text, self.name, expected)
        widths = map(int, text.split(":"))
        return Architecture(self, {layer.question: width for layer, width in zip(self.layers, widths, strict=True)})

    def format(self, arch: Architecture) -> str:
        """The official string."""
        return ":".join(map(str, self.widths(self._own(arch))))
