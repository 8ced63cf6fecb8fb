"""The committed bundles: small, without a way out, and exactly what their sources build."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

BUNDLES = (
    "architecture_diff.js",
    "cell_editor.js",
    "enrichment_panel.js",
    "front_picker.js",
    "lineage.js",
    "module_tree.js",
    "neighborhood.js",
    "page.js",
    "pipeline_view.js",
    "proxy_board.js",
    "search_monitor.js",
    "space_map.js",
    "supernet_monitor.js",
)
LARGEST = 64_000  # bytes; a bundle travels with every widget
LARGEST_OF = {"cell_editor.js": 120_000, "lineage.js": 60_000, "space_map.js": 60_000}
_OFFLINE = re.compile("ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT|ECONNRESET|network", re.IGNORECASE)


@pytest.fixture(scope="module")
def workshop(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the sources with the build tools that the lock file names."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("Node is not installed: the bundles cannot be rebuilt here")
    folder = tmp_path_factory.mktemp("widgets") / "widgets"
    shutil.copytree(repository / "widgets", folder, ignore=shutil.ignore_patterns("node_modules", "dist"))
    installed = subprocess.run([npm, "ci", "--ignore-scripts"], cwd=folder, capture_output=True, text=True, check=False)
    if installed.returncode and _OFFLINE.search(installed.stderr):
        pytest.skip("the npm registry cannot be reached: the bundles cannot be rebuilt here")
    assert installed.returncode == 0, installed.stderr
    return folder


@pytest.mark.parametrize("name", BUNDLES)
def test_a_bundle_is_small_because_it_travels_with_every_widget(repository: Path, name: str) -> None:
    assert (repository / "widgets" / "dist" / name).stat().st_size < LARGEST_OF.get(name, LARGEST)


def test_no_bundle_is_forgotten_here(repository: Path) -> None:
    assert {path.name for path in (repository / "widgets" / "dist").iterdir()} == set(BUNDLES)


@pytest.mark.parametrize("name", BUNDLES)
def test_a_bundle_makes_no_markup_from_text_and_names_no_other_host(repository: Path, name: str) -> None:
    source = (repository / "widgets" / "dist" / name).read_text(encoding="utf-8")
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function", source)
    assert set(re.findall(r"https?://[^\"'` )]+", source)) <= {"http://www.w3.org/2000/svg"}


def test_the_committed_bundles_are_what_their_sources_build(repository: Path, workshop: Path) -> None:
    subprocess.run(["npm", "run", "build"], cwd=workshop, capture_output=True, check=True)
    for name in BUNDLES:
        built, committed = workshop / "dist" / name, repository / "widgets" / "dist" / name
        assert built.read_bytes() == committed.read_bytes(), f"{name} is out of date: run `make widgets`"


def test_the_sources_have_no_type_errors(workshop: Path) -> None:
    checked = subprocess.run(["npm", "run", "types"], cwd=workshop, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout


def test_the_lock_file_names_no_host(repository: Path) -> None:
    assert "://" not in (repository / "widgets" / "package-lock.json").read_text(encoding="utf-8")
