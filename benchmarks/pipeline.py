"""What running notebooks as a pipeline costs beyond papermill, what an unchanged run costs, and what two cores bring.

python benchmarks/pipeline.py [STAGES]

Every figure is measured side by side in one run, as processes of their own; CPU seconds are those of all processes.
"""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import nbformat

EMPTY = "x = 1"
BUSY = "total = 0\nfor i in range(60_000_000):\n    total += i"


def main(stages: int) -> None:
    """Print the figures."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.chdir(folder)
        notebook(folder / "empty.ipynb", EMPTY)
        notebook(folder / "busy.ipynb", BUSY)
        (folder / "chain.toml").write_text("".join(stage(i) for i in range(stages)))
        (folder / "pair.toml").write_text('[stages.a]\nnotebook = "busy.ipynb"\n[stages.b]\nnotebook = "busy.ipynb"\n')
        overhead(stages)
        two_at_once()


def stage(number: int) -> str:
    """A stage of the chain, which needs the one before."""
    needs = f'needs = ["s{number - 1}"]\n' if number else ""
    return f'[stages.s{number}]\nnotebook = "empty.ipynb"\n{needs}'


def overhead(stages: int) -> None:
    """CPU seconds a stage, beside papermill alone on the same notebook; then the same run with nothing to do."""
    for _ in range(2):
        alone = sum(
            cost(sys.executable, "-m", "papermill", "--no-progress-bar", "empty.ipynb", f"out{i}.ipynb")[0]
            for i in range(stages)
        )
        shutil.rmtree("chain", ignore_errors=True)
        ours, wall = workbench("chain.toml", "--folder", "chain")
        again, waited = workbench("chain.toml", "--folder", "chain")
        Path("chain", "report.html").unlink()
        report = workbench("chain.toml", "--folder", "chain")[0] - again
        more = (ours - again - report - alone) / stages
        print(
            f"{stages} empty stages: CPU s a stage {alone / stages:.2f} by papermill alone, {more:+.3f} in a pipeline; "
            f"once a run {again:.2f} to start and {report:.2f} for the report ({wall:.1f} s wall)\n"
            f"unchanged: {waited:.2f} s wall, {again:.2f} s CPU"
        )


def two_at_once() -> None:
    """Two busy stages, one after the other and at the same time."""
    for _ in range(2):
        walls = []
        for workers in ("1", "2"):
            shutil.rmtree("pair", ignore_errors=True)
            walls.append(workbench("pair.toml", "--folder", "pair", "--workers", workers)[1])
        ratio = walls[0] / walls[1]
        print(f"two busy stages: {walls[0]:.1f} s one after the other, {walls[1]:.1f} s at once: x{ratio:.2f}")


def workbench(*arguments: str) -> tuple[float, float]:
    """CPU and wall seconds of a run."""
    return cost(sys.executable, "-m", "workbench.cli", "run", *arguments)


def cost(*command: str) -> tuple[float, float]:
    """CPU seconds of a process and all below it, and wall seconds."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return cpu, time.perf_counter() - start


def notebook(path: Path, source: str) -> None:
    """Write a notebook of one cell."""
    document = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source)])
    document.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(document, path)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10)
