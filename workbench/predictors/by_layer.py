"""Layer statistics: proxies of every layer of every architecture, as one padded array."""

from __future__ import annotations

import math
import multiprocessing
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import torch

from workbench.architecture import Architecture
from workbench.errors import InvalidInput
from workbench.executors import Executor, Here
from workbench.predictors.normal_scores import Numbers
from workbench.proxies import Probe, Proxy, Unscored
from workbench.proxies import catalogue as proxies_there_are
from workbench.tasks import NoiseInput, Task
from workbench.tasks import task as find_task

STATISTICS = ("grad_norm", "snip", "synflow")
Align = Literal["depth", "name"]
Layers = Mapping[str, float]


class LayerStatistics(NamedTuple):
    """Statistics of layers: `values` (n, layers, statistics), NaN where `mask` is not; `reasons` by (row, statistic).

    `mask` (n, layers) says where an architecture has a layer. With `align="name"`, `layers` names the middle axis.
    """

    values: Numbers
    mask: np.ndarray
    statistics: tuple[str, ...]
    layers: tuple[str, ...]
    reasons: dict[tuple[int, str], str]


def layer_statistics(
    archs: Iterable[Architecture],
    proxies: Sequence[str] = STATISTICS,
    task: str | Task = "cifar10",
    batch_size: int = 64,
    seed: int = 0,
    align: Align = "depth",
    executor: Executor | None = None,
    progress: bool = True,
) -> LayerStatistics:
    """What each of the `proxies` says of each layer of each architecture, as predictors of layers take it.

    `align="depth"` lines the k-th layers up, as ParZC does (Dong et al., AAAI 2025, whose three statistics are the
    default); `align="name"` lines up the layers that have the same name in the network, which tells a predictor also
    where each stands. Networks and the batch are drawn from `seed`. An architecture of which a statistic cannot be
    had has NaN there, and its reason in `reasons`. Raises `InvalidInput` for a proxy that is not made of layers.
    """
    rows = list(archs)
    if not rows:
        raise InvalidInput("layer_statistics takes at least one architecture; got none.")
    if align not in ("depth", "name"):
        raise InvalidInput(f"align is 'depth' or 'name'; got {align!r}.")
    members = tuple(proxies_there_are.find(name) for name in proxies)
    if not members:
        raise InvalidInput(f"layer_statistics takes at least one proxy, such as {', '.join(STATISTICS)}; got none.")
    found_task = find_task(task)
    found_task.batch(batch_size, seed)  # what is wrong or missing is said here, once
    jobs = [_Job(arch, members, found_task, batch_size, seed) for arch in dict.fromkeys(rows)]
    found: dict[Architecture, dict[str, Layers | str]] = {}
    outcomes = (executor or Here()).map(_measured, jobs, [str(job.arch) for job in jobs], "layers", progress)
    for outcome in outcomes:
        job = jobs[outcome.index]
        found[job.arch] = outcome.value or dict.fromkeys(proxies, str(outcome.error))
    return _stacked([found[arch] for arch in rows], tuple(proxies), align)


@dataclass(frozen=True)
class _Job:
    """One architecture to look at, as sent to a worker."""

    arch: Architecture
    members: tuple[Proxy, ...]
    task: Task
    batch_size: int
    seed: int


def _measured(job: _Job) -> dict[str, Layers | str]:
    """Statistic -> numbers by layer, or the reason why there are none."""
    if multiprocessing.parent_process() is not None:
        torch.set_num_threads(1)  # in a worker: there are as many of them as cores
    reads = [read for member in job.members for read in member.reads]
    probe = Probe(seed=job.seed, architecture=job.arch, task=job.task, batch_size=job.batch_size, reads=reads)
    found: dict[str, Layers | str] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NoiseInput)  # said once for all
        for member in job.members:
            value = member(probe, reduce=None)
            if isinstance(value, Mapping):
                found[member.name] = value
            else:
                found[member.name] = value.reason if isinstance(value, Unscored) else "the network has no such layer"
    return found


def _stacked(rows: list[dict[str, Layers | str]], statistics: tuple[str, ...], align: Align) -> LayerStatistics:
    ordered = [_names(row) for row in rows]
    slots = _merged(ordered) if align == "name" else []
    place = {name: k for k, name in enumerate(slots)}
    places = [[place.get(name, k) for k, name in enumerate(names)] for names in ordered]
    width = max((at + 1 for row in places for at in row), default=1)
    values = np.full((len(rows), width, len(statistics)), math.nan)
    mask = np.zeros((len(rows), width), dtype=bool)
    reasons = {}
    for i, row in enumerate(rows):
        mask[i, places[i]] = True
        for k, statistic in enumerate(statistics):
            layers = row[statistic]
            if isinstance(layers, str):
                reasons[i, statistic] = layers
            else:
                values[i, places[i], k] = [_finite(layers.get(name, math.nan)) for name in ordered[i]]
    for statistic in statistics:
        why = [reasons[i, statistic] for i in range(len(rows)) if (i, statistic) in reasons]
        if len(why) == len(rows):
            raise InvalidInput(f"No architecture has {statistic} by layer: {why[0]}")
    return LayerStatistics(values, mask, statistics, tuple(slots), reasons)


def _finite(number: float) -> float:
    return number if math.isfinite(number) else math.nan


def _names(row: dict[str, Layers | str]) -> list[str]:
    """The layers of one architecture, in the order of the statistic that has most of them."""
    known = [list(layers) for layers in row.values() if not isinstance(layers, str)]
    return _merged(sorted(known, key=len, reverse=True))


def _merged(lists: Iterable[Sequence[str]]) -> list[str]:
    """All names of the lists, a new one standing behind the one that it follows in its own list."""
    merged: list[str] = []
    known: set[str] = set()
    for names in lists:
        if known.issuperset(names):
            continue
        known.update(names)
        at = 0
        for name in names:
            if name in merged:
                at = merged.index(name) + 1
            else:
                merged.insert(at, name)
                at += 1
    return merged
