"""Time what sharing passes saves: all proxies through one probe against a fresh probe for each proxy.

Run `python benchmarks/proxy_probe.py [architectures] [batch size]`. Both ways score the same networks on the same
batch, in turns and with one thread, and every value must be equal.
"""

from __future__ import annotations

import math
import sys
import time

import torch

import workbench as wb
from workbench.proxies import Probe, catalogue
from workbench.tasks import Batch, task


def main(n_archs: int = 10, batch_size: int = 64) -> None:
    """Print the seconds an architecture takes both ways, and their ratio."""
    torch.set_num_threads(1)
    space, noise = wb.search_space("nasbench201"), task("cifar10_noise")
    batch = noise.batch(batch_size)
    archs = space.sample(n_archs)
    compare(space.build(archs[0], noise), batch)  # the first run pays for torch's start
    pairs = [compare(space.build(arch, noise), batch) for arch in archs]
    together = sum(shared for shared, _ in pairs) / n_archs
    apart = {name: sum(alone[name] for _, alone in pairs) / n_archs for name in pairs[0][1]}
    print(f"{n_archs} architectures of nasbench201, batch {batch_size}, 1 thread, seconds per architecture")
    for name, seconds in apart.items():
        print(f"  {name:<12} {seconds:8.3f}")
    print(f"  one by one   {sum(apart.values()):8.3f}")
    print(f"  shared       {together:8.3f}   ratio {sum(apart.values()) / together:.2f}, all values equal")


def compare(model: torch.nn.Module, batch: Batch) -> tuple[float, dict[str, float]]:
    """Seconds of all proxies together, and of each alone; stops where a value differs."""
    members = [proxy for proxy in catalogue if proxy.cost != "free"]
    start = time.perf_counter()
    probe = Probe(model, batch, reads=[read for proxy in members for read in proxy.reads])
    shared = {proxy.name: proxy(probe) for proxy in members}
    together = time.perf_counter() - start
    alone = {}
    for proxy in members:
        start = time.perf_counter()
        value = proxy(Probe(model, batch))
        alone[proxy.name] = time.perf_counter() - start
        if value != shared[proxy.name] and not (math.isnan(value) and math.isnan(shared[proxy.name])):
            raise SystemExit(f"{proxy.name} is {value} alone and {shared[proxy.name]} shared.")
    return together, alone


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:]))
