"""Recording forward passes block by block with `torch.fx`, helped by tensors that have shapes and no values."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from copy import deepcopy
from typing import Any

import torch
from torch import fx, nn


class Recording:
    """The passes of the blocks of a model, each recorded with the blocks inside as single steps.

    A copy of the model on torch's "meta" device runs once on an input of the `shape` and `dtype` given, so that the
    number of axes is known wherever a pass asks for it; sizes stay symbols. Where that run fails, blocks that need it
    cannot be recorded.
    """

    def __init__(self, model: nn.Module, shape: tuple[int, ...], dtype: torch.dtype | None = None) -> None:
        self._blocks = dict(deepcopy(model).to("meta").named_modules())
        self._inputs: dict[str, tuple[Any, ...]] = {}
        self._outputs: dict[str, list[Any]] = defaultdict(list)
        handles = [block.register_forward_hook(self._hook(name)) for name, block in self._blocks.items()]
        try:
            with torch.no_grad():
                self._blocks[""].eval()(torch.zeros(shape, dtype=dtype, device="meta"))
        except Exception:  # somebody's own code, on tensors without values: what came before the failure is known
            self._inputs.setdefault("", ())
        for handle in handles:
            handle.remove()

    def graph(self, name: str, training: bool) -> fx.Graph:
        """The pass of the block called `name`; raises whatever its code raises on stand-ins for tensors."""
        block = self._blocks[name].train(training)
        prefix = f"{name}." if name else ""
        outputs = {part: iter(self._outputs[prefix + part]) for part, _ in block.named_modules() if part}
        return _Recorder(iter(self._inputs.get(name, ())), outputs, block).trace(block)

    def _hook(self, name: str) -> Any:
        def remember(block: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
            self._inputs.setdefault(name, inputs)
            self._outputs[name].append(output)

        return remember


class _Recorder(fx.Tracer):
    """Follows one block's pass and stops at the blocks inside, which become classes of their own."""

    proxy_buffer_attributes = True  # a part of a buffer is a step of the pass, not a constant of its own

    def __init__(self, inputs: Iterator[Any], outputs: Mapping[str, Iterator[Any]], block: nn.Module) -> None:
        super().__init__()
        self._inputs = inputs
        self._outputs = outputs
        self._tensors = {**dict(block.named_parameters()), **dict(block.named_buffers())}
        self._examples: dict[fx.Node, Any] = {}  # what each step gave when the model ran

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        """Every module."""
        return True

    def create_proxy(self, kind: str, target: Any, args: Any, kwargs: Any, *rest: Any, **named: Any) -> fx.Proxy:
        """The stand-in for a step's outcome, beside which an example of the outcome is kept."""
        proxy = super().create_proxy(kind, target, args, kwargs, *rest, **named)
        self._examples[proxy.node] = self._example(kind, target, args, kwargs)
        return proxy

    def proxy(self, node: fx.Node) -> fx.Proxy:
        """The stand-in for a step's outcome."""
        return _StandIn(node, self)

    def parts(self, proxy: fx.Proxy) -> int | None:
        """How many parts a stand-in for a tuple, a list or a parameter has; None for what is as long as the data."""
        example = self._examples.get(proxy.node)
        if isinstance(example, tuple | list) or (proxy.node.op == "get_attr" and isinstance(example, torch.Tensor)):
            return len(example)
        return None

    def iter(self, obj: fx.Proxy) -> Iterator[Any]:
        """The parts of a stand-in, where their number is known."""
        count = self.parts(obj)
        if count is None:
            return super().iter(obj)
        return (obj[i] for i in range(count))  # type: ignore[index]  # a stand-in takes any index

    def _example(self, kind: str, target: Any, args: Any, kwargs: Any) -> Any:
        if kind == "placeholder":
            return next(self._inputs, None)
        if kind == "get_attr":
            return self._tensors.get(target)
        if kind == "call_module":
            return next(self._outputs[target], None)
        a, k = (fx.node.map_aggregate(given, self._known) for given in (args, kwargs))
        try:
            with torch.no_grad():
                return getattr(a[0], target)(*a[1:], **k) if kind == "call_method" else target(*a, **k)
        except Exception:  # a step that needs a value, or comes after one that did: no example is known
            return None

    def _known(self, value: Any) -> Any:
        return self._examples.get(value.node) if isinstance(value, fx.Proxy) else value


class _Counted(fx.Proxy):
    """A stand-in that knows how many parts it has; unpacking with a star asks."""

    tracer: _Recorder

    def __len__(self) -> int:
        count = self.tracer.parts(self)
        return super().__len__() if count is None else count


class _StandIn(_Counted):
    """A stand-in for the outcome of a step."""

    def __getattr__(self, name: str) -> _Attribute:
        return _Attribute(self, name)


class _Attribute(fx.proxy.Attribute, _Counted):
    """A stand-in for an attribute of an outcome, such as its shape, or for a method to be called."""
