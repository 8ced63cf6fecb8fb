"""Whether proxies need images at all: agreement with accuracy on a task's images, on noise of their shape, and between.

Run `python benchmarks/images_or_noise.py [architectures] [batch size] [tasks ...]`. The question of UnrealNAS (Li et
al., 2022), asked of the proxies that look at inputs, on NAS-Bench-201 cells and their recorded CIFAR-10 accuracy:
without tasks named, on digits, and on Fashion-MNIST where it is installed, each beside its noise twin, in the same
weights. Columns: Spearman's correlation with accuracy on images and on noise, with 95 % bootstrap intervals; of the two
with each other; of noise and weights from another seed with the first ones. Kept in no ledger.
"""

from __future__ import annotations

import sys

import pandas as pd

import workbench as wb
from workbench.proxies import catalogue
from workbench.tasks import task

# A gradient by input and class each: as dear as all the others together.
LEFT_OUT = ("ntk_cond", "ntk_trace", "vkdnw", "vkdnw_single")


def main(n: int = 100, batch_size: int = 32, *names: str) -> None:
    """Print a table for each task."""
    bench = wb.benchmark("nasbench201", dataset="cifar10")
    archs = wb.search_space("nasbench201").sample(n)
    for name in names or [each for each in ("digits", "fashion_mnist") if task(each).source == "images"]:
        table = compared(archs, bench.measure("valid_accuracy"), name, batch_size)
        print(f"{name}: {n} architectures of nasbench201, batch {batch_size}, CIFAR-10 validation accuracy")
        print(table.to_string(float_format="{:+.3f}".format))


def compared(archs: list[wb.Architecture], truth: wb.Measure, name: str, batch_size: int) -> pd.DataFrame:
    """By proxy of inputs: agreement on images and on noise with intervals, and how alike they rank."""
    looking = [member.name for member in catalogue if member.needs in ("labels", "inputs")]
    proxies = [each for each in looking if each not in LEFT_OUT]
    frames = {
        label: wb.score(archs, proxies, of, batch_size, seed, ledger=False)
        for label, of, seed in (("images", name, 0), ("noise", f"{name}_noise", 0), ("again", f"{name}_noise", 1))
    }
    columns = {}
    for label in ("images", "noise"):
        found = wb.agreement(frames[label], truth, statistics=["spearman"])
        for part in ("spearman", "spearman_low", "spearman_high"):
            columns[f"{label}{part.removeprefix('spearman')}"] = found[part]
    columns["images_noise"] = wb.stability([frames["images"], frames["noise"]])["mean"]
    columns["noise_again"] = wb.stability([frames["noise"], frames["again"]])["mean"]
    return pd.DataFrame(columns).loc[lambda table: table.index.isin(proxies)].sort_values("images", ascending=False)


if __name__ == "__main__":
    main(*(int(number) for number in sys.argv[1:3]), *sys.argv[3:])
