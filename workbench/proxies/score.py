"""Scoring: proxies over many architectures as a table, or over one module as a dictionary."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from statistics import fmean
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import nn

from workbench.architecture import Architecture
from workbench.errors import InvalidInput, WorkbenchError
from workbench.executors import Auto, Executor, Here
from workbench.ledger import Entry, Keeper, Key, Ledger
from workbench.proxies.jobs import Job, Terms, found_device, reads, results, scored
from workbench.proxies.probe import Probe
from workbench.proxies.proxy import Proxy, catalogue
from workbench.proxies.sharing import Cell, Sharing
from workbench.proxies.unscored import Unscored
from workbench.tasks import Batch, Task
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
    *,
    share: bool = False,
    device: str | None = None,
    batch_seed: int | None = None,
) -> pd.DataFrame:
    """Proxies (all of them without a list) of architectures: one row each, in order, by its string.

    Networks and the batch are drawn from `seed`; with a `batch_seed` the batch is drawn from that one, so that what
    weights and what inputs make of a score can be told apart. What could not be computed is NaN, and
    `frame.attrs["reasons"]` says why, by (architecture, proxy); attrs also hold space, task, batch_size, seed,
    batch_seed, better (direction by proxy), source ("images", "text" or "noise"), shared, and seconds: by proxy, the
    mean of what a network costs with all the passes that the proxy looked at, as if it were scored by nothing else
    (rows out of the ledger included). Values in the `ledger` are not computed again, and new ones are kept there as
    soon as they are made, so that a table that is stopped goes on where it was: in the default one without the
    argument, in none with `ledger=False`. If the ledger gives way meanwhile, the frame is returned all the same, with
    an `Unkept` warning.

    `share=True` scores one network for all architectures that compute the same function. The value of a proxy of the
    function (`wb.proxies()` says which, `attrs["shared"]` lists them) is then the score of the representative,
    `arch.space.representative(arch)`, with that one's own weights, whatever else is in the list; proxies of the
    writing, such as params, still score every architecture as it is written. Without it every row is what `wb.measure`
    finds for that network, and nobody has to know that there are twins: hence the default. The ledger holds a shared
    value as what it is, the representative's own.

    Without an `executor` the work begins in this process and goes on in one process a core when more than 20 seconds
    are left (see `Auto`); `Here()` never leaves this process, `wb.Local(n)` always uses n others. Networks and batches
    go to the `device`: "cpu", "cuda", "cuda:1" or "mps", without a name to CUDA where there is any; on an accelerator
    one process works.

    Raises `InvalidInput` for anything but architectures of one space and for a device that is not there,
    `UnknownName` for a proxy or task there is not, `MissingData` for a task whose images have to be brought.
    """
    rows = _of_one_space(archs)
    members = _found(proxies)
    terms = Terms(find_task(task), batch_size, seed, found_device(device), seed if batch_seed is None else batch_seed)
    if any(_uses_batch(member) for member in members):
        terms.task.batch(batch_size, terms.batch_seed)  # what is wrong or missing is said here, once
    sharing = Sharing(rows, members, share)
    work = sharing.work()
    keys = {Cell(arch, p.name): terms.key(arch, p) for arch, todo in work.items() for p in todo if p.kept}
    book = _Book(ledger, keys)
    entries = book.known()
    jobs = [_job(arch, todo, terms, entries) for arch, todo in work.items()]
    where = executor or (Auto() if terms.device == "cpu" else Here())
    try:
        # What is counted in no time would spoil the estimate of the rest.
        for label, free in (("scoring", False), ("counting", True)):
            part = [job for job in jobs if job.proxies and job.free is free]
            names = [str(job.arch) for job in part]
            done = len(jobs) - len(part)
            for outcome in where.map(scored, part, names, label=label, show=progress, done=done, ordered=False):
                found = results(part[outcome.index], outcome)
                entries |= {cell: result.entry for cell, result in found.items()}
                book.keep({cell: result.entry for cell, result in found.items() if result.lasting})
    finally:
        book.close()
    return _frame(rows, members, sharing, entries, terms)


def score_model(
    model: nn.Module,
    batch: tuple[torch.Tensor, torch.Tensor],
    proxies: Chosen = None,
    seed: int = 0,
    reduce: Literal["total"] | None = "total",
) -> dict[str, Any]:
    """The same proxies of any torch module on a batch (x, y): x (n, ...), y class numbers (n,).

    Without a list: every proxy that does not need an architecture. A value that cannot be computed is a NaN
    with a `reason`; so is one whose proxy raises, beside the others. With `reduce=None` each value is a dictionary by
    layer. The batch goes to the model's device and precision. The model is left as it was.
    Raises `InvalidInput` for a module without parameters or without a backward, and for a batch that does not fit.
    """
    if not isinstance(model, nn.Module):
        raise InvalidInput(f"score_model takes a torch.nn.Module; got a {type(model).__name__}.")
    if next(model.parameters(), None) is None:
        raise InvalidInput(f"{type(model).__name__} has no parameters: there is nothing that a proxy could score.")
    given = _batch(batch)
    members = [p for p in _found(proxies) if proxies is not None or p.needs != "architecture"]
    probe = Probe(model, given, seed, reads=reads(members))
    return {member.name: _delivered(member, probe, reduce) for member in members}


def _delivered(member: Proxy, probe: Probe, reduce: Literal["total"] | None) -> float | dict[str, float]:
    try:
        return member(probe, reduce)
    except WorkbenchError:  # what is wrong with the input is wrong for all
        raise
    except Exception as error:  # a stranger's proxy or network costs its own value
        return Unscored(f"{type(error).__name__}: {error}")


class _Book:
    """The ledger's part in one table: what it knew, and what is to be written into it."""

    def __init__(self, ledger: Ledger | Literal[False] | None, keys: dict[Cell, Key]) -> None:
        self._keys = keys
        self._ledger: Ledger | None = None
        if keys and ledger is not False:
            self._ledger = Ledger() if ledger is None else ledger
        self._keeper = Keeper(self._ledger)
        self.close = self._keeper.close  # itself, so that its warning points at the user's line

    def known(self) -> dict[Cell, Entry]:
        """The entries that the ledger has."""
        found = self._ledger.read(self._keys.values()) if self._ledger is not None else {}
        return {cell: found[key] for cell, key in self._keys.items() if key in found}

    def keep(self, entries: dict[Cell, Entry]) -> None:
        """Write the entries that are worth it."""
        self._keeper.keep({self._keys[cell]: entry for cell, entry in entries.items() if cell in self._keys})


