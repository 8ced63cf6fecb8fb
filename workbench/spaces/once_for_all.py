"""Once-for-All: the MobileNetV3 space of elastic resolution, depth, kernel and width (Cai et al., ICLR 2020)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import networkx as nx

from workbench.architecture import Architecture
from workbench.errors import InvalidInput
from workbench.spaces.chains import chain, no_architecture
from workbench.spaces.choices import Answer, Choices
from workbench.spaces.mobile import (
    MobileSpace,
    bottleneck,
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

DEPTHS = (2, 3, 4)
KERNELS = (3, 5, 7)
EXPANSIONS = (3, 4, 6)
RESOLUTIONS = tuple(range(128, 225, 4))
WIDTHS = (1.0, 1.2)
# Channels, stride, activation and squeeze-and-excitation of each stage, at width 1.
STAGES = (
    (24, 2, "relu", False),
    (40, 2, "relu", True),
    (80, 2, "hswish", False),
    (112, 1, "hswish", True),
    (160, 2, "hswish", True),
)
STEM, EXPANDED, FEATURES = 16, 960, 1280
_BLOCK = re.compile(r"k(?P<kernel>[0-9])e(?P<expand>[0-9])")
_RESOLUTION = re.compile(r"r([1-9][0-9]{1,3}):")
_EXPECTED = "a resolution and five stages of two to four blocks, as in 'r224:k3e4,k5e6|k7e3,k3e3|...'"


class OnceForAll(MobileSpace):
    """The networks of `ofa_mbv3_d234_e346_k357`: (9^2 + 9^3 + 9^4)^5 of them, about 2e19, for each resolution.

    Each of five stages asks for its depth, each layer that there is for its kernel and its expansion. `width`
    multiplies all channels and is 1.0 or 1.2, as in the two released supernets. `resolution` is what images are
    resized to: networks for images of more than 64 pixels do so themselves.
    """

    def __init__(self, width: float = WIDTHS[0], resolutions: Sequence[int] = RESOLUTIONS) -> None:
        if width not in WIDTHS or not resolutions:
            raise InvalidInput(
                f"The space takes a width of 1.0 or 1.2 and at least one resolution; got {width!r} and {resolutions!r}."
            )
        self.name = "ofa_mobilenetv3" if width == WIDTHS[0] else f"ofa_mobilenetv3_w{width}"
        self.width = width
        self.resolutions = tuple(resolutions)

    def suggest(self, choices: Choices) -> nx.DiGraph:
        """The resolution, then every stage's depth and the kernel and expansion of the layers that it has."""
        resolution = whole_number(choices, "resolution", self.resolutions)
        layers = self._before()
        c_in = layers["first"]["channels"]
        for number, (width, stride, activation, squeezed) in enumerate(STAGES, start=1):
            stage = f"s{number}"
            channels = divisible(width * self.width)
            depth = whole_number(choices, f"{stage}.depth", DEPTHS)
            for within in range(1, depth + 1):
                name = f"{stage}.b{within}"
                kernel = whole_number(choices, f"{name}.kernel", KERNELS)
                expand = whole_number(choices, f"{name}.expand", EXPANSIONS)
                hidden = divisible(c_in * expand)
                layers[name] = bottleneck(
                    f"mbconv_k{kernel}_e{expand}",
                    channels,
                    hidden,
                    kernel,
                    stride if within == 1 else 1,
                    activation=activation,
                    squeeze=divisible(hidden // 4) if squeezed else 0,
                ) | {"questions": (f"{stage}.depth", f"{name}.kernel", f"{name}.expand")}
                c_in = channels
        graph = chain(layers | self._after())
        graph.graph["resolution"] = resolution
        graph.nodes["input"].update(label=f"{resolution} px", questions=("resolution",))
        return graph

    def elastic(self, options: Mapping[str, Sequence[Answer]], task: Task, **settings: Any) -> ElasticNetwork:
        """The supernet of the paper; with `kernel_matrices=False` smaller kernels are the plain centres of larger ones.

        Only networks for images of more than 64 pixels read the gate of the resolution.
        """
        from workbench.networks.elastic.mobile import MobileStage, Network

        return Network(
            options,
            task.shape,
            task.n_classes,
            before=list(self._before().values()),
            stages=[
                MobileStage(divisible(width * self.width), stride, activation, squeezed)
                for width, stride, activation, squeezed in STAGES
            ],
            after=list(self._after().values()),
            divisible=divisible,
            **{"kernel_matrices": True, **settings},
        )

    def _before(self) -> dict[str, dict[str, Any]]:
        c_in = divisible(STEM * self.width)
        stem = convolution(c_in, 3, stride=2, activation="hswish")
        return {"stem": stem, "first": bottleneck("mbconv_k3_e1", c_in, c_in, 3)}

    def _after(self) -> dict[str, dict[str, Any]]:
        return {
            "expand": convolution(divisible(EXPANDED * self.width), activation="hswish"),
            "pool": pooling(),
            "mix": convolution(divisible(FEATURES * self.width), activation="hswish", norm=False),
        }

    @property
    def size(self) -> int:
        """Resolutions times the fifth power of a stage's networks: 9 blocks for each of 2, 3 or 4 layers."""
        blocks = len(KERNELS) * len(EXPANSIONS)
        return int(len(self.resolutions) * sum(blocks**depth for depth in DEPTHS) ** len(STAGES))

    def parse(self, text: str) -> Architecture:
        """The architecture of a text such as "r224:k3e4,k5e6|k7e3,k3e3,k5e4|...": one part for every stage."""
        head = _RESOLUTION.match(text) if isinstance(text, str) else None
        if head is None:
            raise no_architecture(text, self.name, _EXPECTED)
        stages = read_stages(text[head.end() :], _BLOCK, len(STAGES), self.name, _EXPECTED)
        return self.architecture({"resolution": int(head[1]), **stage_decisions(stages)})

    def format(self, arch: Architecture) -> str:
        """A text such as "r224:k3e4,k5e6|k7e3,k3e3,k5e4|..."."""
        decisions = self._own(arch).decisions
        stages = [
            [f"k{decisions[f'{name}.kernel']}e{decisions[f'{name}.expand']}" for name in _layers(number, decisions)]
            for number in range(1, len(STAGES) + 1)
        ]
        return f"r{decisions['resolution']}:{write_stages(stages)}"


def from_ofa(space: OnceForAll, config: Mapping[str, Any]) -> Architecture:
    """The architecture of an official configuration: "ks" and "e" with 20 entries, "d" with 5, perhaps "r" (else 224).

    Entries of layers beyond a stage's depth are read over; a single number stands for all, as in `set_active_subnet`.
    Raises `InvalidInput` for other lengths and for answers that the space does not have.
    """
    most = max(DEPTHS)
    kernels, expansions = (_listed(config, key, most * len(STAGES)) for key in ("ks", "e"))
    depths = _listed(config, "d", len(STAGES))
    resolution = config.get("r", max(space.resolutions))
    decisions: dict[str, Answer] = {"resolution": resolution[0] if isinstance(resolution, list) else resolution}
    for number, depth in enumerate(depths):
        decisions[f"s{number + 1}.depth"] = depth
        for within in range(min(depth, most)):
            name = f"s{number + 1}.b{within + 1}"
            decisions[f"{name}.kernel"] = kernels[number * most + within]
            decisions[f"{name}.expand"] = expansions[number * most + within]
    return space.architecture(decisions)


def to_ofa(arch: Architecture) -> dict[str, Any]:
    """The official configuration of an architecture: entries of layers that it lacks are the smallest, 3 and 3."""
    decisions = arch.decisions
    if "s1.b1.expand" not in decisions or "resolution" not in decisions:
        raise InvalidInput(f"{arch} is an architecture of {arch.space.name!r}: OFA's configurations are of OnceForAll.")
    names = [f"s{number}.b{within}" for number in range(1, len(STAGES) + 1) for within in range(1, max(DEPTHS) + 1)]
    return {
        "ks": [decisions.get(f"{name}.kernel", KERNELS[0]) for name in names],
        "e": [decisions.get(f"{name}.expand", EXPANSIONS[0]) for name in names],
        "d": [decisions[f"s{number}.depth"] for number in range(1, len(STAGES) + 1)],
        "r": decisions["resolution"],
    }


def _layers(stage: int, decisions: Mapping[str, Answer]) -> list[str]:
    """The names of the layers that a stage has."""
    return [f"s{stage}.b{within + 1}" for within in range(int(str(decisions[f"s{stage}.depth"])))]


def _listed(config: Mapping[str, Any], key: str, length: int) -> list[int]:
    """The entries of an official configuration under `key`."""
    given = config.get(key)
    values = [given] * length if isinstance(given, int) else given
    if not isinstance(values, list | tuple) or len(values) != length or not all(isinstance(v, int) for v in values):
        raise InvalidInput(
            f"An OFA configuration needs {length} whole numbers, or one for all, under {key!r}; got {given!r}."
        )
    return list(values)
