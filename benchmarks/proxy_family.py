"""Time and memory of families of proxies in one shared pass, against proxies one at a time.

Run `python benchmarks/proxy_family.py [architectures] [batch size]`. One at a time is done twice: as the reference
toolkit does it (`naive_proxies.py`: a copy of the network and passes of its own for every proxy), and with a probe of
its own for every proxy. All ways score the same NAS-Bench-201 networks on the same batch, in turns and with one thread,
and every value must agree to 1e-5 (plain and grasp, small sums of large terms of both signs: on the scale of snip, and
of grasp's terms by layer). Memory is the peak of a process of its own over what
it held with the network built and warm, next to one ordinary training step.
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import torch
from naive_proxies import evaluate
from torch import nn

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
ALL = FAMILIES["all thirteen"]
TERMS = "terms of grasp"
Values = dict[str, float]


def main(n_archs: int = 12, batch_size: int = 64) -> None:
    """Print the seconds that an architecture takes every way, their ratios for each family, and the memory."""
    torch.set_num_threads(1)
    space, noise = wb.search_space("nasbench201"), task("cifar10_noise")
    batch = noise.batch(batch_size)
    archs = space.sample(n_archs)
    scored(space.build(archs[0], noise), batch, ALL)  # the first run pays for torch's start
    naive, alone, shared = dict.fromkeys(ALL, 0.0), dict.fromkeys(ALL, 0.0), dict.fromkeys(FAMILIES, 0.0)
    for arch in archs:
        model = space.build(arch, noise)
        expected: Values = {}
        by_itself: Values = {}
        for name in ALL:
            start = time.process_time()
            expected[name] = evaluate(name, model, (batch.x, batch.y))
            naive[name] += (time.process_time() - start) / n_archs
            seconds, values = scored(model, batch, [name])
            alone[name] += seconds / n_archs
            by_itself |= values
        compare(expected, by_itself)
        for family, names in FAMILIES.items():
            seconds, values = scored(model, batch, names)
            shared[family] += seconds / n_archs
            compare(expected, values)
    print(f"{n_archs} architectures of nasbench201, batch {batch_size}, 1 thread, CPU seconds per architecture")
    report(naive, alone, shared)
    print("all values agree")
    print_memory(str(archs[0]), batch_size)


def report(naive: Mapping[str, float], alone: Mapping[str, float], shared: Mapping[str, float]) -> None:
    """Print seconds by proxy and by family."""
    print(f"  {'':<22} {'naive':>8} {'own pass':>9}")
    for name in ALL:
        print(f"  {name:<22} {naive[name]:8.3f} {alone[name]:9.3f}")
    print(f"  {'':<22} {'naive':>8} {'own pass':>9} {'shared':>8}   naive/shared   own pass/shared")
    for family, names in FAMILIES.items():
        first, second = (sum(seconds[name] for name in names) for seconds in (naive, alone))
        together = shared[family]
        print(f"  {family:<22} {first:8.3f} {second:9.3f} {together:8.3f}", end="")
        print(f"   {first / together:12.2f}   {second / together:15.2f}")


def scored(model: nn.Module, batch: Batch, names: Sequence[str]) -> tuple[float, Values]:
    """CPU seconds of one probe for all the proxies of these names, and their values."""
    members: list[Proxy] = [catalogue.find(name) for name in names]
    start = time.process_time()
    probe = Probe(model, batch, reads=[read for member in members for read in member.reads])
    values = {member.name: member(probe) for member in members}
    seconds = time.process_time() - start
    if "grasp" in values:
        layers = catalogue.find("grasp")(probe, reduce=None)
        values[TERMS] = sum(abs(layer) for layer in layers.values()) if isinstance(layers, dict) else math.nan
    return seconds, values


def compare(expected: Values, values: Values) -> None:
    """Stop where a value differs from the naive one."""
    for name in values.keys() - {TERMS}:
        value, naive = values[name], expected[name]
        scale = {"plain": expected["snip"], "grasp": values.get(TERMS, math.nan)}.get(name, naive)
        both_unknown = math.isnan(value) and not math.isfinite(naive)
        if not both_unknown and not abs(value - naive) <= 1e-5 * abs(scale):
            raise SystemExit(f"{name} is {value}, and {naive} the naive way.")


def print_memory(arch: str, batch_size: int) -> None:
    """Print the peak memory of a training step and of each family on one architecture."""
    print(f"peak memory on {arch}")
    step = 0.0
    for what in ("one training step", *FAMILIES):
        with ProcessPoolExecutor(1, get_context("spawn")) as alone:
            found = alone.submit(peak, what, arch, batch_size).result()
        step = step or found
        print(f"  {what:<22} {found:6.0f} MB   {found / step:.2f} x")


def peak(what: str, arch: str, batch_size: int) -> float:
    """Megabytes by which a family of proxies, or a training step, raises the peak of this process."""
    torch.set_num_threads(1)
    space, noise = wb.search_space("nasbench201"), task("cifar10_noise")
    model, held = space.build(space.parse(arch), noise), 0
    for batch in (noise.batch(4), noise.batch(batch_size)):  # the small one brings in the code
        held = high_water()
        if what in FAMILIES:
            scored(model, batch, FAMILIES[what])
        else:
            train(model, batch)
    return (high_water() - held) / 1024


def high_water() -> int:
    """The most memory that this process has ever had, in kilobytes (Linux)."""
    (line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1])


def train(model: nn.Module, batch: Batch) -> None:
    """One ordinary training step: forward, backward, and a step of gradient descent with momentum."""
    descent = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    nn.functional.cross_entropy(model.train()(batch.x), batch.y).backward()
    descent.step()


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:]))
