"""HPOBench's multilayer perceptron: depth, width and recipe (Eggensperger et al., NeurIPS 2021 D&B)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import networkx as nx

from workbench.spaces.choices import Answer, Choices
from workbench.spaces.trained import Configurations, suggest_recipe

if TYPE_CHECKING:
    import torch

    from workbench.networks.elastic.network import ElasticNetwork
    from workbench.tasks.task import Task

DEPTHS = (1, 2, 3)
WIDTHS = (16, 25, 40, 64, 101, 161, 256, 406, 645, 1024)
# The benchmark's grids are even on a logarithmic scale and rounded as its tables round them.
RECIPE = {
    "alpha": (
        1e-08, 7.742637e-08, 5.994842e-07, 4.641589e-06, 3.5938137e-05,
        0.00027825593, 0.0021544348, 0.016681006, 0.12915497, 1.0,
    ),
    "batch_size": (4, 6, 10, 16, 25, 40, 64, 101, 161, 256),
    "learning_rate_init": (
        1e-05, 3.5938137e-05, 0.00012915497, 0.0004641589, 0.0016681006,
        0.0059948424, 0.021544347, 0.07742637, 0.27825594, 1.0,
    ),
}  # fmt: skip


class HPOBenchMLP(Configurations):
    """HPOBench's 30,000 configurations of scikit-learn's `MLPClassifier`: 30 networks, each with 1,000 recipes.

    `alpha` is the L2 penalty; learning rates are Adam's.
    """

    name = "hpobench_mlp"
    flat = True

    def suggest(self, choices: Choices) -> nx.DiGraph:
        """Depth, the width that all layers share, then L2 penalty, batch and initial learning rate."""
        depth = choices.suggest_categorical("depth", DEPTHS)
        width = choices.suggest_categorical("width", WIDTHS)
        assert isinstance(depth, int)
        graph = nx.DiGraph()
        graph.add_node("in", label="in", role="input", questions=("depth",))
        for layer in range(1, depth + 1):
            op = f"fc{width}_relu"
            settings = {"units": width, "activation": "relu", "dropout": 0.0}
            graph.add_node(str(layer), label=op, role="op", op=op, questions=("depth", "width"), **settings)
        graph.add_node("out", label="out", role="output")
        nx.add_path(graph, list(graph))
        suggest_recipe(choices, graph, RECIPE, "out")
        return graph

    def network(self, graph: nx.DiGraph, task: Task) -> torch.nn.Module:
        """The perceptron on the flattened input; the recipe changes nothing about it."""
        from workbench.networks.mlp import MLP

        return MLP(graph, task.shape, task.n_classes)

    def elastic(self, options: Mapping[str, Sequence[Answer]], task: Task, **settings: Any) -> ElasticNetwork:
        """All 30 networks in one; nothing reads the gates of the recipe."""
        from workbench.networks.elastic.mlp import HiddenLayer, Network

        layers = [HiddenLayer("width") for _ in DEPTHS]
        return Network(options, task.shape, task.n_classes, layers=layers, **settings)
