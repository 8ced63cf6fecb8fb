"""Time the sweep of NAS-Bench-201: networks per second of two processes against one, and what sharing adds.

Run `python benchmarks/whole_space.py [architectures] [batch size] [processes]`; 15625 sweeps the whole space. The
sample is made of whole classes of cells that compute the same function, drawn from a seed, so that the gain of sharing
is measured on it; for the whole space, the seconds of a class's first network and of every further one are scaled up
separately. Nothing is taken from a ledger or left in one but the benchmark's own, and values are checked.
"""

from __future__ import annotations

import math
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

import workbench as wb
from workbench.architecture import Architecture
from workbench.executors import Executor
from workbench.ledger import Ledger
from workbench.proxies import catalogue

FUNCTION = ("grad_norm", "snip", "plain", "fisher", "jacov", "epe_nas", "synflow", "live_params", "live_flops")
WRITING = ("l2_norm", "nwot", "swap", "zen", "params", "flops", "n_layers")
FAMILIES = {"proxies of the function": FUNCTION, "all, those of the writing too": (*FUNCTION, *WRITING)}
Classes = dict[Architecture, list[Architecture]]


def main(n_archs: int = 200, batch_size: int = 16, processes: int = 2) -> None:
    """Print networks per second and the projected time of the whole space, without and with sharing."""
    assert {name for name in (*FUNCTION, *WRITING) if catalogue.find(name).of == "function"} == set(FUNCTION)
    whole = classes()
    n_whole = sum(map(len, whole.values()))
    drawn = sample(whole, n_archs)
    archs = [arch for members in drawn.values() for arch in members]
    print(f"nasbench201: {n_whole:,} architectures, {len(whole):,} functions ({n_whole / len(whole):.2f} to one)")
    print(f"sample: {len(archs)} architectures, {len(drawn)} functions; cifar10_noise, batch {batch_size}")
    with wb.Local(1) as one, wb.Local(processes) as many:
        for executor in (one, many):  # processes start, and pay for torch's start
            timed(archs[: 2 * processes], FUNCTION, batch_size, executor)
        few = archs[:: max(1, len(archs) // 40)]
        alone, first = timed(few, FUNCTION, batch_size, one)
        together, second = timed(few, FUNCTION, batch_size, many)
        check(first, second)
        print(
            f"{len(few)} architectures by {len(FUNCTION)} proxies: 1 process {len(few) / alone:.2f}, "
            f"{processes} processes {len(few) / together:.2f} a second, ratio {alone / together:.2f}"
        )
        for family, names in FAMILIES.items():
            compare(family, names, drawn, whole, batch_size, many)


def compare(
    family: str, names: Sequence[str], drawn: Classes, whole: Classes, batch_size: int, executor: Executor
) -> None:
    """Score a sample without and with sharing, and print both."""
    archs = [arch for members in drawn.values() for arch in members]
    n_whole = sum(map(len, whole.values()))
    apart, _ = timed(archs, names, batch_size, executor)
    with tempfile.TemporaryDirectory() as folder:
        ledger = Ledger(Path(folder) / "scores.sqlite3")
        firsts, own = timed(list(drawn), names, batch_size, executor, ledger, share=True)
        others, table = timed(archs, names, batch_size, executor, ledger, share=True)
        ledger.close()
    check(own, table.loc[own.index])
    shared = firsts + others
    projected = firsts / len(drawn) * len(whole)
    if len(archs) > len(drawn):
        projected += others / (len(archs) - len(drawn)) * (n_whole - len(whole))
    unshared = apart / len(archs) * n_whole
    print(f"{family} ({len(names)})")
    ways = {
        "each architecture": (apart, unshared),
        "shared": (shared, projected),
        "representatives only": (firsts, firsts / len(drawn) * len(whole)),  # whose values stand for all, as a user may
    }
    for how, (seconds, all_seconds) in ways.items():
        rate, gains = len(archs) / seconds, (apart / seconds, unshared / all_seconds)
        print(f"  {how:<22} {rate:6.2f} architectures a second, {gains[0]:.2f}x of the first; ", end="")
        print(f"whole space {all_seconds / 3600:5.2f} h, {gains[1]:.2f}x")


def classes() -> Classes:
    """Representative -> the architectures that compute the same function."""
    found: Classes = {}
    for arch in wb.search_space("nasbench201").enumerate():
        found.setdefault(arch.space.representative(arch), []).append(arch)
    return found


def sample(whole: Classes, n_archs: int) -> Classes:
    """Classes in a seeded order, as many as have `n_archs` members together; none of more members than that."""
    firsts, n = list(whole), 0
    drawn: Classes = {}
    for place in np.random.default_rng(0).permutation(len(firsts)):
        if n >= n_archs:
            break
        members = whole[firsts[place]]
        if len(members) <= n_archs:
            drawn[firsts[place]] = members
            n += len(members)
    return drawn


def timed(
    archs: Sequence[Architecture],
    names: Sequence[str],
    batch_size: int,
    executor: Executor,
    ledger: Ledger | None = None,
    share: bool = False,
) -> tuple[float, pd.DataFrame]:
    """Seconds of a table, and the table."""
    start = time.perf_counter()
    kept: Ledger | Literal[False] = False if ledger is None else ledger
    frame = wb.score(archs, names, "cifar10_noise", batch_size, 0, executor, kept, False, share=share, device="cpu")
    return time.perf_counter() - start, frame


def check(first: pd.DataFrame, second: pd.DataFrame) -> None:
    """Stop where two tables of the same networks differ."""
    for name in first:
        scale = "snip" if name == "plain" else name
        for a, b, size in zip(first[name], second[name], first[scale], strict=True):
            if not (math.isnan(a) and math.isnan(b)) and not abs(a - b) <= 1e-5 * abs(size):
                raise SystemExit(f"{name} is {a} in one run and {b} in another.")


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:]))
