"""``workbench runs``: what was run, what differs between two runs, and removing what is no longer wanted."""

from __future__ import annotations

import argparse
from pathlib import Path

from workbench.cli.common import Commands, Parser, add, tell


def add_commands(commands: Commands[Parser]) -> None:
    """Add ``runs``."""
    runs = commands.add_parser("runs", help="list, compare and remove runs", allow_abbrev=False)
    verbs = runs.add_subparsers(title="verbs", metavar="VERB")
    listing = add(verbs, "list", "the runs there are, the latest first (also without a verb)")
    for one in (runs, listing):
        one.add_argument("--folder", type=Path, default=argparse.SUPPRESS, help="where they are (default: runs)")
        one.set_defaults(command=_list)
    compare = add(verbs, "compare", "what differs between two runs, in what went in and in what came out")
    compare.add_argument("runs", type=Path, nargs=2, metavar="FOLDER")
    compare.set_defaults(command=_compare)
    prune = add(verbs, "prune", "remove runs; only says which ones, unless --yes")
    prune.add_argument("--folder", type=Path, default=argparse.SUPPRESS, help="where they are (default: runs)")
    prune.add_argument("--older-than", type=float, metavar="DAYS", help="last at work longer ago than this")
    prune.add_argument("--keep", type=int, metavar="N", help="keep the N latest of each pipeline")
    prune.add_argument("--state", action="append", metavar="STATE", help="in this state, repeatable")
    prune.add_argument("--yes", action="store_true", help="really remove them")
    prune.set_defaults(command=_prune)


def _list(given: argparse.Namespace) -> int:
    from workbench.pipelines.retention import kept_runs

    found = list(kept_runs(getattr(given, "folder", None)))
    if getattr(given, "json", False):
        tell([one.to_dict() for one in found])
        return 0
    if not found:
        print("No runs yet: workbench run <pipeline> makes one, workbench list pipelines names them.")
    for one in found:
        size = f"{one.megabytes:.1f} MB"
        print(
            f"{one.state:<12}{one.updated.astimezone():%Y-%m-%d %H:%M}  {one.finished}/{one.stages} stages"
            f"{one.seconds:>9.1f} s{size:>11}  {one.folder.as_posix()}"
        )
    return 0


def _compare(given: argparse.Namespace) -> int:
    from workbench.pipelines.difference import diff_runs

    found = diff_runs(*given.runs)
    if given.json:
        tell(found.to_dict())
    else:
        print(found)
    return 0


def _prune(given: argparse.Namespace) -> int:
    from workbench.pipelines.retention import prune_runs

    found = prune_runs(
        getattr(given, "folder", None),
        older_than=given.older_than,
        keep=given.keep,
        states=given.state,
        dry_run=not given.yes,
    )
    if given.json:
        tell({"removed": given.yes, "runs": [one.to_dict() for one in found]})
        return 0
    for one in found:
        did = "removed" if given.yes else "would remove"
        print(f"{did} {one.folder.as_posix()} ({one.state}, {one.megabytes:.1f} MB)")
    total = sum(one.megabytes for one in found)
    print(f"{len(found)} runs, {total:.1f} MB" + ("" if given.yes or not found else "; --yes removes them"))
    return 0
