"""What every policy-gradient strategy stands on: rewards, a baseline, Adam, and learning again from the history."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from itertools import count
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from workbench.samplers.domain import Domain, Params, Point
from workbench.samplers.history import History

P = TypeVar("P")
Floats = NDArray[np.float64]
Codes = NDArray[np.int64]
_WALKS = 24  # random walks of one length


class PolicyStrategy(ABC, Generic[P]):
    """A strategy whose policy is a function of the history, kept from one call to the next.

    Every round of `batch` finished trials is one update. Where a history goes on from the one before, only its new
    rounds are learnt; in any other, as after a restart, a new policy learns all of it.
    """

    def __init__(self, batch: int = 1) -> None:
        self.batch = batch
        self._policy: P | None = None
        self._learnt = 0  # trials the policy has learnt,
        self._answers: dict[str, tuple[Any, ...]] = {}  # in a domain of these answers,
        self._objectives: Floats = np.empty((0, 1))  # with these values,
        self._last: tuple[int, dict[str, Any]] = (-1, {})  # and the number and point of the last of them

    def __call__(self, domain: Domain, history: History, rng: np.random.Generator) -> Iterator[Params]:
        """Candidates, the preferred first."""
        return self.propose(self.learnt(domain, history), domain, history, rng)

    @abstractmethod
    def begin(self, domain: Domain) -> P:
        """The policy before any trial."""

    @abstractmethod
    def learn(self, policy: P, domain: Domain, told: History, start: int) -> None:
        """One update of `policy` from the trials `told[start:]`; `told` ends with their round."""

    @abstractmethod
    def propose(self, policy: P, domain: Domain, history: History, rng: np.random.Generator) -> Iterator[Params]:
        """Candidates of `policy`."""

    def learnt(self, domain: Domain, history: History) -> P:
        """The policy after `history`."""
        if self._policy is None or not self._goes_on(domain, history):
            self._policy, self._learnt, self._answers = self.begin(domain), 0, domain.answers
        for end in range(self._learnt + self.batch, len(history) + 1, self.batch):
            self.learn(self._policy, domain, history[:end], self._learnt)
            self._learnt = end
        if self._learnt:
            last = history[self._learnt - 1]
            self._objectives, self._last = history.objectives[: self._learnt], (last.number, dict(last.params))
        return self._policy

    def _goes_on(self, domain: Domain, history: History) -> bool:
        n = self._learnt
        if len(history) < n or (domain.answers is not self._answers and domain.answers != self._answers):
            return False
        if not n:
            return True
        last = history[n - 1]
        same = np.array_equal(history.objectives[:n], self._objectives)
        return same and self._last == (last.number, dict(last.params))


class Adam:
    """Adam (Kingma & Ba, ICLR 2015), uphill."""

    def __init__(self, size: int, rate: float, decays: tuple[float, float] = (0.9, 0.999)) -> None:
        self.rate, self.decays = rate, decays
        self._mean, self._square = np.zeros(size), np.zeros(size)
        self._steps = 0

    def step(self, parameters: Floats, gradient: Floats) -> None:
        """Change `parameters` in place."""
        first, second = self.decays
        self._steps += 1
        self._mean += (1 - first) * (gradient - self._mean)
        self._square += (1 - second) * (gradient**2 - self._square)
        mean = self._mean / (1 - first**self._steps)
        square = self._square / (1 - second**self._steps)
        parameters += self.rate * mean / (np.sqrt(square) + 1e-8)


class MovingAverage:
    """An exponential moving average without the pull of its beginning: the baseline of REINFORCE (Williams, 1992)."""

    def __init__(self, decay: float) -> None:
        self.decay = decay
        self._sum = self._weight = 0.0

    def advantages(self, rewards: Floats) -> Floats:
        """How far each of `rewards` (n,) is above the average, which has taken all of them in before."""
        self._sum = self.decay * self._sum + (1 - self.decay) * float(rewards.mean())
        self._weight = self.decay * self._weight + (1 - self.decay)
        return rewards - self._sum / self._weight


def codes_since(domain: Domain, told: History, start: int) -> Codes:
    """The codes of the trials from `start` on, (n, questions)."""
    return domain.codes([told[i].params for i in range(start, len(told))])


def standings(values: Floats, start: int, window: int) -> Floats:
    """The share of the `window` values up to each of `values[start:]` that it beats, ties by half; (n - start,).

    It has no unit, and neither a wide landscape nor a single failure changes how far a policy goes.
    """
    found = np.empty(len(values) - start)
    for i in range(start, len(values)):
        recent = values[max(0, i + 1 - window) : i + 1]
        found[i - start] = ((recent < values[i]).sum() + 0.5 * (recent == values[i]).sum()) / len(recent)
    return found


def walks(domain: Domain, starts: Sequence[Point], rng: np.random.Generator) -> Iterator[tuple[int, Params]]:
    """Where a policy has nothing new to say: random walks without end, one step at first, with the place of the start.

    Every round of 24 has one step more.
    """
    for steps in count(1):
        for i in rng.integers(len(starts), size=_WALKS).tolist():
            point: Params = dict(starts[i])
            for _ in range(steps):
                point = domain.mutate(point, rng)
            yield i, point
