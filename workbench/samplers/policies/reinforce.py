"""REINFORCE with a factorised softmax policy, the policy-gradient baseline of the NAS benchmarks."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from workbench.samplers.domain import Domain, Params
from workbench.samplers.entries import strategy
from workbench.samplers.history import History
from workbench.samplers.policies.factorised import Factorised, different
from workbench.samplers.policies.learning import Adam, MovingAverage, PolicyStrategy, codes_since


class Learner:
    """A factorised policy with its optimiser and baseline."""

    def __init__(self, domain: Domain, rate: float, baseline: float) -> None:
        self.policy = Factorised.of(domain)
        self.adam = Adam(self.policy.parameters.size, rate)
        self.average = MovingAverage(baseline)


@strategy("reinforce", paper="Williams, 1992; as in NATS-Bench, Dong et al., TPAMI 2021")
class Reinforce(PolicyStrategy[Learner]):
    """An independent softmax for every question, moved along (reward - moving average) times the gradient of log p.

    `rate` is Adam's, `baseline` the decay of the moving average of the rewards, `entropy` the weight of the policy's
    entropy, `batch` the trials of one update. The defaults are those of the published comparisons, whose policy hardly
    moves in 100 trials; a rate of 0.1 is better for hundreds of trials.
    """

    def __init__(self, *, rate: float = 0.01, baseline: float = 0.9, entropy: float = 0.0, batch: int = 1) -> None:
        super().__init__(batch)
        self.rate, self.baseline, self.entropy = rate, baseline, entropy

    def begin(self, domain: Domain) -> Learner:
        """The uniform policy."""
        return Learner(domain, self.rate, self.baseline)

    def learn(self, policy: Learner, domain: Domain, told: History, start: int) -> None:
        """One step of Adam."""
        codes = codes_since(domain, told, start)
        advantages = policy.average.advantages(told.values[start:])
        gradient = policy.policy.gradient(codes, advantages / len(codes))
        if self.entropy:
            gradient += self.entropy * policy.policy.entropy_gradient()
        policy.adam.step(policy.policy.parameters, gradient)

    def propose(self, policy: Learner, domain: Domain, history: History, rng: np.random.Generator) -> Iterator[Params]:
        """Draws of the policy."""
        return different(lambda n, t: policy.policy.draw(n, rng, temperature=t), domain, rng)
