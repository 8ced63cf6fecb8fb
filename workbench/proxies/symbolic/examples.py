"""Examples: architectures with statistics of their layers, collected once, and a truth to be learnt from."""

from __future__ import annotations

import multiprocessing
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch

from workbench.architecture import Architecture
from workbench.errors import InvalidInput
from workbench.executors import Auto, Executor, Here
from workbench.measure import Measure
from workbench.progress import say
from workbench.proxies.jobs import found_device
from workbench.proxies.probe import Probe
from workbench.proxies.symbolic.expressions import Expression, parse
from workbench.proxies.symbolic.statistics import NAMES, Array, read
from workbench.tasks import NoiseInput, Task
from workbench.tasks import task as find_task

if TYPE_CHECKING:
    import pandas as pd

Truth = Measure | Mapping[str, float]
FREE = ("params", "live_params")  # the baselines, counted for every example
_FEWEST = 3


@dataclass(frozen=True, eq=False, repr=False)
class Examples:
    """Architectures of one space with statistics of their layers and a truth.

    `values` maps each name of a statistic to (n, layers), NaN where a network has fewer layers or the layer no value;
    `truth` is (n,), turned so that higher is better; `free` holds the baselines (n,). `reasons` says by architecture
    what went wrong where nothing could be collected.
    """

    archs: tuple[Architecture, ...]
    values: Mapping[str, Array]
    truth: Array
    free: Mapping[str, Array]
    task: Task
    batch_size: int
    seed: int
    reasons: Mapping[str, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.archs)

    def __repr__(self) -> str:
        return (
            f"<Examples: {len(self)} architectures of {self.archs[0].space.name}, task {self.task.name}, "
            f"batch size {self.batch_size}, seed {self.seed}>"
        )

    def take(self, rows: Iterable[int]) -> Examples:
        """The examples of these rows."""
        chosen = np.fromiter(rows, dtype=int)
        return replace(
            self,
            archs=tuple(self.archs[row] for row in chosen),
            values={name: column[chosen] for name, column in self.values.items()},
            truth=self.truth[chosen],
            free={name: column[chosen] for name, column in self.free.items()},
        )

    def split(self, n: int, seed: int = 0) -> tuple[Examples, Examples]:
        """`n` examples drawn from `seed`, and the others: those to search with, and those to judge by."""
        if not _FEWEST <= n <= len(self) - _FEWEST:
            raise InvalidInput(
                f"A split of {len(self)} examples leaves at least {_FEWEST} on both sides; asked for {n} of them."
            )
        order = np.random.default_rng(seed).permutation(len(self))
        return self.take(order[:n]), self.take(order[n:])

    def against(self, truth: Truth) -> Examples:
        """The same architectures and statistics with another truth, such as the accuracy on another data set."""
        return replace(self, truth=_truth(self.archs, truth))

    def scores(self, proxies: Mapping[str, Expression | str]) -> pd.DataFrame:
        """Expressions by name as a table like that of `wb.score`, for `wb.agreement` and the like: NaN if undefined."""
        import pandas as pd

        found = {name: (parse(e) if isinstance(e, str) else e)(self.values) for name, e in proxies.items()}
        index = pd.Index([str(arch) for arch in self.archs], name="architecture", dtype=object)
        frame = pd.DataFrame({**found, **self.free}, index=index, dtype=float).replace([np.inf, -np.inf], np.nan)
        frame.attrs = {
            "space": self.archs[0].space.name,
            "task": self.task.name,
            "batch_size": self.batch_size,
            "seed": self.seed,
            "source": self.task.source,
            "better": dict.fromkeys(frame.columns, "higher"),
        }
        return frame


