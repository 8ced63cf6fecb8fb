"""What a step of training a supernet costs: paths beside plain networks, mixtures beside the sum of their paths.

python benchmarks/supernet_cost.py [--steps 40] [--batch 64] [--architectures 3]

The first table is of CPU time: a step (forward, backward, update) of one path in the supernet and of the plain network
of the same architecture, which has no gates. Both take turns on the same batch, so that a busy machine slows both; the
ratio is that of the medians. The second is of memory: the bytes that autograd keeps for a backward pass, every storage
once, weights aside. "sum of paths" adds up the paths that take the first, the second, ... option of every gate, as many
as the gate with most options has. Two paths are ProxylessNAS'. In cells and chains of whole blocks a mixture runs every
operation and two paths run two of them; elastic sizes run the largest size either way, once.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Mapping
from typing import Any

import networkx as nx
import numpy as np
import pandas as pd
import torch
from torch import nn

import workbench as wb
from workbench import supernets as sn
from workbench.architecture import Architecture
from workbench.networks import mobile, nasbench201
from workbench.spaces.chains import chain
from workbench.spaces.mobile import bottleneck, convolution, pooling

TASK = "digits"


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--architectures", type=int, default=3)
    options = parser.parse_args()
    torch.manual_seed(0)
    part = wb.task(TASK).split(0).train
    x, y = part.x[: options.batch], part.y[: options.batch]
    print(f"A step on {options.batch} images of {TASK}, CPU milliseconds, {torch.get_num_threads()} threads")
    print(pd.DataFrame(list(steps(x, y, options.steps, options.architectures))).round(3).to_string(index=False))
    print("\nKept for the backward pass, megabytes")
    print(pd.DataFrame(list(memory(x))).round(2).to_string(index=False))


def cells(n_cells: int, channels: int) -> tuple[wb.Supernet, Callable[[Architecture], nn.Module]]:
    """The supernet of NAS-Bench-201 and what builds its plain networks."""
    settings = {"n_cells": n_cells, "channels": channels}
    space, task = wb.search_space("nasbench201"), wb.task(TASK)
    net = wb.Supernet(space, TASK, 0, **settings)
    return net, lambda arch: nasbench201.Network(space.graph(arch), task.shape, task.n_classes, **settings)


def blocks() -> tuple[wb.Supernet, Callable[[Architecture], nn.Module]]:
    """The supernet of mbconv and what builds its plain networks."""
    space, task = wb.search_space("mbconv"), wb.task(TASK)
    return wb.Supernet(space, TASK, 0), lambda arch: mobile.Network(plain_chain(arch), task.shape, task.n_classes)


def plain_chain(arch: Architecture) -> nx.DiGraph:
    """The chain of fixed blocks that an architecture of mbconv is."""
    answers = arch.decisions
    layers: dict[str, dict[str, Any]] = {"stem": convolution(8, 3)}
    c_in = 8
    for stage in (1, 2):
        width = int(str(answers[f"s{stage}.width"]))
        for within in range(1, int(str(answers[f"s{stage}.depth"])) + 1):
            name = f"s{stage}.b{within}"
            kernel, expand = (int(str(answers[f"{name}.{part}"])) for part in ("kernel", "expand"))
            stride = 2 if (stage, within) == (2, 1) else 1
            layers[name] = bottleneck("mbconv", width, c_in * expand, kernel, stride, always_expand=True)
            c_in = width
    return chain({**layers, "pool": pooling()})


def steps(x: torch.Tensor, y: torch.Tensor, n: int, n_architectures: int) -> list[dict[str, Any]]:
    """One row for each supernet: a path's step, the plain network's, and the mixture's."""
    made = {
        "nasbench201, 1 cell of 8 channels": cells(1, 8),
        "nasbench201, 5 cells of 16 channels": cells(5, 16),
        "mbconv": blocks(),
    }
    rows: list[dict[str, Any]] = []
    for name, (net, plain_of) in made.items():
        ratios, paths, plains = [], [], []
        for arch in net.sample(n_architectures, 0):
            plain = plain_of(arch)
            count = n if "5 cells" not in name else max(3, n // 8)
            path, alone = interleaved([stepping(net, net.gates(arch)), stepping(plain)], x, y, count)
            paths.append(path)
            plains.append(alone)
            ratios.append(path / alone)
        rows.append(
            {
                "supernet": name,
                "path": np.mean(paths),
                "plain": np.mean(plains),
                "ratio": np.mean(ratios),
                "highest": max(ratios),
            }
        )
    return rows


def stepping(net: nn.Module, gates: Mapping[str, Any] | None = None) -> Callable[[torch.Tensor, torch.Tensor], None]:
    """One training step of a network, or of a supernet under gates."""
    optimiser = torch.optim.SGD(net.parameters(), 1e-3, momentum=0.9)
    net.train()

    def step(x: torch.Tensor, y: torch.Tensor) -> None:
        optimiser.zero_grad(set_to_none=True)
        logits = net(x) if gates is None else net(x, gates)
        nn.functional.cross_entropy(logits, y).backward()  # type: ignore[no-untyped-call]
        optimiser.step()

    return step


def interleaved(
    jobs: list[Callable[[torch.Tensor, torch.Tensor], None]], x: torch.Tensor, y: torch.Tensor, n: int
) -> list[float]:
    """The median CPU milliseconds of each job, which take turns."""
    for job in jobs:
        job(x, y)
    times: list[list[float]] = [[] for _ in jobs]
    for _ in range(n):
        for job, taken in zip(jobs, times, strict=True):
            start = time.process_time()
            job(x, y)
            taken.append(1000 * (time.process_time() - start))
    return [float(np.median(taken)) for taken in times]


def memory(x: torch.Tensor) -> list[dict[str, Any]]:
    """One row for each supernet: what a path, two paths and the mixture keep."""
    rng = np.random.default_rng(0)
    mobile_blocks = wb.Supernet(wb.search_space("fbnet_small"), TASK, 0)
    made = {"nasbench201, 1 cell": cells(1, 8)[0], "fbnet_small": mobile_blocks, "mbconv": blocks()[0]}
    rows: list[dict[str, Any]] = []
    for name, net in made.items():
        most = max(map(len, net.options.values()))
        same = [{gate: k % len(allowed) for gate, allowed in net.options.items()} for k in range(most)]
        pairs = sn.TwoPath(net)
        rows.append(
            {
                "supernet": name,
                "path": np.mean([sn.activation_bytes(net, x, net.random_path(rng)) for _ in range(16)]) / 1e6,
                "two paths": np.mean([sn.activation_bytes(net, x, pairs.gates()) for _ in range(16)]) / 1e6,
                "mixture": sn.activation_bytes(net, x, sn.Softmax(net).gates()) / 1e6,
                "sum of paths": sum(sn.activation_bytes(net, x, path) for path in same) / 1e6,
            }
        )
    for row in rows:
        row["two / mixture"] = row["two paths"] / row["mixture"]
        row["mixture / sum"] = row["mixture"] / row["sum of paths"]
    return rows


if __name__ == "__main__":
    main()
