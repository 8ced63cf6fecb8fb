"""``workbench report``: the HTML report of a run, written again."""

from __future__ import annotations

import argparse
from pathlib import Path

from workbench.cli.common import Commands, Parser, add


def add_commands(commands: Commands[Parser]) -> None:
    """Add ``report``."""
    report = add(commands, "report", "write the HTML report of a run again, or of several side by side", scripts=False)
    report.add_argument(
        "sources", type=Path, nargs="+", metavar="FOLDER", help="a run folder or an executed notebook, or several runs"
    )
    report.add_argument(
        "--output", type=Path, metavar="FILE.html", help="default: report.html beside it; for several comparison.html"
    )
    report.set_defaults(command=_report)


def _report(given: argparse.Namespace) -> int:
    if len(given.sources) > 1:
        from workbench.pipelines.comparison import compare_runs

        print(compare_runs(given.sources, given.output or Path("comparison.html")))
        return 0
    from workbench.pipelines.report import report

    (source,) = given.sources
    beside = source / "report.html" if source.is_dir() else source.with_suffix(".html")
    print(report(source, given.output or beside))
    return 0
