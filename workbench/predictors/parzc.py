"""parzc: a small Bayesian mixer that learns how much each layer's statistics count (Dong et al., AAAI 2025)."""

from __future__ import annotations

import torch

from workbench.predictors.diff_kendall import diff_kendall
from workbench.predictors.inputs import Layers
from workbench.predictors.mixer import BayesianMixer
from workbench.predictors.normal_scores import Numbers
from workbench.predictors.regressor import Predictor, catalogue

_LEAST = 1e-12  # of a spread that is divided by


@catalogue.entering("parzc")
class ParZC(Predictor):
    """Statistics of layers through small mixers with Bayesian weights, trained to order the labels (DiffKendall).

    Takes what `layer_statistics` gives. Adam minimises 1 - diff_kendall(scores, labels, alpha) + `prior` x the
    divergence of the Bayesian weights from their prior, over all labels at a time, `epochs` times. Scores are scaled to
    the spread of the labels, as the loss knows only their order; predictions are the mean over `members` mixers and
    `draws` of the weights of each. `seed` decides everything that is drawn.

    The authors train one larger mixer on 78 labels and more, without the divergence; of 50 labels several small ones
    make more.
    """

    encoder = Layers
    paper = "Dong et al., ParZC: Parametric Zero-Cost Proxies for Efficient NAS, AAAI 2025"
    unsure = "spread over the members and over draws of their Bayesian weights"

    def __init__(
        self,
        seed: int = 0,
        members: int = 5,
        channels: int = 16,
        depth: int = 1,
        epochs: int = 100,
        rate: float = 3e-3,
        dropout: float = 0.1,
        alpha: float = 2.0,
        prior: float = 1e-3,
        draws: int = 8,
    ) -> None:
        self.seed = seed
        self.members = members
        self.channels = channels
        self.depth = depth
        self.epochs = epochs
        self.rate = rate
        self.dropout = dropout
        self.alpha = alpha
        self.prior = prior
        self.draws = draws

    def _learn(self, x: Numbers, scores: Numbers) -> None:
        generator = torch.Generator().manual_seed(self.seed)
        inputs, goal = torch.tensor(x, dtype=torch.float32), torch.tensor(scores, dtype=torch.float32)
        self.models_ = [self._trained(inputs, goal, generator) for _ in range(self.members)]
        drawn = self._drawn(inputs).mean(dim=1)  # (members, rows)
        self.shift_, self.spread_ = drawn.mean(dim=1), drawn.std(dim=1, unbiased=False).clamp(min=_LEAST)
        self.reach_ = float(scores.std())

    def _predicted(self, x: Numbers) -> tuple[Numbers, Numbers]:
        drawn = self._drawn(torch.tensor(x, dtype=torch.float32))
        scaled = (drawn - self.shift_[:, None, None]) / self.spread_[:, None, None]
        scores = self.reach_ * scaled.double().flatten(0, 1)
        return scores.mean(dim=0).numpy(), scores.std(dim=0, unbiased=False).numpy()

    def _trained(self, inputs: torch.Tensor, goal: torch.Tensor, generator: torch.Generator) -> BayesianMixer:
        layers, statistics = inputs.shape[1:]
        model = BayesianMixer(layers, statistics, self.channels, self.depth, self.dropout, generator)
        optimiser = torch.optim.AdamW(model.parameters(), lr=self.rate, weight_decay=1e-3)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, self.epochs)
        for _ in range(self.epochs):
            optimiser.zero_grad()
            order = diff_kendall(model(inputs, generator), goal, self.alpha)
            loss = 1 - order + self.prior * model.divergence()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            schedule.step()
        return model.eval()

    @torch.no_grad()
    def _drawn(self, inputs: torch.Tensor) -> torch.Tensor:
        """Scores (members, draws, rows), by the same draws of the weights for whatever is asked."""
        generator = torch.Generator().manual_seed(self.seed)
        drawn = [torch.stack([model(inputs, generator) for _ in range(self.draws)]) for model in self.models_]
        return torch.stack(drawn)
