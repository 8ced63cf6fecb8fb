"""The factorised policy: an independent softmax for every question."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from workbench.samplers.domain import Domain, Params
from workbench.samplers.policies.learning import Codes, Floats, walks

_DRAWS = ((16, 1.0), (32, 1.0), (32, 2.0), (32, 4.0))  # points drawn at once, and at what temperature
_LEAST = 1e-300  # a probability whose logarithm is finite


class Factorised:
    """Logits, (questions, most answers), all zero in the beginning; a question may have fewer answers than another.

    Codes are those of `Domain.codes`: the number of each answer, -1 for a question that is not asked.
    """

    def __init__(self, sizes: Sequence[int]) -> None:
        width = max(sizes, default=0)
        self.asked = np.arange(width) < np.array(sizes, int).reshape(-1, 1)  # (questions, width)
        self.parameters: Floats = np.zeros(self.asked.size)
        self.logits: Floats = self.parameters.reshape(self.asked.shape)  # the same numbers

    @classmethod
    def of(cls, domain: Domain) -> Factorised:
        """The uniform policy over a domain."""
        return cls([len(domain.answers[name]) for name in domain.names])

    def probabilities(self, bonus: Floats | float = 0.0, temperature: float = 1.0) -> Floats:
        """Of every answer, (questions, width), with `bonus` added to the logits, which `temperature` divides."""
        return softmax((self.logits + bonus) / temperature, self.asked)

    def draw(self, n: int, rng: np.random.Generator, bonus: Floats | float = 0.0, temperature: float = 1.0) -> Codes:
        """Codes of `n` points, (n, questions)."""
        return drawn(self.probabilities(bonus, temperature), n, rng)

    def log_probability(self, codes: Codes) -> Floats:
        """Of each of the points, (n,)."""
        logs = np.log(np.maximum(self.probabilities(), _LEAST))
        chosen = logs[np.arange(codes.shape[1]), np.maximum(codes, 0)]
        found: Floats = np.where(codes >= 0, chosen, 0.0).sum(axis=1)
        return found

    def gradient(self, codes: Codes, weights: Floats, bonus: Floats | float = 0.0) -> Floats:
        """Of sum_i weights_i log p(codes_i) by the parameters, flat: 1 where an answer was given, less its chance."""
        ones = codes[:, :, None] == np.arange(self.asked.shape[1])
        each = (ones - self.probabilities(bonus)) * (codes >= 0)[:, :, None]  # (n, questions, width)
        found: Floats = (weights @ each.reshape(len(codes), -1)).ravel()
        return found

    def entropies(self) -> Floats:
        """Of every question, (questions,), in nats."""
        return entropy_of(self.probabilities())[0]

    def entropy_gradient(self) -> Floats:
        """Of the sum of the entropies by the parameters, flat."""
        return entropy_of(self.probabilities())[1].ravel()


def softmax(logits: Floats, asked: NDArray[np.bool_]) -> Floats:
    """Along the last axis, zero where `asked` is false."""
    shown = np.where(asked, logits, -np.inf)
    powers = np.exp(shown - shown.max(axis=-1, keepdims=True, initial=-1e300))
    found: Floats = powers / powers.sum(axis=-1, keepdims=True)
    return found


def entropy_of(probabilities: Floats) -> tuple[Floats, Floats]:
    """The entropies along the last axis, and their gradient by the logits: -p (log p + entropy)."""
    logs = np.log(np.maximum(probabilities, _LEAST))
    entropies: Floats = -(probabilities * logs).sum(axis=-1)
    return entropies, -probabilities * (logs + entropies[..., None])


def drawn(probabilities: Floats, n: int, rng: np.random.Generator) -> Codes:
    """`n` draws from each row of `probabilities`, (n, rows)."""
    ends = probabilities.cumsum(axis=1)
    thrown = rng.random((n, len(ends), 1)) * ends[:, -1:]
    found: Codes = (thrown >= ends).sum(axis=2)
    return found


def different(draw: Callable[[int, float], Codes], domain: Domain, rng: np.random.Generator) -> Iterator[Params]:
    """Draws of a policy, (how many, at what temperature), each point once, and then random walks from its favourite.

    Where all that a policy still draws was tried before, it is drawn from at twice and four times the temperature.
    """
    counts: Counter[tuple[int, ...]] = Counter()
    for n, temperature in _DRAWS:
        for row in map(tuple, draw(n, temperature).tolist()):
            counts[row] += 1
            if counts[row] == 1:
                yield domain.point(row)
    favourite = domain.point(counts.most_common(1)[0][0])
    for _, point in walks(domain, [favourite], rng):
        yield point
