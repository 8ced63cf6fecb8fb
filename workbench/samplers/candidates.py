"""Candidates: the points among which a predictor is asked for the most promising."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator
from itertools import islice

import numpy as np

from workbench.catalogue import Catalogue
from workbench.samplers.domain import Domain, Params
from workbench.samplers.history import History
from workbench.samplers.strategy import Offspring

# The domain, the history and a generator -> points that are not in the history, no two of them the same.
Candidates = Callable[[Domain, History, np.random.Generator], list[Params]]

catalogue: Catalogue[Candidates] = Catalogue("candidate_pool")
_DRAWS = 5  # draws for each random point that is wanted, of which some may have been seen


def mutation(
    domain: Domain,
    history: History,
    rng: np.random.Generator,
    *,
    parents: int = 10,
    each: int = 32,
    fresh: int = 100,
) -> list[Params]:
    """One-answer changes of the `parents` best trials, at most `each` of one trial, and `fresh` random points."""
    new = _sieve(domain, history)
    return [*new(_mutants(domain, history, rng, parents, each)), *new(_drawn(domain, rng, fresh), fresh)]


def neighbors(
    domain: Domain, history: History, rng: np.random.Generator, *, parents: int = 5, each: int = 32
) -> list[Params]:
    """One-answer changes of the `parents` best trials, at most `each` of one trial, and nothing else."""
    return [*_sieve(domain, history)(_mutants(domain, history, rng, parents, each))]


def random(domain: Domain, history: History, rng: np.random.Generator, *, fresh: int = 100) -> list[Params]:
    """Random points."""
    return [*_sieve(domain, history)(_drawn(domain, rng, fresh), fresh)]


def two_steps(
    domain: Domain,
    history: History,
    rng: np.random.Generator,
    *,
    parents: int = 10,
    each: int = 32,
    fresh: int = 100,
) -> list[Params]:
    """What "mutation" gives, and as many changes of two answers at once, for landscapes with valleys one step wide."""
    new = _sieve(domain, history)
    near = [*new(_mutants(domain, history, rng, parents, each))]
    far = (
        Offspring(domain.mutate(domain.mutate(told.params, rng), rng), told.number, "mutation")
        for told in history.top(parents)
        for _ in range(each)
    )
    return [*near, *new(far), *new(_drawn(domain, rng, fresh), fresh)]


def exhaustive(domain: Domain, history: History, rng: np.random.Generator, *, fresh: int = 2_000) -> list[Params]:
    """Every point of the domain; of one with more than 20,000 what "mutation" gives, with `fresh` random points."""
    everything = domain.everything()
    if everything is None:
        return mutation(domain, history, rng, fresh=fresh)
    return [*_sieve(domain, history)(everything)]


catalogue.enter("mutation", mutation)
catalogue.enter("neighbors", neighbors)
catalogue.enter("random", random)
catalogue.enter("two_steps", two_steps)
catalogue.enter("exhaustive", exhaustive)


def candidates(which: str | Candidates) -> Candidates:
    """The generator of candidates called so, or the function itself; raises `UnknownName` with the nearest names."""
    return which if callable(which) else catalogue.find(which)


def _mutants(domain: Domain, history: History, rng: np.random.Generator, parents: int, each: int) -> Iterator[Params]:
    """Neighbours of the best trials, those of the best one first."""
    for told in history.top(parents):
        for point in islice(domain.neighbors(told.params, rng), each):
            yield Offspring(point, told.number, "mutation")


def _drawn(domain: Domain, rng: np.random.Generator, n: int) -> Iterator[Params]:
    """Enough random points for `n` new ones, where that is not too much to ask."""
    return islice(domain.samples(rng), _DRAWS * n)


def _sieve(domain: Domain, history: History) -> Callable[..., Iterator[Params]]:
    """Lets through what is neither in the history nor has been let through, if asked to no more than so many."""
    seen = {domain.key(point) for point in history.points}

    def new(points: Iterable[Params], most: int | None = None) -> Iterator[Params]:
        return islice((point for point in points if not _among(seen, domain.key(point))), most)

    return new


def _among(seen: set[Hashable], key: Hashable) -> bool:
    """Whether `key` has been `seen`; it has from now on."""
    known = key in seen
    seen.add(key)
    return known
