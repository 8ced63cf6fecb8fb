"""Source text of torch's own modules: the call that makes a module like the one at hand."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable, Sequence
from inspect import Parameter, signature
from typing import Any

import torch
from torch import nn

from workbench.errors import InvalidInput

_WIDTH = 100  # letters after which a call is broken into lines
_OF_TENSORS = {"device", "dtype"}


def is_torchs_own(module: nn.Module) -> bool:
    """Whether the module's class comes with torch, or only fills one of its containers."""
    return type(module).__module__.startswith("torch.nn.") or type(module).forward is nn.Sequential.forward


def constructor(module: nn.Module, part: Callable[[nn.Module], str], place: str) -> str:
    """The call that makes a module like `module`; `part` writes those inside a container.

    Raises `InvalidInput`, which begins with `place`, where the arguments cannot be read off the module.
    """
    if type(module).forward is nn.Sequential.forward:
        if _numbered(module):
            return call("nn.Sequential", [part(child) for child in module.children()])
        pairs = [f"({name!r}, {part(child)})" for name, child in module.named_children()]
        return call("nn.Sequential", [call("OrderedDict", [call("", pairs, "[]")])])
    if type(module) is nn.ModuleList:
        return call("nn.ModuleList", [call("", [part(child) for child in module], "[]")])
    if type(module) is nn.ModuleDict:
        entries = [f"{name!r}: {part(child)}" for name, child in module.items()]
        return call("nn.ModuleDict", [call("", entries, "{}")])
    return _literal_call(module, place)


def call(function: str, arguments: Sequence[str], brackets: str = "()") -> str:
    """`function(arguments)` in one line where it fits, else one argument a line."""
    flat = f"{function}{brackets[0]}{', '.join(arguments)}{brackets[1]}"
    if len(flat) <= _WIDTH and "\n" not in flat:
        return flat
    if len(arguments) == 1 and arguments[0][-1:] in "])}" and "\n" in arguments[0] and arguments[0][0] in "[{O":
        return f"{function}{brackets[0]}{arguments[0]}{brackets[1]}"  # a list fills the brackets of its call
    lines = [f"    {line}" for argument in arguments for line in f"{argument},".split("\n")]
    return "\n".join([f"{function}{brackets[0]}", *lines, brackets[1]])


def literal(value: Any) -> str:
    """Plain data as source text; raises `InvalidInput` for anything else."""
    if isinstance(value, float) and not math.isfinite(value):
        return f'float("{value}")'
    if value is None or isinstance(value, bool | int | float | str):
        return repr(value)
    if isinstance(value, tuple):
        return f"({', '.join(map(literal, value))}{',' if len(value) == 1 else ''})"
    if isinstance(value, list):
        return f"[{', '.join(map(literal, value))}]"
    if isinstance(value, torch.dtype):
        return str(value)
    raise InvalidInput(f"A {type(value).__name__} cannot be written as source text: {value!r:.100}.")


def _numbered(module: nn.Module) -> bool:
    return [name for name, _ in module.named_children()] == [str(i) for i in range(len(list(module.children())))]


def _literal_call(module: nn.Module, place: str) -> str:
    """A call with the arguments that the module remembers as attributes, tried out before it is written."""
    for shortened in (True, False):
        positional, named = _arguments(module, shortened)
        if _is_like(type(module), positional, named, module):
            arguments = [literal(value) for value in positional] + [f"{k}={literal(v)}" for k, v in named.items()]
            return call(_public_name(type(module)), arguments)
    raise InvalidInput(f"{place} cannot be written as source code: its arguments cannot be read off it.")


def _arguments(module: nn.Module, shortened: bool) -> tuple[list[Any], OrderedDict[str, Any]]:
    positional: list[Any] = []
    named: OrderedDict[str, Any] = OrderedDict()
    for name, parameter in signature(type(module)).parameters.items():
        if name in _OF_TENSORS or name.startswith("_") or parameter.kind in (_STARRED, _STARRED_TWICE):
            continue
        if not hasattr(module, name) and parameter.default is not Parameter.empty:
            continue
        value = getattr(module, name, None)
        if isinstance(value, torch.Tensor) or (value is None and isinstance(parameter.default, bool)):
            value = value is not None  # a bias is asked for by a flag, and kept as a parameter
        if shortened and isinstance(value, tuple) and len(set(value)) == 1 and len(value) in (2, 3):
            value = value[0]
        if parameter.default is Parameter.empty:
            positional.append(value)
        elif value != parameter.default or type(value) is not type(parameter.default):
            named[name] = value
    return positional, named


_STARRED, _STARRED_TWICE = Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD


def _is_like(kind: type[nn.Module], positional: list[Any], named: dict[str, Any], module: nn.Module) -> bool:
    try:
        with torch.device("meta"):
            made = kind(*positional, **named)
    except (TypeError, ValueError, RuntimeError, AssertionError):
        return False
    return repr(made) == repr(module) and _shapes(made) == _shapes(module)


def _shapes(module: nn.Module) -> dict[str, tuple[torch.Size, torch.dtype]]:
    return {name: (value.shape, value.dtype) for name, value in module.state_dict().items()}


def _public_name(kind: type[nn.Module]) -> str:
    return (
        f"nn.{kind.__name__}" if getattr(nn, kind.__name__, None) is kind else f"{kind.__module__}.{kind.__qualname__}"
    )
