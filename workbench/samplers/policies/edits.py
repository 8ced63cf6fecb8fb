"""RENA: a policy that reads the current network and says which answer to change, rewarded less where limits break."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import accumulate

import numpy as np

from workbench.samplers.domain import Domain, Params
from workbench.samplers.entries import strategy
from workbench.samplers.history import History, Told
from workbench.samplers.policies.factorised import entropy_of, softmax
from workbench.samplers.policies.learning import Adam, Codes, Floats, MovingAverage, PolicyStrategy, standings, walks
from workbench.samplers.policies.lstm import LSTM, parts, size_of
from workbench.samplers.strategy import Offspring

_SCALE = 0.1  # weights begin uniform between minus and plus this
_PARENTS = 4  # networks whose edits are looked through for one that was not tried


class EditPolicy:
    """One softmax over all edits (question, new answer) of a network that an LSTM has read answer by answer.

    An edit's logit depends on the state at its question and on the state at the end, which has seen the whole network.
    """

    def __init__(self, sizes: Sequence[int], units: int, embedding: int, rng: np.random.Generator) -> None:
        width = max(sizes, default=0)
        self.asked = np.arange(width) < np.array(sizes, int).reshape(-1, 1)  # (questions, width)
        self._offsets = np.array(list(accumulate(sizes, initial=1))[:-1], int)
        self.shapes = {
            "embedding": (1 + sum(sizes), embedding),  # row 0 is a question that is not asked
            "lstm": (embedding + units + 1, 4 * units),
            "edits": (len(sizes), 2 * units + 1, width),
        }
        self.parameters: Floats = rng.uniform(-_SCALE, _SCALE, size_of(self.shapes))
        self._of = parts(self.parameters, self.shapes)
        self.lstm = LSTM(self._of["lstm"])

    def probabilities(self, codes: Codes) -> Floats:
        """Of every edit of one network (questions,): (questions, width), 0 for what it is already."""
        return self._read(codes)[0]

    def gradient(self, codes: Codes, question: int, answer: int, weight: float, entropy: float = 0.0) -> Floats:
        """Of weight log p(edit | codes) + entropy times the policy's entropy there, flat."""
        chances, context, tokens, kept = self._read(codes)
        by_logits = -weight * chances
        by_logits[question, answer] += weight
        if entropy:
            by_logits += entropy * entropy_of(chances.ravel())[1].reshape(chances.shape)
        flat = np.zeros_like(self.parameters)
        of = parts(flat, self.shapes)
        of["edits"][:] = context[:, :, None] * by_logits[:, None]
        by_context = (self._of["edits"][:, :-1] @ by_logits[:, :, None])[:, :, 0]  # (questions, 2 units)
        upward = by_context[:, : self.lstm.units].copy()
        upward[-1] += by_context[:, self.lstm.units :].sum(axis=0)
        of["lstm"][:], by_inputs = self.lstm.backward(upward[:, None], kept)
        np.add.at(of["embedding"], tokens, by_inputs[:, 0])
        return flat

    def _read(self, codes: Codes) -> tuple[Floats, Floats, Codes, list[tuple[Floats, ...]]]:
        tokens = np.where(codes >= 0, codes + self._offsets, 0)
        states, kept = self.lstm.forward(self._of["embedding"][tokens][:, None])
        whole = np.broadcast_to(states[-1], states[:, 0].shape)
        context = np.concatenate([states[:, 0], whole, np.ones((len(codes), 1))], axis=1)
        logits = (context[:, None] @ self._of["edits"])[:, 0]
        free = self.asked & (codes[:, None] != np.arange(self.asked.shape[1])) & (codes >= 0)[:, None]
        chances = softmax(logits.ravel(), free.ravel()).reshape(logits.shape) if free.any() else np.zeros(free.shape)
        return chances, context, tokens, kept


class _Learner:
    def __init__(self, policy: EditPolicy, rate: float, baseline: float) -> None:
        self.policy = policy
        self.adam = Adam(policy.parameters.size, rate)
        self.average = MovingAverage(baseline)
        self.codes: dict[int, Codes] = {}  # trial number -> what it was
        self.tried: set[tuple[int, ...]] = set()  # the same
        self.violations: list[float] = []  # of every trial


