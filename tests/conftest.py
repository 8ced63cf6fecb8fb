"""What every test stands on: private folders, and the folders of the repository by name."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import hypothesis
import pytest

# Small networks are slower on several threads than on one, and wait for each other where cores are shared.
os.environ.setdefault("OMP_NUM_THREADS", "1")

REPOSITORY = Path(__file__).resolve().parents[1]
SHARED_DATA = REPOSITORY.parent / "shared" / "data"
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome")

# A loaded machine is slow, not wrong; examples repeat from run to run; the source folders stay clean.
hypothesis.settings.register_profile("suite", deadline=None, derandomize=True, database=None)
hypothesis.settings.load_profile("suite")


@pytest.fixture(scope="session", autouse=True)
def folders_of_the_session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """One cache for the session, so that a table is converted once; Jupyter's own folders away from home."""
    home = tmp_path_factory.mktemp("session")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WORKBENCH_CACHE", str(home / "cache"))
        patch.setenv("WORKBENCH_LEDGER", str(home / "ledger.sqlite"))
        patch.setenv("JUPYTER_CONFIG_DIR", str(home / "jupyter" / "config"))
        patch.setenv("JUPYTER_DATA_DIR", str(home / "jupyter" / "data"))
        patch.setenv("JUPYTER_RUNTIME_DIR", str(home / "jupyter" / "runtime"))
        patch.setenv("IPYTHONDIR", str(home / "ipython"))
        yield


@pytest.fixture(autouse=True)
def folders_of_the_test(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A ledger and a working directory for one test: none sees another's scores or writes in the source."""
    monkeypatch.setenv("WORKBENCH_LEDGER", str(tmp_path / "ledger.sqlite"))
    monkeypatch.delenv("WORKBENCH_RUNS", raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="session")
def repository() -> Path:
    """The root of the checkout."""
    return REPOSITORY


@pytest.fixture(scope="session")
def shared_data() -> Callable[[str], Path]:
    """`shared_data("nb201_core.npz")` is the path of that reference file; skips the test where it is not."""

    def find(name: str) -> Path:
        path = SHARED_DATA / name
        if not path.is_file():
            pytest.skip(f"the reference file {name} is not in {os.path.relpath(SHARED_DATA, REPOSITORY)}")
        return path

    return find


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of an installed Chromium; the test is skipped where there is none."""
    for name in CHROMIUM_NAMES:
        if path := shutil.which(name):
            return path
    pytest.skip("no Chromium on the PATH: scripts/install_chromium.sh installs one on Debian")
