"""One stage in a process of its own: ``python -m workbench.pipelines.stage <job file>`` executes a notebook.

The job is a JSON file with already checked parameters. Progress goes to a file of events, one JSON object a
line; a failing cell ends it with exit status 1 and an ``error`` event. Whoever waits for it trusts the exit
status, not the notebook: papermill marks every cell completed when a kernel dies.
"""

from __future__ import annotations

import json
import logging
import os
import re
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from types import FrameType
from typing import Any

from workbench.pipelines.parent import die_with

_COLOURS = re.compile("\x1b\\[[0-9;]*[A-Za-z]")


class Events:
    """The file through which a stage tells the run how it goes."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __call__(self, **facts: object) -> None:
        """Add one line."""
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(facts) + "\n")


def main(job_file: str) -> int:
    """Execute the job in `job_file`; return the exit status."""
    job = json.loads(Path(job_file).read_text(encoding="utf-8"))
    die_with(job["parent"])
    tell = Events(Path(job["events"]))
    signal.signal(signal.SIGTERM, _stop)
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(message)s")
    from nbclient.exceptions import DeadKernelError
    from papermill.exceptions import PapermillExecutionError

    try:
        execute(job, tell)
    except PapermillExecutionError as error:
        where = f"cell {error.exec_count}" if error.exec_count else f"the cell at position {error.cell_index + 1}"
        tell(error=f"{error.ename}: {_COLOURS.sub('', str(error.evalue))}", cell=where, source=error.source)
        return 1
    except DeadKernelError:
        tell(error="the kernel died (killed, or out of memory)", cell="", source="")
        return 1
    return 0


def execute(job: Mapping[str, Any], tell: Events) -> None:
    """Run the notebook of a job in a fresh kernel; the executed notebook goes into the job's folder."""
    import nbformat
    import papermill
    from traitlets.config import Config

    from workbench.pipelines.kernel import StageKernel, settings
    from workbench.pipelines.saving import save_masked
    from workbench.pipelines.states import make_small

    folder = Path(job["folder"])
    notebook = nbformat.read(job["notebook"], as_version=4)  # type: ignore[no-untyped-call]
    of = sum(cell.cell_type == "code" for cell in notebook.cells) + bool(job["parameters"])
    started = iter(range(1, of + 1))
    executed = folder / "notebook.ipynb"
    save_masked(folder, {name: os.environ.get(name, "").strip() for name in job["secrets"]})
    try:
        papermill.execute_notebook(
            braced(job["notebook"]),
            braced(str(executed)),
            parameters=job["parameters"],
            kernel_name="python3",
            language="python",
            progress_bar=False,
            store_widget_state=True,
            kernel_manager_class=StageKernel,
            config=Config({"StageKernel": settings(Path(job["private"]))}),
            on_cell_execute=lambda **_: tell(cell=next(started, of), of=of),
        )
    finally:
        make_small(executed)


def braced(path: str) -> str:
    """Return a path in which braces mean themselves: papermill formats its paths with the parameters."""
    return path.replace("{", "{{").replace("}", "}}")


def _stop(_signal: int, _frame: FrameType | None) -> None:
    raise SystemExit(143)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
