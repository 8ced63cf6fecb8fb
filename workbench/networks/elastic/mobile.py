"""The elastic mobile networks: chains, between an image and a classifier, of blocks that gates choose and size."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, cast

import torch
from torch import nn
from torch.nn import functional as F

from workbench.networks.elastic.bottleneck import ConvNorm, ElasticBottleneck, ElasticSqueezeExcite
from workbench.networks.elastic.gates import Gates, Size
from workbench.networks.elastic.layers import ElasticLinear
from workbench.networks.elastic.mixed import MixedOp
from workbench.networks.elastic.module import run
from workbench.networks.elastic.network import ElasticNetwork, Options
from workbench.networks.elastic.stack import ElasticStack
from workbench.networks.mobile import ACTIVATIONS, block
from workbench.networks.mobile_counts import SMALL, kept_strides

Node = Mapping[str, Any]
Stage = Callable[[int, Size, int], tuple[nn.Module, Size]]


class Chain(ElasticNetwork):
    """Fixed layers, stages, fixed layers, and a linear classifier of the mean over the places.

    `before` and `after` are nodes as `networks.mobile.Network` takes them. `stage` makes each stage of its number from
    1, the channels that it gets and its stride, one of `strides`; images of at most 64 pixels keep their size in the
    first two layers or stages that would halve it. Larger ones are first resized where "resolution" is among the
    `options`; under a mixture of resolutions the logits are summed with its weights. Input (n, C, H, W) of the given
    `shape` (C, H, W); output (n, `n_classes`).
    """

    def __init__(
        self,
        options: Options,
        shape: tuple[int, int, int],
        n_classes: int,
        *,
        before: Sequence[Node],
        strides: Sequence[int],
        stage: Stage,
        after: Sequence[Node] = (),
    ) -> None:
        super().__init__(options)
        asked = max(shape[1:]) > SMALL and "resolution" in self.options
        self.resolution = self.size("resolution") if asked else None
        kept = kept_strides([data.get("stride", 1) for data in before] + list(strides), shape)
        channels = Size.of(shape[0])
        self.before, self.stages, self.after = nn.ModuleList(), nn.ModuleList(), nn.ModuleList()
        for data, stride in zip(before, kept, strict=False):
            self.before.append(_fixed(channels, data, stride))
            channels = Size.of(data["channels"])
        for number, stride in enumerate(kept[len(before) :], start=1):
            made, channels = stage(number, channels, stride)
            self.stages.append(made)
        for data in after:
            self.after.append(_fixed(channels, data, data.get("stride", 1)))
            channels = Size.of(data.get("channels", channels))
        self.classifier = ElasticLinear(channels, n_classes)

    def forward(self, x: torch.Tensor, gates: Gates) -> torch.Tensor:
        """Logits (n, n_classes)."""
        if self.resolution is None or not self.resolution.mixed(gates):
            return super().forward(x, gates)
        logits = []
        for number, weight in enumerate(self.resolution.weights(gates).unbind(-1)):
            if bool(weight.any()):
                with gates.share(weight.mean()):
                    logits.append(weight.reshape(-1, 1) * self(x, gates.having({"resolution": number})))
        return torch.stack(logits).sum(0)

    def features(self, x: torch.Tensor, gates: Gates) -> list[torch.Tensor]:
        """What the first stage gets, and the outputs of the stages."""
        if self.resolution is not None:
            side = self.resolution.at(gates)
            x = F.interpolate(x, (side, side), mode="bilinear", align_corners=False)
        for part in self.before:
            x = run(part, x, gates)
        outputs = [x]
        for part in self.stages:
            outputs.append(run(part, outputs[-1], gates))
        return outputs

    def classified(self, features: torch.Tensor, gates: Gates) -> torch.Tensor:
        """Through the last layers and the mean over the places to a linear classifier."""
        for part in self.after:
            features = run(part, features, gates)
        logits: torch.Tensor = self.classifier(features.mean((2, 3)), gates)
        return logits


class MobileStage(NamedTuple):
    """What no question decides about a stage: its width (where none does), stride, activation and squeezing."""

    width: int
    stride: int
    activation: str = "relu"
    squeezed: bool = False


class Network(Chain):
    """Stages s1, s2, ... of inverted bottlenecks, a quarter of whose hidden channels are squeezed where they are.

    A question that is not among the `options` is fixed. `s1.depth` is a stage's number of blocks, `s1.width` its
    channels, `s1.b2.kernel` (or `start` and `middle`, 0 for none), `s1.b2.expand` and `s1.b2.bits` are a block's; all
    kernels are `kernel` and all expansions `expand` where nobody asks. `divisible` rounds channels.
    """

    def __init__(
        self,
        options: Options,
        shape: tuple[int, int, int],
        n_classes: int,
        *,
        before: Sequence[Node],
        stages: Sequence[MobileStage],
        after: Sequence[Node] = (),
        kernel: int = 3,
        expand: int = 4,
        divisible: Callable[[float], int] = int,
        kernel_matrices: bool = False,
    ) -> None:
        def stage(number: int, c_in: Size, stride: int) -> tuple[nn.Module, Size]:
            given = stages[number - 1]
            channels = size(f"s{number}.width", given.width)
            depth = size(f"s{number}.depth", 1)
            blocks = []
            for within in range(1, depth.largest + 1):
                name = f"s{number}.b{within}"
                hidden = ((c_in if within == 1 else channels) * size(f"{name}.expand", expand)).map(divisible)
                middle = f"{name}.kernel" if f"{name}.kernel" in self.options else f"{name}.middle"
                made = ElasticBottleneck(
                    c_in if within == 1 else channels,
                    channels,
                    hidden,
                    start=size(f"{name}.start", 0),
                    middle=size(middle, kernel),
                    stride=stride if within == 1 else 1,
                    activation=ACTIVATIONS[given.activation],
                    squeeze=squeeze if given.squeezed else None,
                    kernel_matrices=kernel_matrices,
                    bits=self.size(f"{name}.bits") if f"{name}.bits" in self.options else None,
                )
                blocks.append(made)
            return ElasticStack(depth, blocks), channels

        def size(question: str, fixed: int) -> Size:
            return self.size(question) if question in self.options else Size.of(fixed)

        def squeeze(hidden: Size) -> ElasticSqueezeExcite:
            return ElasticSqueezeExcite(hidden, hidden.map(lambda channels: divisible(channels // 4)))

        strides = [given.stride for given in stages]
        super().__init__(options, shape, n_classes, before=before, strides=strides, stage=stage, after=after)

    @property
    def blocks(self) -> list[ElasticBottleneck]:
        """Every block in order."""
        stages = [cast("ElasticStack", stage) for stage in self.stages]
        return [cast("ElasticBottleneck", block) for stage in stages for block in stage.blocks]


class Choice(NamedTuple):
    """A layer that is one of several: its question, the node of each of the options, channels and stride."""

    question: str
    nodes: Callable[[Any], Node]
    channels: int
    stride: int


class ChoiceNetwork(Chain):
    """Layers that are each one of several whole blocks (Wu et al., FBNet, CVPR 2019), a mixed operation each."""

    def __init__(
        self,
        options: Options,
        shape: tuple[int, int, int],
        n_classes: int,
        *,
        before: Sequence[Node],
        layers: Sequence[Choice],
        after: Sequence[Node] = (),
    ) -> None:
        def layer(number: int, c_in: Size, stride: int) -> tuple[nn.Module, Size]:
            given = layers[number - 1]
            made = {str(op): block(c_in.largest, given.nodes(op), stride) for op in options[given.question]}
            return MixedOp(given.question, made), Size.of(given.channels)

        strides = [given.stride for given in layers]
        super().__init__(options, shape, n_classes, before=before, strides=strides, stage=layer, after=after)


def _fixed(c_in: Size, data: Node, stride: int) -> nn.Module:
    if data["kind"] == "convolution" and data["norm"]:
        return ConvNorm(
            c_in, data["channels"], data["kernel"], stride=stride, activation=ACTIVATIONS[data["activation"]]
        )
    return block(c_in.largest, data, stride)
