"""Joint architecture-recipe search with a predictor that is pretrained on what is free to know (FBNetV3, NARS)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.measure import Measure
from workbench.samplers.domain import Domain, Params
from workbench.samplers.entries import strategy
from workbench.samplers.history import Floats, History
from workbench.samplers.inner_evolution import Codes, among, evolved, ones

if TYPE_CHECKING:
    from workbench.predictors import Predictor
    from workbench.predictors.two_headed import TwoHeaded


@strategy("joint_recipe", paper="Dai et al., FBNetV3: Joint Architecture-Recipe Search, CVPR 2021")
class JointRecipe:
    """A low-discrepancy start, then rounds of what an evolution on a predictor of all answers together finds best.

    Architecture and recipe are answers alike: of a space that asks for both, such as "fcnet", or of a sum,
    `space + wb.recipe(...)`. The first `initial` points are a scrambled Sobol sequence. Every round of `batch` trials
    the `predictor` learns one-hot answers and their places, and an evolution of `population` points over `generations`
    proposes what it looked at, best predicted mean + `explore` x deviation first. What breaks constraints ranks below
    all that keeps them, in what is learned too.

    `statistics` are measures that cost nothing, such as parameters: the first head of the predictor "two_headed" learns
    them from `free` random points, and what it predicts stands beside the answers. They need a domain with a space.
    The paper's predictor is "two_headed"; trees find better points with fewer trials.
    """

    def __init__(
        self,
        *,
        statistics: Sequence[Measure] = (),
        predictor: str = "gbdt",
        initial: int = 30,
        batch: int = 10,
        explore: float = 0.5,
        free: int = 300,
        population: int = 100,
        generations: int = 20,
        seed: int = 0,
    ) -> None:
        self.statistics = tuple(statistics)
        self.predictor = predictor
        self.initial = initial
        self.batch = batch
        self.explore = explore
        self.free = free
        self.population = population
        self.generations = generations
        self.seed = seed
        self._pretrained: tuple[Domain, TwoHeaded] | None = None

    def __call__(self, domain: Domain, history: History, rng: np.random.Generator) -> Iterator[Params]:
        """Candidates for the next round."""
        from workbench.predictors.inputs import FEWEST_LABELS

        values = history.values
        if len(history) < self.initial:
            yield from self._spread(domain, len(history))
        elif len(history) >= FEWEST_LABELS and np.ptp(values) > 0:
            yield from self._predicted_best(domain, history, rng)
        yield from domain.samples(rng)

    def _spread(self, domain: Domain, start: int) -> Iterator[Params]:
        """The low-discrepancy sequence from a place on."""
        from scipy.stats import qmc

        if domain.names:
            sequence = qmc.Sobol(len(domain.names), seed=np.random.default_rng(self.seed))
            power = int(np.ceil(np.log2(max(2 * self.initial, 2))))
            yield from (domain.from_unit(row) for row in sequence.random_base2(power)[start:])

    def _predicted_best(self, domain: Domain, history: History, rng: np.random.Generator) -> Iterator[Params]:
        from workbench.predictors import catalogue

        sizes = np.array([len(domain.answers[name]) for name in domain.names])
        known = domain.codes(history.points)
        seen = self._seen(domain, sizes)
        kind = catalogue.find(self.predictor)
        seed = int(rng.integers(2**31))
        model: Predictor = (kind(seed=seed) if "seed" in kind.settings() else kind()).fit(seen(known), history.values)

        def predict(codes: Codes) -> tuple[Floats, Floats]:
            mean, std = model.predict(seen(codes), return_std=True)
            return (mean + self.explore * std)[:, None], np.zeros(len(codes))

        start = known[history.ranked[: self.population]]
        looked_at = evolved(start, sizes, predict, rng, population=self.population, generations=self.generations)
        fresh = looked_at[~among(looked_at, known)]
        if len(fresh):
            scores = predict(fresh)[0][:, 0]
            yield from (domain.point(fresh[row]) for row in np.argsort(-scores, kind="stable"))

    def _seen(self, domain: Domain, sizes: Codes) -> Callable[[Codes], Floats]:
        """What the predictor sees of codes: their columns and, where there are statistics, what these predict of them.

        The statistics are learned once for a domain, from draws of the seed alone.
        """
        if not self.statistics or domain.space is None:
            return lambda codes: _columns(codes, sizes)
        if self._pretrained is None or self._pretrained[0] is not domain:
            self._pretrained = (domain, self._taught(domain, sizes))
        body = self._pretrained[1]

        def seen(codes: Codes) -> Floats:
            columns = _columns(codes, sizes)
            return np.hstack([columns, body.statistics(columns)])

        return seen

    def _taught(self, domain: Domain, sizes: Codes) -> TwoHeaded:
        from workbench.predictors.two_headed import TwoHeaded

        rng = np.random.default_rng(self.seed)
        points = list(islice(domain.samples(rng), self.free))
        archs = [domain.architecture(point) for point in points]
        rows = np.array([[measure(arch) for measure in self.statistics] for arch in archs])
        known = np.isfinite(rows).all(axis=1)
        columns = _columns(domain.codes(points), sizes)
        return TwoHeaded(seed=self.seed).pretrain(columns[known], rows[known])

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_pretrained": None}  # is learned again where it is needed


def _columns(codes: Codes, sizes: Codes) -> Floats:
    """One column for each answer, and one for each name: the place of its answer among all, between 0 and 1."""
    places = np.where(codes >= 0, (codes + 0.5) / sizes, 0.5)
    return np.concatenate([ones(codes, sizes), places], axis=1)
