"""Inheritance: how well the accuracy that architectures inherit agrees with what they reach by themselves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from workbench.errors import InvalidInput
from workbench.progress import progress
from workbench.supernets.alone import train_alone
from workbench.supernets.recipe import Recipe
from workbench.supernets.supernet import Supernet

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

    from workbench.architecture import Architecture
    from workbench.plots.inheritance import InheritanceData
    from workbench.supernets.few_shot import FewShot
    from workbench.tasks.task import Splits


@dataclass(frozen=True)
class Inheritance:
    """Accuracies (0 to 1) of the same architectures with inherited weights and trained by themselves.

    The measures are those of Yu et al., Evaluating the Search Phase of NAS, ICLR 2020, and of Yu et al., How to Train
    Your Super-Net, 2020.
    """

    architectures: tuple[Architecture, ...]
    inherited: np.ndarray
    alone: np.ndarray

    @property
    def tau(self) -> float:
        """Kendall's tau-b between the two; 0.0 where one side is all equal."""
        return _tau(self.inherited, self.alone)

    @property
    def sparse_tau(self) -> float:
        """The same with the accuracies by themselves rounded to 0.1 %, below which a difference is no difference."""
        return _tau(self.inherited, np.round(self.alone, 3))

    @property
    def gap(self) -> float:
        """How much higher, in the mean, the accuracy by itself is."""
        return float(np.mean(self.alone - self.inherited))

    @property
    def beats_random(self) -> float:
        """The probability that the architecture with the best inherited accuracy beats another one of these."""
        best = int(np.argmax(self.inherited))
        others = np.delete(self.alone, best)
        return float(np.mean((self.alone[best] > others) + 0.5 * (self.alone[best] == others)))

    @property
    def frame(self) -> pd.DataFrame:
        """One row for each architecture: `inherited` and `alone`."""
        import pandas as pd

        index = pd.Index([str(arch) for arch in self.architectures], name="architecture", dtype=object)
        return pd.DataFrame({"inherited": self.inherited, "alone": self.alone}, index=index)

    @property
    def data(self) -> InheritanceData:
        """What is drawn."""
        from workbench.plots.inheritance import InheritanceData

        names = tuple(map(str, self.architectures))
        return InheritanceData(names, self.inherited, self.alone, self.tau, self.gap, self.beats_random)

    def figure(self, title: str = "Inherited and stand-alone accuracy") -> go.Figure:
        """A dot for every architecture, with the diagonal on which both accuracies are the same."""
        from workbench.plots.inheritance import inheritance_figure

        return inheritance_figure(self.data, title)


def inheritance(
    net: Supernet | FewShot,
    data: Splits,
    architectures: Sequence[Architecture],
    *,
    recipe: Recipe | None = None,
    seed: int = 0,
    alone: Sequence[float] | None = None,
    part: str = "test",
    show: bool = True,
) -> Inheritance:
    """Judge architectures with the weights of a trained supernet, and train each by itself by `recipe`.

    `alone` gives accuracies that are known already, so that several supernets can be judged by one truth. Raises
    `InvalidInput` for fewer than two architectures.
    """
    if len(architectures) < 2:
        raise InvalidInput(f"An agreement needs two architectures or more; got {len(architectures)}.")
    inherited = [net.evaluate(data, arch, part)["accuracy"] for arch in architectures]
    if alone is None:
        shown = progress(architectures, len(architectures), "training each by itself", show=show)
        of = {arch: net if isinstance(net, Supernet) else net.leaf_of(arch) for arch in architectures}
        alone = [train_alone(of[arch], arch, data, recipe, seed, part) for arch in shown]
    if len(alone) != len(architectures):
        raise InvalidInput(f"{len(architectures)} architectures, and {len(alone)} accuracies by themselves.")
    return Inheritance(tuple(architectures), np.array(inherited), np.array(alone, float))


def architectures_of(net: Supernet) -> list[Architecture]:
    """Every architecture of a supernet of few, once, in the order of its gates' options."""
    paths = product(*(range(len(allowed)) for allowed in net.options.values()))
    found = (net.architecture(dict(zip(net.options, path, strict=True))) for path in paths)
    return list({str(arch): arch for arch in found}.values())


def _tau(x: np.ndarray, y: np.ndarray) -> float:
    from scipy.stats import kendalltau

    found = float(kendalltau(x, y).statistic)
    return found if np.isfinite(found) else 0.0
