"""A disk that is full, a folder that may not be written: one named error, nothing lost, and the same call goes on."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from workbench.errors import InvalidInput, WorkbenchError
from workbench.pipelines.execution import Unwritable, run
from workbench.pipelines.outcome import RunFailed

WriteNotebook = Callable[..., Path]


def mount(*arguments: str) -> bool:
    try:
        return subprocess.run(["mount", *arguments], capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system in memory with room for 400 kB."""
    place = tmp_path / "small"
    place.mkdir()
    if not mount("-t", "tmpfs", "-o", "size=400k", "tmpfs", str(place)):
        pytest.skip("mounting a small file system needs the right to")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


@pytest.fixture
def two_stages(tmp_path: Path, write_notebook: WriteNotebook) -> Path:
    write_notebook(
        "light", 'from pathlib import Path\nPath(output, "a").write_text("a")', parameters='output: str = "."'
    )
    write_notebook(
        "heavy",
        'from pathlib import Path\nPath(output, "b").write_bytes(bytes(n))',
        parameters='output: str = "."\nn: int = 1_000_000',
    )
    path = tmp_path / "own.toml"
    path.write_text(
        '[stages.light]\nnotebook = "light.ipynb"\n[stages.heavy]\nnotebook = "heavy.ipynb"\nneeds = ["light"]\n'
    )
    return path


def test_a_full_disk_is_a_named_error_and_the_run_goes_on_when_there_is_room(
    small_disk: Path, two_stages: Path
) -> None:
    folder = small_disk / "run"
    with pytest.raises((RunFailed, Unwritable), match="No space left on device") as caught:
        run(two_stages, folder=folder, progress=False)
    assert isinstance(caught.value, WorkbenchError)
    assert (folder / "light" / "a").read_text() == "a"
    assert not (folder / "heavy").exists()
    assert mount("-o", "remount,size=30m", str(small_disk))
    done = run(two_stages, folder=folder, progress=False)
    assert {stage.name: stage.state for stage in done.stages} == {"light": "kept", "heavy": "done"}
    assert (folder / "heavy" / "b").stat().st_size == 1_000_000


def test_a_disk_that_is_full_from_the_start_takes_nothing(small_disk: Path, two_stages: Path) -> None:
    folder = small_disk / "run"
    folder.mkdir()
    with pytest.raises(OSError, match="No space left"):
        (small_disk / "filler").write_bytes(bytes(1_000_000))
    with pytest.raises(Unwritable, match="make room or give the right to write, and the same call goes on"):
        run(two_stages, folder=folder, progress=False)
    (small_disk / "filler").unlink()
    assert mount("-o", "remount,size=30m", str(small_disk))
    assert run(two_stages, folder=folder, progress=False).ok


def test_a_folder_that_may_only_be_read_is_refused_before_anything_starts(small_disk: Path, two_stages: Path) -> None:
    folder = small_disk / "run"
    folder.mkdir()
    assert mount("-o", "remount,ro", str(small_disk))
    with pytest.raises(InvalidInput, match="cannot be written. Give another folder"):
        run(two_stages, folder=folder, progress=False)
    with pytest.raises(InvalidInput, match="cannot be made: Read-only file system"):
        run(two_stages, folder=small_disk / "other", progress=False)
