"""FlexiBERT: text encoders whose layers differ in operation, width, heads and feed-forward (Tuli et al., JAIR 2023)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import networkx as nx

from workbench.architecture import Architecture
from workbench.errors import InvalidInput
from workbench.spaces.chains import chain
from workbench.spaces.choices import Choices
from workbench.spaces.configurations import read_configuration
from workbench.spaces.space import SearchSpace

if TYPE_CHECKING:
    import torch

    from workbench.tasks.task import Task

OPERATIONS = ("l_dft", "l_dct", "c_5", "c_9", "sa_sdp", "sa_wma")
"""Linear transforms, convolutions with kernels made from the text, self-attention: the official type and parameter."""


class FlexiBERT(SearchSpace):
    """Two or four layers, each with its own operation, hidden size, heads and feed-forward stack.

    Without arguments these are the 3,317,817,600 models ("3.32 billion") of the official design_space_test.yaml, with
    feed-forward layers of different widths in one stack. A larger official space is had with its ranges, for instance
    `hidden=(128, 256, 512)` and the operation "c_13".
    """

    def __init__(
        self,
        name: str = "flexibert",
        *,
        depths: Sequence[int] = (2, 4),
        operations: Sequence[str] = OPERATIONS,
        hidden: Sequence[int] = (128, 256),
        heads: Sequence[int] = (2, 4),
        stacks: Sequence[int] = (1, 3),
        widths: Sequence[int] = (512, 1024),
    ) -> None:
        self.name = name
        self.depths, self.operations, self.hidden = tuple(depths), tuple(operations), tuple(hidden)
        self.heads, self.stacks, self.widths = tuple(heads), tuple(stacks), tuple(widths)
        for allowed in (self.depths, self.hidden, self.heads, self.stacks, self.widths):
            if not allowed or min(allowed) < 1 or len(set(allowed)) < len(allowed):
                raise InvalidInput(f"{name} takes lists of different whole numbers from 1; got {allowed!r}.")
        for operation in self.operations or ("",):
            _check_operation(operation)
        if any(n % 2 for n in self.heads) or any(wide % n for wide in self.hidden for n in self.heads):
            raise InvalidInput(
                f"{name} takes even numbers of heads that divide every hidden size, since a convolution replaces half "
                f"of the heads; got heads {self.heads} and hidden sizes {self.hidden}."
            )

    def suggest(self, choices: Choices) -> nx.DiGraph:
        """The depth, then for each layer its operation, hidden size and heads, its stack and the stack's widths."""
        depth: Any = choices.suggest_categorical("depth", self.depths)
        layers: dict[str, dict[str, Any]] = {}
        for layer in range(1, depth + 1):
            layers[f"l{layer}"] = self._operation(choices, f"l{layer}")
            layers[f"l{layer}.f"] = self._stack(choices, f"l{layer}")
        return chain(layers)

    def _operation(self, choices: Choices, layer: str) -> dict[str, Any]:
        names = tuple(f"{layer}.{what}" for what in ("operation", "hidden", "heads"))
        allowed: tuple[Sequence[str | int], ...] = (self.operations, self.hidden, self.heads)
        operation, hidden, heads = map(choices.suggest_categorical, names, allowed)
        kind, parameter = _parts(str(operation))
        return {
            "op": f"{operation}_h{hidden}_n{heads}",
            "questions": names,
            "kind": kind,
            "parameter": parameter,
            "hidden": hidden,
            "heads": heads,
        }

    def _stack(self, choices: Choices, layer: str) -> dict[str, Any]:
        stacks: Any = choices.suggest_categorical(f"{layer}.stacks", self.stacks)
        names = [f"{layer}.width{number}" for number in range(1, stacks + 1)]
        widths = tuple(choices.suggest_categorical(name, self.widths) for name in names)
        return {
            "op": "f" + "_".join(map(str, widths)),
            "questions": (f"{layer}.stacks", *names),
            "widths": widths,
        }

    def network(self, graph: nx.DiGraph, task: Task) -> torch.nn.Module:
        """The encoder with a classifier; it reads texts, and images as the sequence of their rows."""
        from workbench.networks.flexibert import Network

        return Network(graph, task.input_shape, task.vocabulary, task.n_classes)

    @property
    def size(self) -> int:
        """Every choice in every layer, over all depths."""
        stacks = sum(len(self.widths) ** number for number in self.stacks)
        per_layer = len(self.operations) * len(self.hidden) * len(self.heads) * stacks
        return sum(per_layer**depth for depth in self.depths)

    def parse(self, text: str) -> Architecture:
        """The architecture of an official model dictionary in JSON: l, o, h, n, f and p."""
        found = read_configuration(text, self.name, "l", tuple("ohnfp"))
        decisions: dict[str, Any] = {"depth": found["l"]}
        for layer, (kind, hidden, heads, widths, parameter) in enumerate(
            zip(*(found[name] for name in "ohnfp"), strict=True), start=1
        ):
            known = (operation for operation in self.operations if _parts(operation) == (kind, parameter))
            decisions[f"l{layer}.operation"] = next(known, f"{kind!r} with {parameter!r}")
            decisions |= {f"l{layer}.hidden": hidden, f"l{layer}.heads": heads}
            stack = widths if isinstance(widths, list) else []
            decisions[f"l{layer}.stacks"] = len(stack)
            decisions |= {f"l{layer}.width{number}": width for number, width in enumerate(stack, start=1)}
        return self.architecture(decisions)

    def format(self, arch: Architecture) -> str:
        """The official model dictionary, as JSON."""
        nodes = [data for _, data in self.graph(arch).nodes(data=True)]
        operations = [data for data in nodes if "hidden" in data]
        return json.dumps(
            {
                "l": len(operations),
                "o": [data["kind"] for data in operations],
                "h": [data["hidden"] for data in operations],
                "n": [data["heads"] for data in operations],
                "f": [data["widths"] for data in nodes if "widths" in data],
                "p": [data["parameter"] for data in operations],
            }
        )


def _parts(operation: str) -> tuple[str, str | int]:
    """The official type and parameter of an operation: ("c", 5) for "c_5"."""
    kind, _, parameter = operation.partition("_")
    return kind, int(parameter) if kind == "c" else parameter


def _check_operation(operation: str) -> None:
    kind, _, kernel = str(operation).partition("_")
    odd_kernel = kind == "c" and kernel.isascii() and kernel.isdigit() and int(kernel) % 2 == 1
    if operation not in OPERATIONS and not odd_kernel:
        raise InvalidInput(
            f"{operation!r} is no operation of FlexiBERT: take {', '.join(OPERATIONS)} or c_ with another odd kernel."
        )
