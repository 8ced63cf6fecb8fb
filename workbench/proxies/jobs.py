"""A job of scoring: one network and the proxies to compute of it, as sent to a worker."""

from __future__ import annotations

import multiprocessing
import warnings
from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import NamedTuple

import torch

from workbench.architecture import Architecture
from workbench.errors import InvalidInput
from workbench.executors import Outcome
from workbench.ledger import Entry, Key
from workbench.proxies.probe import Probe
from workbench.proxies.proxy import Proxy
from workbench.proxies.sharing import Cell
from workbench.proxies.unscored import Unscored
from workbench.tasks import NoiseInput, Task


@dataclass(frozen=True)
class Terms:
    """What all scores of a table have in common."""

    task: Task
    batch_size: int
    seed: int
    device: str
    batch_seed: int

    def key(self, arch: Architecture, scoring: Proxy) -> Key:
        """The ledger's key of one score."""
        return scoring.key(arch.space.name, str(arch), self.task, self.batch_size, self.seed, self.batch_seed)


class Result(NamedTuple):
    """A score, and whether it is one for the ledger: after an error it is tried again the next time."""

    entry: Entry
    lasting: bool


@dataclass(frozen=True)
class Job:
    """The proxies to compute of one architecture."""

    arch: Architecture
    proxies: tuple[Proxy, ...]
    terms: Terms

    @property
    def free(self) -> bool:
        """Whether all of them are."""
        return all(scoring.cost == "free" for scoring in self.proxies)


def scored(job: Job) -> dict[str, Result]:
    """Every proxy of one job; one that fails is a reason and leaves the others alone."""
    if multiprocessing.parent_process() is not None:
        torch.set_num_threads(1)  # in a worker: there are as many of them as cores
    terms = job.terms
    probe = Probe(
        seed=terms.seed,
        architecture=job.arch,
        task=terms.task,
        batch_size=terms.batch_size,
        reads=reads(job.proxies),
        device=terms.device,
        batch_seed=terms.batch_seed,
    )
    with warnings.catch_warnings(), _exact(terms.device):
        warnings.simplefilter("ignore", NoiseInput)  # said once for the whole table
        return {scoring.name: _one(scoring, probe) for scoring in job.proxies}


def results(job: Job, outcome: Outcome) -> dict[Cell, Result]:
    """What became of a job, cell by cell: where it was lost, the reason in each."""
    if outcome.error is not None:
        failed = Result(Entry(float("nan"), outcome.error), lasting=False)
        return {Cell(job.arch, scoring.name): failed for scoring in job.proxies}
    return {Cell(job.arch, name): result for name, result in outcome.value.items()}


def reads(members: Iterable[Proxy]) -> frozenset[str]:
    """The passes that proxies read together."""
    return frozenset(name for member in members for name in member.reads)


def found_device(device: str | None) -> str:
    """`device`, or without one an accelerator of NVIDIA's if there is one; `InvalidInput` for one that is not there."""
    if device is None:
        return "cuda" if torch.cuda.is_available() else "cpu"
    there = ["cpu"]
    if torch.cuda.is_available():
        there += ["cuda", *(f"cuda:{number}" for number in range(torch.cuda.device_count()))]
    if torch.backends.mps.is_available():
        there.append("mps")
    if device not in there:
        raise InvalidInput(
            f"There is no device {device!r} on this machine; there is {', '.join(there)}. "
            "Name one of these, or none: then CUDA is used where there is any."
        )
    return device


def _one(scoring: Proxy, probe: Probe) -> Result:
    try:
        with probe.timed() as lap:
            value = scoring(probe)
    except Exception as error:  # whatever a stranger's proxy or network raises costs one value, with its reason
        return Result(Entry(float("nan"), f"{type(error).__name__}: {error}", lap.seconds), lasting=False)
    reason = value.reason if isinstance(value, Unscored) else None
    return Result(Entry(float(value), reason, lap.seconds), lasting=True)


def _exact(device: str) -> AbstractContextManager[object]:
    """Inside, convolutions on an NVIDIA GPU keep all digits of single precision, as on a processor."""
    if not device.startswith("cuda"):
        return nullcontext()
    exact: AbstractContextManager[object] = torch.backends.cudnn.flags(
        enabled=True, benchmark=False, deterministic=True, allow_tf32=False
    )
    return exact
