"""The catalogue of benchmarks: tables of recorded accuracies and costs."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from workbench.benchmarks import (
    accel_nasbench,
    analog,
    channel_bench,
    fbnet_latency,
    fcnet,
    hpobench_mlp,
    hw_nasbench,
    nasbench101,
    nasbench201,
    nasbench201_latency,
    nasbench301,
    nasbench_graph,
    nasbench_macro,
    natsbench_sss,
    natsbench_tss,
    transnas,
)
from workbench.benchmarks.benchmark import Benchmark
from workbench.benchmarks.loader import Loader
from workbench.catalogue import Catalogue
from workbench.errors import UnknownName, refuse_unknown
from workbench.spaces import search_space
from workbench.spaces.space import SearchSpace

__all__ = ["Benchmark", "Loader", "benchmark", "benchmarks", "catalogue", "for_space"]

catalogue: Catalogue[Loader] = Catalogue("benchmark")
catalogue.enter("accel_nasbench", accel_nasbench.LOADER)
catalogue.enter("channel_bench_mobilenet", channel_bench.MOBILENET_LOADER)
catalogue.enter("channel_bench_resnet", channel_bench.RESNET_LOADER)
catalogue.enter("fbnet_latency", fbnet_latency.LOADER)
catalogue.enter("fcnet", fcnet.LOADER)
catalogue.enter("hpobench_mlp", hpobench_mlp.LOADER)
catalogue.enter("nasbench101", nasbench101.LOADER)
catalogue.enter("nasbench201", nasbench201.LOADER)
catalogue.enter("nasbench301", nasbench301.LOADER)
catalogue.enter("nasbench_graph", nasbench_graph.LOADER)
catalogue.enter("nasbench_macro", nasbench_macro.LOADER)
catalogue.enter("natsbench_sss", natsbench_sss.LOADER)
catalogue.enter("natsbench_tss", natsbench_tss.LOADER)
catalogue.enter("transnasbench101_macro", transnas.MACRO_LOADER)
catalogue.enter("transnasbench101_micro", transnas.MICRO_LOADER)
# A space's own table comes before those with more columns about it: what opens one table of a space opens the first.
catalogue.enter("analog_nasbench", analog.LOADER)
catalogue.enter("hw_nasbench", hw_nasbench.LOADER)
catalogue.enter("nasbench201_latency", nasbench201_latency.LOADER)


def benchmarks() -> list[str]:
    """The names of the benchmarks there are."""
    return catalogue.names()


def benchmark(name: str, dataset: str | None = None, **options: Any) -> Benchmark:
    """The benchmark `name` on a data set (without one, its first).

    Opening the same one again in a process gives the same object. Raises `UnknownName` for an unknown name,
    data set or keyword, with the nearest ones, and `MissingData` where the user has to bring the files.
    """
    loader = catalogue.find(name)
    if dataset is None:
        dataset = loader.datasets[0]
    if dataset not in loader.datasets:
        raise UnknownName.of(f"data set of benchmark {name}", dataset, loader.datasets)
    refuse_unknown(options, ("dataset", *loader.keywords), f"benchmark {name!r}")
    return _opened(name, dataset, tuple(sorted(loader.settle(**options).items())))


def for_space(space: SearchSpace | str) -> list[tuple[str, str]]:
    """(benchmark, data set) of every table of a search space whose files are on this machine."""
    wanted = space.name if isinstance(space, SearchSpace) else search_space(space).name
    tables = [(name, catalogue.find(name)) for name in catalogue.names()]
    here = [(name, loader) for name, loader in tables if loader.space == wanted and loader.at_hand]
    return [(name, dataset) for name, loader in here for dataset in loader.datasets]


@lru_cache(maxsize=16)
def _opened(name: str, dataset: str, settled: tuple[tuple[str, Any], ...]) -> Benchmark:
    """The benchmark with settled options: opened once in a process, also when it comes in pickled."""
    loader = catalogue.find(name)
    records = loader.load(dataset, **dict(settled))
    maker = (_opened, (name, dataset, settled))
    return Benchmark(name, dataset, search_space(loader.space), records, maker, loader.rule)
