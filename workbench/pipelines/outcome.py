"""What became of a run: the state of each stage, the folder, the report, as a value and as a page."""

from __future__ import annotations

import html
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
    "stopped": ("#e69f00", "■"),
}


@dataclass
class StageState:
    """One stage of a run: waiting, running, done, kept (finished earlier), failed, skipped or stopped."""

    name: str
    state: str = "waiting"
    seconds: float = 0.0
    why: str = ""
    error: str = ""
    cell: tuple[int, int] = (0, 0)
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
            return f"finished earlier in {self.seconds:.1f} s, skipped"
        return self.state + (f": {self.error or self.why}" if self.error or self.why else "")


@dataclass(frozen=True)
class Run:
    """A run of a pipeline; `report` is the HTML file, None until every stage it needs is done."""

    pipeline: str
    parameters: dict[str, Any]
    folder: Path
    stages: tuple[StageState, ...]
    seconds: float = 0.0
    report: Path | None = None

    @property
    def ok(self) -> bool:
        """Whether every stage has its result."""
        return all(stage.state in ("done", "kept") for stage in self.stages)

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
            + " The same call keeps what is finished and goes on from there."
        )
