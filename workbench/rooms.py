"""Where folders lie: those without Python, in a checkout or a wheel, and the one that runs are written to."""

from __future__ import annotations

import os
from pathlib import Path

from workbench.errors import MissingData, UnknownName

ROOMS = ("notebooks", "widgets", "datasets", "reports")

_PACKAGE = Path(__file__).resolve().parent


def room(name: str) -> Path:
    """The folder `name`, one of `ROOMS`.

    A wheel carries it as `workbench/_rooms/<name>`; in a checkout it stands beside the package. Raises
    `UnknownName` for any other name and `MissingData` where the installation has lost the folder.
    """
    if name not in ROOMS:
        raise UnknownName.of("room", name, ROOMS)
    for folder in (_PACKAGE / "_rooms" / name, *_beside_the_package(name)):
        if folder.is_dir():
            return folder
    raise MissingData(
        f"This installation has no folder {name!r}: looked beside and inside {_PACKAGE}. "
        "Install nas-workbench again, from its wheel or from a complete clone."
    )


def runs_folder() -> Path:
    """Where runs and the ledger are written: $WORKBENCH_RUNS, else `runs` below the current folder."""
    return Path(os.environ.get("WORKBENCH_RUNS") or "runs")


def _beside_the_package(name: str) -> list[Path]:
    """The checkout's folder; nothing in site-packages, where a neighbour of that name is somebody else's."""
    checkout = _PACKAGE.parent
    return [checkout / name] if (checkout / "pyproject.toml").is_file() else []
