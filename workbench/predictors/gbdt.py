"""gbdt: LightGBM's boosted trees, set for few labels (Luo et al., 2020)."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np

from workbench.errors import WorkbenchError
from workbench.predictors.normal_scores import Numbers
from workbench.predictors.regressor import Predictor, catalogue


@catalogue.entering("gbdt")
class GBDT(Predictor):
    """The mean of `members` LightGBM models of `trees` trees; each tree sees 70% of the rows and 40% of the columns.

    The members differ by what is drawn for them from `seed`. GBDT-NAS has one model of 100 trees with 31 leaves of at
    least 20 rows, for 1,000 labels; with 50 to 200 labels trees of 8 leaves of at least `least` rows, made unlike each
    other by what they do not see, rank architectures better.
    """

    paper = "Luo et al., Accuracy Prediction with Non-neural Model for Neural Architecture Search (GBDT-NAS), 2020"
    unsure = "spread of the members"

    def __init__(
        self, seed: int = 0, trees: int = 100, rate: float = 0.1, leaves: int = 8, least: int = 3, members: int = 5
    ) -> None:
        self.seed = seed
        self.trees = trees
        self.rate = rate
        self.leaves = leaves
        self.least = least
        self.members = members

    def contributions(self, X: Any) -> Numbers:
        """How much each column moves the prediction of each row of `X`, (rows, columns), in normal scores.

        Exact Shapley values of the trees (Lundberg et al., Nature Machine Intelligence 2020, TreeSHAP): with the mean
        prediction of the labelled rows they add up to the prediction.
        """
        x = self.encoder_(X)
        found = np.mean([model.predict(x, pred_contrib=True, num_threads=1) for model in self.models_], axis=0)
        shares: Numbers = found[:, :-1]  # the last is the mean prediction
        return shares

    def _learn(self, x: Numbers, scores: Numbers) -> None:
        lightgbm = _lightgbm()
        drawn = np.random.SeedSequence(self.seed).generate_state(self.members)
        self.models_ = []
        for state in drawn:
            settings = self._settings(int(state >> 1))  # LightGBM's seeds are signed
            self.models_.append(lightgbm.train(settings, lightgbm.Dataset(x, scores, params=settings), self.trees))

    def _predicted(self, x: Numbers) -> tuple[Numbers, Numbers]:
        predictions = np.array([model.predict(x, num_threads=1) for model in self.models_])
        return predictions.mean(axis=0), predictions.std(axis=0)

    def _settings(self, seed: int) -> dict[str, Any]:
        return {
            "objective": "regression",
            "learning_rate": self.rate,
            "num_leaves": self.leaves,
            "min_data_in_leaf": self.least,
            "min_data_in_bin": 1,
            "min_sum_hessian_in_leaf": 0.0,
            "bagging_fraction": 0.7,
            "bagging_freq": 1,
            "feature_fraction": 0.4,
            "feature_pre_filter": False,
            "seed": seed,
            "num_threads": 1,
            "deterministic": True,
            "force_row_wise": True,
            "verbosity": -1,
        }


def _lightgbm() -> ModuleType:
    """The library, loaded where it is used; raises `WorkbenchError` where it cannot be loaded."""
    try:
        import lightgbm
    except (ImportError, OSError) as error:
        raise WorkbenchError(
            f"LightGBM, which the predictor gbdt is made of, cannot be loaded: {error}. Without the package, "
            "pip install lightgbm; without its OpenMP runtime, apt-get install libgomp1 (Debian, Ubuntu), "
            "dnf install libgomp (Fedora) or brew install libomp (macOS). The predictor boosting needs neither."
        ) from error
    return lightgbm
