"""Stand-alone training of what a supernet has found: what inherited weights are to be compared with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from workbench.networks.elastic.gates import Gate
from workbench.supernets.paths import Fixed
from workbench.supernets.recipe import Recipe
from workbench.supernets.supernet import Supernet
from workbench.supernets.training import train

if TYPE_CHECKING:
    from workbench.architecture import Architecture
    from workbench.tasks.task import Splits


def alone(net: Supernet, arch: Architecture) -> Supernet:
    """The network of `arch` by itself, of the size of those in `net`, with weights of its own drawn from `net.seed`."""
    numbers = net.network.numbers(arch.decisions)
    options = {name: (allowed[numbers[name]],) for name, allowed in net.options.items()}
    return Supernet(net.space, net.task, net.seed, options=options, **net.settings).to(net.device)


def train_alone(
    net: Supernet,
    arch: Architecture | Mapping[str, Gate],
    data: Splits,
    recipe: Recipe | None = None,
    seed: int = 0,
    part: str = "test",
) -> float:
    """The accuracy (0 to 1), on a part of the data, of `arch` trained by itself from scratch.

    Gates stand for what is no architecture of the space, such as several operations on an edge: what has weight 0 does
    not run.
    """
    gates: Mapping[str, Gate] | None = None
    if isinstance(arch, Mapping):
        trained, gates = untrained(net), arch
    else:
        trained = alone(net, arch)
    train(trained, data, Fixed(gates), recipe=recipe, seed=seed, show=False)
    return trained.evaluate(data, gates, part)["accuracy"]


def untrained(net: Supernet) -> Supernet:
    """A supernet of the same options and size, with weights of its own drawn from `net.seed`."""
    return Supernet(net.space, net.task, net.seed, options=net.options, **net.settings).to(net.device)
