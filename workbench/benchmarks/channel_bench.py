"""Channel-Bench-Macro's two tables: test accuracy of three runs at 16,384 widths each, from the user's files."""

from __future__ import annotations

from workbench.benchmarks.loader import Loader
from workbench.benchmarks.macro_json import MacroTable


def table(name: str, file: str) -> MacroTable:
    """The table in one of the two official files."""
    return MacroTable(name, file, "github.com/xiusu/Channel-Bench-Macro", "1234", 7, "acc", "mean")


def loader(base: str, widths: MacroTable) -> Loader:
    """The loader of a table, about the widths of the `base` network."""
    return Loader(
        space=widths.name,
        datasets=("cifar10",),
        settle=widths.settle,
        load=widths.load,
        title=f"Channel-Bench-Macro, widths of a {base}: test accuracy of three runs, parameters, FLOPs",
        paper="Su et al., Searching for Network Width with Bilaterally Coupled Network, arXiv 2203.13714, 2022",
        licence="none stated",
        keywords=("path",),
    )


RESNET = table("channel_bench_resnet", "Results_ResNet.json")
MOBILENET = table("channel_bench_mobilenet", "Results_MobileNet.json")
RESNET_LOADER = loader("ResNet", RESNET)
MOBILENET_LOADER = loader("MobileNet", MOBILENET)
