"""auto: the strategy to start with in any space, a Gaussian process over answers and free proxies."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache, partial

import numpy as np
from numpy.typing import NDArray

from workbench.architecture import Architecture
from workbench.samplers.candidates import two_steps
from workbench.samplers.domain import Domain, Params, Point
from workbench.samplers.entries import strategy
from workbench.samplers.history import History
from workbench.samplers.predictor_guided import predictor_guided

_DRAWN = 200  # architectures among which the first ones are chosen by their free proxies
_CANDIDATES = partial(two_steps, each=24, fresh=60)


@strategy(
    "auto",
    paper="Kandasamy et al., NeurIPS 2018 (process over answers); Abdelfattah et al., ICLR 2021 (warm-up by proxies)",
)
def auto(domain: Domain, history: History, rng: np.random.Generator, *, initial: int = 10) -> Iterator[Params]:
    """Expected improvement under `additive_gp`, on answers in their order and on proxies that cost nothing.

    - The first `initial` architectures are those of 200 random ones that have the most parameters and multiply-adds,
      with dead edges and without, by mean rank; in a space that must build a network to count them they are random.
    - The answers to a question about numbers are ordered, all others only differ. Beside them stands how often each
      answer was given, whichever of the questions that offer the same it was given to, and the free proxies.
    - Values count by rank, as everywhere in predictor-guided search. Candidates are changes of one or two answers of
      the best ten trials, and random ones.
    """
    counted = domain.space is not None and domain.space.counted_by_formula
    if len(history) < initial and counted:
        drawn = [point for point, _ in zip(domain.samples(rng), range(_DRAWN), strict=False)]
        ranks = np.argsort(np.argsort(free_proxies(domain, drawn), axis=0, kind="stable"), axis=0).mean(axis=1)
        yield from (drawn[row] for row in np.argsort(-ranks, kind="stable"))
    beside = partial(_beside, domain, counted)
    width = beside([domain.sample(rng)]).shape[1]
    yield from predictor_guided(
        domain,
        history,
        rng,
        predictor=_predictor(width),
        encoding=ordered_answers,
        candidates=_CANDIDATES,
        initial=initial,
        features=beside if width else None,
    )


def ordered_answers(domain: Domain, points: Sequence[Point]) -> NDArray[np.float64]:
    """Points as (n, d): one column from 0 to 2 for numbers in their order, and a column of 0 and 1 for other answers.

    Half the L1 distance of two rows is the number of answers that differ, a number counting by how far it is away.
    """
    codes = domain.codes(points)
    columns = []
    for name, column in zip(domain.names, codes.T, strict=True):
        answers = domain.answers[name]
        if _ordered(answers):
            places = np.append(np.argsort(np.argsort(answers)), -1)  # a question that is not asked is beyond the first
            columns.append(2 * places[column][:, None] / (len(answers) - 1))
        else:
            columns.append((column[:, None] == np.arange(len(answers))).astype(float))
    return np.hstack(columns) if columns else np.zeros((len(points), 0))


def answer_counts(domain: Domain, points: Sequence[Point]) -> NDArray[np.float64]:
    """How many questions of those that offer the same answers got each of them: (n, d), for answers without an order.

    Two architectures with the same operations in other places are near each other so, as in a histogram of operations.
    """
    alike: dict[tuple[object, ...], list[int]] = {}
    for at, name in enumerate(domain.names):
        alike.setdefault(domain.answers[name], []).append(at)
    codes = domain.codes(points)
    columns = [
        (codes[:, places] == number).sum(axis=1)
        for answers, places in alike.items()
        if len(places) > 1 and not _ordered(answers)
        for number in range(len(answers))
    ]
    return np.stack(columns, axis=1).astype(float) if columns else np.zeros((len(points), 0))


def free_proxies(domain: Domain, points: Sequence[Point]) -> NDArray[np.float64]:
    """Parameters and multiply-adds of each, without dead edges and with them: (n, 4), in logarithms."""
    return np.log1p([_counts(domain.architecture(point)) for point in points])


@lru_cache(maxsize=200_000)
def _counts(arch: Architecture) -> tuple[float, ...]:
    live, all_of_it = arch.space.counts(arch, live=True), arch.space.counts(arch)
    return live.params, live.macs, all_of_it.params, all_of_it.macs


def _beside(domain: Domain, counted: bool, points: Sequence[Point]) -> NDArray[np.float64]:
    found = answer_counts(domain, points)
    return np.hstack([found, free_proxies(domain, points)]) if counted else found


def _ordered(answers: Sequence[object]) -> bool:
    return len(answers) > 2 and all(isinstance(a, int | float) and not isinstance(a, bool) for a in answers)


def _predictor(beside: int) -> object:
    from workbench.predictors.additive_gp import AdditiveGP

    return AdditiveGP(beside=beside)
