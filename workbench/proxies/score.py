"""Scoring: proxies over many architectures as a table, or over one module as a dictionary."""

from __future__ import annotations

import multiprocessing
import time
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import torch
from torch import nn

from workbench.architecture import Architecture
from workbench.errors import InvalidInput
from workbench.executors import Executor, Here, Outcome
from workbench.ledger import Entry, Keeper, Key, Ledger
from workbench.proxies.probe import Probe
from workbench.proxies.proxy import Proxy, catalogue
from workbench.proxies.unscored import Unscored
from workbench.tasks import Batch, NoiseInput, Task
from workbench.tasks import task as find_task

if TYPE_CHECKING:
    import pandas as pd

Chosen = str | Proxy | Iterable[str | Proxy] | None


def score(
    archs: Iterable[Architecture],
    proxies: Chosen = None,
    task: str | Task = "cifar10",
    batch_size: int = 64,
    seed: int = 0,
    executor: Executor | None = None,
    ledger: Ledger | Literal[False] | None = None,
    progress: bool = True,
) -> pd.DataFrame:
    """Proxies (all of them without a list) of architectures: one row each, in order, by its string.

    Networks and the batch are drawn from `seed`. What could not be computed is NaN, and
    `frame.attrs["reasons"]` says why, by (architecture, proxy); attrs also hold space, task, batch_size, seed, better
    (direction by proxy) and source ("images", "text" or "noise"). Values in the `ledger` are not computed again, and
    new ones are kept there as soon as they are made: in the default one without the argument, in none with
    `ledger=False`.
    The time of a pass that proxies share is put down to the first of them. If the ledger gives way meanwhile, the
    frame is returned all the same, with an `Unkept` warning.

    Raises `InvalidInput` for anything but architectures of one space, `UnknownName` for a proxy or task there
    is not, `MissingData` for a task whose images have to be brought.
    """
    rows = _of_one_space(archs)
    members = _found(proxies)
    terms = _Terms(find_task(task), batch_size, seed)
    if any(_uses_batch(member) for member in members):
        terms.task.batch(batch_size, seed)  # what is wrong or missing is said here, once
    keys = {_Cell(arch, p.name): terms.key(arch, p) for arch in dict.fromkeys(rows) for p in members if p.kept}
    book = _Book(ledger, keys)
    entries = book.known()
    jobs = [_Job(arch, members, terms).without(entries) for arch in dict.fromkeys(rows)]
    jobs = [job for job in jobs if job.proxies]
    names = [str(job.arch) for job in jobs]
    for outcome in (executor or Here()).map(_scored, jobs, names, label="scoring", show=progress):
        results = _results(jobs[outcome.index], outcome)
        entries |= {cell: result.entry for cell, result in results.items()}
        book.keep({cell: result.entry for cell, result in results.items() if result.lasting})
    book.close()
    return _frame(rows, members, entries, terms)


def score_model(
    model: nn.Module,
    batch: tuple[torch.Tensor, torch.Tensor],
    proxies: Chosen = None,
    seed: int = 0,
    reduce: Literal["total"] | None = "total",
) -> dict[str, Any]:
    """The same proxies of any torch module on a batch (x, y): x (n, ...), y class numbers (n,).

    Without a list: every proxy that does not need an architecture. A value that cannot be computed is a NaN
    with a `reason`. With `reduce=None` each value is a dictionary by layer. The model is left as it was.
    Raises `InvalidInput` for a module without parameters and for a batch that does not fit.
    """
    if not isinstance(model, nn.Module):
        raise InvalidInput(f"score_model takes a torch.nn.Module; got a {type(model).__name__}.")
    if next(model.parameters(), None) is None:
        raise InvalidInput(f"{type(model).__name__} has no parameters: there is nothing that a proxy could score.")
    given = _batch(batch)
    members = [p for p in _found(proxies) if proxies is not None or p.needs != "architecture"]
    probe = Probe(model, given, seed, reads=_reads(members))
    return {member.name: member(probe, reduce) for member in members}


class _Cell(NamedTuple):
    """A place in the table."""

    arch: Architecture
    proxy: str


class _Result(NamedTuple):
    """A score, and whether it is one for the ledger: after an error it is tried again the next time."""

    entry: Entry
    lasting: bool


class _Book:
    """The ledger's part in one table: what it knew, and what is to be written into it."""

    def __init__(self, ledger: Ledger | Literal[False] | None, keys: dict[_Cell, Key]) -> None:
        self._keys = keys
        self._ledger: Ledger | None = None
        if keys and ledger is not False:
            self._ledger = Ledger() if ledger is None else ledger
        self._keeper = Keeper(self._ledger)
        self.close = self._keeper.close  # itself, so that its warning points at the user's line

    def known(self) -> dict[_Cell, Entry]:
        """The entries that the ledger has."""
        found = self._ledger.read(self._keys.values()) if self._ledger is not None else {}
        return {cell: found[key] for cell, key in self._keys.items() if key in found}

    def keep(self, entries: dict[_Cell, Entry]) -> None:
        """Write the entries that are worth it."""
        self._keeper.keep({self._keys[cell]: entry for cell, entry in entries.items() if cell in self._keys})


