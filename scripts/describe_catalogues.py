"""Write docs/catalogue.md: the search spaces and benchmark tables there are, from the catalogues themselves.

python scripts/describe_catalogues.py
"""

from __future__ import annotations

import inspect
from pathlib import Path

from workbench.benchmarks import catalogue as tables
from workbench.spaces import catalogue as spaces
from workbench.spaces.space import SearchSpace

TARGET = Path(__file__).resolve().parents[1] / "docs" / "catalogue.md"
HEAD = """# Search spaces and benchmark tables

Written by `scripts/describe_catalogues.py` from the catalogues; a test keeps it so.

`wb.search_space(name)` gives a space: sample it, edit it (`wb.CellEditor`), encode it, score it, search it. A table is
opened with `wb.benchmark(name, dataset=...)`; those that are not "there" read a file that you download once: its
[card](../datasets/README.md) says which, and where to put it.
"""


def described() -> str:
    """The whole page."""
    return "\n".join([HEAD, *_spaces(), "", *_tables(), ""])


def _spaces() -> list[str]:
    lines = ["## Search spaces", "", "| name | architectures | what it is | tables |", "|---|---|---|---|"]
    for name in spaces.names():
        space = spaces.find(name)
        known = [f"`{table}`" for table in tables.names() if tables.find(table).space == space.name]
        lines.append(f"| `{name}` | {_size(space)} | {_sentence(space)} | {', '.join(known)} |")
    return lines


def _tables() -> list[str]:
    lines = ["## Benchmark tables", "", "| name | space | data sets | what is recorded | paper | licence |"]
    lines.append("|---|---|---|---|---|---|")
    for name in tables.names():
        loader = tables.find(name)
        cells = [f"`{loader.space}`", ", ".join(loader.datasets), loader.title, loader.paper, loader.licence]
        lines.append(f"| `{name}` | {' | '.join(cells)} |")
    return lines


def _size(space: SearchSpace) -> str:
    size = space.size
    if size < 10**10:
        return f"{size:,}"
    exponent = len(str(size)) - 1
    return f"{size // 10 ** (exponent - 2) / 100:.2f}·10<sup>{exponent}</sup>"


def _sentence(space: SearchSpace) -> str:
    module = inspect.getmodule(type(space))
    return " ".join((inspect.getdoc(module) or "").partition("\n\n")[0].split())


if __name__ == "__main__":
    TARGET.write_text(described(), encoding="utf-8")
