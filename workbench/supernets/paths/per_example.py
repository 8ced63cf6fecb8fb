"""Per-example paths: several architectures in one forward pass, each on its own examples."""

from __future__ import annotations

import numpy as np
import torch

from workbench.errors import InvalidInput
from workbench.networks.elastic.gates import Gate
from workbench.supernets.paths import PathSampler
from workbench.supernets.step import Run, Step


class PerExample(PathSampler):
    """`n` architectures a step in one pass, each for its share of the batch (Liao et al., ViT-ResNAS, 2021).

    Every gate is one-hot for each example, (B, K): layers compute their largest size and mask what an example does not
    use. With `permuted` every gate deals its n options to the examples anew, as the authors' layers do, so that an
    example may run a part of each architecture; otherwise an example runs one. Exact where normalisation is by example
    (layer norm); batch normalisation sees all of them in one batch.
    """

    def __init__(self, n: int = 4, *, permuted: bool = True) -> None:
        if n < 1:
            raise InvalidInput(f"PerExample runs n architectures at once, 1 or more; got {n}.")
        self.n, self.permuted = n, permuted

    def plan(self, step: Step) -> list[Run]:
        """One run."""
        paths = [step.net.gates(arch) for arch in step.net.sample(self.n, step.rng)]
        mine = np.arange(len(step.train.x)) * self.n // len(step.train.x)
        gates: dict[str, Gate] = {}
        for name, allowed in step.net.options.items():
            dealt = step.rng.permutation(mine) if self.permuted else mine
            numbers = torch.tensor([paths[of][name] for of in dealt])
            gates[name] = torch.nn.functional.one_hot(numbers, len(allowed)).float().to(step.net.device)
        return [Run(gates)]
