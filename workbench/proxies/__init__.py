"""The catalogue of proxies: scores of untrained networks."""

from __future__ import annotations

from typing import TYPE_CHECKING

# Each of these files enters its proxy into the catalogue.
from workbench.proxies import flops, grad_norm, live_params, nwot, params, synflow
from workbench.proxies.probe import Probe
from workbench.proxies.proxy import Proxy, Published, catalogue, proxy
from workbench.proxies.unscored import Unscored

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "Probe",
    "Proxy",
    "Published",
    "Unscored",
    "catalogue",
    "flops",
    "grad_norm",
    "live_params",
    "nwot",
    "params",
    "proxies",
    "proxy",
    "synflow",
]


def proxies() -> pd.DataFrame:
    """The proxies there are: direction, needs, cost, and what was published for each.

    `published` holds rank correlations with test accuracy by space and data set; `published_in` says where
    from.
    """
    return catalogue.table(Proxy.card)
