"""The command line, ``workbench run|list|score|search|report|doctor``: a thin face over the public functions."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from textwrap import indent
from typing import TYPE_CHECKING

from workbench import __version__
from workbench.errors import InvalidInput, WorkbenchError

if TYPE_CHECKING:
    import pandas as pd

FAILED, REFUSED, INTERRUPTED = 1, 2, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return the exit status: 0, 1 for a failed run, 2 for refused input, 130 for Ctrl-C."""
    given = parser().parse_args(arguments)
    try:
        return int(given.command(given))
    except WorkbenchError as error:
        print(f"workbench: {error}", file=sys.stderr)
        return FAILED if _is_failed_run(error) else REFUSED
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
        prog="workbench", description="Neural architecture search on real benchmark data.", allow_abbrev=False
    )
    top.add_argument("--version", action="version", version=f"nas-workbench {__version__}")
    commands = top.add_subparsers(title="commands", required=True, metavar="COMMAND")
    _add_run(commands)
    _add_list(commands)
    _add_score(commands)
    _add_search(commands)
    _add_report(commands)
    _add_doctor(commands)
    return top


Commands = argparse._SubParsersAction


def _add_run(commands: Commands[argparse.ArgumentParser]) -> None:
    run = commands.add_parser("run", help="run a pipeline of notebooks and write its report", allow_abbrev=False)
    run.add_argument("pipeline", help="name of a pipeline, or the path of a .toml file")
    run.add_argument(
        "-p", "--parameter", action="append", default=[], metavar="NAME=VALUE", help="a parameter, repeatable"
    )
    run.add_argument("--folder", type=Path, help="where results go (default: runs/<pipeline>-<hash of its parameters>)")
    run.add_argument("--smallest", action="store_true", help="the quickest honest run")
    run.add_argument("--force", action="store_true", help="run finished stages again")
    run.add_argument("--dry-run", action="store_true", help="say what would run and why; write nothing")
    run.set_defaults(command=_run)


def _add_list(commands: Commands[argparse.ArgumentParser]) -> None:
    listing = commands.add_parser("list", help="what there is to choose from", allow_abbrev=False)
    listing.add_argument("what", nargs="*", choices=[*LISTS, []], metavar="WHAT", help=f"of: {', '.join(LISTS)}")
    listing.set_defaults(command=_list)


def _add_score(commands: Commands[argparse.ArgumentParser]) -> None:
    score = commands.add_parser("score", help="score architectures with proxies", allow_abbrev=False)
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


def _add_search(commands: Commands[argparse.ArgumentParser]) -> None:
    search = commands.add_parser("search", help="search a space on a benchmark's records", allow_abbrev=False)
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


def _add_report(commands: Commands[argparse.ArgumentParser]) -> None:
    report = commands.add_parser("report", help="write the HTML report of a run again", allow_abbrev=False)
    report.add_argument("source", type=Path, metavar="FOLDER", help="a run folder, or an executed notebook")
    report.add_argument("--output", type=Path, metavar="FILE.html", help="default: report.html beside it")
    report.set_defaults(command=_report)


def _add_doctor(commands: Commands[argparse.ArgumentParser]) -> None:
    doctor = commands.add_parser("doctor", help="what is here, and how to get what is missing", allow_abbrev=False)
    doctor.set_defaults(command=_doctor)


def _run(given: argparse.Namespace) -> int:
    from workbench.pipelines.execution import run
    from workbench.pipelines.pipeline import pipeline
    from workbench.pipelines.planning import plan

    found = pipeline(given.pipeline)
    values = found.schema.parse(assignments(given.parameter))
    if given.dry_run:
        folder, steps = plan(found, values, given.folder, smallest=given.smallest, force=given.force)
        print(f"{found.name} in {folder}")
        for step in steps:
            print(f"  {step}")
        return 0
    done = run(found, values, given.folder, smallest=given.smallest, force=given.force)
    print(done.report)
    return 0


def _list(given: argparse.Namespace) -> int:
    for name in given.what or LISTS:
        print(f"{name}:")
        print(indent(LISTS[name](), "  "))
    return 0


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
    text = frame.to_csv()
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
        print(front(study).to_csv(), end="")
        return 0
    winner = best(study)
    print(winner)
    print(f"{measures[0].label}: {measures[0](winner):g} in {len(study.trials)} trials")
    return 0


def _report(given: argparse.Namespace) -> int:
    from workbench.pipelines.report import report

    beside = given.source / "report.html" if given.source.is_dir() else given.source.with_suffix(".html")
    print(report(given.source, given.output or beside))
    return 0


def _doctor(_given: argparse.Namespace) -> int:
    from workbench.doctor import examine

    healthy = True
    for finding in examine():
        sign = "ok" if finding.ok else "MISSING" if finding.needed else "-"
        print(f"{sign:<8}{finding.subject:<27}{finding.found}")
        if not finding.ok:
            print(f"{'':<8}{'':<27}{finding.advice}")
        healthy &= finding.ok or not finding.needed
    return 0 if healthy else FAILED


def assignments(texts: Sequence[str]) -> dict[str, str]:
    """Return the names and texts of ``NAME=VALUE`` arguments.

    Raises:
        InvalidInput: for an argument without ``=`` and a name given twice.
    """
    found: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals:
            raise InvalidInput(f"-p {text} is not NAME=VALUE; write for example -p n_trials=50.")
        if name in found:
            raise InvalidInput(f"-p {name} is given twice, as {found[name]} and as {value}.")
        found[name] = value
    return found


def lines(path: Path) -> list[str]:
    """Return the lines of a file, or of standard input for ``-``, without empty ones."""
    try:
        text = sys.stdin.read() if str(path) == "-" else path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{path} cannot be read as architectures: {error}.") from None
    return [line.strip() for line in text.splitlines() if line.strip()]


def _is_failed_run(error: WorkbenchError) -> bool:
    from workbench.pipelines.outcome import RunFailed

    return isinstance(error, RunFailed)


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


LISTS = {
    "spaces": _spaces,
    "tasks": _tasks,
    "proxies": _proxies,
    "samplers": _samplers,
    "benchmarks": _benchmarks,
    "pipelines": _pipelines,
}


if __name__ == "__main__":
    sys.exit(main())
