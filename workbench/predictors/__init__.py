"""The catalogue of predictors: scikit-learn regressors that learn accuracies from proxies and few labels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from workbench.errors import refuse_unknown

# Each of these files enters its predictor into the catalogue.
from workbench.predictors import (
    additive_gp,
    blend,
    boosting,
    extra_trees,
    gaussian_process,
    gbdt,
    gp_nas,
    hamming_gp,
    mlp_ensemble,
    npn,
    parzc,
    ridge,
    ridge_or_svr,
    two_headed,
    wl_gp,
)
from workbench.predictors.by_layer import LayerStatistics, layer_statistics
from workbench.predictors.diff_kendall import diff_kendall
from workbench.predictors.regressor import Predictor, catalogue

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "LayerStatistics",
    "Predictor",
    "additive_gp",
    "blend",
    "boosting",
    "catalogue",
    "diff_kendall",
    "extra_trees",
    "gaussian_process",
    "gbdt",
    "gp_nas",
    "hamming_gp",
    "layer_statistics",
    "mlp_ensemble",
    "npn",
    "parzc",
    "predictor",
    "predictors",
    "ridge",
    "ridge_or_svr",
    "two_headed",
    "wl_gp",
]


def predictor(name: str, **settings: Any) -> Predictor:
    """The predictor called `name` with these settings: a scikit-learn regressor, not fitted yet.

    `fit(X, y)` takes a table of `wb.score`, or what `layer_statistics` gives for those that take layers, and labels;
    `predict(X, return_std=True)` says how unsure it is. Raises `UnknownName` for a predictor or setting there is not.
    """
    kind = catalogue.find(name)
    refuse_unknown(settings, kind.settings(), f"The predictor {name}")
    return kind(**settings)


def predictors() -> pd.DataFrame:
    """The predictors there are: what each takes, does and can be set to, where its uncertainty and idea come from."""
    return catalogue.table(lambda kind: kind.card())
