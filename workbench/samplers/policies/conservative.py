"""Auto-GNN's conservative explorer: keep the best architecture, and change one class of its answers at a time."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from workbench.samplers.domain import Domain, Params
from workbench.samplers.entries import strategy
from workbench.samplers.history import History
from workbench.samplers.policies.factorised import Factorised, different
from workbench.samplers.policies.learning import Adam, Codes, Floats, MovingAverage, PolicyStrategy, standings, walks
from workbench.samplers.strategy import Offspring

_DRAWS = ((48, 1.0), (48, 2.0), (48, 4.0))  # how many, and at what temperature: later ones stray farther


def classes(domain: Domain) -> list[list[int]]:
    """The questions that ask the same thing, by their place in `domain.names`.

    They have the same answers, and names that differ in their digits alone: `op1` and `op2`, `0->1` and `1->3`.
    Questions with a single answer are left out.
    """
    found: dict[tuple[object, ...], list[int]] = {}
    for i, name in enumerate(domain.names):
        if len(domain.answers[name]) > 1:
            found.setdefault((re.sub(r"\d+", "", name), domain.answers[name]), []).append(i)
    return list(found.values())


@dataclass
class _Class:
    """A class of questions with the policy that answers them."""

    questions: list[int]
    policy: Factorised
    adam: Adam

    @property
    def entropy(self) -> float:
        """The decision entropy of the class: the sum of its questions', in nats."""
        return float(self.policy.entropies().sum())

    def bonus(self, codes: Sequence[int], changes: float) -> Floats:
        """What is added to the logits of the answers the parent has, so that `changes` are expected to differ.

        That is while the policy is uniform; what it learns may speak for the parent's answer or against it.
        """
        n, width = self.policy.asked.shape
        share = min(changes / n, 1 - 1 / width)
        kept = np.arange(width) == np.array([codes[q] for q in self.questions])[:, None]
        found: Floats = np.log((width - 1) * (1 - share) / share) * kept
        return found


class _Learner:
    def __init__(self, domain: Domain, rate: float, baseline: float) -> None:
        self.average = MovingAverage(baseline)
        self.codes: dict[int, Codes] = {}  # trial number -> what it was
        self.classes = []
        self._n_questions = len(domain.names)
        for questions in classes(domain):
            policy = Factorised([len(domain.answers[domain.names[q]]) for q in questions])
            self.classes.append(_Class(questions, policy, Adam(policy.parameters.size, rate)))

    def draw(self, n: int, rng: np.random.Generator, temperature: float) -> Codes:
        """Codes of `n` points, every class drawn: (n, questions)."""
        codes = np.zeros((n, self._n_questions), int)
        for one in self.classes:
            codes[:, one.questions] = one.policy.draw(n, rng, temperature=temperature)
        return codes


@strategy("auto_gnn", paper="Zhou et al., Auto-GNN, arXiv 1909.03184, 2019 (Frontiers in Big Data 2022)")
class AutoGNN(PolicyStrategy[_Learner]):
    """Keeps the best architecture and draws anew the answers of one class of questions, each class with its own policy.

    A class is a group of questions that ask the same thing: all operations, say. Which one changes is drawn in
    proportion to the decision entropy of its policy, so that what is settled is left alone. The policy is a softmax
    for every question of the class with a bonus for the parent's answer, so that `changes` answers are expected to
    differ as long as nothing has been learnt; the paper's is a recurrent network that reads the parent. A reward is
    the share of the last `window` trials that a trial beats, `baseline` the decay of their moving average, `rate`
    Adam's.

    In the first `initial` trials every class is drawn, and learns. What is kept is the best of the last `recent`
    trials, the later of equals, so that a plateau is walked along and a dead end is left one day.
    """

    def __init__(
        self,
        *,
        initial: int = 40,
        recent: int = 60,
        changes: float = 1.0,
        rate: float = 0.1,
        baseline: float = 0.9,
        window: int = 50,
    ) -> None:
        super().__init__()
        self.initial, self.recent, self.changes = initial, recent, changes
        self.rate, self.baseline, self.window = rate, baseline, window

    def begin(self, domain: Domain) -> _Learner:
        """A uniform policy for every class."""
        return _Learner(domain, self.rate, self.baseline)

    def learn(self, policy: _Learner, domain: Domain, told: History, start: int) -> None:
        """One step of Adam for the class that was changed, for all of them where the trial was made from no other."""
        trial = told[start]
        codes = domain.codes([trial.params])
        policy.codes[trial.number] = codes[0]
        advantage = policy.average.advantages(standings(told.values, start, self.window))
        parent = None if trial.parent is None else policy.codes.get(trial.parent)
        changed = set() if parent is None else set(np.flatnonzero(codes[0] != parent).tolist())
        for one in policy.classes:
            if changed <= set(one.questions):
                bonus = 0.0 if parent is None else one.bonus(parent.tolist(), self.changes)
                gradient = one.policy.gradient(codes[:, one.questions], advantage, bonus)
                one.adam.step(one.policy.parameters, gradient)

    def propose(self, policy: _Learner, domain: Domain, history: History, rng: np.random.Generator) -> Iterator[Params]:
        """The best of late with one class drawn anew."""
        if len(history) < self.initial or not policy.classes:
            yield from different(lambda n, temperature: policy.draw(n, rng, temperature), domain, rng)
            return
        late = history.values[-self.recent :]
        best = history[len(history) - 1 - int(np.argmax(late[::-1]))]
        codes = domain.codes([best.params])[0].tolist()
        seen = {tuple(codes)}
        for n, temperature in _DRAWS:
            for child in self._children(policy, codes, n, temperature, rng):
                if tuple(child) in seen:
                    continue
                seen.add(tuple(child))
                drawn = domain.point(child)
                changed = {name: drawn[name] for name, a, b in zip(domain.names, child, codes, strict=True) if a != b}
                yield Offspring({**best.params, **changed}, best.number, "mutation")
        for _, point in walks(domain, [best.params], rng):
            yield Offspring(point, best.number, "mutation")

    def _children(
        self, policy: _Learner, codes: list[int], n: int, temperature: float, rng: np.random.Generator
    ) -> Iterator[list[int]]:
        """`n` times the codes with the answers of one class drawn anew."""
        entropies = np.array([one.entropy for one in policy.classes]) + 1e-9
        order = rng.choice(len(entropies), size=n, p=entropies / entropies.sum())
        draws = [
            iter(one.policy.draw(int((order == i).sum()), rng, one.bonus(codes, self.changes), temperature).tolist())
            for i, one in enumerate(policy.classes)
        ]
        for i in order:
            child = list(codes)
            for q, answer in zip(policy.classes[i].questions, next(draws[i]), strict=True):
                child[q] = answer
            yield child
