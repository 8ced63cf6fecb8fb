"""AutoFormer: vision transformers elastic in width, depth, heads and feed-forward ratio (Chen et al., ICCV 2021)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import networkx as nx

from workbench.architecture import Architecture
from workbench.errors import InvalidInput
from workbench.spaces.chains import chain, no_architecture
from workbench.spaces.choices import Answer, Choices
from workbench.spaces.configurations import read_configuration
from workbench.spaces.space import SearchSpace

if TYPE_CHECKING:
    import torch

    from workbench.networks.elastic.network import ElasticNetwork
    from workbench.tasks.task import Task


class AutoFormer(SearchSpace):
    """One width for all layers, a depth, and for each layer its heads and the ratio of its feed-forward width to it.

    Without arguments these are the ranges of the official supernet-tiny (experiments/supernet/supernet-T.yaml). The
    published AutoFormer-T also uses the ratio 3.0, which those ranges leave out; `mlp_ratios=(3.0, 3.5, 4.0)` is a
    space that has it. Heads are `head_dim` features wide, whatever the width of the layers.
    """

    def __init__(
        self,
        name: str = "autoformer",
        *,
        embed_dims: Sequence[int] = (192, 216, 240),
        depths: Sequence[int] = (12, 13, 14),
        heads: Sequence[int] = (3, 4),
        mlp_ratios: Sequence[float] = (3.5, 4.0),
        head_dim: int = 64,
    ) -> None:
        self.name, self.head_dim = name, head_dim
        self.embed_dims, self.depths, self.heads = tuple(embed_dims), tuple(depths), tuple(heads)
        self.mlp_ratios = tuple(float(ratio) for ratio in mlp_ratios)
        for allowed in (self.embed_dims, self.depths, self.heads, self.mlp_ratios, (head_dim,)):
            if not allowed or min(allowed) <= 0 or len(set(allowed)) < len(allowed):
                raise InvalidInput(f"{name} takes lists of different numbers above 0; got {allowed!r}.")

    @classmethod
    def small(cls) -> AutoFormer:
        """The ranges of the official supernet-small."""
        return cls("autoformer_small", embed_dims=(320, 384, 448), heads=(5, 6, 7), mlp_ratios=(3.0, 3.5, 4.0))

    @classmethod
    def base(cls) -> AutoFormer:
        """The ranges of the official supernet-base."""
        dims, depths, ratios = (528, 576, 624), (14, 15, 16), (3.0, 3.5, 4.0)
        return cls("autoformer_base", embed_dims=dims, depths=depths, heads=(9, 10), mlp_ratios=ratios)

    @classmethod
    def digits(cls) -> AutoFormer:
        """A space for images of 8 x 8 pixels on a laptop, 16 patches of 2 x 2."""
        return cls(
            "autoformer_digits",
            embed_dims=(16, 24, 32),
            depths=(2, 3, 4),
            heads=(2, 3, 4),
            mlp_ratios=(1, 2),
            head_dim=8,
        )

    def suggest(self, choices: Choices) -> nx.DiGraph:
        """Width and depth, then two questions for each layer that there is."""
        dim: Any = choices.suggest_categorical("embed_dim", self.embed_dims)
        depth: Any = choices.suggest_categorical("depth", self.depths)
        layers: dict[str, dict[str, Any]] = {"patches": {"op": f"embed_{dim}", "questions": ("embed_dim",)}}
        for layer in range(1, depth + 1):
            names = f"l{layer}.heads", f"l{layer}.mlp_ratio"
            heads: Any = choices.suggest_categorical(names[0], self.heads)
            ratio: Any = choices.suggest_categorical(names[1], self.mlp_ratios)
            layers[f"l{layer}"] = {
                "op": f"h{heads}_r{ratio:g}",
                "questions": names,
                "heads": heads,
                "width": int(dim * ratio),
            }
        graph = chain(layers)
        graph.graph |= {"dim": dim, "head_dim": self.head_dim}
        return graph

    def network(self, graph: nx.DiGraph, task: Task) -> torch.nn.Module:
        """The official network of images of 224 pixels; smaller images are cut into smaller patches."""
        from workbench.networks.autoformer import Network

        return Network(graph, task.shape, task.n_classes)

    def elastic(self, options: Mapping[str, Sequence[Answer]], task: Task, **settings: Any) -> ElasticNetwork:
        """The supernet of the paper: leading features, layers, heads and hidden features of one network."""
        from workbench.networks.elastic.autoformer import Network

        return Network(options, task.shape, task.n_classes, head_dim=self.head_dim, **settings)

    @property
    def size(self) -> int:
        """One width for every choice of heads and ratio in every layer, over all depths; 1,056,964,608 when tiny."""
        per_layer = len(self.heads) * len(self.mlp_ratios)
        return len(self.embed_dims) * sum(int(per_layer**depth) for depth in self.depths)

    def parse(self, text: str) -> Architecture:
        """The architecture of an official configuration in JSON, with mlp_ratio, num_heads, embed_dim and layer_num."""
        found = read_configuration(text, self.name, "layer_num", ("mlp_ratio", "num_heads", "embed_dim"))
        width = found["embed_dim"][0]
        if any(other != width for other in found["embed_dim"]):
            raise no_architecture(text, self.name, "one embed_dim is expected, repeated for all layers")
        decisions = {"embed_dim": width, "depth": found["layer_num"]}
        for layer, (heads, ratio) in enumerate(zip(found["num_heads"], found["mlp_ratio"], strict=True), start=1):
            decisions[f"l{layer}.heads"] = heads
            # The official files write 4 as well as 4.0.
            decisions[f"l{layer}.mlp_ratio"] = float(ratio) if type(ratio) is int else ratio
        return self.architecture(decisions)

    def format(self, arch: Architecture) -> str:
        """The official configuration, as JSON."""
        given = self._own(arch).decisions
        layers = range(1, int(str(given["depth"])) + 1)
        return json.dumps(
            {
                "mlp_ratio": [given[f"l{layer}.mlp_ratio"] for layer in layers],
                "num_heads": [given[f"l{layer}.heads"] for layer in layers],
                "embed_dim": [given["embed_dim"] for _ in layers],
                "layer_num": given["depth"],
            }
        )
