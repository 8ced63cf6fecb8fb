"""FBNet: layers that are each one of nine blocks, twenty-two of them in the paper (Wu et al., CVPR 2019)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import networkx as nx

from workbench.architecture import Architecture
from workbench.spaces.chains import chain, from_digits, no_architecture, to_digits
from workbench.spaces.choices import Answer, Choices
from workbench.spaces.mobile import MobileSpace, bottleneck, convolution, pooling

if TYPE_CHECKING:
    from workbench.networks.elastic.network import ElasticNetwork
    from workbench.tasks.task import Task

# In the order of the digits 0 to 8 of HW-NAS-Bench (Li et al., ICLR 2021) and HELP.
OPERATIONS = ("k3_e1", "k3_e1_g2", "k3_e3", "k3_e6", "k5_e1", "k5_e1_g2", "k5_e3", "k5_e6", "skip")
STEM = 16
HEAD = 1504
# Layers, channels and stride of each stage (table 1 of the paper).
STAGES = ((1, 16, 1), (4, 24, 2), (4, 32, 2), (4, 64, 2), (4, 112, 1), (4, 184, 2), (1, 352, 1))
_BLOCK = re.compile(r"k([0-9]+)_e([0-9]+)(?:_g([0-9]+))?")


class Place(NamedTuple):
    """Where a block stands: the channels it takes and gives, its stride, and its stage."""

    c_in: int
    channels: int
    stride: int
    stage: int


class Macro(NamedTuple):
    """What is not searched: the space's name, its stem's and head's channels, and the stages as in `STAGES`."""

    name: str
    stem: int
    head: int
    stages: tuple[tuple[int, int, int], ...]

    def places(self) -> dict[str, Place]:
        """Every layer by the name of its question."""
        places: dict[str, Place] = {}
        c_in = self.stem
        for stage, (layers, channels, stride) in enumerate(self.stages):
            for within in range(layers):
                places[f"layer{len(places) + 1}"] = Place(c_in, channels, 1 if within else stride, stage)
                c_in = channels
        return places


OFFICIAL = Macro("fbnet", STEM, HEAD, STAGES)
# For images of 8 x 8 pixels, on a laptop.
SMALL = Macro("fbnet_small", 8, 48, ((1, 8, 1), (2, 12, 2), (2, 16, 2), (1, 24, 1)))
LAYERS = OFFICIAL.places()


class FBNet(MobileSpace):
    """The 9^22 chains of FBNet in its macro-architecture (table 1), with `head` channels before the classifier.

    A block's name gives kernel, expansion and groups of its 1x1 convolutions. `skip` is the identity, or, where shapes
    differ, a 1x1 convolution with stride, normalisation and ReLU, as in HW-NAS-Bench. FBNet-A and HW-NAS-Bench's
    networks for CIFAR have a head of 1,504 channels, other released networks one of 1,984. Another `macro` is another
    network of the same blocks, such as `SMALL` of 6 layers.
    """

    flat = True

    def __init__(self, head: int | None = None, macro: Macro = OFFICIAL) -> None:
        self.head = macro.head if head is None else head
        self.name = macro.name if self.head == macro.head else f"{macro.name}_head{head}"
        self.macro, self.places = macro, macro.places()

    def suggest(self, choices: Choices) -> nx.DiGraph:
        """One question for every layer: its block."""
        layers = {"stem": convolution(self.macro.stem, 3, stride=2)}
        for name, place in self.places.items():
            op = str(choices.suggest_categorical(name, OPERATIONS))
            layers[name] = {**_node(op, place), "question": name}
        return chain({**layers, "head": convolution(self.head), "pool": pooling()})

    def gates(self) -> dict[str, tuple[Answer, ...]]:
        """The questions, with their answers in rising order of cost."""
        return {question.name: tuple(sorted(question.answers, key=_cost)) for question in self.questions()}

    def elastic(self, options: Mapping[str, Sequence[Answer]], task: Task, **settings: Any) -> ElasticNetwork:
        """A mixed operation of whole blocks in every layer, as in the paper's search."""
        from workbench.networks.elastic.mobile import Choice, ChoiceNetwork

        return ChoiceNetwork(
            options,
            task.shape,
            task.n_classes,
            before=[convolution(self.macro.stem, 3, stride=2)],
            layers=[
                Choice(name, lambda op, place=place: _node(str(op), place), place.channels, place.stride)  # type: ignore[misc]
                for name, place in self.places.items()
            ],
            after=[convolution(self.head), pooling()],
            **settings,
        )

    def parse(self, text: str) -> Architecture:
        """The architecture of a string of digits, one for every layer."""
        if not (isinstance(text, str) and re.fullmatch(f"[0-8]{{{len(self.places)}}}", text)):
            expected = f"a string of {len(self.places)} digits from 0 (k3_e1) to 8 (skip)"
            raise no_architecture(text, self.name, expected)
        return from_digits(self, text, list(self.places), OPERATIONS)

    def format(self, arch: Architecture) -> str:
        """The string of digits that HW-NAS-Bench and HELP call `op_idx_list`."""
        return to_digits(self._own(arch), list(self.places), OPERATIONS)

    def canonical(self, arch: Architecture, rule: str = "isomorphic") -> str:
        """The digits; under "functional" each stage's without its identities, stages joined by "|".

        The two rules differ because a skip that keeps the shape does nothing, wherever in its stage it stands.
        """
        self._check_rule(rule)
        digits = self.format(arch)
        if rule == "isomorphic":
            return digits
        stages = [""] * len(self.macro.stages)
        for digit, place in zip(digits, self.places.values(), strict=True):
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


def _cost(op: Answer) -> tuple[int, ...]:
    """What orders blocks by their multiply-adds, in any place: skips, then by expansion and groups, then by kernel."""
    found = _BLOCK.fullmatch(str(op))
    if found is None:
        return (int(op != "skip"),)
    kernel, expansion, groups = (int(number or 1) for number in found.groups())
    return (1, expansion, -groups, kernel)


def _keeps_shape(place: Place) -> bool:
    return place.stride == 1 and place.c_in == place.channels
