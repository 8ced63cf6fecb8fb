"""live_params: parameters that data can reach, the strongest free baseline on NAS-Bench-201."""

from __future__ import annotations

from workbench.proxies.probe import Probe
from workbench.proxies.proxy import proxy
from workbench.proxies.unscored import Unscored


@proxy(
    better="higher",
    needs="architecture",
    cost="free",
    of="function",
    paper="a baseline of this workbench",
    equation="params of the architecture without the edges on no path from input to output",
)
def live_params(probe: Probe) -> float:
    """Parameters in units after dead edges are removed; only an architecture says which edges are dead."""
    if probe.live_counts is None:
        return Unscored("live_params needs an architecture: the graph of a bare module is not known")
    return float(probe.live_counts.params)
