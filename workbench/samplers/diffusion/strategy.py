"""Diffusion: a predictor chooses among architectures that a score network generates under its guidance."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from workbench.samplers.acquisitions import Acquisition
from workbench.samplers.domain import Domain, Params
from workbench.samplers.entries import strategy
from workbench.samplers.history import History
from workbench.samplers.predictor_guided import predictor_guided

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator

_MOST = 200  # trials that guide: the best of a longer history


@strategy("diffusion", paper="An et al., ICLR 2024: DiffusionNAG")
class Diffusion:
    """Predictor-guided search whose candidates a diffusion model generates, led to what should beat the best known.

    After `initial` random trials each round of `batch` draws `samples` tensors through `levels` noise levels, with
    `corrections` Langevin steps at each, under the score s + k grad log p(better than the best | x). `scale` is the
    largest k; the samples have all strengths from 0 to it, so that some are bold and some are not. `predictor` and
    `acquisition` then order what was drawn, as in "predictor_guided". The score of a flat domain is known; elsewhere a
    network is trained for it, once for a domain and a seed, on `examples` points for at most `steps` steps.
    """

    def __init__(
        self,
        *,
        predictor: str | BaseEstimator = "hamming_gp",
        acquisition: str | Acquisition = "ei",
        samples: int = 64,
        scale: float = 3.0,
        levels: int = 50,
        corrections: int = 1,
        initial: int = 10,
        batch: int = 10,
        examples: int = 2_000,
        steps: int = 500,
        seed: int = 0,
    ) -> None:
        self.predictor = predictor
        self.acquisition = acquisition
        self.samples = samples
        self.scale = scale
        self.levels = levels
        self.corrections = corrections
        self.initial = initial
        self.batch = batch
        self.examples = examples
        self.steps = steps
        self.seed = seed

    def __call__(self, domain: Domain, history: History, rng: np.random.Generator) -> Iterator[Params]:
        """Candidates, the most promising first; random points after them."""
        return predictor_guided(
            domain,
            history,
            rng,
            predictor=self.predictor,
            acquisition=self.acquisition,
            candidates=self.candidates,
            initial=self.initial,
            batch=self.batch,
        )

    def candidates(self, domain: Domain, history: History, rng: np.random.Generator) -> list[Params]:
        """Generated points that were not tried, each once."""
        import torch

        from workbench.samplers.diffusion.generator import Training, generator_of

        training = Training(examples=self.examples, steps=self.steps, seed=self.seed)
        generator = generator_of(domain, training)
        known = history.ranked[:_MOST]
        points = history.points
        guide = generator.guide([points[i] for i in known], history.values[known])
        scales = torch.linspace(0, self.scale, self.samples)[:, None, None]
        drawn = generator.points(
            self.samples,
            int(rng.integers(2**63)),
            guide,
            scale=scales,
            levels=self.levels,
            corrections=self.corrections,
        )
        tried = {domain.key(point) for point in points}
        fresh = {domain.key(point): point for point in drawn}
        return [point for key, point in fresh.items() if key not in tried]
