"""A bidirectional text encoder of elastic depth, heads and widths, as InstaTune and Puzzle search pre-trained ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import networkx as nx

from workbench.architecture import Architecture
from workbench.errors import InvalidInput
from workbench.spaces.chains import chain
from workbench.spaces.choices import Answer, Choices
from workbench.spaces.mobile import whole_number
from workbench.spaces.space import SearchSpace

if TYPE_CHECKING:
    import torch

    from workbench.networks.elastic.network import ElasticNetwork
    from workbench.tasks.task import Task


class TextEncoder(SearchSpace):
    """A depth, and for each layer that there is its heads and the width of its feed-forward part.

    The layers are BERT's (Devlin et al., NAACL 2019), of `dim` features and heads of `head_dim`. Sub-networks of such
    encoders are searched by InstaTune (Sarah et al., 2023) and Puzzle (Bercovich et al., 2024); with 0 among `heads` or
    `widths` a layer may do without attention or without its feed-forward part, as in the latter. The default is for a
    laptop: 1,548 architectures. Networks read texts, and images as the sequence of their rows.
    """

    def __init__(
        self,
        name: str = "text_encoder",
        *,
        dim: int = 64,
        head_dim: int = 16,
        depths: Sequence[int] = (2, 3, 4),
        heads: Sequence[int] = (2, 4),
        widths: Sequence[int] = (64, 128, 256),
    ) -> None:
        self.name = name
        self.dim, self.head_dim = dim, head_dim
        self.depths, self.heads, self.widths = tuple(depths), tuple(heads), tuple(widths)
        for allowed, least in ((self.depths, 1), (self.heads, 0), (self.widths, 0), ((dim,), 1), ((head_dim,), 1)):
            if not allowed or min(allowed) < least or list(allowed) != sorted(set(allowed)):
                raise InvalidInput(f"{name} takes rising lists of whole numbers from {least}; got {allowed!r}.")

    def suggest(self, choices: Choices) -> nx.DiGraph:
        """The depth, then two questions for each layer that there is."""
        answers: dict[str, Answer] = {"depth": whole_number(choices, "depth", self.depths)}
        layers: dict[str, dict[str, Any]] = {}
        for layer in range(1, int(str(answers["depth"])) + 1):
            names = f"l{layer}.heads", f"l{layer}.width"
            heads = answers[names[0]] = whole_number(choices, names[0], self.heads)
            width = answers[names[1]] = whole_number(choices, names[1], self.widths)
            layers[f"l{layer}"] = {"op": f"h{heads}_w{width}", "questions": ("depth", *names)}
        graph = chain(layers)
        graph.graph["answers"] = answers
        return graph

    def network(self, graph: nx.DiGraph, task: Task) -> torch.nn.Module:
        """The elastic network with one option for every gate."""
        from workbench.networks.elastic.network import Alone

        return Alone(self.elastic({name: (answer,) for name, answer in graph.graph["answers"].items()}, task))

    def elastic(self, options: Mapping[str, Sequence[Answer]], task: Task, **settings: Any) -> ElasticNetwork:
        """All of the space's networks in one; `eps` of the normalisation is 1e-5, in BERT's released weights 1e-12."""
        from workbench.networks.elastic.text_encoder import Network

        sizes = {"dim": self.dim, "head_dim": self.head_dim}
        return Network(options, task.input_shape, task.vocabulary, task.n_classes, **sizes, **settings)

    @property
    def size(self) -> int:
        """The sum over the depths of the layers' combinations."""
        return sum(int((len(self.heads) * len(self.widths)) ** depth) for depth in self.depths)

    def canonical(self, arch: Architecture, rule: str = "isomorphic") -> str:
        """The architecture's own string: no two architectures are the same network."""
        self._check_rule(rule)
        return self.format(self._own(arch))
