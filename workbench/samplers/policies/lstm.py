"""A long short-term memory layer with its gradient, in numpy: quicker than torch on networks of this size."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from workbench.samplers.policies.learning import Floats


class LSTM:
    """Hochreiter & Schmidhuber (1997) with forget gates, over sequences (steps, n, inputs).

    `weights` is (inputs + units + 1, 4 units): rows for the input, the state before and the bias; columns for the
    input, forget and output gates and for what is written.
    """

    def __init__(self, weights: Floats) -> None:
        self.weights = weights
        self.units = weights.shape[1] // 4

    def step(self, x: Floats, hidden: Floats, cell: Floats) -> tuple[Floats, Floats, tuple[Floats, ...]]:
        """The next hidden and cell state, (n, units) each, and what the way back needs."""
        u = self.units
        seen = np.concatenate([x, hidden, np.ones((len(x), 1))], axis=1)
        mixed = seen @ self.weights
        gates = 1 / (1 + np.exp(-mixed[:, : 3 * u]))
        written = np.tanh(mixed[:, 3 * u :])
        after = gates[:, u : 2 * u] * cell + gates[:, :u] * written
        shown = np.tanh(after)
        return gates[:, 2 * u :] * shown, after, (seen, gates, written, cell, shown)

    def start(self, n: int) -> tuple[Floats, Floats]:
        """Hidden and cell state before the first step."""
        return np.zeros((n, self.units)), np.zeros((n, self.units))

    def forward(self, inputs: Floats) -> tuple[Floats, list[tuple[Floats, ...]]]:
        """The hidden state after every step, (steps, n, units), and what `backward` needs."""
        hidden, cell = self.start(inputs.shape[1])
        states, kept = np.empty((*inputs.shape[:2], self.units)), []
        for t, x in enumerate(inputs):
            hidden, cell, needed = self.step(x, hidden, cell)
            states[t] = hidden
            kept.append(needed)
        return states, kept

    def backward(self, upward: Floats, kept: list[tuple[Floats, ...]]) -> tuple[Floats, Floats]:
        """The gradients by the weights and by the inputs, from those by the hidden states, (steps, n, units)."""
        u, n_inputs = self.units, self.weights.shape[0] - self.units - 1
        by_weights = np.zeros_like(self.weights)
        by_inputs = np.empty((*upward.shape[:2], n_inputs))
        hidden, cell = self.start(upward.shape[1])
        for t in range(len(kept) - 1, -1, -1):
            seen, gates, written, before, shown = kept[t]
            hidden = hidden + upward[t]
            cell = cell + hidden * gates[:, 2 * u :] * (1 - shown**2)
            by_gates = np.concatenate([cell * written, cell * before, hidden * shown], axis=1) * gates * (1 - gates)
            mixed = np.concatenate([by_gates, cell * gates[:, :u] * (1 - written**2)], axis=1)
            by_weights += seen.T @ mixed
            back = mixed @ self.weights.T
            by_inputs[t], hidden = back[:, :n_inputs], back[:, n_inputs:-1]
            cell = cell * gates[:, u : 2 * u]
        return by_weights, by_inputs


def parts(flat: Floats, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Floats]:
    """Views of a flat vector of parameters, one after the other."""
    found, start = {}, 0
    for name, shape in shapes.items():
        size = int(np.prod(shape))
        found[name] = flat[start : start + size].reshape(shape)
        start += size
    return found


def size_of(shapes: Mapping[str, tuple[int, ...]]) -> int:
    """How long the flat vector is."""
    return sum(int(np.prod(shape)) for shape in shapes.values())
