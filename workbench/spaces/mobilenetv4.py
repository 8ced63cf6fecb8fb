"""MobileNetV4's universal inverted bottlenecks between the fixed layers of its networks (Qin et al., ECCV 2024)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import networkx as nx

from workbench.architecture import Architecture
from workbench.spaces.chains import chain
from workbench.spaces.choices import Answer, Choices
from workbench.spaces.mobile import (
    MobileSpace,
    convolution,
    divisible,
    pooling,
    read_stages,
    stage_decisions,
    whole_number,
    write_stages,
)

if TYPE_CHECKING:
    from workbench.networks.elastic.network import ElasticNetwork
    from workbench.tasks.task import Task

KERNELS = (0, 3, 5)  # of a depthwise convolution; 0: there is none
EXPANSIONS = (2, 3, 4, 6)
EXPANDED, FEATURES = 960, 1280
_BLOCK = re.compile(r"s(?P<start>[0-9])m(?P<middle>[0-9])e(?P<expand>[0-9])")
_EXPECTED = "stages of blocks with both depthwise kernels and the expansion, as in 's5m5e3,s0m3e2|s3m3e6,...'"


class Stage(NamedTuple):
    """A stage of universal inverted bottlenecks, the first of stride 2: its channels, and the numbers of blocks."""

    channels: int
    depths: tuple[int, ...]


class Macro(NamedTuple):
    """What is not searched: the space's name, (kernel, stride, channels) of the first convolutions, and the stages.

    Two 1x1 convolutions end the network, to `expanded` channels before the mean over the places, and to `features`.
    """

    name: str
    convolutions: tuple[tuple[int, int, int], ...]
    stages: tuple[Stage, ...]
    expanded: int = EXPANDED
    features: int = FEATURES


CONV_SMALL = Macro(
    "mobilenetv4_uib",
    ((3, 2, 32), (3, 2, 32), (1, 1, 32), (3, 2, 96), (1, 1, 64)),
    (Stage(96, (3, 4, 5, 6)), Stage(128, (3, 4, 5, 6))),
)
CONV_MEDIUM = Macro(
    "mobilenetv4_uib_medium",
    ((3, 2, 32), (3, 2, 128), (1, 1, 48)),
    (Stage(80, (1, 2, 3, 4)), Stage(160, (5, 6, 7, 8)), Stage(256, (8, 9, 10, 11))),
)
# For images of 8 x 8 pixels, on a laptop.
SMALL = Macro(
    "mobilenetv4_uib_small", ((3, 2, 12),), (Stage(16, (1, 2)), Stage(24, (1, 2, 3))), expanded=48, features=64
)


class MobileNetV4UIB(MobileSpace):
    """Networks of universal inverted bottlenecks; MNv4-Conv-S, or with `CONV_MEDIUM` MNv4-Conv-M, is one of them.

    Every stage asks for its depth, every block that there is for the kernels of the depthwise convolution at its start
    and in its middle (0: none) and for its expansion. The first block of a stage halves the size with its middle
    convolution, which is always there. The paper searches the two kernels at a fixed expansion; the expansions here are
    those of its published networks, the numbers of blocks are ours.
    """

    def __init__(self, macro: Macro = CONV_SMALL) -> None:
        self.name = macro.name
        self.macro = macro

    def suggest(self, choices: Choices) -> nx.DiGraph:
        """Every stage's depth, then both kernels and the expansion of the blocks that it has."""
        layers = {f"conv{number}": data for number, data in enumerate(self._before(), start=1)}
        c_in = self.macro.convolutions[-1][-1]
        for number, stage in enumerate(self.macro.stages, start=1):
            depth = whole_number(choices, f"s{number}.depth", stage.depths)
            for within in range(1, depth + 1):
                name = f"s{number}.b{within}"
                start, middle, expand = (whole_number(choices, *asked) for asked in _questions(name, within == 1))
                layers[name] = {
                    "op": operation_name(start, middle, expand),
                    "kind": "inverted",
                    "channels": stage.channels,
                    "hidden": divisible(c_in * expand),
                    "start": start,
                    "middle": middle,
                    "stride": 2 if within == 1 else 1,
                    "questions": (f"s{number}.depth", *(asked for asked, _ in _questions(name, within == 1))),
                }
                c_in = stage.channels
        return chain(layers | self._after())

    def elastic(self, options: Mapping[str, Sequence[Answer]], task: Task, **settings: Any) -> ElasticNetwork:
        """All of the space's networks in one: a gate for every block's two kernels, 0 among their options."""
        from workbench.networks.elastic.mobile import MobileStage, Network

        return Network(
            options,
            task.shape,
            task.n_classes,
            before=self._before(),
            stages=[MobileStage(stage.channels, 2) for stage in self.macro.stages],
            after=list(self._after().values()),
            divisible=divisible,
            **settings,
        )

    def _before(self) -> list[dict[str, Any]]:
        return [convolution(channels, kernel, stride) for kernel, stride, channels in self.macro.convolutions]

    def _after(self) -> dict[str, dict[str, Any]]:
        return {
            "expand": convolution(self.macro.expanded),
            "pool": pooling(),
            "mix": convolution(self.macro.features),
        }

    @property
    def size(self) -> int:
        """The product over the stages of the sum over their depths of the blocks that can follow one another."""
        later = len(KERNELS) ** 2 * len(EXPANSIONS)
        first = later - len(KERNELS) * len(EXPANSIONS)  # those without a middle convolution cannot halve the size
        size = 1
        for stage in self.macro.stages:
            size *= sum(first * later ** (depth - 1) for depth in stage.depths)
        return size

    def parse(self, text: str) -> Architecture:
        """The architecture of a text such as "s5m5e3,s0m3e2,s3m0e4|s3m3e6,...": one part for every stage."""
        stages = read_stages(text, _BLOCK, len(self.macro.stages), self.name, _EXPECTED)
        return self.architecture(stage_decisions(stages))

    def format(self, arch: Architecture) -> str:
        """A text such as "s5m5e3,s0m3e2,s3m0e4|s3m3e6,..."."""
        decisions = self._own(arch).decisions
        stages = []
        for number in range(1, len(self.macro.stages) + 1):
            names = [f"s{number}.b{within + 1}" for within in range(int(str(decisions[f"s{number}.depth"])))]
            stages.append(
                ["s{}m{}e{}".format(*(decisions[f"{n}.{short}"] for short in _BLOCK.groupindex)) for n in names]
            )
        return write_stages(stages)


def operation_name(start: int, middle: int, expand: int) -> str:
    """What a block is called: by the paper's four kinds, with its kernels and its expansion."""
    if start and middle:
        return f"extradw_k{start}_k{middle}_e{expand}"
    if middle:
        return f"ib_k{middle}_e{expand}"
    return f"convnext_k{start}_e{expand}" if start else f"ffn_e{expand}"


def _questions(block: str, reduces: bool) -> tuple[tuple[str, tuple[int, ...]], ...]:
    """The questions of a block with their answers; a block that halves the size has a middle convolution."""
    return (
        (f"{block}.start", KERNELS),
        (f"{block}.middle", KERNELS[1:] if reduces else KERNELS),
        (f"{block}.expand", EXPANSIONS),
    )