@strategy("rena", paper="Zhou et al., Resource-Efficient Neural Architect, arXiv 1806.07912, 2018")
class RENA(PolicyStrategy[_Learner]):
    """Edits a network, one answer at a time, by a policy that has read it.

    After `initial` random trials every episode begins at the network with the best reward so far and makes `edits`
    changes, each of the network before. In a space with an operation that does nothing, such a change inserts or
    removes a layer. The reward is the share of the last `window` trials that a trial beats, times (1 + v)^-penalty
    where limits are broken: v is the violation in units of the median one so far. `baseline` is the decay of the
    rewards' moving average, `entropy` the weight of the policy's entropy, `rate` Adam's.

    The form of the penalty and the lengths are ours: the paper's code is not public.
    """

    def __init__(
        self,
        *,
        initial: int = 10,
        edits: int = 2,
        penalty: float = 2.0,
        rate: float = 0.01,
        units: int = 32,
        embedding: int = 16,
        baseline: float = 0.9,
        entropy: float = 0.01,
        window: int = 50,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.initial, self.edits, self.penalty = initial, edits, penalty
        self.rate, self.units, self.embedding = rate, units, embedding
        self.baseline, self.entropy, self.window = baseline, entropy, window
        self.seed = seed

    def begin(self, domain: Domain) -> _Learner:
        """A policy with small random weights."""
        sizes = [len(domain.answers[name]) for name in domain.names]
        policy = EditPolicy(sizes, self.units, self.embedding, np.random.default_rng([self.seed, 1]))
        return _Learner(policy, self.rate, self.baseline)

    def learn(self, policy: _Learner, domain: Domain, told: History, start: int) -> None:
        """One step of Adam, where the trial is one edit of another."""
        trial = told[start]
        codes = domain.codes([trial.params])[0]
        policy.codes[trial.number] = codes
        policy.tried.add(tuple(codes.tolist()))
        policy.violations.append(trial.violation)
        standing = standings(_unbroken(told), start, self.window)
        advantage = float(policy.average.advantages(standing * self._factors(policy)[start:])[0])
        parent = policy.codes.get(-1 if trial.parent is None else trial.parent)
        if parent is None:
            return
        changed = np.flatnonzero(codes != parent)
        if len(changed) == 1 and parent[changed[0]] >= 0 and codes[changed[0]] >= 0:
            question = int(changed[0])
            gradient = policy.policy.gradient(parent, question, int(codes[question]), advantage, self.entropy)
            policy.adam.step(policy.policy.parameters, gradient)

    def propose(self, policy: _Learner, domain: Domain, history: History, rng: np.random.Generator) -> Iterator[Params]:
        """The edits of the current network that were not tried, then of the best ones, then random walks from those."""
        if len(history) < self.initial:
            yield from domain.samples(rng)
        begins = (len(history) - self.initial) % self.edits == 0
        order = self._ranked(policy, history)[:_PARENTS]
        parents = [history[i] for i in (order if begins else [len(history) - 1, *order])]
        for parent in parents:
            yield from self._edited(policy, domain, parent, rng)
        for i, child in walks(domain, [parent.params for parent in parents], rng):
            yield Offspring(child, parents[i].number, "mutation")

    def _edited(self, policy: _Learner, domain: Domain, parent: Told, rng: np.random.Generator) -> Iterator[Params]:
        """Every edit of `parent` that was not tried, as drawn from the policy one after the other (Gumbel top-k)."""
        codes = domain.codes([parent.params])[0]
        chances = policy.policy.probabilities(codes)
        order = np.argsort(-(np.log(np.maximum(chances, 1e-300)) + rng.gumbel(size=chances.shape)), axis=None)
        for edit in order[: np.count_nonzero(chances)]:
            question, answer = divmod(int(edit), chances.shape[1])
            child = codes.tolist()
            child[question] = answer
            if tuple(child) not in policy.tried:
                name = domain.names[question]
                yield Offspring({**parent.params, name: domain.answers[name][answer]}, parent.number, "mutation")

    def _ranked(self, policy: _Learner, history: History) -> list[int]:
        """The places of the trials, the best first, by their standing among all, less what they break."""
        values = _unbroken(history)
        ranks = np.searchsorted(np.sort(values), values, side="right")
        found: list[int] = np.argsort(-ranks * self._factors(policy), kind="stable").tolist()
        return found

    def _factors(self, policy: _Learner) -> Floats:
        """What broken limits leave of the reward of each trial, (n,)."""
        violations = np.array(policy.violations)
        broken = violations[violations > 0]
        unit = float(np.median(broken)) if len(broken) else 1.0
        found: Floats = (1 + violations / unit) ** -self.penalty
        return found


def _unbroken(told: History) -> Floats:
    """The values as if no limit were broken: that is to cost something, not everything.

    Where weights make one value of several objectives, a broken limit has its part in it already.
    """
    return told.objectives[:, 0] if told.objectives.shape[1] == 1 else told.values
