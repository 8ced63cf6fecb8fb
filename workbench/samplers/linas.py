"""LINAS: an evolution on predictors of every objective proposes each population (Cummings et al., DyNAS-T, 2022)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.samplers.domain import Domain, Params
from workbench.samplers.entries import strategy
from workbench.samplers.history import Floats, History
from workbench.samplers.inner_evolution import Codes, Predict, among, evolved, ones
from workbench.samplers.nsga2 import survivors


@strategy(
    "linas",
    objectives="any",
    paper="Cummings et al., A Hardware-Aware Framework for Accelerating Neural Architecture Search (DyNAS-T), 2022",
)
def linas(
    domain: Domain,
    history: History,
    rng: np.random.Generator,
    *,
    initial: int = 50,
    batch: int = 50,
    predictor: str = "gbdt",
    population: int = 100,
    generations: int = 30,
    crossover: float = 0.9,
) -> Iterator[Params]:
    """What an NSGA-II that asks predictors alone ends with: one predictor for each objective, of everything measured.

    The first `initial` points are random; then every round of `batch` trials learns anew and evolves `population`
    codes of answers for `generations`, from what was measured and random points. What it proposes are the points it
    looked at, the measured ones left out, ordered by rank and crowding of the predictions. `predictor` is a name of
    `wb.predictors()`; "ridge_or_svr" is the paper's, the better of both in cross-validation. Where constraints have
    been broken, their violation is predicted as well. An objective that is equal everywhere counts as predicted so.
    """
    if len(history) < max(initial, 5):
        yield from domain.samples(rng)
    sizes = np.array([len(domain.answers[name]) for name in domain.names])
    known = domain.codes(history.points)
    predict = _learned(known, sizes, history, predictor, rng)
    start = known[survivors(history.objectives, history.violations, population)]
    looked_at = evolved(start, sizes, predict, rng, population=population, generations=generations, crossover=crossover)
    fresh = looked_at[~among(looked_at, known)]
    for row in survivors(*predict(fresh), len(fresh)) if len(fresh) else ():
        yield domain.point(fresh[row])
    yield from domain.samples(rng)


def _learned(known: Codes, sizes: Codes, history: History, predictor: str, rng: np.random.Generator) -> Predict:
    """One predictor for each objective, and one for the violation of constraints where there are any."""
    x = ones(known, sizes)
    goals = [*history.objectives.T]
    if (history.violations > 0).any():
        goals.append(-history.violations)
    models = [_fitted(predictor, x, goal, int(rng.integers(2**31))) for goal in goals]
    n = history.objectives.shape[1]

    def predict(codes: Codes) -> tuple[Floats, Floats]:
        columns = ones(codes, sizes)
        found = np.stack([model(columns) for model in models], axis=1)
        return found[:, :n], -found[:, n] if len(models) > n else np.zeros(len(codes))

    return predict


def _fitted(name: str, x: NDArray[np.float32], goal: Floats, seed: int) -> Callable[[NDArray[np.float32]], Floats]:
    from workbench.predictors import catalogue

    if not np.ptp(goal) > 0:
        return lambda rows: np.full(len(rows), goal[0])
    kind = catalogue.find(name)
    made: Any = kind(seed=seed) if "seed" in kind.settings() else kind()
    predict: Callable[[NDArray[np.float32]], Floats] = made.fit(x, goal).predict
    return predict
