"""Kendall's tau of what is learned from few labels, on held-out architectures, beside every single proxy.

Run `python benchmarks/few_labels.py [space] [architectures] [labels] [seeds]`: nasbench201, whose accuracies come with
the product, or a space whose table is at hand, such as nasbench_macro. The architectures are a seeded sample of all
strings of the space, scored on seeded noise at batch 16; scores are kept in the ledger, so that a second run is quick.

Each seed labels other architectures, and every row is judged on all the others: single proxies, counts and rank
aggregates in the direction that is known of them, without labels; ridge on the number of parameters; RoBoT's weights,
the predictors of columns over all proxies and counts, ParZC and ridge on the statistics of layers, and for comparison
one predictor with the one-hot encoding. `gain` is the mean difference to the best row without labels or with
parameters only, chosen with hindsight.
"""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Iterator

import numpy as np
import pandas as pd
from scipy import stats

import workbench as wb
from workbench.architecture import Architecture
from workbench.benchmarks import for_space
from workbench.predictors import catalogue
from workbench.tasks import NoiseInput

COUNTS = ("params", "flops", "live_params", "live_flops", "n_layers")
AZ_NAS = ("az_expressivity", "az_progressivity", "az_trainability", "az_complexity")
SHARED = ("epe_nas", "fisher", "grad_norm", "jacov", "l2_norm", "nwot", "plain", "snip")
OTHERS = ("gradsign", "meco", "meco_opt", "swap", "swap_regularised", "synflow", "synflow_bn", "zen", "zico")
VOTERS = ["synflow", "jacov", "snip"]  # the three of Abdelfattah et al., ICLR 2021
ROBOT = ["grad_norm", "snip", "fisher", "synflow", "jacov"]  # those of He et al., ICLR 2024, but for grasp
SETTINGS = {"task": "cifar10_noise", "batch_size": 16}
ALONE, BASELINE, LEARNED = "no labels", "baseline", "learned"


def main(space_name: str = "nasbench201", n_archs: int = 400, n_labels: int = 50, n_seeds: int = 10) -> None:
    """Print the table of a space."""
    warnings.simplefilter("ignore", NoiseInput)
    space = wb.search_space(space_name)
    archs = space.sample(n_archs, seed=0)
    bench = wb.benchmark(*for_space(space_name)[0])
    accuracy = bench.measure(next(name for name in bench.measures() if name.endswith("accuracy")))
    truth = np.array([accuracy(arch) for arch in archs])
    start = time.perf_counter()
    with wb.Local() as executor:
        frame = wb.score(archs, [*COUNTS, *AZ_NAS, *SHARED, *OTHERS], executor=executor, **SETTINGS)
        layers = {
            align: wb.layer_statistics(archs, align=align, executor=executor, **SETTINGS) for align in ("depth", "name")
        }
    print(f"{n_archs} architectures of {space_name}, {frame.shape[1]} columns, {time.perf_counter() - start:.0f} s")
    inputs = {align: found.values for align, found in layers.items()}
    rows = [
        {"seed": seed, "method": method, "kind": kind, "tau": tau}
        for seed in range(n_seeds)
        for method, kind, tau in judged(frame, truth, archs, inputs, n_labels, seed)
    ]
    report(pd.DataFrame(rows), f"{accuracy.name} on {n_archs - n_labels} held-out, {n_labels} labels, {n_seeds} seeds")


def judged(
    frame: pd.DataFrame,
    truth: np.ndarray,
    archs: list[Architecture],
    layers: dict[str, np.ndarray],
    n_labels: int,
    seed: int,
) -> Iterator[tuple[str, str, float]]:
    """Method, kind and tau on the architectures that this seed does not label."""
    drawn = np.random.default_rng(seed).permutation(len(frame))
    known, held_out = drawn[:n_labels], drawn[n_labels:]

    def tau(scores: np.ndarray) -> float:
        return float(stats.kendalltau(scores, truth[held_out]).statistic)

    def learned(name: str, inputs: np.ndarray) -> float:
        settings = {"seed": seed} if "seed" in catalogue.find(name).settings() else {}
        return tau(wb.predictor(name, **settings).fit(inputs[known], truth[known]).predict(inputs[held_out]))

    table = frame.to_numpy()
    for name, values in without_labels(frame).items():
        yield str(name), ALONE, tau(values.to_numpy()[held_out])
    for name in ("params", "live_params"):
        yield f"ridge on {name}", BASELINE, learned("ridge", frame[[name]].to_numpy())
    labels = pd.Series(truth[known], index=frame.index[known])
    for objective in ("first", "kendall"):
        unique = frame[ROBOT][~frame.index.duplicated()]
        found = wb.robot(unique, labels[~labels.index.duplicated()], n_labels, objective=objective, seed=seed)
        yield f"robot ({objective})", LEARNED, tau(found.score[frame.index[held_out]].to_numpy())
    for name, kind in zip(catalogue.names(), catalogue, strict=True):
        if kind.encoder.takes == "columns":
            yield name, LEARNED, learned(name, table)
        else:
            for align, inputs in layers.items():
                yield f"{name}, layers by {align}", LEARNED, learned(name, inputs)
    one_hot = archs[0].space.encode(archs, "one_hot")
    yield "blend, with one_hot", LEARNED, learned("blend", np.hstack([table, one_hot]))
    yield "blend, one_hot alone", BASELINE, learned("blend", one_hot)
    for align, inputs in layers.items():
        yield f"ridge, layers by {align}", LEARNED, learned("ridge", inputs.reshape(len(inputs), -1))


def without_labels(frame: pd.DataFrame) -> pd.DataFrame:
    """Every column turned so that higher is better, what is missing last, and the aggregates."""
    better = frame.attrs["better"]
    turned = frame * [-1.0 if better[name] == "lower" else 1.0 for name in frame.columns]
    aggregates = {"az_nas": wb.az_nas(frame), "vote": wb.vote(frame[VOTERS]), "borda": wb.borda(frame)}
    return turned.fillna(turned.min() - 1).assign(**{f"aggregate {name}": each for name, each in aggregates.items()})


def report(found: pd.DataFrame, title: str) -> None:
    """Print mean and standard deviation of tau by method, and what each learned one gains."""
    by_seed = found.pivot(index="seed", columns="method", values="tau")
    kinds = found.drop_duplicates("method").set_index("method")["kind"]
    rivals = by_seed[kinds.index[kinds == ALONE].union(["ridge on params", "ridge on live_params"])]
    best = rivals.mean().idxmax()
    gains = by_seed.sub(by_seed[best], axis=0)
    table = pd.DataFrame(
        {
            "kind": kinds,
            "tau": by_seed.mean(),
            "sd": by_seed.std(),
            "gain": gains.mean(),
            "gain sd": gains.std(),
            "seeds won": (gains > 0).sum(),
        }
    )
    print(f"\n{title}; gain over {best!r}")
    print(table.sort_values("tau", ascending=False).round(3).to_string())


if __name__ == "__main__":
    main(*sys.argv[1:2], *(int(argument) for argument in sys.argv[2:]))
