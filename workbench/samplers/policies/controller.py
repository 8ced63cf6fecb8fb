"""The autoregressive LSTM controller of NASNet and ENAS, with the memory buffer that makes it remember its choices."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import accumulate

import numpy as np

from workbench.samplers.domain import Domain, Params, Point
from workbench.samplers.entries import strategy
from workbench.samplers.history import History
from workbench.samplers.policies.factorised import different, drawn, entropy_of, softmax
from workbench.samplers.policies.learning import (
    Adam,
    Codes,
    Floats,
    MovingAverage,
    PolicyStrategy,
    codes_since,
    standings,
)
from workbench.samplers.policies.lstm import LSTM, parts, size_of

_REMEMBERED = 8  # architectures of the buffer in one update
_SCALE = 0.1  # weights begin uniform between minus and plus this, as ENAS's do


class Controller:
    """An LSTM that answers one question after the other; each answer is what it reads next.

    Its parameters are a flat vector: embeddings of the answers (row 0 stands for the start and for a question that is
    not asked), the LSTM, a softmax for every question, and a read-out that names every answer from the last hidden
    state, which only the memory buffer trains.
    """

    def __init__(self, sizes: Sequence[int], units: int, embedding: int, rng: np.random.Generator) -> None:
        width = max(sizes, default=0)
        self.asked = np.arange(width) < np.array(sizes, int).reshape(-1, 1)  # (questions, width)
        self._offsets = np.array(list(accumulate(sizes, initial=1))[:-1], int)
        self.shapes = {
            "embedding": (1 + sum(sizes), embedding),
            "lstm": (embedding + units + 1, 4 * units),
            "answers": (len(sizes), units + 1, width),
            "read_out": (len(sizes), units + 1, width),
        }
        self.parameters: Floats = rng.uniform(-_SCALE, _SCALE, size_of(self.shapes))
        self._of = parts(self.parameters, self.shapes)
        self.lstm = LSTM(self._of["lstm"])

    def draw(self, n: int, rng: np.random.Generator, temperature: float = 1.0) -> Codes:
        """Codes of `n` points, (n, questions); `temperature` divides the logits."""
        hidden, cell = self.lstm.start(n)
        tokens, codes = np.zeros(n, int), np.zeros((n, len(self.asked)), int)
        for t, asked in enumerate(self.asked):
            hidden, cell, _ = self.lstm.step(self._of["embedding"][tokens], hidden, cell)
            head = self._of["answers"][t]
            codes[:, t] = drawn(softmax((hidden @ head[:-1] + head[-1]) / temperature, asked), 1, rng)[0]
            tokens = codes[:, t] + self._offsets[t]
        return codes

    def hidden_states(self, codes: Codes) -> Floats:
        """The hidden state after the last answer of each of the points was read, (n, units)."""
        found: Floats = self._read(codes)[0][-1]
        return found

    def log_probability(self, codes: Codes) -> Floats:
        """Of each of the points, (n,)."""
        chances = self._chances("answers", self._read(codes)[0][:-1])
        chosen = np.take_along_axis(chances, np.maximum(codes, 0).T[:, :, None], axis=2)[:, :, 0]
        found: Floats = np.where(codes.T >= 0, np.log(np.maximum(chosen, 1e-300)), 0.0).sum(axis=0)
        return found

    def gradient(self, codes: Codes, weights: Floats, entropy: float = 0.0) -> Floats:
        """Of sum_i weights_i log p(codes_i), and `entropy` times the mean entropy along the points, flat."""
        states, kept = self._read(codes)
        chances = self._chances("answers", states[:-1])
        by_logits = (self._ones(codes) - chances) * weights[:, None] * (codes.T >= 0)[:, :, None]
        if entropy:
            by_logits += entropy / len(codes) * entropy_of(chances)[1]
        upward, flat, of = self._begun(states)
        of["answers"][:] = _by_head(states[:-1], by_logits)
        upward[:-1] = by_logits @ self._of["answers"][:, :-1].transpose(0, 2, 1)
        return self._finished(codes, upward, kept, flat, of)

    def memory_gradient(self, codes: Codes) -> Floats:
        """Of the mean log-probability that the last hidden state gives to the answers it has read, flat."""
        states, kept = self._read(codes)
        last = np.broadcast_to(states[-1], states[:-1].shape)
        by_logits = (self._ones(codes) - self._chances("read_out", last)) * (codes.T >= 0)[:, :, None] / len(codes)
        upward, flat, of = self._begun(states)
        of["read_out"][:] = _by_head(last, by_logits)
        upward[-1] = (by_logits @ self._of["read_out"][:, :-1].transpose(0, 2, 1)).sum(axis=0)
        return self._finished(codes, upward, kept, flat, of)

    def _tokens(self, codes: Codes) -> Codes:
        read = np.where(codes >= 0, codes + self._offsets, 0).T
        found: Codes = np.concatenate([np.zeros((1, len(codes)), int), read])
        return found

    def _read(self, codes: Codes) -> tuple[Floats, list[tuple[Floats, ...]]]:
        return self.lstm.forward(self._of["embedding"][self._tokens(codes)])

    def _chances(self, head: str, states: Floats) -> Floats:
        logits = states @ self._of[head][:, :-1] + self._of[head][:, -1:]
        return softmax(logits, self.asked[:, None])

    def _ones(self, codes: Codes) -> Floats:
        found: Floats = (codes.T[:, :, None] == np.arange(self.asked.shape[1])).astype(float)
        return found

    def _begun(self, states: Floats) -> tuple[Floats, Floats, dict[str, Floats]]:
        flat = np.zeros_like(self.parameters)
        return np.zeros_like(states), flat, parts(flat, self.shapes)

    def _finished(
        self, codes: Codes, upward: Floats, kept: list[tuple[Floats, ...]], flat: Floats, of: dict[str, Floats]
    ) -> Floats:
        of["lstm"][:], by_inputs = self.lstm.backward(upward, kept)
        np.add.at(of["embedding"], self._tokens(codes), by_inputs)
        return flat


def _by_head(states: Floats, by_logits: Floats) -> Floats:
    """The gradient by a head's weights and bias, (questions, units + 1, width)."""
    weights = states.transpose(0, 2, 1) @ by_logits
    return np.concatenate([weights, by_logits.sum(axis=1, keepdims=True)], axis=1)