def _job(arch: Architecture, todo: Iterable[Proxy], terms: Terms, known: dict[Cell, Entry]) -> Job:
    """The job of what is not known of an architecture yet."""
    return Job(arch, tuple(p for p in todo if Cell(arch, p.name) not in known), terms)


def _frame(
    rows: list[Architecture], members: tuple[Proxy, ...], sharing: Sharing, entries: dict[Cell, Entry], terms: Terms
) -> pd.DataFrame:
    import pandas as pd

    columns = {p.name: [entries[sharing.cell(arch, p)] for arch in rows] for p in members}
    index = pd.Index([str(arch) for arch in rows], name="architecture", dtype=object)
    values = {name: [entry.value for entry in column] for name, column in columns.items()}
    frame = pd.DataFrame(values, index=index, dtype=float)
    frame.attrs = {
        "space": rows[0].space.name if rows else "",
        "better": {p.name: p.better for p in members},
        "task": terms.task.name,
        "batch_size": terms.batch_size,
        "seed": terms.seed,
        "batch_seed": terms.batch_seed,
        "source": terms.task.source,
        "shared": list(sharing.shared),
        "seconds": {name: fmean(e.seconds for e in column) for name, column in columns.items() if column},
        "reasons": {
            (arch, name): e.reason
            for name, column in columns.items()
            for arch, e in zip(index, column, strict=True)
            if e.reason
        },
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
    if x.is_meta or y.is_meta:
        raise InvalidInput("The batch is on the meta device, where tensors have no values: give one that has.")
    if y.is_floating_point() or y.is_complex() or y.dtype == torch.bool:
        raise InvalidInput(f"Labels are class numbers, of an integer type; got {y.dtype}.")
    return Batch(x, y.long())
