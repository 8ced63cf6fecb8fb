"""``workbench score`` and ``workbench search``: numbers about architectures, and the best of them."""

from __future__ import annotations

import argparse
from contextlib import ExitStack
from pathlib import Path

from workbench.cli.common import Commands, Parser, add, lines, tell
from workbench.errors import InvalidInput


def add_commands(commands: Commands[Parser]) -> None:
    """Add ``score`` and ``search``."""
    _add_score(commands)
    _add_search(commands)


def _add_score(commands: Commands[Parser]) -> None:
    score = add(commands, "score", "score architectures with proxies")
    score.add_argument("space")
    chosen = score.add_mutually_exclusive_group()
    chosen.add_argument("--architectures", type=Path, metavar="FILE", help="one architecture a line; - reads them in")
    chosen.add_argument("--sample", type=int, metavar="N", help="N random architectures (default: 10)")
    score.add_argument("--proxies", required=True, nargs="+", metavar="PROXY")
    score.add_argument("--task", default="cifar10")
    score.add_argument("--batch-size", type=int, default=64)
    score.add_argument("--seed", type=int, default=0)
    score.add_argument("--workers", type=int, help="processes (default: one a core where the work is worth it)")
    score.add_argument("--share", action="store_true", help="score one network for all that compute the same function")
    score.add_argument("--device", help="cpu, cuda or mps (default: cuda where there is any)")
    score.add_argument("--output", type=Path, metavar="FILE.csv", help="write here instead of printing")
    score.set_defaults(command=_score)


def _add_search(commands: Commands[Parser]) -> None:
    search = add(commands, "search", "search a space on a benchmark's records")
    search.add_argument("space")
    search.add_argument("--benchmark", help="default: the benchmark of the space's name")
    search.add_argument("--dataset", help="default: the benchmark's first")
    search.add_argument("--measure", required=True, nargs="+", help="one measure, or several for a front")
    search.add_argument("--sampler", help="default: auto, nsga2 for several measures")
    search.add_argument("--n-trials", type=int, default=100)
    search.add_argument("--seed", type=int, default=0)
    search.add_argument("--duplicates", default="functional", choices=["functional", "exact", "allow"])
    search.add_argument("--storage", help="an SQLite file or a database URL: the search can be taken up again")
    search.set_defaults(command=_search)


def _score(given: argparse.Namespace) -> int:
    from workbench.executors import Executor, Here, Local
    from workbench.proxies.score import score
    from workbench.spaces import search_space

    space = search_space(given.space)
    archs = (
        [space.parse(line) for line in lines(given.architectures)]
        if given.architectures
        else space.sample(given.sample if given.sample is not None else 10, seed=given.seed)
    )
    with ExitStack() as stack:
        executor: Executor | None = None
        if given.workers is not None:
            executor = Here() if given.workers == 1 else stack.enter_context(Local(given.workers))
        frame = score(
            archs,
            given.proxies,
            given.task,
            given.batch_size,
            given.seed,
            executor,
            share=given.share,
            device=given.device,
        )
    text = frame.to_json(orient="index", indent=1) + "\n" if given.json else frame.to_csv()
    if given.output is None:
        print(text, end="")
        return 0
    try:
        given.output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InvalidInput(f"{given.output} cannot be written: {error.strerror}.") from None
    print(given.output)
    return 0


def _search(given: argparse.Namespace) -> int:
    from workbench.benchmarks import benchmark
    from workbench.spaces import search_space
    from workbench.studies.results import best, front
    from workbench.studies.search import search

    space = search_space(given.space)
    table = benchmark(given.benchmark or given.space, given.dataset)
    measures = [table.measure(name) for name in given.measure]
    study = search(
        space,
        measures if len(measures) > 1 else measures[0],
        given.sampler,
        given.n_trials,
        seed=given.seed,
        duplicates=given.duplicates,
        storage=given.storage,
    )
    if len(measures) > 1:
        found = front(study)
        print(found.to_json(orient="index", indent=1) + "\n" if given.json else found.to_csv(), end="")
        return 0
    winner = best(study)
    if given.json:
        value = measures[0](winner)
        tell({"architecture": str(winner), measures[0].name: value, "n_trials": len(study.trials)})
        return 0
    print(winner)
    print(f"{measures[0].label}: {measures[0](winner):g} in {len(study.trials)} trials")
    return 0
