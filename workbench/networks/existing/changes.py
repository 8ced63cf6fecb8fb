"""What a layer of an existing network may become: each change has its answers and carries one out."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from torch import nn
from torch.nn.modules.conv import _ConvNd

from workbench.errors import InvalidInput, UnknownName
from workbench.networks.existing.surgery import put, resized, with_kernel
from workbench.networks.existing.tracing import Trace
from workbench.networks.existing.widths import Width

KEEP = "keep"
Answer = str | int | bool


class Change(ABC):
    """One question about one layer: `answers`, the one that leaves it `unchanged`, and how an answer is carried out."""

    kind: ClassVar[str]
    answers: tuple[Answer, ...]
    unchanged: Answer

    def __init__(self, layer: str, answers: Sequence[Answer]) -> None:
        self.layer = layer
        self.question = f"{layer}.{self.kind}"
        if isinstance(answers, str) or not answers or len(set(answers)) < len(answers):
            raise InvalidInput(f"{self.question!r} needs a list of different answers; got {answers!r}.")
        self.answers = tuple(answers)

    def is_within(self, parts: Sequence[str]) -> bool:
        """Whether the change is about nothing but what is inside one of these parts of the model."""
        return any(f"{self.layer}.".startswith(f"{part}.") for part in parts)

    @abstractmethod
    def carry_out(self, model: nn.Module, answer: Answer) -> None:
        """Change `model`, a copy of the original, as `answer` says."""

    @abstractmethod
    def words(self, answer: Answer) -> str:
        """The answer as a part of an operation's name."""


class WidthChange(Change):
    """Another number of output channels, for the layer and for all that share it."""

    kind = "width"

    def __init__(self, model: nn.Module, layer: str, answers: Any, width: Width) -> None:
        channels = _channels(model.get_submodule(width.producers[0]))
        listed = list(answers) if isinstance(answers, Sequence | range) and not isinstance(answers, str) else [answers]
        super().__init__(layer, [_whole(answer, channels, layer) for answer in listed])
        self.unchanged = channels
        self.width = width

    def is_within(self, parts: Sequence[str]) -> bool:
        """Whether all layers that make these channels are inside one of the parts."""
        return all(any(name.startswith(f"{part}.") for part in parts) for name in self.width.producers)

    def carry_out(self, model: nn.Module, answer: Answer) -> None:
        """Resize the layers that make the channels, those that follow, and the inputs of those that read them."""
        channels = int(answer)
        for name in self.width.producers:
            put(model, name, resized(model.get_submodule(name), outputs=channels))
        for name in self.width.followers:
            put(model, name, resized(model.get_submodule(name), outputs=channels))
        for name, repeat in self.width.consumers.items():
            put(model, name, resized(model.get_submodule(name), inputs=channels, repeat=repeat))

    def words(self, answer: Answer) -> str:
        """The number after a letter: "w64"."""
        return f"w{answer}"


class KernelChange(Change):
    """Another kernel of a convolution, outputs keeping their size."""

    kind = "kernel"

    def __init__(self, model: nn.Module, layer: str, answers: Any) -> None:
        conv = model.get_submodule(layer)
        if not isinstance(conv, _ConvNd):
            raise InvalidInput(f"A kernel can be chosen for convolutions; {layer!r} is a {type(conv).__name__}.")
        super().__init__(layer, answers)
        if any(type(answer) is not int or answer < 1 for answer in self.answers):
            raise InvalidInput(f"Kernels of {layer!r} must be whole numbers from 1; got {answers!r}.")
        self.unchanged = conv.kernel_size[0]

    def carry_out(self, model: nn.Module, answer: Answer) -> None:
        """Put the convolution with the other kernel in its place."""
        put(model, self.layer, with_kernel(model.get_submodule(self.layer), int(answer)))

    def words(self, answer: Answer) -> str:
        """Such as "k3"."""
        return f"k{answer}"


class Replacement(Change):
    """Another module in the layer's place."""

    kind = "replace"
    unchanged = KEEP

    def __init__(self, layer: str, modules: Mapping[str, Any] | Sequence[str]) -> None:
        if isinstance(modules, list | tuple):
            modules = {str(name): _torch_module(str(name)) for name in modules}
        if not isinstance(modules, Mapping) or not all(isinstance(n, str) and callable(m) for n, m in modules.items()):
            raise InvalidInput(
                f"What may replace {layer!r} is given by name, as {{'gelu': nn.GELU}}: a module, its class, or a "
                f"function of the old layer; or as names in torch.nn, ['GELU']; got {modules!r}."
            )
        super().__init__(layer, (KEEP, *modules))
        self.modules = dict(modules)

    def carry_out(self, model: nn.Module, answer: Answer) -> None:
        """Put a copy of the module, a new one of the class, or what the function makes in the layer's place."""
        if answer == KEEP:
            return
        made = self.modules[str(answer)]
        if isinstance(made, nn.Module):
            layer: Any = copy.deepcopy(made)
        else:
            layer = made() if isinstance(made, type) else made(model.get_submodule(self.layer))
        if not isinstance(layer, nn.Module):
            raise InvalidInput(f"What replaces {self.layer!r} by {answer!r} must be a torch module; got {layer!r}.")
        put(model, self.layer, layer)

    def words(self, answer: Answer) -> str:
        """The name given; nothing where the layer is kept."""
        return "" if answer == KEEP else str(answer)


class Skip(Change):
    """The layer left out, where its output has the shape of its input."""

    kind = "skip"
    unchanged = False

    def __init__(self, layer: str, trace: Trace) -> None:
        super().__init__(layer, (True, False))  # the cheaper answer first
        shapes = trace.layers[layer]
        if shapes.inputs != shapes.outputs:
            raise InvalidInput(
                f"{layer!r} cannot be left out: it makes {shapes.outputs} of {shapes.inputs}. Only layers whose "
                "output has their input's shape can."
            )

    def is_within(self, parts: Sequence[str]) -> bool:
        """Whether the layer is inside another part that is left out: its own absence says something."""
        return any(self.layer.startswith(f"{part}.") for part in parts)

    def carry_out(self, model: nn.Module, answer: Answer) -> None:
        """Put nothing in the layer's place."""
        if answer:
            put(model, self.layer, nn.Identity())

    def words(self, answer: Answer) -> str:
        """Whether it is left out, in a word."""
        return "skip" if answer else ""


ORDER = (WidthChange.kind, KernelChange.kind, Replacement.kind, Skip.kind)  # sizes first: what is left out has none


def _torch_module(name: str) -> type[nn.Module]:
    """The class of that name in torch.nn."""
    known = {n: c for n, c in vars(nn).items() if isinstance(c, type) and issubclass(c, nn.Module)}
    if name not in known:
        raise UnknownName.of("module in torch.nn", name, known)
    return known[name]


def _channels(layer: nn.Module) -> int:
    return int(layer.out_features if isinstance(layer, nn.Linear) else layer.out_channels)  # type: ignore[arg-type]


def _whole(answer: Any, channels: int, layer: str) -> int:
    """A number of channels, or the share of those there are, as a number of channels."""
    if type(answer) is float and 0 < answer <= 1:
        return max(1, round(answer * channels))
    if type(answer) is int and answer >= 1:
        return answer
    raise InvalidInput(
        f"A width of {layer!r} is a whole number of channels from 1, or a share of its {channels} such as 0.5; "
        f"got {answer!r}."
    )
