"""A generator of architectures: a score network learned from a space, from which new ones are drawn."""

from __future__ import annotations

import dataclasses
import pickle
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from workbench.architecture import Architecture
from workbench.errors import InvalidInput, MissingData
from workbench.progress import progress as shown
from workbench.progress import say
from workbench.samplers.diffusion import sde
from workbench.samplers.diffusion.guidance import Guide
from workbench.samplers.diffusion.layout import Layout
from workbench.samplers.diffusion.score_network import ScoreNetwork
from workbench.samplers.domain import Domain, Params, Point, SpaceDomain
from workbench.spaces.space import SearchSpace

_TRIES = 5  # times that architectures are drawn for those that came out infeasible


@dataclass(frozen=True)
class Training:
    """How a score network is made: its size, the architectures it learns from, and for how many steps at most."""

    examples: int = 2_000
    steps: int = 1_000
    batch: int = 64
    rate: float = 1e-2
    width: int = 32
    depth: int = 2
    seed: int = 0

    def __post_init__(self) -> None:
        for given in dataclasses.fields(self):
            value = getattr(self, given.name)
            least = 0 if given.name in ("steps", "seed", "depth") else 1
            if isinstance(value, bool) or not isinstance(value, int | float) or (given.type == "int" and value < least):
                raise InvalidInput(f"{given.name} must be a whole number, {least} or more; got {value!r}.")


class Quality(NamedTuple):
    """What DiffusionNAG reports of generated architectures, each a share from 0 to 1.

    `validity`: tensors that are one-hot when rounded, and answers that make an architecture; `uniqueness`: of the valid
    ones those that are different; `novelty`: of these those that were not among the examples of the training.
    """

    validity: float
    uniqueness: float
    novelty: float


