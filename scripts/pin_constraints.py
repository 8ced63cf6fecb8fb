"""Prints constraints.txt: the version here of everything that pyproject.toml leads to."""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

PYPROJECT = Path(__file__).resolve().parents[1] / "pyproject.toml"

HEADER = """\
# The exact versions that this project is tested with (Python 3.11 on Linux), for `pip install --constraint`.
# Written by `python scripts/pin_constraints.py > constraints.txt` in an environment with the dev extra.
"""


def requirements(pyproject: Path = PYPROJECT) -> list[Requirement]:
    """Every requirement that the project states itself, the extras' included."""
    project = tomllib.loads(pyproject.read_text(encoding="utf-8"))["project"]
    extras = [line for lines in project["optional-dependencies"].values() for line in lines]
    return [Requirement(line) for line in [*project["dependencies"], *extras]]


def pins(start: list[Requirement]) -> dict[str, str]:
    """Name and installed version of everything that `start` leads to, without build tags (`2.13.0+cpu`)."""
    found: dict[str, str] = {}
    waiting = list(start)
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        dist = distribution(name)
        if name not in found:
            waiting += _needed(dist.requires, "")
        for extra in requirement.extras:
            waiting += _needed(dist.requires, extra)
        found[name] = Version(dist.version).public
    return dict(sorted(found.items()))


def _needed(lines: list[str] | None, extra: str) -> Iterator[Requirement]:
    """What this platform needs of the given requirement lines, under the extra or, with "", under none."""
    for requirement in map(Requirement, lines or []):
        marker = requirement.marker
        if marker is None:
            if not extra:
                yield requirement
        elif marker.evaluate({"extra": extra}) and not (extra and marker.evaluate({"extra": ""})):
            yield requirement


if __name__ == "__main__":
    lines = [f"{name}=={version}\n" for name, version in pins(requirements()).items()]
    sys.stdout.write(HEADER + "".join(lines))
