"""The multilayer perceptron of a chain of fully connected layers."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

import torch
from torch import nn

from workbench.errors import InvalidInput, nearest

if TYPE_CHECKING:
    import networkx as nx

ACTIVATIONS: dict[str, type[nn.Module]] = {"relu": nn.ReLU, "tanh": nn.Tanh}


class MLP(nn.Module):
    """Linear layers with activation and dropout, one for each operation of the chain `graph`, then a linear output.

    Operations carry `units`, `activation` ("relu" or "tanh") and `dropout`. Input (n, C, H, W) of the given `shape`
    (C, H, W), which is flattened; output (n, `n_classes`).
    """

    def __init__(self, graph: nx.DiGraph, shape: tuple[int, int, int], n_classes: int) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Flatten()]
        width = prod(shape)
        for node, data in graph.nodes(data=True):
            if data.get("op") is not None:
                layers += _layer(str(node), width, data["units"], data["activation"], data["dropout"])
                width = data["units"]
        self.hidden = nn.Sequential(*layers)
        self.classifier = nn.Linear(width, n_classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits (n, n_classes) of images (n, C, H, W)."""
        logits: torch.Tensor = self.classifier(self.hidden(x))
        return logits


def _layer(node: str, width: int, units: int, activation: str, dropout: float) -> list[nn.Module]:
    if activation not in ACTIVATIONS:
        raise InvalidInput(f"Layer {node} has no activation named {activation!r}. {nearest(activation, ACTIVATIONS)}")
    layers = [nn.Linear(width, units), ACTIVATIONS[activation]()]
    return [*layers, nn.Dropout(dropout)] if dropout else layers
