"""FBNet: twenty-two layers, each one of nine blocks (Wu et al., CVPR 2019)."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import networkx as nx

from workbench.architecture import Architecture
from workbench.spaces.chains import chain, from_digits, no_architecture, to_digits
from workbench.spaces.choices import Choices
from workbench.spaces.mobile import MobileSpace, bottleneck, convolution, pooling

# In the order of the digits 0 to 8 of HW-NAS-Bench (Li et al., ICLR 2021) and HELP.
OPERATIONS = ("k3_e1", "k3_e1_g2", "k3_e3", "k3_e6", "k5_e1", "k5_e1_g2", "k5_e3", "k5_e6", "skip")
STEM = 16
HEAD = 1504
# Layers, channels and stride of each stage (table 1 of the paper).
STAGES = ((1, 16, 1), (4, 24, 2), (4, 32, 2), (4, 64, 2), (4, 112, 1), (4, 184, 2), (1, 352, 1))
_OFFICIAL = re.compile(r"[0-8]{22}")
_BLOCK = re.compile(r"k([0-9]+)_e([0-9]+)(?:_g([0-9]+))?")


class Place(NamedTuple):
    """Where a block stands: the channels it takes and gives, its stride, and its stage."""

    c_in: int
    channels: int
    stride: int
    stage: int


def _places() -> dict[str, Place]:
    places: dict[str, Place] = {}
    c_in = STEM
    for stage, (layers, channels, stride) in enumerate(STAGES):
        for within in range(layers):
            places[f"layer{len(places) + 1}"] = Place(c_in, channels, 1 if within else stride, stage)
            c_in = channels
    return places


LAYERS = _places()


class FBNet(MobileSpace):
    """The 9^22 chains of FBNet in its macro-architecture (table 1), with `head` channels before the classifier.

    A block's name gives kernel, expansion and groups of its 1x1 convolutions. `skip` is the identity, or, where shapes
    differ, a 1x1 convolution with stride, normalisation and ReLU, as in HW-NAS-Bench. FBNet-A and HW-NAS-Bench's
    networks for CIFAR have a head of 1,504 channels, other released networks one of 1,984.
    """

    flat = True

    def __init__(self, head: int = HEAD) -> None:
        self.name = "fbnet" if head == HEAD else f"fbnet_head{head}"
        self.head = head

    def suggest(self, choices: Choices) -> nx.DiGraph:
        """Twenty-two questions, one block for every layer."""
        layers = {"stem": convolution(STEM, 3, stride=2)}
        for name, place in LAYERS.items():
            op = str(choices.suggest_categorical(name, OPERATIONS))
            layers[name] = {**_node(op, place), "question": name}
        return chain({**layers, "head": convolution(self.head), "pool": pooling()})

    def parse(self, text: str) -> Architecture:
        """The architecture of a string of 22 digits, one for every layer."""
        if not (isinstance(text, str) and _OFFICIAL.fullmatch(text)):
            expected = f"a string of {len(LAYERS)} digits from 0 (k3_e1) to 8 (skip)"
            raise no_architecture(text, self.name, expected)
        return from_digits(self, text, list(LAYERS), OPERATIONS)

    def format(self, arch: Architecture) -> str:
        """The string of 22 digits that HW-NAS-Bench and HELP call `op_idx_list`."""
        return to_digits(self._own(arch), list(LAYERS), OPERATIONS)

    def canonical(self, arch: Architecture, rule: str = "isomorphic") -> str:
        """The digits; under "functional" each stage's without its identities, stages joined by "|".

        The two rules differ because a skip that keeps the shape does nothing, wherever in its stage it stands.
        """
        self._check_rule(rule)
        digits = self.format(arch)
        if rule == "isomorphic":
            return digits
        stages = [""] * len(STAGES)
        for digit, place in zip(digits, LAYERS.values(), strict=True):
            if OPERATIONS[int(digit)] != "skip" or not _keeps_shape(place):
                stages[place.stage] += digit
        return "|".join(stages)


def _node(op: str, place: Place) -> dict[str, Any]:
    """The attributes of a block: of the space's own, or of any operation that the space has been extended with."""
    shape = {"channels": place.channels, "stride": place.stride}
    if op == "skip":
        return {"op": op, "kind": "skip", **shape}
    found = _BLOCK.fullmatch(op)
    if found is None:
        return {"op": op, "kind": "operation", **shape}
    kernel, expansion, groups = (int(number or 1) for number in found.groups())
    hidden = expansion * place.c_in
    return bottleneck(op, place.channels, hidden, kernel, place.stride, groups=groups, always_expand=True)


def _keeps_shape(place: Place) -> bool:
    return place.stride == 1 and place.c_in == place.channels
