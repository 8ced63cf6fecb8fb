"""A decoder whose layers can be skipped or narrowed, as LLaMA-NAS searches them (Sarah et al., ECCV Workshops 2024)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import networkx as nx

from workbench.architecture import Architecture
from workbench.errors import InvalidInput
from workbench.spaces.chains import chain
from workbench.spaces.choices import Answer, Choices
from workbench.spaces.space import SearchSpace

if TYPE_CHECKING:
    import torch

    from workbench.networks.elastic.network import ElasticNetwork
    from workbench.tasks.task import Task


class ElasticDecoder(SearchSpace):
    """For each of `layers` layers whether it is skipped and, if not, its feed-forward width.

    Without arguments a decoder for a laptop: 6 layers of 128 features, 4 heads, and, in LLaMA-2's proportions, all or
    half of a feed-forward width of 344; 729 architectures. LLaMA-NAS itself searches the depth and these widths in the
    32 layers of LLaMA-2-7B.
    """

    def __init__(
        self,
        name: str = "elastic_decoder",
        *,
        layers: int = 6,
        dim: int = 128,
        heads: int = 4,
        widths: Sequence[int] = (172, 344),
    ) -> None:
        self.name = name
        self.layers, self.dim, self.heads, self.widths = layers, dim, heads, tuple(widths)
        if min(layers, dim, heads) < 1 or dim % (2 * heads):
            raise InvalidInput(
                f"{name} takes at least one layer and a dim that 2 * heads divides, since features are turned in "
                f"pairs; got {layers} layers, dim {dim} and {heads} heads."
            )
        if not self.widths or min(self.widths) < 1 or len(set(self.widths)) < len(self.widths):
            raise InvalidInput(f"{name} takes a list of different widths from 1; got {self.widths!r}.")

    def suggest(self, choices: Choices) -> nx.DiGraph:
        """For each layer whether to skip it; for those that stay, their width."""
        layers: dict[str, dict[str, Any]] = {}
        for layer in range(1, self.layers + 1):
            skip, wide = f"l{layer}.skip", f"l{layer}.width"
            if choices.suggest_categorical(skip, (True, False)):
                layers[f"l{layer}"] = {"op": "skip", "questions": (skip,)}
            else:
                width = choices.suggest_categorical(wide, self.widths)
                layers[f"l{layer}"] = {"op": f"decoder_{width}", "questions": (skip, wide), "width": width}
        graph = chain(layers)
        graph.graph |= {"dim": self.dim, "heads": self.heads}
        return graph

    def network(self, graph: nx.DiGraph, task: Task) -> torch.nn.Module:
        """The decoder, classifying its last place; it reads texts, and images as the sequence of their rows."""
        from workbench.networks.elastic_decoder import Network

        return Network(graph, task.input_shape, task.vocabulary, task.n_classes)

    def elastic(self, options: Mapping[str, Sequence[Answer]], task: Task, **settings: Any) -> ElasticNetwork:
        """All of the space's networks in one."""
        from workbench.networks.elastic.elastic_decoder import Network

        shape, vocabulary = task.input_shape, task.vocabulary
        sizes = {"layers": self.layers, "dim": self.dim, "heads": self.heads}
        return Network(options, shape, vocabulary, task.n_classes, **sizes, **settings)

    @property
    def size(self) -> int:
        """Each layer is skipped or has one of the widths."""
        return int((1 + len(self.widths)) ** self.layers)

    def canonical(self, arch: Architecture, rule: str = "isomorphic") -> str:
        """Where layers are skipped makes no difference to the network: "functional" is the widths that stay, in order.

        "isomorphic" is the hash of the graph, skipped layers in their places.
        """
        if rule == "isomorphic":
            return super().canonical(arch, rule)
        self._check_rule(rule)
        nodes = self.graph(arch).nodes(data=True)
        return ",".join(str(data["width"]) for _, data in nodes if "width" in data)
