"""The command line, ``workbench run|resume|runs|list|score|search|report|doctor``: a thin face over the functions."""

# PYTHON_ARGCOMPLETE_OK

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from workbench import __version__
from workbench.cli import catalogues, completion, machine, numbers, pipelines, reports, retention
from workbench.cli.catalogues import LISTS as LISTS
from workbench.errors import WorkbenchError

FAILED, REFUSED, INTERRUPTED = 1, 2, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return the exit status: 0, 1 for a failed run, 2 for refused input, 130 for Ctrl-C."""
    top = parser()
    if "_ARGCOMPLETE" in os.environ:
        completion.complete(top)
    given = top.parse_args(arguments)
    try:
        return int(given.command(given))
    except WorkbenchError as error:
        print(f"workbench: {error}", file=sys.stderr)
        return FAILED if _failed_at_work(error) else REFUSED
    except BrokenPipeError:
        sys.stderr.close()  # the reader has enough, as `| head` has
        return 0
    except OSError as error:
        print(f"workbench: {error.strerror or error}: {error.filename or 'no file'}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        print("\nworkbench: stopped. The same command goes on where it was.", file=sys.stderr)
        return INTERRUPTED


def parser() -> argparse.ArgumentParser:
    """Return the parser of all commands."""
    top = argparse.ArgumentParser(
        prog="workbench",
        description="Neural architecture search on real benchmark data.",
        epilog="Exit status: 0 done, 1 a run or a check failed, 2 refused input, 130 stopped by Ctrl-C.",
        allow_abbrev=False,
    )
    top.add_argument("--version", action="version", version=f"nas-workbench {__version__}")
    commands = top.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for room in (pipelines, retention, catalogues, numbers, reports, machine, completion):
        room.add_commands(commands)
    return top


def _failed_at_work(error: WorkbenchError) -> bool:
    """Whether an error is of something that had begun, not of what was asked for."""
    execution, outcome = (sys.modules.get(f"workbench.pipelines.{name}") for name in ("execution", "outcome"))
    return any(
        isinstance(error, kind)
        for kind in (
            getattr(outcome, "RunFailed", ()),
            getattr(execution, "Unwritable", ()),
        )
    )
