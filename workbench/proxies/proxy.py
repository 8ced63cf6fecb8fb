"""A proxy: a small function of a probe, with what a user should know before believing it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from importlib import import_module
from math import fsum, isfinite
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, overload

from workbench import __version__
from workbench.catalogue import Catalogue
from workbench.errors import InvalidInput
from workbench.ledger import Key
from workbench.measure import Better, Measure
from workbench.proxies.probe import Probe
from workbench.proxies.unscored import Unscored
from workbench.tasks import task as find_task

if TYPE_CHECKING:
    from workbench.architecture import Architecture
    from workbench.tasks import Task

Needs = Literal["labels", "inputs", "none", "architecture"]
Cost = Literal["free", "forward", "backward"]
Of = Literal["function", "writing"]
Layers = Mapping[str, float]
Function = Callable[[Probe], float | Layers]


class Published(NamedTuple):
    """A published rank correlation with test accuracy, and where it is printed."""

    spearman: float
    source: str


def layer_sum(layers: Layers) -> float:
    """The usual total of numbers by layer."""
    return fsum(layers.values())


@dataclass(frozen=True)
class Proxy:
    """A score of an untrained network, called as `proxy(probe)`.

    `needs` says what it looks at besides the weights, `cost` its dearest pass, `reads` the passes of the
    probe that it uses, so that these can be run together; `equation` is the score in one line. A score is `of` the
    "function" if networks with the same live weights that compute the same have the same score, whatever edges are
    dead in them and however their nodes are numbered; one of the "writing" also sees what does not matter. `published`
    maps "space/data set" to the rank correlation with test accuracy reported for it. `function` returns one
    number, or numbers by layer, of which `total` makes one, or `Unscored`.
    """

    name: str
    better: Better
    needs: Needs
    cost: Cost
    paper: str
    equation: str
    function: Function = field(repr=False)
    reads: tuple[str, ...] = ()
    published: Mapping[str, Published] = field(default_factory=dict, repr=False, compare=False)
    total: Callable[[Layers], float] = field(default=layer_sum, repr=False)
    of: Of = "writing"

    @overload
    def __call__(self, probe: Probe, reduce: Literal["total"] = "total") -> float: ...

    @overload
    def __call__(self, probe: Probe, reduce: None) -> float | dict[str, float]: ...

    def __call__(self, probe: Probe, reduce: Literal["total"] | None = "total") -> float | dict[str, float]:
        """The score of what `probe` looks at; what cannot be computed is `Unscored`, a NaN with its reason.

        `reduce=None` gives the numbers by layer that the score is made of. Raises `InvalidInput` where the
        score is not made of layers, and where the network cannot run on the batch.
        """
        if reduce not in ("total", None):
            raise InvalidInput(f"{self.name} takes reduce='total' or reduce=None; got {reduce!r}.")
        found = self.function(probe)
        if isinstance(found, Unscored):
            return found
        if reduce is None:
            return self._by_layer(found)
        if isinstance(found, Mapping):
            if not found:
                return Unscored("the network has no convolution or linear layer")
            found = self.total(found)
        if isinstance(found, Unscored) or isfinite(found):
            return found
        return Unscored(f"{self.name} is {found}, which is no finite number")

    def measure(self, task: str | Task = "cifar10", batch_size: int = 64, seed: int = 0) -> Measure:
        """The proxy as a measure of architectures: networks and batches are drawn from `seed`."""
        task = find_task(task)
        function = partial(_measured, self, task, batch_size, seed)
        unknown = self.key("", "", task, batch_size, seed)
        return Measure(
            self.name,
            self.better,
            function,
            task=task.name,
            seed=unknown.seed,
            settings=unknown.settings,
            kept=self.kept,
        )

    @property
    def kept(self) -> bool:
        """Whether scores belong in the ledger: dear ones do, unless the proxy is the user's own and may change."""
        return self.cost != "free" and self.function.__module__.startswith("workbench.")

    def key(
        self, space: str, architecture: str, task: Task, batch_size: int, seed: int, batch_seed: int | None = None
    ) -> Key:
        """The ledger's key of a score: what the proxy does not look at is left out of it."""
        looks = self.needs in ("labels", "inputs")
        # What a proxy computes may change with the workbench: scores of another version are not taken for its own.
        settings: dict[str, Any] = {"version": __version__}
        if looks:
            settings |= {"batch_size": batch_size, "source": task.source}
            if batch_seed not in (None, seed):
                settings["batch_seed"] = batch_seed
        drawn = None if self.cost == "free" else seed
        return Key(space, architecture, self.name, task.name, drawn, Key.settings_of(settings))

    def card(self) -> dict[str, Any]:
        """The proxy's row in a table of proxies."""
        return {
            "better": self.better,
            "needs": self.needs,
            "cost": self.cost,
            "of": self.of,
            "equation": self.equation,
            "paper": self.paper,
            "published": {place: value.spearman for place, value in self.published.items()},
            "published_in": "; ".join(dict.fromkeys(value.source for value in self.published.values())),
        }

    def _by_layer(self, found: float | Layers) -> dict[str, float]:
        if not isinstance(found, Mapping):
            raise InvalidInput(f"{self.name} is one number for the whole network: it has no values by layer.")
        return dict(found)

    def __reduce__(self) -> str | tuple[Any, ...]:
        # The decorator puts the proxy where its function's name is: the function cannot be pickled by name.
        module, name = self.function.__module__, self.function.__qualname__
        if getattr(sys.modules.get(module), name, None) is self:
            return (_named, (module, name))
        return super().__reduce__()


catalogue: Catalogue[Proxy] = Catalogue("proxy", "proxies")


def proxy(
    *,
    better: Better,
    needs: Needs,
    cost: Cost,
    paper: str,
    equation: str,
    reads: tuple[str, ...] = (),
    published: Mapping[str, Published] | None = None,
    total: Callable[[Layers], float] = layer_sum,
    of: Of = "writing",
) -> Callable[[Function], Proxy]:
    """Enter the decorated function of a probe into the catalogue, under its own name, as a `Proxy`."""

    def entered(function: Function) -> Proxy:
        name = function.__name__
        known = dict(published or {})
        made = Proxy(name, better, needs, cost, paper, equation, function, reads, known, total, of)
        return catalogue.enter(name, made)

    return entered


def reported(source: str, space: str, **spearman: float) -> dict[str, Published]:
    """Correlations of one source in one space, by data set."""
    return {f"{space}/{dataset}": Published(value, source) for dataset, value in spearman.items()}


def _measured(scoring: Proxy, task: Task, batch_size: int, seed: int, arch: Architecture) -> float:
    return scoring(Probe(seed=seed, architecture=arch, task=task, batch_size=batch_size, reads=scoring.reads))


def _named(module: str, name: str) -> Any:
    return getattr(import_module(module), name)
