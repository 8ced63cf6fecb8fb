"""TabNAS: what breaks a limit is discarded before it is measured, and the policy gradient is corrected for that."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from workbench.architecture import Architecture
from workbench.errors import Infeasible, InvalidInput, UnknownName
from workbench.measure import Measure
from workbench.samplers.domain import Domain, Params
from workbench.samplers.entries import strategy
from workbench.samplers.history import History
from workbench.samplers.policies.factorised import Factorised, different
from workbench.samplers.policies.learning import (
    Adam,
    Codes,
    Floats,
    MovingAverage,
    PolicyStrategy,
    codes_since,
    standings,
)

Limits = Mapping[str | Measure, float]
_FRESH = 16  # samples of the policy that every update adds to those before
_LOOKED_AT = 500  # candidates of the policy that are looked at,
_PATIENCE = 2_000  # and uniform points, where none of those is feasible


class FeasibleSet:
    """The points of a domain that keep every limit, each looked at once.

    A limit is an upper one where lower is better in its measure, else a lower one. A name stands for a free proxy, such
    as "params", on `cifar10`, bounded from above; give a `Measure` for anything else.
    """

    def __init__(self, limits: Limits) -> None:
        self._bounds = [(_measure(given), _limit(given, limit)) for given, limit in limits.items()]
        self._over: dict[tuple[int, ...], float] = {}
        self.closest: tuple[float, Architecture] | None = None  # the least violation met so far

    def violation(self, domain: Domain, row: tuple[int, ...]) -> float:
        """By how much the point with these codes is over its limits, as a share of each, in sum; 0 where it is not."""
        if row not in self._over:
            self._over[row] = self._measured(domain, row)
        return self._over[row]

    def _measured(self, domain: Domain, row: tuple[int, ...]) -> float:
        try:
            arch = domain.architecture(domain.point(row))
        except Infeasible:
            return math.inf
        shares = [m.sign * (limit - m(arch)) / (abs(limit) or 1.0) for m, limit in self._bounds]
        over = sum(max(share, 0.0) for share in shares) if not any(map(math.isnan, shares)) else math.inf
        if over > 0 and (self.closest is None or over < self.closest[0]):
            self.closest = (over, arch)
        return over

    def holds(self, domain: Domain, codes: Codes) -> NDArray[np.bool_]:
        """Which points (n, questions) keep every limit, (n,); one whose measure is not a number does not."""
        return np.array([self.violation(domain, tuple(row)) <= 0 for row in codes.tolist()], bool)

    def none_found(self, n: int) -> InvalidInput:
        """The error where none of `n` points keeps the limits."""
        words = ", ".join(f"{m.name} {'at most' if m.sign < 0 else 'at least'} {limit:g}" for m, limit in self._bounds)
        found = "" if self.closest is None else f" The closest is {self.closest[1]}, over by {self.closest[0]:.1%}."
        return InvalidInput(f"None of {n:,} architectures keeps the limits ({words}).{found} Loosen a limit.")


def _measure(given: str | Measure) -> Measure:
    if isinstance(given, Measure):
        return given
    from workbench.proxies import catalogue  # loads torch: only where a name is given

    free = {proxy.name: proxy for proxy in catalogue if proxy.cost == "free"}
    if given not in free:
        error = UnknownName.of("free proxy", given, free)
        raise UnknownName(f"{error} To limit any other measure, give the Measure itself as the key.")
    return replace(free[given].measure("cifar10"), better="lower")


def _limit(given: str | Measure, limit: float) -> float:
    if isinstance(limit, bool) or not isinstance(limit, int | float) or not math.isfinite(limit):
        name = given.name if isinstance(given, Measure) else given
        raise InvalidInput(f"The limit of {name!r} must be a finite number; got {limit!r}.")
    return float(limit)


def log_mass_gradient(policy: Factorised, codes: Codes, feasible: NDArray[np.bool_], drawn_at: Floats) -> Floats:
    """The gradient of log P(V), the policy's probability of the feasible set V, by its parameters, flat.

    P(V) is estimated from samples z of older policies q as the mean of 1[z in V] p(z) / q(z); `codes` (n, questions)
    are the samples, `drawn_at` (n,) their log q (Yang et al., TabNAS, NeurIPS 2022). Zero where none is feasible.
    """
    if not feasible.any():
        return np.zeros_like(policy.parameters)
    kept = codes[feasible]
    ratios = policy.log_probability(kept) - drawn_at[feasible]
    weights = np.exp(ratios - ratios.max())
    return policy.gradient(kept, weights / weights.sum())


class _Learner:
    def __init__(self, domain: Domain, rate: float, baseline: float, limits: Limits) -> None:
        n = len(domain.names)
        self.limits = FeasibleSet(limits) if limits else None
        self.policy = Factorised.of(domain)
        self.adam = Adam(self.policy.parameters.size, rate)
        self.average = MovingAverage(baseline)
        self.drawn: Codes = np.zeros((0, n), int)  # samples that estimate the mass of the feasible set,
        self.feasible = np.zeros(0, bool)  # which of them are in it,
        self.drawn_at: Floats = np.zeros(0)  # and the log-probability that each was drawn with


@strategy("tabnas", paper="Yang et al., TabNAS, NeurIPS 2022")
class TabNAS(PolicyStrategy[_Learner]):
    """REINFORCE that discards what breaks a limit before it is measured, and knows that it does.

    `feasible` says what is cheap to know: measure -> limit, an upper one where lower is better, else a lower one; a
    name stands for a free proxy such as "params". The policy, a softmax for every question, is drawn from until a point
    is feasible; it moves along (reward - moving average) times the gradient of log p(y) / P(V). P(V), the probability
    that a draw is feasible, is estimated by importance sampling from the last `samples` draws. Without limits it is 1.

    A reward is the share of the last `window` trials that a trial beats; `rate` is Adam's, `baseline` the decay of the
    moving average, `batch` the trials of one update. Rate and window are for hundreds of trials, not for the thousands
    of steps that a one-shot search takes.
    """

    def __init__(
        self,
        *,
        feasible: Limits | None = None,
        samples: int = 128,
        rate: float = 0.1,
        baseline: float = 0.9,
        window: int = 50,
        batch: int = 1,
        seed: int = 0,
    ) -> None:
        super().__init__(batch)
        self.feasible = dict(feasible or {})
        FeasibleSet(self.feasible)  # refuses what is no limit before anything runs
        self.samples, self.rate, self.baseline, self.window = samples, rate, baseline, window
        self.seed = seed

    def begin(self, domain: Domain) -> _Learner:
        """The uniform policy."""
        return _Learner(domain, self.rate, self.baseline, self.feasible)

    def learn(self, policy: _Learner, domain: Domain, told: History, start: int) -> None:
        """One step of Adam; a trial that is not feasible, enqueued by hand perhaps, teaches nothing."""
        codes = codes_since(domain, told, start)
        rewards = standings(told.values, start, self.window)
        if policy.limits is not None:
            kept = policy.limits.holds(domain, codes)
            codes, rewards = codes[kept], rewards[kept]
        if not len(codes):
            return
        advantages = policy.average.advantages(rewards) / len(codes)
        gradient = policy.policy.gradient(codes, advantages)
        if policy.limits is not None:
            self._sample(policy, domain, len(told))
            mass = log_mass_gradient(policy.policy, policy.drawn, policy.feasible, policy.drawn_at)
            gradient -= advantages.sum() * mass
        policy.adam.step(policy.policy.parameters, gradient)

    def propose(self, policy: _Learner, domain: Domain, history: History, rng: np.random.Generator) -> Iterator[Params]:
        """Draws of the policy that are feasible; raises `InvalidInput` where none is found, with the closest."""
        offered = different(lambda n, t: policy.policy.draw(n, rng, temperature=t), domain, rng)
        if policy.limits is None:
            yield from offered
            return
        looked_at = found = 0
        for part in (islice(offered, _LOOKED_AT), islice(domain.samples(rng), _PATIENCE)):
            for point in part:
                looked_at += 1
                if policy.limits.holds(domain, domain.codes([point]))[0]:
                    found += 1
                    yield point
            if found:
                return
        raise policy.limits.none_found(looked_at)

    def _sample(self, policy: _Learner, domain: Domain, n: int) -> None:
        """Take fresh samples in among those that the mass of the feasible set is estimated from."""
        assert policy.limits is not None
        fresh = policy.policy.draw(_FRESH, np.random.default_rng([self.seed, 1, n]))
        policy.drawn = np.concatenate([policy.drawn, fresh])[-self.samples :]
        policy.feasible = np.concatenate([policy.feasible, policy.limits.holds(domain, fresh)])[-self.samples :]
        policy.drawn_at = np.concatenate([policy.drawn_at, policy.policy.log_probability(fresh)])[-self.samples :]
