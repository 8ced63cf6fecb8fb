"""``workbench report``: the HTML report of a run, written again."""

from __future__ import annotations

import argparse
from pathlib import Path

from workbench.cli.common import Commands, Parser, add


def add_commands(commands: Commands[Parser]) -> None:
    """Add ``report``."""
    report = add(commands, "report", "write the HTML report of a run again", scripts=False)
    report.add_argument("source", type=Path, metavar="FOLDER", help="a run folder, or an executed notebook")
    report.add_argument("--output", type=Path, metavar="FILE.html", help="default: report.html beside it")
    report.set_defaults(command=_report)


def _report(given: argparse.Namespace) -> int:
    from workbench.pipelines.report import report

    beside = given.source / "report.html" if given.source.is_dir() else given.source.with_suffix(".html")
    print(report(given.source, given.output or beside))
    return 0
