"""The doctor: what this machine has of what the workbench uses, and how to get the rest."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import NamedTuple

from workbench.errors import MissingData, WorkbenchError

PACKAGES = (
    "jupyterlab", "ipykernel", "ipywidgets", "anywidget", "papermill", "nbconvert", "plotly", "optuna", "numpy",
    "pandas", "scipy", "scikit-learn", "networkx", "SQLAlchemy",
)  # fmt: skip
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")


class Finding(NamedTuple):
    """One thing looked at; `advice` says how to get it when it is missing, `needed` whether that matters."""

    subject: str
    ok: bool
    found: str
    advice: str = ""
    needed: bool = True


def examine() -> Iterator[Finding]:
    """Yield the findings one by one; the slow ones (torch, the benchmark) come last."""
    yield python()
    yield packages()
    yield folders()
    yield writable("cache folder", _cache_folder(), "Set WORKBENCH_CACHE to a folder that can be written.")
    yield ledger()
    yield browser()
    for slow in (torch, benchmarks, images):
        yield from _guarded(slow)


def python() -> Finding:
    """Whether Python is recent enough."""
    found = f"{platform.python_version()} on {platform.system()}, {os.cpu_count()} cores"
    return Finding("python", sys.version_info >= (3, 11), found, "Python 3.11 or newer is needed.")


def packages() -> Finding:
    """Whether the packages are there."""
    versions = {name: _version(name) for name in PACKAGES}
    missing = [name for name, found in versions.items() if not found]
    words = ", ".join(f"{name} {found}" for name, found in versions.items() if found)
    return Finding("packages", not missing, words, f"pip install {' '.join(missing)}")


def folders() -> Finding:
    """Whether the installation is complete."""
    from workbench.rooms import ROOMS, room

    try:
        parents = {str(room(name).parent) for name in ROOMS}
    except MissingData as error:
        return Finding("folders", False, str(error), "Install nas-workbench again.")
    return Finding("folders", True, f"{', '.join(ROOMS)} in {', '.join(sorted(parents))}")


def writable(subject: str, folder: Path, advice: str) -> Finding:
    """Whether a folder, or the nearest one above it that exists, can be written."""
    there = next(path for path in (folder, *folder.parents) if path.exists())
    return Finding(subject, os.access(there, os.W_OK) and there.is_dir(), str(folder), advice)


def ledger() -> Finding:
    """Whether the ledger of scores can be opened; one that does not exist yet is not made."""
    from workbench.ledger import Ledger, default_ledger

    where = default_ledger()
    advice = "Make it writable, or name another file in the environment variable WORKBENCH_LEDGER."
    if "://" not in where and not Path(where).exists():
        return writable("ledger", Path(where).absolute(), advice)._replace(found=f"{where}, not begun yet")
    try:
        opened = Ledger(where)
        count = opened.size
        opened.close()
    except WorkbenchError as error:
        return Finding("ledger", False, str(error), advice)
    return Finding("ledger", True, f"{where}, {count:,} numbers")


def browser() -> Finding:
    """Whether there is a Chromium for the browser tests."""
    found = next((path for name in BROWSERS if (path := shutil.which(name))), "")
    return Finding("chromium", bool(found), found, "Only tests need it: apt-get install chromium", needed=False)


def torch() -> Iterator[Finding]:
    """The build of torch and the devices it sees."""
    import torch as library

    build = f"CUDA {library.version.cuda}" if library.version.cuda else "CPU only"
    devices = ["cpu", *(library.cuda.get_device_name(i) for i in range(library.cuda.device_count()))]
    if library.backends.mps.is_available():
        devices.append("mps")
    words = f"{library.__version__} ({build}); devices: {', '.join(devices)}; {library.get_num_threads()} threads"
    yield Finding("torch", True, words)


def benchmarks() -> Iterator[Finding]:
    """Which benchmark tables are here."""
    from workbench.benchmarks import catalogue

    for name in catalogue.names():
        entry = catalogue.find(name)
        try:
            entry.settle()
        except MissingData as error:
            needed = "pip install" in str(error)
            yield Finding(f"benchmark {name}", False, "not here", str(error), needed=needed)
        else:
            yield Finding(f"benchmark {name}", True, f"{entry.title} ({', '.join(entry.datasets)})")


def images() -> Iterator[Finding]:
    """Which tasks have their images here; the others are replaced by noise or refuse."""
    from workbench.tasks import catalogue

    for entry in catalogue:
        if entry.reader is None or entry.reader.present():
            yield Finding(f"task {entry.name}", True, f"{entry.about}; batches of {entry.source}")
        else:
            found = "no images here; seeded noise stands in" if entry.or_noise else "no images here"
            yield Finding(f"task {entry.name}", False, found, entry.reader.missing(), needed=False)


def _guarded(look: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    try:
        yield from look()
    except (ImportError, OSError, WorkbenchError) as error:
        yield Finding(look.__name__, False, f"{type(error).__name__}: {error}", "pip install --upgrade nas-workbench")


def _cache_folder() -> Path:
    from workbench.benchmarks.files.table_cache import cache_folder

    return cache_folder()


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""