class _Learner:
    def __init__(self, controller: Controller, rate: float, baseline: float) -> None:
        self.controller = controller
        self.adam = Adam(controller.parameters.size, rate)
        self.average = MovingAverage(baseline)
        self.buffer: Codes = np.zeros((0, len(controller.asked)), int)


@strategy("lstm_controller", paper="Zoph et al., CVPR 2018; Pham et al., ICML 2018; Adam & Lorraine, 2019")
class LSTMController(PolicyStrategy[_Learner]):
    """REINFORCE with an LSTM that answers the questions in order, reading each answer before the next question.

    A reward is the share of the last `window` trials that a trial beats; `baseline` is the decay of their moving
    average, `entropy` the weight of the policy's entropy, `batch` the trials of one update. With `memory` the last that
    many trials are a buffer, eight of which are drawn in every update: the last hidden state has to name the answers it
    was given, by a linear read-out, with `memory_weight`. It is the remedy of Adam & Lorraine (2019) against hidden
    states that know nothing of past decisions; the read-out is our reading of their abstract.

    ENAS's rate is 0.00035 over tens of thousands of samples; the default here is for hundreds.
    """

    def __init__(
        self,
        *,
        rate: float = 0.01,
        units: int = 32,
        embedding: int = 16,
        baseline: float = 0.9,
        entropy: float = 0.0001,
        window: int = 50,
        memory: int = 0,
        memory_weight: float = 1.0,
        batch: int = 1,
        seed: int = 0,
    ) -> None:
        super().__init__(batch)
        self.rate, self.units, self.embedding, self.baseline = rate, units, embedding, baseline
        self.entropy, self.window = entropy, window
        self.memory, self.memory_weight = memory, memory_weight
        self.seed = seed

    def hidden_states(self, domain: Domain, history: History, points: Sequence[Point]) -> Floats:
        """What the controller that has learnt `history` remembers of each of `points`: hidden states, (n, units)."""
        return self.learnt(domain, history).controller.hidden_states(domain.codes(points))

    def begin(self, domain: Domain) -> _Learner:
        """A controller with small random weights."""
        sizes = [len(domain.answers[name]) for name in domain.names]
        controller = Controller(sizes, self.units, self.embedding, np.random.default_rng([self.seed, 1]))
        return _Learner(controller, self.rate, self.baseline)

    def learn(self, policy: _Learner, domain: Domain, told: History, start: int) -> None:
        """One step uphill along advantage times the gradient of log p, and along what the buffer asks for."""
        codes = codes_since(domain, told, start)
        advantages = policy.average.advantages(standings(told.values, start, self.window))
        gradient = policy.controller.gradient(codes, advantages / len(codes), self.entropy)
        if self.memory:
            policy.buffer = np.concatenate([policy.buffer, codes])[-self.memory :]
            rng = np.random.default_rng([self.seed, 2, start])
            remembered = policy.buffer[rng.integers(len(policy.buffer), size=_REMEMBERED)]
            gradient += self.memory_weight * policy.controller.memory_gradient(remembered)
        policy.adam.step(policy.controller.parameters, gradient)

    def propose(self, policy: _Learner, domain: Domain, history: History, rng: np.random.Generator) -> Iterator[Params]:
        """Draws of the controller."""
        return different(lambda n, t: policy.controller.draw(n, rng, t), domain, rng)
