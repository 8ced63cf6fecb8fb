"""A stage at work: its process, the folder it writes to, and what it says about its progress."""

from __future__ import annotations

import json
import os
import shutil
import signal
import site
import subprocess
import sys
import tempfile
import time
from collections.abc import Collection
from pathlib import Path
from typing import Any

import workbench
from workbench.pipelines.pipeline import Stage

PRIVATE = ".private"  # names the private folder of a stage at work, for whoever finds that it was killed
GRACE = 5.0  # seconds a stopped stage has for closing its kernel


class Worker:
    """One running stage; it works in ``<stage>.partial``, which is emptied first, and reads what it is `given`."""

    def __init__(
        self,
        stage: Stage,
        values: dict[str, Any],
        run_folder: Path,
        lock: int,
        given: Path | None = None,
        secrets: Collection[str] = (),
    ) -> None:
        self.stage, self.lock = stage, lock
        self.folder = run_folder / f"{stage.name}.partial"
        self.cell: tuple[int, int] = (0, 0)
        self.failure: dict[str, str] = {}
        self._began = time.monotonic()
        discard(self.folder)
        self.folder.mkdir(parents=True)
        places = {"inputs": from_here(given or run_folder), "output": from_here(self.folder)}
        self._private = Path(tempfile.mkdtemp(prefix="wb-"))  # only its owner may enter: sockets and the job
        (self.folder / PRIVATE).write_text(str(self._private), encoding="utf-8")
        events = self._private / "events"
        events.touch()
        job = {
            "notebook": str(stage.notebook),
            "parameters": {**values, **{name: places[name] for name in stage.places}},
            "folder": str(self.folder.resolve()),
            "private": str(self._private),
            "events": str(events),
            "parent": os.getpid(),
            "secrets": list(secrets),
        }
        (self._private / "job.json").write_text(json.dumps(job, allow_nan=False), encoding="utf-8")
        with (self.folder / "stage.log").open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-m", "workbench.pipelines.stage", str(self._private / "job.json")],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=environment(),
                start_new_session=True,  # Ctrl-C reaches the run alone, which then stops its stages
                pass_fds=(lock,) if os.name == "posix" else (),
            )
        self._events = events.open("rb")

    @property
    def seconds(self) -> float:
        """Seconds since the stage started."""
        return time.monotonic() - self._began

    def poll(self) -> int | None:
        """Listen to the stage and return its exit status, None while it works."""
        status = self.process.poll()
        while (line := self._events.readline()).endswith(b"\n"):
            event = json.loads(line)
            if "of" in event:
                self.cell = (event["cell"], event["of"])
            else:
                self.failure = event
        self._events.seek(-len(line), os.SEEK_CUR)  # a line still being written is read again
        if status is not None:
            self._close()
        return status

    def error(self, status: int) -> str:
        """Return in one line why the stage ended with a status other than 0."""
        if self.failure:
            place = f" in {self.failure['cell']}" if self.failure["cell"] else ""
            return self.failure["error"].strip() + place
        if status < 0:
            return f"its process was ended by the signal {signal.Signals(-status).name}"
        last = (self.folder / "stage.log").read_text(encoding="utf-8", errors="replace").strip().splitlines()
        return f"its process ended with status {status}" + (f": {last[-1]}" if last else "")

    def stop(self) -> None:
        """End the stage: kindly, then by force."""
        self.process.terminate()
        try:
            self.process.wait(GRACE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._close()

    def _close(self) -> None:
        self._events.close()
        shutil.rmtree(self._private, ignore_errors=True)
        (self.folder / PRIVATE).unlink(missing_ok=True)


def discard(folder: Path) -> None:
    """Remove the folder in which a stage worked that did not come to its end, and what it kept in private."""
    try:
        private = Path((folder / PRIVATE).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):
        private = folder  # it closed its private folder itself, or never had one
    if private.parent == Path(tempfile.gettempdir()) and private.name.startswith("wb-"):
        shutil.rmtree(private, ignore_errors=True)
    shutil.rmtree(folder, ignore_errors=True)


def from_here(folder: Path) -> str:
    """Return a folder's path from the current folder, in which notebooks run like the user's own."""
    try:
        return Path(os.path.relpath(folder)).as_posix()
    except ValueError:  # on another drive
        return folder.resolve().as_posix()


def environment() -> dict[str, str]:
    """Return the environment of a stage: ours, with this very workbench importable."""
    home = str(Path(workbench.__file__).resolve().parent.parent)
    ours = dict(os.environ)
    if home not in [str(Path(folder).resolve()) for folder in site.getsitepackages()]:
        ours["PYTHONPATH"] = os.pathsep.join(filter(None, [home, ours.get("PYTHONPATH")]))
    ours["PYDEVD_DISABLE_FILE_VALIDATION"] = "1"  # no debugger attaches here: spare the log its warning
    return ours
