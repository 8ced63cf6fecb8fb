"""A tally of the options that run: how often each, of the runs in which its gate was asked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import torch

from workbench.errors import Infeasible, InvalidInput
from workbench.networks.elastic.gates import Gate
from workbench.supernets.supernet import Supernet


class Tally:
    """Counts of the options of each gate with several; a mixture counts each option as much as it weighs."""

    def __init__(self, net: Supernet) -> None:
        self.net = net
        self.counts = {name: torch.zeros(len(allowed)) for name, allowed in net.options.items() if len(allowed) > 1}

    def add(self, runs: Iterable[Mapping[str, Gate]]) -> None:
        """Count the options of these runs, but of a path only the gates that it asks: none of missing blocks."""
        for run in runs:
            gates = self.net.gates(run)
            for name in self._asked(gates):
                gate = gates[name]
                if isinstance(gate, int):
                    self.counts[name][gate] += 1
                else:
                    self.counts[name] += gate.detach().reshape(-1, gate.shape[-1]).mean(0).cpu()

    def shares(self) -> dict[str, list[float]]:
        """For each gate the shares of its options, 0 to 1; all 0 where it was never asked."""
        return {name: (count / count.sum().clamp_min(1e-12)).tolist() for name, count in self.counts.items()}

    def _asked(self, gates: Mapping[str, Gate]) -> Iterable[str]:
        if any(not isinstance(gate, int) for gate in gates.values()):
            return self.counts
        try:
            decisions = self.net.architecture(gates).decisions
        except (InvalidInput, Infeasible):  # a path that is no architecture, as in DARTS: all its gates are read
            return self.counts
        asked = [name for name in self.counts if name in decisions]
        return asked or self.counts
