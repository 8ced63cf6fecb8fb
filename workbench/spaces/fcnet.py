"""FCNet: a network of two hidden layers and its recipe, for regression tables (Klein & Hutter, 2019)."""

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

UNITS = (16, 32, 64, 128, 256, 512)
DROPOUTS = (0.0, 0.3, 0.6)
ACTIVATIONS = ("relu", "tanh")
RECIPE = {
    "init_lr": (0.0005, 0.001, 0.005, 0.01, 0.05, 0.1),
    "lr_schedule": ("cosine", "const"),
    "batch_size": (8, 16, 32, 64),
}
_LAYERS = (1, 2)


class FCNet(Configurations):
    """The 62,208 configurations of HPOLib's tabular benchmarks: 144 networks, each with 9 dropouts and 48 recipes.

    Questions have the names of the benchmark's configuration; those about the recipe start with "recipe.".
    """

    name = "fcnet"
    flat = True

    def suggest(self, choices: Choices) -> nx.DiGraph:
        """Units, dropout and activation of both layers, then initial learning rate, its schedule and the batch."""
        units = [choices.suggest_categorical(f"n_units_{i}", UNITS) for i in _LAYERS]
        dropouts = [choices.suggest_categorical(f"dropout_{i}", DROPOUTS) for i in _LAYERS]
        activations = [choices.suggest_categorical(f"activation_fn_{i}", ACTIVATIONS) for i in _LAYERS]
        graph = nx.DiGraph()
        graph.add_node("in", label="in", role="input")
        for i, size, dropout, activation in zip(_LAYERS, units, dropouts, activations, strict=True):
            op = f"fc{size}_{activation}" + (f"_d{dropout}" if dropout else "")
            settings = {"units": size, "activation": activation, "dropout": dropout}
            questions = (f"n_units_{i}", f"dropout_{i}", f"activation_fn_{i}")
            graph.add_node(str(i), label=op, role="op", op=op, questions=questions, **settings)
        graph.add_node("out", label="out", role="output")
        nx.add_path(graph, list(graph))
        suggest_recipe(choices, graph, RECIPE, "out")
        return graph

    def network(self, graph: nx.DiGraph, task: Task) -> torch.nn.Module:
        """The fully connected network on the flattened input; the recipe changes nothing about it."""
        from workbench.networks.mlp import MLP

        return MLP(graph, task.shape, task.n_classes)

    def elastic(self, options: Mapping[str, Sequence[Answer]], task: Task, **settings: Any) -> ElasticNetwork:
        """All 144 networks, and dropouts, in one; nothing reads the gates of the recipe."""
        from workbench.networks.elastic.mlp import HiddenLayer, Network

        layers = [HiddenLayer(f"n_units_{i}", f"activation_fn_{i}", f"dropout_{i}") for i in _LAYERS]
        return Network(options, task.shape, task.n_classes, layers=layers, **settings)
