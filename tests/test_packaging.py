"""What an installation needs: requirements said alike everywhere, and a wheel that works alone."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import tomllib
import venv
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

ROOMS = ("datasets", "notebooks", "reports", "widgets")
CONDA_NAMES = {"pytorch": "torch"}
LEAVINGS = ("runs", "runs/deeper", "stages/runs", ".ipynb_checkpoints")  # what work leaves in notebooks/


@pytest.fixture(scope="module")
def pyproject(repository: Path) -> dict[str, Any]:
    return tomllib.loads((repository / "pyproject.toml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def pinned(repository: Path) -> dict[str, SpecifierSet]:
    lines = (repository / "constraints.txt").read_text(encoding="utf-8").splitlines()
    return ranges([line for line in lines if line and not line.startswith("#")])


def ranges(lines: list[str]) -> dict[str, SpecifierSet]:
    """Requirement lines as name -> range, names in PyPI's normal form."""
    requirements = [Requirement(line) for line in lines]
    return {canonicalize_name(r.name): r.specifier for r in requirements}


def test_environment_yml_asks_for_what_pyproject_asks_for(repository: Path, pyproject: dict[str, Any]) -> None:
    listed = yaml.safe_load((repository / "environment.yml").read_text(encoding="utf-8"))["dependencies"]
    from_pip = [line for entry in listed if isinstance(entry, dict) for line in entry["pip"]]
    conda = ranges([line for line in listed if isinstance(line, str)])
    assert conda.pop("python") == SpecifierSet(pyproject["project"]["requires-python"])
    assert conda.pop("pip") == SpecifierSet()
    named_as_on_pypi = {CONDA_NAMES.get(name, name): versions for name, versions in conda.items()}
    assert named_as_on_pypi | ranges(from_pip) == ranges(pyproject["project"]["dependencies"])


def test_every_requirement_is_pinned_within_its_range(
    pyproject: dict[str, Any], pinned: dict[str, SpecifierSet]
) -> None:
    project = pyproject["project"]
    stated = ranges([*project["dependencies"], *project["optional-dependencies"]["dev"]])
    for name, versions in stated.items():
        (pin,) = pinned[name]
        assert pin.operator == "==", name
        assert versions.contains(pin.version), f"{name}: {pin} is not in {versions}"


def test_the_pins_name_neither_local_builds_nor_places(pinned: dict[str, SpecifierSet]) -> None:
    assert [name for name, versions in pinned.items() if "+" in str(versions)] == []


@pytest.mark.skipif(
    sys.platform != "linux" or sys.version_info[:2] != (3, 11), reason="the pins are for Python 3.11 on Linux"
)
def test_the_pins_are_the_whole_of_what_the_project_leads_to(repository: Path, pinned: dict[str, SpecifierSet]) -> None:
    printed = run([sys.executable, repository / "scripts" / "pin_constraints.py"], repository)
    lines = [line for line in printed.splitlines() if not line.startswith("#")]
    assert set(ranges(lines)) == set(pinned), "run scripts/pin_constraints.py again"


