"""A proxy that is an expression over statistics of layers, and the known proxies written as such."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import isfinite, isnan
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.errors import InvalidInput
from workbench.ledger import Key
from workbench.measure import Better
from workbench.proxies.probe import Probe
from workbench.proxies.proxy import Cost, Needs, Proxy
from workbench.proxies.symbolic.expressions import Expression, parse
from workbench.proxies.symbolic.statistics import needs_loss, read
from workbench.proxies.unscored import Unscored

if TYPE_CHECKING:
    from workbench.tasks import Task

PAPER = (
    "an expression over statistics of layers, after Akhauri et al., EZNAS, NeurIPS 2022 "
    "and Wei et al., Auto-Prox, AAAI 2024"
)
# Known proxies in the language, each equal to the catalogue's entry of that name.
KNOWN: Mapping[str, str] = {
    "fisher": "sum(weight.n * square(channel_saliency.l2) / channel_saliency.n) / 2",
    "grad_norm": "sum(gradient.l2)",
    "l2_norm": "sum(weight.l2)",
    "plain": "sum(saliency.sum)",
    "snip": "sum(saliency.l1)",
    "synflow": "log(sum(flow))",
}


class SymbolicProxy(Proxy):
    """A proxy whose function is an expression: it travels as its text, which the ledger's key of a score holds too."""

    @property
    def expression(self) -> Expression:
        """What it computes."""
        assert isinstance(self.function, _Evaluated)
        return self.function.expression

    def key(
        self, space: str, architecture: str, task: Task, batch_size: int, seed: int, batch_seed: int | None = None
    ) -> Key:
        """The ledger's key of a score: a name may be given to another expression tomorrow."""
        found = super().key(space, architecture, task, batch_size, seed, batch_seed)
        settings = {**json.loads(found.settings), "equation": self.equation}
        return replace(found, settings=Key.settings_of(settings))

    def __reduce__(self) -> tuple[Any, ...]:
        return (symbolic_proxy, (self.equation, self.name, self.better, self.paper))


@dataclass(frozen=True)
class _Evaluated:
    """The value of an expression for what a probe looks at: by layer where it is a sum over layers."""

    expression: Expression

    def __call__(self, probe: Probe) -> float | dict[str, float]:
        if not probe.weights:
            return Unscored("the network has no convolution or linear layer")
        values = {name: column[None] for name, column in read(probe, self.expression.reads).items()}
        if self.expression.head == "sum":
            found = self.expression.parts[0](values)[0]
            layers = {layer: float(x) for layer, x in zip(probe.weights, found, strict=True) if not isnan(x)}
            return layers if layers and np.isfinite(list(layers.values())).all() else _unscored(self.expression, layers)
        value = float(self.expression(values)[0])
        return value if isfinite(value) else _unscored(self.expression, value)


def symbolic_proxy(equation: str | Expression, name: str, better: Better = "higher", paper: str = PAPER) -> Proxy:
    """The proxy called `name` that computes an equation such as "sum(saliency.l1)", which is snip.

    The language is that of `workbench.proxies.symbolic.expressions.parse`. Usable wherever a proxy is: `wb.score` takes
    it beside names. A layer without a value, such as the logarithm of a gradient that is 0, is left out of sums; where
    nothing is left, or a number is infinite, the proxy is `Unscored`. Raises `InvalidInput` and `UnknownName` for an
    equation that cannot be read, or that reads nothing of the network.
    """
    expression = parse(str(equation))
    if not expression.reads:
        raise InvalidInput(f"{str(equation)!r} is the same for every network: name a statistic of layers in it.")
    if not name.isidentifier():
        raise InvalidInput(f"{name!r} cannot name a proxy: use letters, digits and underscores.")
    if better not in ("higher", "lower"):
        raise InvalidInput(f"better is 'higher' or 'lower'; got {better!r}.")
    needs, cost = _terms(expression)
    return SymbolicProxy(name, better, needs, cost, paper, str(expression), _Evaluated(expression))


def _terms(expression: Expression) -> tuple[Needs, Cost]:
    if any(needs_loss(name) for name in expression.reads):
        return "labels", "backward"
    return "none", "backward" if "flow" in expression.reads else "forward"


def _unscored(expression: Expression, found: object) -> Unscored:
    if found == {} or found != found:  # noqa: PLR0124  # NaN is the number that differs from itself
        return Unscored(f"no layer of the network has a value for {expression}")
    return Unscored(
        f"{expression} is infinite: a statistic of the network is not finite, or a power of it is too large"
    )
