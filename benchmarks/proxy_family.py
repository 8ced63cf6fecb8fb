"""Time what one pass for a family of proxies saves: each with a probe of its own, against one probe for all.

Run `python benchmarks/proxy_family.py [architectures] [batch size]`. Both ways score the same NAS-Bench-201 networks
on the same batch, in turns and with one thread, and every value must agree to 1e-5 (plain: on the scale of snip).
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Sequence

import torch

import workbench as wb
from workbench.proxies import Probe, Proxy, catalogue
from workbench.tasks import Batch, task

FAMILY = ("grad_norm", "snip", "plain", "fisher", "l2_norm", "nwot", "jacov", "epe_nas")
WITHOUT_GRASP = (*FAMILY, "synflow", "zen", "params", "flops")
FAMILIES = {
    "the family of eight": FAMILY,
    "twelve, all but grasp": WITHOUT_GRASP,
    "all thirteen": (*WITHOUT_GRASP, "grasp"),
}
Values = dict[str, float]


def main(n_archs: int = 12, batch_size: int = 64) -> None:
    """Print the seconds that an architecture takes both ways, and their ratio, for each family."""
    torch.set_num_threads(1)
    space, noise = wb.search_space("nasbench201"), task("cifar10_noise")
    batch = noise.batch(batch_size)
    archs = space.sample(n_archs)
    scored(space.build(archs[0], noise), batch, FAMILIES["all thirteen"])  # the first run pays for torch's start
    apart = dict.fromkeys(FAMILIES["all thirteen"], 0.0)
    together = dict.fromkeys(FAMILIES, 0.0)
    for arch in archs:
        model = space.build(arch, noise)
        alone: Values = {}
        for name in apart:
            seconds, values = scored(model, batch, [name])
            apart[name] += seconds / n_archs
            alone |= values
        for family, names in FAMILIES.items():
            seconds, values = scored(model, batch, names)
            together[family] += seconds / n_archs
            compare(alone, values)
    print(f"{n_archs} architectures of nasbench201, batch {batch_size}, 1 thread, CPU seconds per architecture")
    for name, seconds in apart.items():
        print(f"  {name:<22} {seconds:7.3f}")
    for family, names in FAMILIES.items():
        one_by_one = sum(apart[name] for name in names)
        ratio = one_by_one / together[family]
        print(f"{family:<24} one by one {one_by_one:7.3f}   shared {together[family]:7.3f}   ratio {ratio:.2f}")
    print("all values agree")


def scored(model: torch.nn.Module, batch: Batch, names: Sequence[str]) -> tuple[float, Values]:
    """CPU seconds of one probe for all the proxies of these names, and their values."""
    members: list[Proxy] = [catalogue.find(name) for name in names]
    start = time.process_time()
    probe = Probe(model, batch, reads=[read for member in members for read in member.reads])
    values = {member.name: member(probe) for member in members}
    return time.process_time() - start, values


def compare(alone: Values, shared: Values) -> None:
    """Stop where a value differs between the two ways."""
    for name, value in shared.items():
        scale = shared["snip"] if name == "plain" else value
        both_unknown = math.isnan(value) and math.isnan(alone[name])
        if not both_unknown and not abs(value - alone[name]) <= 1e-5 * abs(scale):
            raise SystemExit(f"{name} is {alone[name]} alone and {value} shared.")


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:]))
