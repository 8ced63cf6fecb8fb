"""The classes of a stand-alone network: constructors as literals, forward passes as `torch.fx` records them."""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterator

import torch
from torch import nn

from workbench.errors import InvalidInput
from workbench.exports.constants import own_tensors
from workbench.exports.constructors import constructor, is_torchs_own
from workbench.exports.recording import Recording

_ROOT = "Network"
_TAKEN = {"F", "OrderedDict", "device", "inf", "nan", "nn", "torch", "unpacked", _ROOT}
_KNOWN = {"torch", "device", "inf", "nan"}  # names that recorded code may use without our help
_FREED = re.compile(r";  \w+( = \w+)* = None(?=;|\s|$)")  # fx forgets each value after its last use


class Classes:
    """One class for each different block of `model`: those that read alike are one.

    `shape` and `dtype` are those of an input that the model takes.
    """

    def __init__(self, model: nn.Module, shape: tuple[int, ...], dtype: torch.dtype | None = None) -> None:
        for name, module in model.named_modules():
            _check_plain(name, module)
        self._model = model
        self._recording = Recording(model, shape, dtype)
        self._places = {id(module): name for name, module in model.named_modules()}
        self._names: dict[tuple[str, str], str] = {}  # (kind, body) -> name, blocks before what they are part of

    def source(self) -> str:
        """The source of all classes, that of the whole model last and called `Network`."""
        body = self._body(self._model)
        blocks = [(name, text) for (_, text), name in self._names.items()]
        return "".join(f"\n\nclass {name}(nn.Module):\n{text}" for name, text in [*blocks, (_ROOT, body)])

    def _part(self, module: nn.Module) -> str:
        """The call that makes a module, a class of its own being written for a block that is not torch's."""
        if is_torchs_own(module):
            return constructor(module, self._part, self._place(module))
        kind, body = type(module).__name__, self._body(module)
        if (kind, body) not in self._names:
            taken = {*_TAKEN, *self._names.values()}
            numbered = (f"{kind}{i}" for i in range(2, len(taken) + 3))
            self._names[kind, body] = next(name for name in (kind, *numbered) if name not in taken)
        return f"{self._names[kind, body]}()"

    def _body(self, module: nn.Module) -> str:
        lines = ["super().__init__()", *self._children(module), *own_tensors(module, self._place(module))]
        if module is self._model:
            lines += _ties(module)
        made = "\n".join(f"        {line}" for text in lines for line in text.split("\n"))
        # A block that only lends its methods to another, which fx records there, has no pass of its own.
        forward = "" if type(module).forward is nn.Module.forward else f"\n{self._forward(module)}"
        return f"    def __init__(self):\n{made}\n{forward}"

    def _children(self, module: nn.Module) -> Iterator[str]:
        for name, child in module._modules.items():
            if child is not None:
                made = self._part(child)
                plain = name.isidentifier() and not keyword.iskeyword(name)
                yield f"self.{name} = {made}" if plain else f"self.add_module({name!r}, {made})"

    def _forward(self, module: nn.Module) -> str:
        """The method `forward`, with a branch where training differs from evaluation."""
        trained, evaluated = (self._recorded(module, mode) for mode in (True, False))
        head, _, body = evaluated.partition("\n")
        if trained != evaluated:
            branch = "\n".join(f"    {line}" for line in trained.partition("\n")[2].splitlines())
            body = f"        if self.training:\n{branch}\n{body}"
        return f"{head}\n{body}\n"

    def _recorded(self, module: nn.Module, training: bool) -> str:
        try:
            graph = self._recording.graph(self._places[id(module)], training)
        except Exception as error:  # the block's own code runs on stand-ins, and may fail in any way
            reason = str(error).strip().partition("\n")[0]
            raise InvalidInput(
                f"{self._place(module)} cannot be written as source code, because torch.fx cannot follow its forward "
                f"pass: {reason} Its forward pass must not depend on the values of its input; the formats 'onnx' and "
                "'json' may do instead."
            ) from error
        for node in graph.nodes:
            node.type = None
            if node.op == "get_attr" and node.target.startswith("_tensor_constant"):
                raise InvalidInput(
                    f"{self._place(module)} makes a tensor of numbers in its forward pass: keep it a buffer."
                )
        code = graph.python_code("self")
        text = _FREED.sub("", code.src.strip("\n")).replace("torch.nn.functional.", "F.")
        strange = [name for name in code.globals if name not in _KNOWN and re.search(rf"(?<!\.)\b{name}\b", text)]
        if strange:
            raise InvalidInput(f"{self._place(module)} calls {strange[0]!r}, which does not come with torch.")
        for target in {node.target for node in graph.nodes if node.op in ("call_module", "get_attr")}:
            text = text.replace(_as_written_by_fx(target), _path(module, target))
        return "\n".join(f"    {_spaced(line)}" for line in text.strip().splitlines())

    def _place(self, module: nn.Module) -> str:
        name = self._places.get(id(module), "")
        return f"The part {name!r} ({type(module).__name__})" if name else f"The network ({type(module).__name__})"


def _check_plain(name: str, module: nn.Module) -> None:
    """Refuse what changes a module from outside and is in no constructor."""
    changed = [module._forward_hooks, module._forward_pre_hooks, getattr(module, "parametrizations", None)]
    if any(changed):
        raise InvalidInput(
            f"The part {name!r} ({type(module).__name__}) has hooks or parametrisations: source code cannot show them. "
            "Remove them first, or write 'onnx'."
        )


def _ties(model: nn.Module) -> Iterator[str]:
    """One line for each tensor that stands in two places, such as an embedding that is also the classifier."""
    first: dict[int, str] = {}
    for tensors in (model.named_parameters(remove_duplicate=False), model.named_buffers(remove_duplicate=False)):
        for name, tensor in tensors:
            known = first.setdefault(id(tensor), name)
            if known != name:
                yield f"{_path(model, name)} = {_path(model, known)}"


def _spaced(line: str) -> str:
    """A line with keywords as Python writes them; one with texts in it is left alone."""
    return line.rstrip() if '"' in line or "'" in line else re.sub(r"([(,] ?)(\w+) = ", r"\1\2=", line.rstrip())


def _as_written_by_fx(target: str) -> str:
    path = "self"
    for name in target.split("."):
        path = f"{path}.{name}" if name.isidentifier() else f'getattr({path}, "{name}")'
    return path


def _path(module: nn.Module, target: str) -> str:
    """A part of `module` as a person writes it: `self.cells[0].edges["0->1"]`."""
    path, owner = "self", module
    for name in target.split("."):
        if owner is not module and isinstance(owner, nn.ModuleDict):
            path += f'["{name}"]'
        elif owner is not module and isinstance(owner, nn.ModuleList | nn.Sequential) and name.isdigit():
            path += f"[{name}]"
        else:
            path = f"{path}.{name}" if name.isidentifier() else f'getattr({path}, "{name}")'
        owner = getattr(owner, name)
    return path
