"""The catalogue of proxies: scores of untrained networks."""

from __future__ import annotations

from typing import TYPE_CHECKING

# Each of these files enters its proxy into the catalogue.
from workbench.proxies import (
    az_nas,
    epe_nas,
    fisher,
    flops,
    grad_norm,
    gradsign,
    grasp,
    jacov,
    knas,
    l2_norm,
    linear_regions,
    live_flops,
    live_params,
    meco,
    n_layers,
    naslid,
    ntk_cond,
    ntk_trace,
    nwot,
    params,
    plain,
    snip,
    swap,
    synflow,
    vkdnw,
    zen,
    zico,
)
from workbench.proxies.probe import Probe
from workbench.proxies.proxy import Proxy, Published, catalogue, proxy
from workbench.proxies.unscored import Unscored

if TYPE_CHECKING:
    import pandas as pd

    from workbench.measure import Measure
    from workbench.tasks import Task

__all__ = [
    "Probe",
    "Proxy",
    "Published",
    "Unscored",
    "az_nas",
    "catalogue",
    "epe_nas",
    "fisher",
    "flops",
    "grad_norm",
    "gradsign",
    "grasp",
    "jacov",
    "knas",
    "l2_norm",
    "linear_regions",
    "live_flops",
    "live_params",
    "measure",
    "meco",
    "n_layers",
    "naslid",
    "ntk_cond",
    "ntk_trace",
    "nwot",
    "params",
    "plain",
    "proxies",
    "proxy",
    "snip",
    "swap",
    "synflow",
    "vkdnw",
    "zen",
    "zico",
]


def measure(name: str, task: str | Task = "cifar10", batch_size: int = 64, seed: int = 0) -> Measure:
    """The proxy called `name` as a `Measure`, to search for or to bound: networks and batches are drawn from `seed`.

    Raises `UnknownName` with the nearest names.
    """
    return catalogue.find(name).measure(task, batch_size, seed)


def proxies() -> pd.DataFrame:
    """The proxies there are: direction, needs, cost, what a score is of (see `Proxy`), and what was published for each.

    `published` holds rank correlations with test accuracy by space and data set; `published_in` says where
    from.
    """
    return catalogue.table(Proxy.card)