def run(command: Sequence[str | Path], cwd: Path, **environment: str) -> str:
    """The output of a command that gets no PYTHONPATH; a failure is shown in the command's own words."""
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(command, cwd=cwd, env=inherited | environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def empty_venv(folder: Path, with_pip: bool = False) -> Path:
    """A new environment; the path of its Python."""
    venv.EnvBuilder(with_pip=with_pip, symlinks=True).create(folder)
    return folder / "bin" / "python"


def pip_install(python: Path, *arguments: str | Path) -> None:
    """Install into an environment that has no pip of its own, from what is here."""
    pip = [sys.executable, "-m", "pip", "--python", str(python)]
    run([*pip, "install", "--quiet", "--no-deps", "--no-index", *arguments], python.parent)


def lend_libraries(python: Path) -> None:
    """Let an environment see the libraries of the one that runs the tests, but not its `workbench`.

    Installing torch and JupyterLab once more would take minutes. A `.pth` line adds our site-packages to
    the path; the `.pth` files in there are not read again, so an editable `workbench` stays unseen.
    """
    (site_packages,) = python.parents[1].glob("lib/python*/site-packages")
    (site_packages / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")


@pytest.fixture(scope="module")
def source(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what a build reads (setuptools writes beside its sources), with the leavings of some work."""
    copy = tmp_path_factory.mktemp("source")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(repository / name, copy)
    ignored = shutil.ignore_patterns("__pycache__", "node_modules", "runs", ".ipynb_checkpoints")
    for name in ("workbench", *ROOMS):
        shutil.copytree(repository / name, copy / name, ignore=ignored)
    for name in LEAVINGS:
        folder = copy / "notebooks" / name
        folder.mkdir(parents=True)
        (folder / "leaving.txt").touch()
    return copy


@pytest.fixture(scope="module")
def wheel(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    shelf = tmp_path_factory.mktemp("shelf")
    run([sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", shelf, source], shelf)
    (built,) = shelf.glob("nas_workbench-*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an environment that has the wheel and nothing of the clone."""
    python = empty_venv(tmp_path_factory.mktemp("installed"))
    pip_install(python, wheel)
    lend_libraries(python)
    return python


def jupyter_of_this_environment() -> str:
    """Where nbconvert's templates lie: borrowed libraries look for them under the prefix they run in."""
    return str(Path(sysconfig.get_path("data")) / "share" / "jupyter")


def files_of(source: Path, pattern: str) -> set[str]:
    """The files that a wheel should carry, relative to `source`."""
    found = {path.relative_to(source).as_posix() for path in source.glob(pattern) if path.is_file()}
    return {name for name in found if not name.endswith("leaving.txt")}


def test_the_wheel_carries_the_library_and_the_rooms(wheel: Path, source: Path) -> None:
    expected = files_of(source, "workbench/**/*")
    for pattern in ("datasets/**/*", "notebooks/**/*", "reports/**/*", "widgets/dist/*"):
        assert files_of(source, pattern), f"nothing matches {pattern}"
        expected |= {f"workbench/_rooms/{name}" for name in files_of(source, pattern)}
    carried = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert carried == expected, "is a new folder missing from [tool.setuptools] packages in pyproject.toml?"


def test_the_installed_rooms_are_inside_the_package(installed: Path, tmp_path: Path) -> None:
    code = "from workbench.rooms import ROOMS, room; print(*map(room, ROOMS), sep='\\n')"
    folders = [Path(line) for line in run([installed, "-c", code], tmp_path).splitlines()]
    assert {folder.name for folder in folders} == set(ROOMS)
    for folder in folders:
        assert folder.parent.name == "_rooms"
        assert folder.is_relative_to(installed.parents[1].resolve())


def test_the_wheel_leaves_the_root_names_to_others(installed: Path, tmp_path: Path) -> None:
    assert importable(installed, tmp_path) == ["workbench"]


def test_an_editable_install_leaves_the_root_names_to_others(source: Path, tmp_path: Path) -> None:
    python = empty_venv(tmp_path / "editable")
    lend_libraries(python)
    pip_install(python, "--ignore-installed", "--no-build-isolation", "--editable", source)
    assert importable(python, tmp_path) == ["workbench"]
    found = run([python, "-c", "from workbench.rooms import room; print(room('widgets'))"], tmp_path)
    assert Path(found.strip()) == source / "widgets"


def importable(python: Path, cwd: Path) -> list[str]:
    """Which of our top-level names an interpreter started in `cwd` can import."""
    names = ("workbench", *ROOMS)
    code = f"from importlib.util import find_spec; print(*filter(find_spec, {names}))"
    return run([python, "-c", code], cwd).split()


def test_the_installed_command_lists_what_there_is(installed: Path, tmp_path: Path) -> None:
    assert "nasbench201" in run([installed.parent / "workbench", "list"], tmp_path)


def test_the_installed_command_runs_the_smallest_pipeline(installed: Path, tmp_path: Path) -> None:
    command = str(installed.parent / "workbench")
    templates = jupyter_of_this_environment()
    output = run([command, "run", "nasbench201", "--smallest"], tmp_path, JUPYTER_PATH=templates)
    (report,) = tmp_path.glob("runs/**/*.html")
    assert report.name in output
    assert "</html>" in report.read_text(encoding="utf-8")


@pytest.mark.slow  # downloads and installs every requirement
def test_the_wheel_works_with_nothing_borrowed(repository: Path, wheel: Path, tmp_path: Path) -> None:
    python = empty_venv(tmp_path / "alone", with_pip=True)
    pins = repository / "constraints.txt"
    run([python, "-m", "pip", "install", "--quiet", "--constraint", pins, wheel], tmp_path)
    output = run([str(python.parent / "workbench"), "run", "nasbench201", "--smallest"], tmp_path)
    (report,) = tmp_path.glob("runs/**/*.html")
    assert report.name in output
