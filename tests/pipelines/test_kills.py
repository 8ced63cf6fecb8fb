"""Kill -9 of the run, of a stage, of a kernel, at any moment: nothing is lost, run twice at once, or left behind."""

from __future__ import annotations

import contextlib
import json
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import psutil
import pytest

from workbench.pipelines.execution import run
from workbench.pipelines.fingerprint import result_hashes

TARGETS = ("the run", "a stage", "a kernel")
JOURNAL = """
import os, time
from pathlib import Path
mine = Path(journal, NAME)
if mine.exists():
    before = int(mine.read_text())
    try:
        os.kill(before, 0)
        Path(journal, NAME + ".twice").touch()
    except ProcessLookupError:
        pass
mine.write_text(str(os.getpid()))
time.sleep(0.3)
"""
WRITE = """
Path(output, "numbers.txt").write_text(" ".join(str(seed + i) for i in range(1000)))
Path(output, "more").mkdir()
Path(output, "more", "squares.txt").write_text(" ".join(str(i * i) for i in range(100_000)))
print("wrote", seed)
"""
READ = """
texts = [Path(inputs, f"write-{seed}", "numbers.txt").read_text() for seed in (1, 2)]
Path(output, "sum.txt").write_text(str(sum(sum(map(int, text.split())) for text in texts)))
print(Path(output, "sum.txt").read_text())
"""
FILE = """
report = "read"
[stages.write]
notebook = "write.ipynb"
matrix = { seed = [1, 2] }
[stages.read]
notebook = "read.ipynb"
needs = ["write"]
"""


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the pipeline, and a run of it that nobody disturbed."""
    from tests.pipelines.conftest import notebook

    folder = tmp_path_factory.mktemp("killed")
    declared = 'output: str = "."\njournal: str = "."\n'
    first, last = JOURNAL.replace("NAME", 'f"write-{seed}"'), JOURNAL.replace("NAME", '"read"')
    notebook(folder / "write.ipynb", first, WRITE, parameters=declared + "seed: int = 0")
    notebook(folder / "read.ipynb", "# md # Sums", last, READ, parameters=declared + 'inputs: str = "."')
    (folder / "own.toml").write_text(FILE, encoding="utf-8")
    (folder / "calm").mkdir()
    run(folder / "own.toml", {"journal": str(folder / "calm")}, folder / "run", progress=False)
    return folder


def artefacts(folder: Path) -> dict[str, Any]:
    """What a run left: every file of its stages; of notebooks what they say, without times, paths and ids."""
    found: dict[str, Any] = {}
    for stage in ("write-1", "write-2", "read"):
        for path in sorted((folder / stage).rglob("*")):
            name = path.relative_to(folder).as_posix()
            if path.suffix == ".ipynb":
                cells = nbformat.read(path, as_version=4).cells
                said = [[o.get("text", o.get("data")) for o in cell.get("outputs", ())] for cell in cells]
                sources = [c.source for c in cells if "injected-parameters" not in c.metadata.get("tags", ())]
                found[name] = (sources, said)
            elif path.is_file() and path.name not in ("done.json", "stage.log"):
                found[name] = path.read_bytes()
    return found


def markers_match(folder: Path) -> bool:
    return all(
        json.loads(marker.read_text())["files"] == result_hashes(marker.parent)
        for marker in folder.glob("*/done.json")
        if marker.parent.suffix == ""
    )


def family(driver: int) -> dict[str, list[psutil.Process]]:
    """The processes of a run at work, by what they are."""
    found: dict[str, list[psutil.Process]] = {name: [] for name in TARGETS}
    with contextlib.suppress(psutil.NoSuchProcess):
        found["the run"] = [psutil.Process(driver)]
        found["a stage"] = found["the run"][0].children()
    for stage in found["a stage"]:
        with contextlib.suppress(psutil.NoSuchProcess):
            found["a kernel"] += stage.children()
    return found


def victims(process: subprocess.Popen[bytes], target: str, moment: random.Random) -> Iterator[psutil.Process]:
    """One process of this kind, at a moment of its life; none when the run ended before there was one."""
    pause = moment.uniform(0.0, 2.5)
    until(process, target)
    time.sleep(pause)
    if found := until(process, target):
        yield moment.choice(found)


def until(process: subprocess.Popen[bytes], target: str) -> list[psutil.Process]:
    """The processes of this kind as soon as there are any; none when the run is over."""
    deadline = time.monotonic() + 60
    while process.poll() is None:
        if found := family(process.pid)[target]:
            return found
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return []


def kill_and_go_on(undisturbed: Path, tmp_path: Path, seed: int) -> None:
    """Kill one process of each kind at moments drawn from `seed`, then finish."""
    moment, killed = random.Random(seed), 0
    journal, folder = tmp_path / "journal", tmp_path / "run"
    journal.mkdir()
    command = [sys.executable, "-m", "workbench.cli", "run", str(undisturbed / "own.toml"), "--folder", str(folder)]
    given = ["-p", f"journal={journal}"]
    for target in moment.sample(TARGETS, 3):
        process = subprocess.Popen([*command, *given], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        below: set[psutil.Process] = set()
        for victim in victims(process, target, moment):
            below = {one for kind in family(process.pid).values() for one in kind} - {psutil.Process(process.pid)}
            with contextlib.suppress(psutil.NoSuchProcess):
                victim.kill()
                killed += 1
        process.wait(120)
        _, alive = psutil.wait_procs(below, timeout=5)
        assert not alive, f"after {target} was killed"
        assert markers_match(folder), f"after {target} was killed"
    assert killed, "a run that begins from nothing is long enough for the first kill"
    done = run(undisturbed / "own.toml", {"journal": str(journal)}, folder, progress=False)
    assert done.ok
    assert artefacts(folder) == artefacts(undisturbed / "run")
    assert not list(journal.glob("*.twice")), "a stage ran twice at once"
    assert not [path for path in folder.iterdir() if path.suffix in (".partial", ".old", ".tmp")]


@pytest.mark.parametrize("seed", range(10))
def test_kills_at_thirty_moments_change_nothing(undisturbed: Path, tmp_path: Path, seed: int) -> None:
    kill_and_go_on(undisturbed, tmp_path, seed)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10, 100))
def test_kills_at_three_hundred_moments_change_nothing(undisturbed: Path, tmp_path: Path, seed: int) -> None:
    kill_and_go_on(undisturbed, tmp_path, seed)


@pytest.mark.parametrize("keep", [0.0, 0.7])
@pytest.mark.parametrize("name", ["run.json", "read/done.json", "write-1/done.json", "write-2/notebook.ipynb"])
def test_a_torn_file_of_state_is_made_again(undisturbed: Path, tmp_path: Path, name: str, keep: float) -> None:
    folder = shutil.copytree(undisturbed / "run", tmp_path / "run", symlinks=True)
    content = (folder / name).read_bytes()
    (folder / name).write_bytes(content[: int(keep * len(content))])
    done = run(undisturbed / "own.toml", {"journal": str(undisturbed / "calm")}, folder, share=False, progress=False)
    assert done.ok
    assert artefacts(folder) == artefacts(undisturbed / "run")
    assert markers_match(folder)
