"""``workbench list``: what there is to choose from."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from textwrap import indent
from typing import TYPE_CHECKING, Any

from workbench.cli.common import Commands, Parser, add, tell

if TYPE_CHECKING:
    import pandas as pd


def add_commands(commands: Commands[Parser]) -> None:
    """Add ``list``."""
    listing = add(commands, "list", "what there is to choose from")
    listing.add_argument("what", nargs="*", choices=[*LISTS, []], metavar="WHAT", help=f"of: {', '.join(LISTS)}")
    listing.set_defaults(command=_list)


def _list(given: argparse.Namespace) -> int:
    wanted = given.what or list(LISTS)
    if given.json:
        tell({name: RECORDS[name]() for name in wanted})
        return 0
    for name in wanted:
        print(f"{name}:")
        print(indent(LISTS[name](), "  "))
    return 0


def _spaces() -> str:
    from workbench.spaces import catalogue

    return "\n".join(f"{name}  {catalogue.find(name).size:,} architectures" for name in catalogue.names())


def _tasks() -> str:
    from workbench.tasks import tasks

    return _lines(tasks()[["shape", "classes", "source", "about"]])


def _proxies() -> str:
    from workbench.proxies import proxies

    return _lines(proxies()[["better", "needs", "cost", "paper"]])


def _samplers() -> str:
    from workbench.samplers import samplers

    return _lines(samplers())


def _benchmarks() -> str:
    from workbench.benchmarks import catalogue

    return _lines(catalogue.table(lambda loader: loader.card())[["title", "datasets", "at_hand"]])


def _pipelines() -> str:
    from workbench.pipelines.pipeline import packaged

    return "\n".join(
        line for found in packaged() for line in (f"{found.name}  {found.title}", *(f"  {p}" for p in found.schema))
    )


def _lines(table: pd.DataFrame) -> str:
    """Return the rows of a table as text, aligned to the left."""
    rows = [[str(name), *map(str, row)] for name, row in zip(table.index, table.to_numpy(), strict=True)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)


def _space_records() -> list[dict[str, Any]]:
    from workbench.spaces import catalogue

    return [{"name": name, "size": catalogue.find(name).size} for name in catalogue.names()]


def _pipeline_records() -> list[dict[str, Any]]:
    from workbench.pipelines.pipeline import packaged

    return [
        {
            "name": found.name,
            "title": found.title,
            "stages": [stage.name for stage in found.stages],
            "parameters": [
                {"name": p.name, "allowed": str(p.kind), "default": p.default, "required": p.required, "help": p.help}
                for p in found.schema
            ],
        }
        for found in packaged()
    ]


def _records(table: Callable[[], pd.DataFrame]) -> list[dict[str, Any]]:
    frame = table()
    return [
        {"name": str(name), **{str(column): value for column, value in row.items()}}
        for name, row in zip(frame.index, frame.to_dict("records"), strict=True)
    ]


def _task_records() -> list[dict[str, Any]]:
    from workbench.tasks import tasks

    return _records(tasks)


def _proxy_records() -> list[dict[str, Any]]:
    from workbench.proxies import proxies

    return _records(proxies)


def _sampler_records() -> list[dict[str, Any]]:
    from workbench.samplers import samplers

    return _records(samplers)


def _benchmark_records() -> list[dict[str, Any]]:
    from workbench.benchmarks import catalogue

    return _records(lambda: catalogue.table(lambda loader: loader.card()))


LISTS = {
    "spaces": _spaces,
    "tasks": _tasks,
    "proxies": _proxies,
    "samplers": _samplers,
    "benchmarks": _benchmarks,
    "pipelines": _pipelines,
}
RECORDS = {
    "spaces": _space_records,
    "tasks": _task_records,
    "proxies": _proxy_records,
    "samplers": _sampler_records,
    "benchmarks": _benchmark_records,
    "pipelines": _pipeline_records,
}
