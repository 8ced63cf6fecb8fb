"""The folders without Python are found by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from workbench import rooms
from workbench.errors import MissingData, UnknownName
from workbench.ledger import default_ledger


@pytest.mark.parametrize("name", rooms.ROOMS)
def test_every_room_is_found(name: str) -> None:
    assert rooms.room(name).is_dir()


def test_a_checkout_has_its_rooms_beside_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "pyproject.toml").touch()
    monkeypatch.setattr(rooms, "_PACKAGE", tmp_path / "workbench")
    assert rooms.room("notebooks") == tmp_path / "notebooks"


def test_a_wheel_has_its_rooms_inside_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inside = tmp_path / "workbench" / "_rooms" / "datasets"
    for folder in (inside, tmp_path / "datasets"):
        folder.mkdir(parents=True)
    monkeypatch.setattr(rooms, "_PACKAGE", tmp_path / "workbench")
    assert rooms.room("datasets") == inside


def test_a_neighbour_in_site_packages_is_no_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "datasets").mkdir()
    monkeypatch.setattr(rooms, "_PACKAGE", tmp_path / "workbench")
    with pytest.raises(MissingData, match=r"no folder 'datasets'.*Install nas-workbench again"):
        rooms.room("datasets")


def test_an_unknown_room_shows_the_nearest_name() -> None:
    with pytest.raises(UnknownName, match="There is no room named 'notebook'. Did you mean 'notebooks'"):
        rooms.room("notebook")


def test_runs_go_below_the_current_folder_or_where_the_environment_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert rooms.runs_folder() == Path("runs")
    monkeypatch.setenv("WORKBENCH_RUNS", str(tmp_path / "elsewhere"))
    monkeypatch.delenv("WORKBENCH_LEDGER")
    assert rooms.runs_folder() == tmp_path / "elsewhere"
    assert default_ledger() == str(tmp_path / "elsewhere" / "ledger.sqlite3")
