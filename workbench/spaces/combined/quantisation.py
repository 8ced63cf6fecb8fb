"""Precision as a side space: how many bits the weights of a network's layers have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from workbench.architecture import Architecture
from workbench.errors import Infeasible, InvalidInput
from workbench.spaces.choices import Answer
from workbench.spaces.combined.sides import Side
from workbench.spaces.space import SearchSpace

if TYPE_CHECKING:
    import torch

    from workbench.networks.elastic.network import ElasticNetwork
    from workbench.tasks.task import Task

_PROBED = 8  # architectures whose layers are counted for per="layer"
_PER = "'network', 'ends', 'layer' or a number of groups"


def quantisation(space: SearchSpace, bits: Sequence[int] = (2, 4, 8, 32), per: str | int = "network") -> Quantisation:
    """The side space of weight precisions, questions "bits.<group>": add it to `space`, whose networks it is about.

    The convolutions and linear layers of a network, in its own order, fall into groups: all into one (`per="network"`),
    the first, the last and those between (`"ends"`), `n` equal runs (`per=n`), or runs of one layer (`"layer"`: as many
    as the largest of nine networks has; smaller networks leave questions without a layer). 32 bits are
    untouched weights, 1 bit their signs. Searching the bits of layers: Wang et al. (HAQ, CVPR 2019). Raises
    `InvalidInput` for other bits or groups.
    """
    from workbench.networks.quantised import check_bits

    for width in bits:
        check_bits(width)
    if per == "network":
        names = ["all"]
    elif per == "ends":
        names = ["first", "middle", "last"]
    else:
        n = _most_layers(space) if per == "layer" else per
        if isinstance(n, bool) or not isinstance(n, int) or not 1 <= n <= 10_000:
            raise InvalidInput(f"per must be {_PER}; got {per!r}.")
        names = [str(i) for i in range(n)]
    return Quantisation({name: tuple(bits) for name in names})


class Quantisation(Side):
    """The bits of groups of layers, made by `quantisation`: a side that changes the network beside it."""

    def __init__(self, bits: Mapping[str, Sequence[int]]) -> None:
        super().__init__("bits", bits)
        self.groups = tuple(bits)

    def changed(self, network: torch.nn.Module, answers: Mapping[str, Answer]) -> torch.nn.Module:
        """The network with fake-quantised weights: see `workbench.networks.quantised`."""
        from workbench.networks.counting import weighted_layers
        from workbench.networks.quantised import quantise

        groups = self.group_of_layers(len(weighted_layers(network)))
        return quantise(network, [width for group in groups if isinstance(width := answers[group], int)])

    def changed_elastic(self, network: ElasticNetwork, options: Mapping[str, Sequence[Answer]]) -> None:
        """Every elastic layer quantises its weight at the bits of its group, beside what it does to it already."""
        from workbench.networks.elastic.gates import Size
        from workbench.networks.elastic.layers import Weighted
        from workbench.networks.elastic.transforms import FakeQuantise

        layers = [layer for layer in network.modules() if isinstance(layer, Weighted)]
        if not layers:
            raise InvalidInput(
                f"{type(network).__module__} has no elastic layer whose bits could be chosen: its operations are whole "
                "modules. Search the bits of a space of elastic layers, such as mbconv."
            )
        for layer, group in zip(layers, self.group_of_layers(len(layers)), strict=True):
            question = f"{self.name}.{group}"
            layer.transforms.append(FakeQuantise(Size([int(str(bits)) for bits in options[question]], question)))

    def group_of_layers(self, n_layers: int) -> list[str]:
        """The group of each of a network's layers with weights, in their order."""
        if "middle" in self.groups:
            return ["first", *["middle"] * (n_layers - 2), "last"][:n_layers]
        return [self.groups[i * len(self.groups) // n_layers] for i in range(n_layers)]


def model_bytes(arch: Architecture, task: str | Task = "cifar10") -> int:
    """Bytes of the weights of an architecture's network, at their bits where its space has a precision side.

    Nothing is computed: the network is built from tensors without values. For a search make it a measure,
    `Measure("bytes", "lower", model_bytes, unit="B")`.
    """
    from workbench.networks.quantised import model_bytes as bytes_of

    return bytes_of(_unfilled(arch, task))


def _most_layers(space: SearchSpace) -> int:
    from workbench.networks.counting import weighted_layers

    probed = [space.sample(1, seed=seed)[0] for seed in range(_PROBED)]
    with suppress(Infeasible):
        probed.append(space.answered_by(_Dearest()))
    return max(len(weighted_layers(_unfilled(arch, "digits"))) for arch in probed)


class _Dearest:
    """Choices that take the last answer: where answers have an order it is the largest."""

    def suggest_categorical(self, name: str, choices: Sequence[Answer]) -> Answer:
        return choices[-1]


def _unfilled(arch: Architecture, task: str | Task) -> torch.nn.Module:
    """The network on the "meta" device, where tensors have shapes and no values."""
    import torch

    from workbench.tasks import task as find_task

    with torch.random.fork_rng(devices=[]), torch.device("meta"):
        return arch.space.network(arch.graph, find_task(task))
