"""``workbench run`` and ``workbench resume``: pipelines of notebooks."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.cli.common import Commands, Parser, add, assignments, tell
from workbench.errors import InvalidInput, WorkbenchError

if TYPE_CHECKING:
    from workbench.pipelines.outcome import Run


def add_commands(commands: Commands[Parser]) -> None:
    """Add ``run`` and ``resume``."""
    run = add(commands, "run", "run a pipeline of notebooks and write its report", add_help=False)
    run.add_argument("-h", "--help", action=_Help, nargs=0, help="this, and the parameters of a pipeline named before")
    run.add_argument("pipeline", help="name of a pipeline, or the path of a .toml file")
    run.add_argument(
        "-p", "--parameter", action="append", default=[], metavar="NAME=VALUE", help="a parameter, repeatable"
    )
    run.add_argument("--folder", type=Path, help="where results go (default: runs/<pipeline>-<hash of its parameters>)")
    run.add_argument("--smallest", action="store_true", help="the quickest honest run")
    run.add_argument("--from", dest="from_stage", metavar="STAGE", help="run this stage and what follows from it again")
    run.add_argument("--force", action="store_true", help="run finished stages again")
    run.add_argument("--no-share", action="store_true", help="copy no results from other runs")
    run.add_argument("--workers", type=int, metavar="N", help="stages at the same time (default: one a core)")
    run.add_argument("--dry-run", action="store_true", help="say what would run and why; write nothing")
    run.set_defaults(command=_run)
    resume = add(commands, "resume", "take up an unfinished run where it was left")
    resume.add_argument("folder", type=Path, nargs="?", help="its folder (default: the latest unfinished run)")
    resume.set_defaults(command=_resume)


class _Help(argparse.Action):
    """Help with the parameters of the pipeline that was named before it."""

    def __call__(
        self,
        parser: Parser,
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,
    ) -> None:
        parser.print_help()
        name = getattr(namespace, "pipeline", None)
        if name is not None:
            from workbench.pipelines.pipeline import pipeline

            try:
                found = pipeline(name)
            except WorkbenchError as error:
                parser.error(str(error))
            print(f"\n{found.name}: {found.title}\nparameters, each as -p NAME=VALUE:")
            for parameter in found.schema:
                print(f"  {parameter}")
        parser.exit()


def _run(given: argparse.Namespace) -> int:
    from workbench.pipelines.execution import run
    from workbench.pipelines.pipeline import pipeline
    from workbench.pipelines.planning import plan

    found = pipeline(given.pipeline)
    values = found.schema.parse(assignments(given.parameter))
    how: dict[str, Any] = {
        "smallest": given.smallest,
        "force": given.force,
        "from_stage": given.from_stage,
        "share": not given.no_share,
    }
    if given.dry_run:
        folder, steps = plan(found, values, given.folder, **how)
        if given.json:
            tell({"folder": folder.as_posix(), "stages": [step._asdict() for step in steps]})
            return 0
        print(f"{found.name} in {folder}")
        for step in steps:
            print(f"  {step}")
        return 0
    done = _told(lambda: run(found, values, given.folder, **how, workers=given.workers), given.json)
    if not given.json:
        print(done.report)
    return 0


def _resume(given: argparse.Namespace) -> int:
    from workbench.pipelines.execution import resume
    from workbench.pipelines.retention import kept_runs

    folder = given.folder
    if folder is None:
        unfinished = [one for one in kept_runs() if one.state in ("failed", "interrupted", "killed")]
        if not unfinished:
            raise InvalidInput("There is no unfinished run here; `workbench runs` lists what there is.")
        folder = unfinished[0].folder
    done = _told(lambda: resume(folder), given.json)
    if not given.json:
        print(done.report)
    return 0


def _told(work: Callable[[], Run], as_json: bool) -> Run:
    """Do the work; for scripts print what became of it, also where a stage failed."""
    from workbench.pipelines.outcome import RunFailed

    try:
        done = work()
    except RunFailed as error:
        if as_json:
            tell(_facts(error.run))
        raise
    if as_json:
        tell(_facts(done))
    return done


def _facts(run: Run) -> dict[str, Any]:
    return {
        "pipeline": run.pipeline,
        "folder": run.folder.as_posix(),
        "ok": run.ok,
        "report": run.report.as_posix() if run.report else None,
        "seconds": round(run.seconds, 2),
        "stages": [
            {"name": s.name, "state": s.state, "seconds": round(s.seconds, 2), "why": s.why, "error": s.error}
            for s in run.stages
        ],
    }