@dataclass(frozen=True)
class _Terms:
    """What all scores of a table have in common."""

    task: Task
    batch_size: int
    seed: int

    def key(self, arch: Architecture, scoring: Proxy) -> Key:
        """The ledger's key of one score."""
        return scoring.key(arch.space.name, str(arch), self.task, self.batch_size, self.seed)


@dataclass(frozen=True)
class _Job:
    """The proxies to compute of one architecture, as sent to a worker."""

    arch: Architecture
    proxies: tuple[Proxy, ...]
    terms: _Terms

    def without(self, known: dict[_Cell, Entry]) -> _Job:
        """The job without the proxies whose values are known."""
        missing = tuple(p for p in self.proxies if _Cell(self.arch, p.name) not in known)
        return _Job(self.arch, missing, self.terms)


def _scored(job: _Job) -> dict[str, _Result]:
    """Every proxy of one job; one that fails is a reason and leaves the others alone."""
    if multiprocessing.parent_process() is not None:
        torch.set_num_threads(1)  # in a worker: there are as many of them as cores
    terms = job.terms
    probe = Probe(
        seed=terms.seed,
        architecture=job.arch,
        task=terms.task,
        batch_size=terms.batch_size,
        reads=_reads(job.proxies),
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NoiseInput)  # said once for the whole table
        return {scoring.name: _one(scoring, probe) for scoring in job.proxies}


def _one(scoring: Proxy, probe: Probe) -> _Result:
    start = time.perf_counter()
    try:
        value = scoring(probe)
    except Exception as error:  # whatever a stranger's proxy or network raises costs one value, with its reason
        seconds = time.perf_counter() - start
        return _Result(Entry(float("nan"), f"{type(error).__name__}: {error}", seconds), lasting=False)
    reason = value.reason if isinstance(value, Unscored) else None
    return _Result(Entry(float(value), reason, time.perf_counter() - start), lasting=True)


def _results(job: _Job, outcome: Outcome) -> dict[_Cell, _Result]:
    if outcome.error is not None:
        failed = _Result(Entry(float("nan"), outcome.error), lasting=False)
        return {_Cell(job.arch, scoring.name): failed for scoring in job.proxies}
    return {_Cell(job.arch, name): result for name, result in outcome.value.items()}


def _frame(
    rows: list[Architecture], members: tuple[Proxy, ...], entries: dict[_Cell, Entry], terms: _Terms
) -> pd.DataFrame:
    import pandas as pd

    index = pd.Index([str(arch) for arch in rows], name="architecture", dtype=object)
    columns = {p.name: [entries[_Cell(arch, p.name)].value for arch in rows] for p in members}
    frame = pd.DataFrame(columns, index=index, dtype=float)
    frame.attrs = {
        "space": rows[0].space.name if rows else "",
        "better": {p.name: p.better for p in members},
        "task": terms.task.name,
        "batch_size": terms.batch_size,
        "seed": terms.seed,
        "source": terms.task.source,
        "reasons": {(str(cell.arch), cell.proxy): e.reason for cell, e in entries.items() if e.reason},
    }
    return frame


def _of_one_space(archs: Iterable[Architecture]) -> list[Architecture]:
    if isinstance(archs, str | Architecture) or not isinstance(archs, Iterable):
        raise InvalidInput(f"score takes a list of architectures; got {archs!r}. Write score([arch]).")
    rows = list(archs)
    for arch in rows:
        if not isinstance(arch, Architecture):
            raise InvalidInput(f"{arch!r} is no Architecture: make one with space.parse(text) first.")
    spaces = sorted({arch.space.name for arch in rows})
    if len(spaces) > 1:
        raise InvalidInput(f"Architectures of one space are scored at a time; got {', '.join(spaces)}.")
    return rows


def _found(proxies: Chosen) -> tuple[Proxy, ...]:
    if proxies is None:
        return tuple(catalogue)
    given: Sequence[str | Proxy] = [proxies] if isinstance(proxies, str | Proxy) else list(proxies)
    members = [each if isinstance(each, Proxy) else catalogue.find(each) for each in given]
    return tuple({member.name: member for member in members}.values())


def _reads(members: Iterable[Proxy]) -> frozenset[str]:
    return frozenset(name for member in members for name in member.reads)


def _uses_batch(scoring: Proxy) -> bool:
    return scoring.needs in ("labels", "inputs")


def _batch(batch: Any) -> Batch:
    if not isinstance(batch, tuple | list) or len(batch) < 2:
        raise InvalidInput(f"A batch is a pair (x, y) of tensors; got a {type(batch).__name__}.")
    x, y = batch[:2]
    if not (isinstance(x, torch.Tensor) and isinstance(y, torch.Tensor)):
        raise InvalidInput(f"A batch is a pair (x, y) of tensors; got {type(x).__name__} and {type(y).__name__}.")
    if x.ndim < 2 or y.ndim != 1 or len(x) != len(y) or not len(x):
        raise InvalidInput(
            f"A batch has x of shape (n, ...) and y of shape (n,), n at least 1; "
            f"got {tuple(x.shape)} and {tuple(y.shape)}."
        )
    if y.is_floating_point() or y.is_complex() or y.dtype == torch.bool:
        raise InvalidInput(f"Labels are class numbers, of an integer type; got {y.dtype}.")
    return Batch(x, y.long())
