"""The MnasNet space as Accel-NASBench searches it: seven stages of inverted bottlenecks (Tan et al., CVPR 2019)."""

from __future__ import annotations

import re
from typing import NamedTuple

import networkx as nx

from workbench.architecture import Architecture
from workbench.spaces.chains import chain, no_architecture
from workbench.spaces.choices import Answer, Choices
from workbench.spaces.mobile import (
    MobileSpace,
    bottleneck,
    convolution,
    divisible,
    pooling,
    read_stages,
    whole_number,
    write_stages,
)

STEM = 32
HEAD = 1280
EXPANSIONS = (1, 4, 6)
KERNELS = (3, 5)
_BLOCK = re.compile(r"e(?P<e>[0-9])k(?P<k>[0-9])l(?P<l>[0-9])(?P<se>se)?")
_EXPECTED = "seven stages of expansion, kernel, layers and perhaps squeeze-excitation, as in 'e1k3l1se|e6k3l2|...'"


class Stage(NamedTuple):
    """A stage: the channels it gives, the stride of its first layer, and how many layers it may have."""

    channels: int
    stride: int
    layers: tuple[int, ...]


STAGES = (
    Stage(16, 1, (1, 2, 3)),
    Stage(24, 2, (1, 2, 3)),
    Stage(40, 2, (1, 2, 3)),
    Stage(80, 2, (1, 2, 3)),
    Stage(112, 1, (1, 2, 3)),
    Stage(192, 2, (1, 2, 3, 4)),
    Stage(320, 1, (1, 2, 3)),
)


class MnasNet(MobileSpace):
    """The 104,485,552,128 networks of Accel-NASBench (Ahmad et al., DAC 2024, appendix B).

    Each stage asks four questions that all its layers share: expansion `e`, kernel `k`, number of layers `l` and
    whether there is squeeze-and-excitation `se`. Questions have the names of the benchmark's files ("block0_e"), so
    that a file's "architecture" is read by `space.architecture(...)`. EfficientNet-B0 is one of the architectures.
    """

    name = "mnasnet"
    flat = True

    def suggest(self, choices: Choices) -> nx.DiGraph:
        """Four questions for every stage."""
        layers = {"stem": convolution(STEM, 3, stride=2)}
        c_in = STEM
        for number, stage in enumerate(STAGES):
            asked = {"e": EXPANSIONS, "k": KERNELS, "l": stage.layers, "se": (False, True)}
            questions = {question(number, short): answers for short, answers in asked.items()}
            e, k, n_layers, se = (whole_number(choices, name, answers) for name, answers in questions.items())
            for within in range(n_layers):
                layers[f"block{number}.{within + 1}"] = bottleneck(
                    f"mbconv_k{k}_e{e}" + ("_se" if se else ""),
                    stage.channels,
                    divisible(e * c_in),
                    k,
                    1 if within else stage.stride,
                    squeeze=max(1, c_in // 4) if se else 0,
                ) | {"questions": tuple(questions)}
                c_in = stage.channels
        return chain({**layers, "head": convolution(HEAD), "pool": pooling()})

    def parse(self, text: str) -> Architecture:
        """The architecture of a text such as "e1k3l1se|e6k3l2se|...", one part for every stage."""
        stages = read_stages(text, _BLOCK, len(STAGES), self.name, _EXPECTED)
        decisions: dict[str, Answer] = {}
        for number, blocks in enumerate(stages):
            if len(blocks) != 1:
                raise no_architecture(text, self.name, _EXPECTED)
            decisions |= {question(number, short): int(blocks[0][short]) for short in "ekl"}
            decisions[question(number, "se")] = blocks[0]["se"] is not None
        return self.architecture(decisions)

    def format(self, arch: Architecture) -> str:
        """A text such as "e1k3l1se|e6k3l2se|...", one part for every stage."""
        return text_of(dict(self._own(arch).decisions))


def text_of(decisions: dict[str, Answer]) -> str:
    """The text of an architecture's decisions."""
    stages = []
    for number in range(len(STAGES)):
        numbers = "".join(f"{short}{decisions[question(number, short)]}" for short in "ekl")
        stages.append([numbers + ("se" if decisions[question(number, "se")] else "")])
    return write_stages(stages)


def question(stage: int, short: str) -> str:
    """The name of a stage's question: "e", "k", "l" or "se"."""
    return f"block{stage}_{short}"
