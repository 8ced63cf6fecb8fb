"""The elastic multilayer perceptron: hidden layers whose number, width, activation and dropout gates decide."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import NamedTuple

import torch
from torch import nn

from workbench.networks.elastic.gates import Gates, Size
from workbench.networks.elastic.layers import ElasticLinear
from workbench.networks.elastic.mixed import MixedOp
from workbench.networks.elastic.module import ElasticModule, run
from workbench.networks.elastic.network import ElasticNetwork, Options
from workbench.networks.elastic.stack import ElasticStack
from workbench.networks.mlp import ACTIVATIONS


class HiddenLayer(NamedTuple):
    """The questions about a hidden layer; without one it has ReLU, or no dropout."""

    units: str
    activation: str | None = None
    dropout: str | None = None


class Network(ElasticNetwork):
    """`networks.mlp` of elastic `layers`, of which the first "depth" run where that is asked, and else all.

    Gates that are about the recipe are read by nothing. Input (n, C, H, W) of the given `shape` (C, H, W), which is
    flattened; output (n, `n_classes`).
    """

    def __init__(
        self, options: Options, shape: tuple[int, int, int], n_classes: int, *, layers: Sequence[HiddenLayer]
    ) -> None:
        super().__init__(options)
        depth = self.size("depth") if "depth" in self.options else Size.of(len(layers))
        c_in = Size.of(prod(shape))
        hidden = []
        for layer in layers[: depth.largest]:
            units = self.size(layer.units)
            hidden.append(Hidden(c_in, units, self._choice(layer.activation), self._dropout(layer.dropout)))
            c_in = units
        self.hidden = ElasticStack(depth, hidden)
        self.classifier = ElasticLinear(c_in, n_classes)

    def features(self, x: torch.Tensor, gates: Gates) -> list[torch.Tensor]:
        """The outputs of the hidden layers, (n, units)."""
        return self.hidden.outputs(x.flatten(1), gates)

    def classified(self, features: torch.Tensor, gates: Gates) -> torch.Tensor:
        """The linear output."""
        logits: torch.Tensor = self.classifier(features, gates)
        return logits

    def _choice(self, question: str | None) -> nn.Module:
        if question is None:
            return nn.ReLU()
        return MixedOp(question, {str(name): ACTIVATIONS[str(name)]() for name in self.options[question]})

    def _dropout(self, question: str | None) -> nn.Module:
        if question is None:
            return nn.Identity()
        shares = {f"{100 * share:g}%".replace(".", ","): float(share) for share in self.options[question]}
        return MixedOp(
            question, {name: nn.Dropout(share) if share else nn.Identity() for name, share in shares.items()}
        )


class Hidden(ElasticModule):
    """A linear layer, its activation, its dropout."""

    def __init__(self, n_in: Size, n_out: Size, activation: nn.Module, dropout: nn.Module) -> None:
        super().__init__()
        self.linear = ElasticLinear(n_in, n_out)
        self.activation, self.dropout = activation, dropout

    def forward(self, x: torch.Tensor, gates: Gates) -> torch.Tensor:
        """(n, in) to (n, out)."""
        return run(self.dropout, run(self.activation, self.linear(x, gates), gates), gates)
