"""What became of a run: the state of each stage, the folder, the report, as a value and as a page."""

from __future__ import annotations

import html
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from workbench.errors import WorkbenchError

#: The words for a stage's state, each with the colour and sign it is shown in.
STATES = {
    "waiting": ("#6b7682", "·"),
    "running": ("#0b5fa5", "▶"),
    "done": ("#009e73", "✓"),
    "kept": ("#009e73", "="),
    "failed": ("#d1495b", "✗"),
    "skipped": ("#e69f00", "–"),
    "left out": ("#6b7682", "○"),
    "stopped": ("#e69f00", "■"),
}


@dataclass
class Work:
    """A run's thread in the background, the sign on which it stops, and what it ended with."""

    stopping: threading.Event = field(default_factory=threading.Event)
    thread: threading.Thread | None = None
    error: BaseException | None = None


@dataclass
class StageState:
    """One stage of a run, with its state, one of `STATES`.

    kept: finished earlier, here or in another run; skipped: a stage that it needs failed; left out: its condition does
    not hold. `attempt` counts from 1.
    """

    name: str
    state: str = "waiting"
    seconds: float = 0.0
    why: str = ""
    error: str = ""
    cell: tuple[int, int] = (0, 0)
    attempt: int = 1
    record: dict[str, Any] = field(default_factory=dict, repr=False)

    @property
    def words(self) -> str:
        """The state in words, with its reason."""
        if self.state == "running":
            place = f"cell {self.cell[0]} of {self.cell[1]}, " if self.cell[1] else ""
            return f"running, {place}{self.seconds:.0f} s"
        if self.state == "done":
            return f"done in {self.seconds:.1f} s"
        if self.state == "kept":
            return f"finished earlier in {self.seconds:.1f} s, skipped" + (f" ({self.why})" if self.why else "")
        return self.state + (f": {self.error or self.why}" if self.error or self.why else "")


@dataclass
class Run:
    """A run of a pipeline; `report` is the HTML file, None until all stages are over (it also says what failed).

    One that works in the background goes on changing until it is over.
    """

    pipeline: str
    parameters: dict[str, Any]
    folder: Path
    stages: tuple[StageState, ...]
    seconds: float = 0.0
    report: Path | None = None
    _work: Work | None = field(default=None, repr=False, compare=False)

    @property
    def ok(self) -> bool:
        """Whether every stage has its result, except those left out by their conditions."""
        return all(stage.state in ("done", "kept", "left out") for stage in self.stages)

    @property
    def running(self) -> bool:
        """Whether it is still at work in the background."""
        return self._work is not None and self._work.thread is not None and self._work.thread.is_alive()

    def wait(self, timeout: float | None = None) -> Run:
        """Wait until a run in the background is over, at most `timeout` seconds; returns itself.

        Raises:
            RunFailed: when a stage failed; other errors as `wb.run` does.
        """
        if self._work is not None and self._work.thread is not None:
            self._work.thread.join(timeout)
            if not self.running and self._work.error is not None:
                raise self._work.error
        return self

    def stop(self) -> Run:
        """Stop a run in the background: its stages are ended, what is finished is kept; returns itself."""
        if self._work is not None and self._work.thread is not None:
            self._work.stopping.set()
            self._work.thread.join()
        return self

    def _repr_html_(self) -> str:
        rows = "".join(
            f'<tr><td style="color:{STATES[s.state][0]}">{STATES[s.state][1]}</td>'
            f'<td style="text-align:left">{html.escape(s.name)}</td>'
            f'<td style="text-align:left">{html.escape(s.words)}</td></tr>'
            for s in self.stages
        )
        link = html.escape(self.report.as_posix() if self.report else self.folder.as_posix(), quote=True)
        what = "report" if self.report else "folder"
        return (
            f"<div><b>{html.escape(self.pipeline)}</b> · {self.seconds:.1f} s"
            f'<table>{rows}</table>{what}: <a href="{link}">{link}</a></div>'
        )


class RunFailed(WorkbenchError):
    """A stage of a run failed; `run` holds the state of all stages."""

    def __init__(self, run: Run) -> None:
        self.run = run
        failed = "; ".join(f"stage {s.name}: {s.error}" for s in run.stages if s.state == "failed")
        skipped = ", ".join(s.name for s in run.stages if s.state == "skipped")
        looks = ", ".join(
            (run.folder / f"{s.name}.partial" / "notebook.ipynb").as_posix() for s in run.stages if s.state == "failed"
        )
        super().__init__(
            f"The pipeline {run.pipeline} failed in {failed}."
            + (f" Skipped, because they need it: {skipped}." if skipped else "")
            + f" The notebook as far as it came: {looks}."
            + (f" The report shows it: {run.report.as_posix()}." if run.report else "")
            + " The same call keeps what is finished and goes on from there."
        )