class Generator:
    """Draws points of a domain by undoing noise with a score network; see `wb.generator`."""

    def __init__(self, domain: Domain, training: Training) -> None:
        self.domain = domain
        self.training = training
        self.layout = Layout(domain)
        examples = self.layout.examples(training.examples, np.random.default_rng(training.seed))
        self._examples = torch.from_numpy(self.layout.codes(examples))
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(training.seed)
            self.network = ScoreNetwork(self.layout.mask, self.layout.places, training.width, training.depth)
        self._mask = torch.from_numpy(self.layout.mask).float()

    def train(self, steps: int | None = None, progress: bool = True) -> list[float]:
        """Train on for at most `steps`; returns the held-out losses. Interrupted, it keeps the best so far."""
        how = self.training
        steps = how.steps if steps is None else steps
        generator = torch.Generator().manual_seed(how.seed)
        tensors = torch.from_numpy(self.layout.one_hot(self._examples.numpy()))
        losses: list[float] = []
        looks = sde.train(self.network, tensors, steps, how.batch, how.rate, generator)
        try:
            for value in shown(looks, steps // sde.BETWEEN, "train the generator", show=progress):
                losses.append(value)
        except KeyboardInterrupt:
            say(f"Stopped after {len(losses) * sde.BETWEEN} of {steps} steps; the generator is as good as it was then.")
        finally:
            looks.close()
        return losses

    def guide(self, points: Sequence[Point], values: Sequence[float] | NDArray[np.float64]) -> Guide:
        """What leads to points that are better than those given; of their `values` higher is better."""
        tensors = self.layout.one_hot(self.layout.codes(points))
        return Guide(tensors, np.asarray(values, dtype=float), self.layout.mask)

    def tensors(
        self,
        n: int,
        seed: int,
        guide: Guide | None = None,
        scale: float | torch.Tensor = 1.0,
        levels: int = 100,
        corrections: int = 1,
    ) -> NDArray[np.float32]:
        """`n` generated tensors (n, questions, width), of which the noise has been taken away.

        With a guide the score is s(x) + scale * grad log p(better | x) (An et al., ICLR 2024, eq. 7).
        """

        def score(x: torch.Tensor, sigma: float) -> torch.Tensor:
            found = self.network.score(x, sigma)
            return found if guide is None else found + scale * guide.gradient(x, sigma)

        generator = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            noisy = sde.sample(score, self._mask, n, levels, corrections, generator)
            found: NDArray[np.float32] = self.network.denoised(noisy, sde.LOWEST).numpy()
        return found

    def points(self, n: int, seed: int, guide: Guide | None = None, **how: Any) -> list[Params]:
        """The points of `n` generated tensors, without those that make no architecture."""
        found = self.layout.points(self.tensors(n, seed, guide, **how))
        return [point for point in found if point is not None]

    def sample(
        self,
        n: int = 1,
        seed: int = 0,
        *,
        told: Mapping[Architecture, float] | None = None,
        scale: float = 1.0,
        levels: int = 100,
        corrections: int = 1,
    ) -> list[Architecture]:
        """`n` generated architectures; fewer where five times as many draws do not give them.

        `told` are architectures with their values, of which higher ones are better: what is drawn is then led to better
        ones, the more the higher `scale`, at the cost of variety. `levels` is how many noise levels are passed, with
        `corrections` steps of Langevin dynamics at each.
        """
        guide = None if not told else self.guide([arch.decisions for arch in told], list(told.values()))
        found: list[Architecture] = []
        for attempt in range(_TRIES):
            seeded = int(np.random.SeedSequence([seed, attempt]).generate_state(1)[0])
            drawn = self.points(n - len(found), seeded, guide, scale=scale, levels=levels, corrections=corrections)
            found += [self.domain.architecture(point) for point in drawn]
            if len(found) == n:
                break
        return found

    def quality(self, n: int = 1_000, seed: int = 0, **how: Any) -> Quality:
        """The quality of `n` generated tensors."""
        tensors = self.tensors(n, seed, **how)
        points = self.layout.points(tensors)
        whole = self.layout.is_whole(tensors)
        valid = [point for point, is_whole in zip(points, whole, strict=True) if point is not None and is_whole]
        rows = {tuple(row) for row in self.layout.codes(valid).tolist()}
        known = {tuple(row) for row in self._examples.tolist()}
        return Quality(len(valid) / max(n, 1), len(rows) / max(len(valid), 1), len(rows - known) / max(len(rows), 1))

    def save(self, path: str | Path) -> None:
        """Write the network and what it was made for to a file that `load` reads."""
        kept = {
            "fingerprint": self.layout.fingerprint,
            "training": dataclasses.asdict(self.training),
            "examples": self._examples,
            "weights": self.network.state_dict(),
        }
        target = Path(path)
        partial = target.with_name(target.name + ".partial")
        torch.save(kept, partial)
        partial.replace(target)

    @classmethod
    def load(cls, path: str | Path, space: SearchSpace) -> Generator:
        """The generator that was saved; raises `MissingData`, or `InvalidInput` for a file of something else."""
        if not Path(path).is_file():
            raise MissingData(f"There is no generator at {path}. Train one: wb.generator(space, file=...).")
        made = None
        try:
            kept = torch.load(path, weights_only=True)
            made = cls(SpaceDomain(space), Training(**kept["training"]))
            fits = kept["fingerprint"] == made.layout.fingerprint
            if fits:
                made._examples = kept["examples"]
                made.network.load_state_dict(kept["weights"])
        except (RuntimeError, KeyError, TypeError, ValueError, EOFError, OSError, pickle.UnpicklingError) as error:
            raise InvalidInput(f"{path} holds no generator of architectures: {type(error).__name__}.") from error
        if not fits:
            raise InvalidInput(
                f"The generator in {path} was trained on other questions or answers than those of {space.name}. "
                "Name another file, or train again without it."
            )
        return made


def generator(
    space: SearchSpace,
    *,
    examples: int = 2_000,
    steps: int = 1_000,
    width: int = 32,
    depth: int = 2,
    batch: int = 64,
    rate: float = 1e-2,
    seed: int = 0,
    file: str | Path | None = None,
    progress: bool = True,
) -> Generator:
    """A generator of the architectures of `space`, trained on `examples` uniform ones for at most `steps` steps.

    DiffusionNAG (An et al., ICLR 2024): noise is added to one-hot answers by a variance-exploding diffusion with sigma
    from 0.1 to 5, and a score network of `depth` mixer blocks of `width` channels learns to take it away.
    `generator.sample(n)` draws architectures like those of the space, `generator.sample(n, told={arch: value, ...})`
    better ones. In a flat space every combination of answers is an architecture, and the known likelihood of the noise
    is already the exact score: training then ends after some seconds, having nothing to add. In a conditional one it
    learns which questions go unasked; a rule that counts over the whole graph, as the nine edges of NAS-Bench-101, is
    not learned in minutes, and `sample` leaves out what breaks it. With `file` it is read from there, or written there
    where there is none. Interrupting the training keeps the best so far.
    """
    how = Training(examples=examples, steps=steps, batch=batch, rate=rate, width=width, depth=depth, seed=seed)
    if file is not None and Path(file).is_file():
        return Generator.load(file, space)
    made = Generator(SpaceDomain(space), how)
    made.train(progress=progress)
    if file is not None:
        made.save(file)
    return made


def generator_of(domain: Domain, training: Training) -> Generator:
    """The generator of a domain, the same one for the same questions, answers and training in a process.

    It is trained where some combinations of answers are no point; elsewhere the untrained score is exact.
    """
    return _trained(_Problem(Layout(domain).fingerprint, training, domain))


@dataclass(frozen=True)
class _Problem:
    fingerprint: str
    training: Training
    domain: Domain = field(compare=False)


@lru_cache(maxsize=16)
def _trained(problem: _Problem) -> Generator:
    made = Generator(problem.domain, problem.training)
    if made.layout.conditional:
        made.train(progress=False)
    return made