def proxy_examples(
    archs: Iterable[Architecture],
    truth: Truth,
    task: str | Task = "cifar10",
    batch_size: int = 16,
    seed: int = 0,
    *,
    executor: Executor | None = None,
    known: Examples | None = None,
    device: str | None = None,
    progress: bool = True,
) -> Examples:
    """Examples for `wb.evolve_proxy`: one pass over each architecture's network, kept as statistics of its layers.

    Networks and the batch are drawn from `seed`; `truth` is a `Measure`, or architecture string -> value, higher being
    better; `executor` and `device` are those of `wb.score`. Forty numbers a layer are kept, not the tensors that EZNAS
    and Auto-Prox evaluate on: an architecture takes some 30 kB instead of hundreds of MB, and an expression over
    hundreds of them about a millisecond instead of a pass over each network; the price is that operations between
    elements of tensors cannot be expressed. When interrupted, what is there is returned; given as `known`, it is not
    computed again. Raises `InvalidInput` for fewer than three architectures or for those of several spaces, and where
    no network can be run.
    """
    rows = _of_one_space(archs)
    job = _Job(find_task(task), batch_size, seed, found_device(device))
    job.task.batch(batch_size, seed)  # what is wrong or missing is said here, once
    worth = dict(zip(rows, _truth(rows, truth), strict=True))
    done = _rows_of(known, job) if known is not None else {}
    left = [arch for arch in rows if arch not in done]
    reasons: dict[str, str] = {}
    try:
        where = executor or (Auto() if job.device == "cpu" else Here())
        outcomes = where.map(job, left, label="statistics of layers", show=progress)
        for arch, outcome in zip(left, outcomes, strict=True):
            done[arch] = outcome.value or _Row({}, {})
            if outcome.error is not None:
                reasons[str(arch)] = outcome.error
    except KeyboardInterrupt:
        say(f"Stopped after {sum(arch in done for arch in rows)} of {len(rows)} architectures; go on with known=.")
    there = tuple(arch for arch in rows if arch in done)
    if not any(done[arch].values for arch in there):
        why = next(iter(reasons.values()), "the collection was stopped")
        raise InvalidInput(f"No network could be looked at: {why}.")
    return Examples(
        there,
        _padded([done[arch].values for arch in there]),
        np.array([worth[arch] for arch in there]),
        {name: np.array([done[arch].free.get(name, np.nan) for arch in there]) for name in FREE},
        job.task,
        batch_size,
        seed,
        reasons,
    )


class _Row(NamedTuple):
    """Statistics (layers,) by name, and the baselines, of one architecture; nothing where it failed."""

    values: dict[str, Array]
    free: dict[str, float]


@dataclass(frozen=True)
class _Job:
    """What is the same for all architectures; called on one of them, here or in a worker."""

    task: Task
    batch_size: int
    seed: int
    device: str

    def __call__(self, arch: Architecture) -> _Row:
        if multiprocessing.parent_process() is not None:
            torch.set_num_threads(1)  # in a worker: there are as many of them as cores
        probe = Probe(seed=self.seed, architecture=arch, task=self.task, batch_size=self.batch_size, device=self.device)
        counts = {name: arch.space.counts(arch, self.task, live=name == "live_params") for name in FREE}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NoiseInput)  # said once for all
            return _Row(read(probe, NAMES), {name: float(count.params) for name, count in counts.items()})


def _rows_of(known: Examples, job: _Job) -> dict[Architecture, _Row]:
    if (known.task, known.batch_size, known.seed) != (job.task, job.batch_size, job.seed):
        raise InvalidInput(
            f"The known examples are of task {known.task.name}, batch size {known.batch_size} and seed {known.seed}; "
            f"asked for are {job.task.name}, {job.batch_size} and {job.seed}."
        )
    found = {}
    for row, arch in enumerate(known.archs):
        if str(arch) not in known.reasons:
            layers = ~np.isnan(known.values["one"][row])
            values = {name: column[row][layers] for name, column in known.values.items()}
            found[arch] = _Row(values, {name: float(column[row]) for name, column in known.free.items()})
    return found


def _padded(rows: list[dict[str, Array]]) -> dict[str, Array]:
    n_layers = max(len(row["one"]) for row in rows if row)
    found = {name: np.full((len(rows), n_layers), np.nan) for name in NAMES}
    for place, row in enumerate(rows):
        for name, column in row.items():
            found[name][place, : len(column)] = column
    return found


def _truth(archs: Iterable[Architecture], truth: Truth) -> Array:
    if isinstance(truth, Measure):
        found = np.array([truth.sign * truth(arch) for arch in archs])
    else:
        found = np.array([truth.get(str(arch), np.nan) for arch in archs], dtype=float)
    n = int(np.isfinite(found).sum())
    if n < _FEWEST:
        raise InvalidInput(f"The truth has a finite value for {n} of the architectures; at least {_FEWEST} need one.")
    return found


def _of_one_space(archs: Iterable[Architecture]) -> list[Architecture]:
    rows = list(dict.fromkeys(archs))
    strange = next((arch for arch in rows if not isinstance(arch, Architecture)), None)
    if strange is not None:
        raise InvalidInput(f"{strange!r} is no Architecture: make one with space.parse(text) first.")
    spaces = sorted({arch.space.name for arch in rows})
    if len(spaces) > 1:
        raise InvalidInput(f"Examples are of one space, so that ranks mean something; got {', '.join(spaces)}.")
    if len(rows) < _FEWEST:
        raise InvalidInput(f"Examples are at least {_FEWEST} different architectures; got {len(rows)}.")
    return rows
