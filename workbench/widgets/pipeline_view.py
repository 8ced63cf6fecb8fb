"""The kernel half of the view of a pipeline: follows a run through its folder, or shows what would run."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from workbench.errors import InvalidInput, UnknownName, refuse_unknown
from workbench.pipelines.outcome import Run
from workbench.pipelines.pipeline import Pipeline, pipeline
from workbench.rooms import room
from workbench.widgets.cell_editor import BESIDE, with_still
from workbench.widgets.looking import EVERY, IDLE, follow
from workbench.widgets.stages.details import details_of
from workbench.widgets.stages.facts import FINISHED, Facts, facts_of_run, looks
from workbench.widgets.stages.graph import graph_of
from workbench.widgets.stages.planning import facts_of_plan
from workbench.widgets.stages.reading import RunFolder, Stamp
from workbench.widgets.stages.still import stages_svg

_KEYWORDS = ("run", "parameters", "folder", "smallest", "force", "title", "calls")
_EAGER, _ON_PAGE = 20, 300_000  # failed stages whose details are told unasked; letters of details that a page holds


class PipelineView(anywidget.AnyWidget):
    """A pipeline's run as a graph of its stages, while it goes on and afterwards; or what would run, and why.

    `run` is a `Run`, also one in the background; the folder of a run, also of one in another process or of one whose
    process is gone; or a pipeline by its name, the path of its ``.toml`` file or itself, of which the plan is shown,
    for `parameters`, `folder`, `smallest` and `force` as `wb.run` takes them, until a run begins in that folder.

    Stages of one matrix are one node with a small cell each, and unfold into a table. `chosen` is the stage whose
    panel is open, by its name. The folder is looked at four times a second while the run goes on; `close()` ends that.
    `calls` are texts to copy from the foot of the view, as pairs of what they are for and themselves.

    Raises `InvalidInput` for a folder without a run and `UnknownName` for an unknown pipeline, stage or keyword.
    """

    _esm = traitlets.Unicode().tag(sync=True)
    title = traitlets.Unicode().tag(sync=True)
    looks: Any = traitlets.Dict().tag(sync=True)  # state of a stage -> colour, colour on dark paper, sign
    head = traitlets.Dict().tag(sync=True)  # the run as a whole
    stages: Any = traitlets.List().tag(sync=True)
    graph = traitlets.Dict(graph_of([])).tag(sync=True)  # nodes and lines with their places
    progress = traitlets.Dict().tag(sync=True)  # what changes all the time: the run's seconds, and stage -> its cell
    details = traitlets.Dict().tag(sync=True)  # stage -> what its panel shows, for the stage that is chosen and others
    calls: Any = traitlets.List().tag(sync=True)
    message = traitlets.Unicode().tag(sync=True)
    # Set by both halves.
    chosen = traitlets.Unicode().tag(sync=True)

    _gone: threading.Event | None = None

    def __init__(
        self,
        run: Run | Pipeline | str | Path,
        *,
        parameters: Mapping[str, object] | None = None,
        folder: str | Path | None = None,
        smallest: bool = False,
        force: bool = False,
        title: str | None = None,
        calls: Sequence[tuple[str, str]] = (),
        **unknown: Any,
    ) -> None:
        refuse_unknown(unknown, _KEYWORDS, "PipelineView")
        self._lock = threading.RLock()  # the thread that looks and the browser's messages take turns
        self._title = title
        self._folder: RunFolder | None = None
        self._fixed: Facts | None = None  # what is shown as long as the folder's record is as it was
        self._fixed_at: Stamp | None = None
        self._given: dict[str, list[list[str]]] = {}  # planned stage -> its parameters
        super().__init__(
            _esm=(room("widgets") / "dist" / "pipeline_view.js").read_text(encoding="utf-8"),
            layout=BESIDE,
            looks=looks(),
            calls=[list(call) for call in calls],
        )
        self.follow(run, parameters=parameters, folder=folder, smallest=smallest, force=force)
        self._gone = follow(self)

    def follow(
        self,
        run: Run | Pipeline | str | Path,
        *,
        parameters: Mapping[str, object] | None = None,
        folder: str | Path | None = None,
        smallest: bool = False,
        force: bool = False,
    ) -> None:
        """Show another run, or another plan, in the same view; arguments and errors as those of the class."""
        found = _meant(run)
        with self._lock:
            self._given = {}
            self._fixed, self._fixed_at = None, None
            if isinstance(found, Pipeline):
                how = {"smallest": smallest, "force": force}
                place, self._fixed, self._given = facts_of_plan(found, parameters or {}, folder, **how)
                self._folder = None if place is None else RunFolder(place)
            elif isinstance(found, Run):
                self._folder = RunFolder(found.folder)
                self._fixed = None if self._folder.known else facts_of_run(found)
            else:
                self._folder = RunFolder(found)
            if self._fixed is not None and self._folder is not None:
                self._fixed_at = self._folder.stamp
            self.details = {}
            self._look()
            if self.chosen not in self._states():
                self.chosen = ""

    def close(self) -> None:
        """Stop following; the run itself goes on."""
        if self._gone is not None:
            self._gone.set()
        super().close()

    def complete(self) -> None:
        """Read the details of every stage, as many as a page without a kernel can hold: what failed comes first."""
        with self._lock:
            self._look()
            order = sorted(self.stages, key=lambda one: (one["name"] != self.chosen, one["state"] != "failed"))
            found: dict[str, Any] = {}
            left = _ON_PAGE
            for stage in order:
                one = self._details(stage["name"], stage["state"])
                left -= sum(len(line) for line in one.get("log", ())) + len(str(one.get("failure", ""))) + 500
                if left < 0:
                    one = {**one, "log": [], "log_cut": True}
                if left < -_ON_PAGE:
                    break
                found[stage["name"]] = one
            self.details = found

    # -- following ---------------------------------------------------------------------------------------------

    def _look(self) -> float | None:
        """Read what is new and tell the browser; returns seconds until the next look."""
        with self._lock:
            facts, cells = self._now()
            head = {**facts.head, "counts": _counts(facts.stages)}
            seconds = head.pop("seconds")
            going = head["state"] == "running"
            names = [(one["name"], one["base"], one["needs"]) for one in facts.stages]
            with self.hold_sync():
                if names != [(one["name"], one["base"], one["needs"]) for one in self.stages]:
                    self.graph = graph_of(facts.stages)
                    self.details = {}
                self.head, self.stages = head, facts.stages
                self.progress = {"seconds": float(int(seconds)) if going else seconds, "cells": cells}
                self.title = facts.head["title"] if self._title is None else self._title
                self.message = str(head.get("message", ""))
                self._tell_details()
            return EVERY * max(1.0, len(self.stages) / 500) if going else IDLE

    def _now(self) -> tuple[Facts, dict[str, list[float]]]:
        """What is to be shown now."""
        if self._fixed is not None:
            if self._folder is None or self._folder.stamp == self._fixed_at:
                return self._fixed, {}
            self._fixed = None  # a run has begun where the plan, or the record, was
        assert self._folder is not None
        return self._folder.look()

    def _fail(self, error: Exception) -> None:
        self.message = f"The run cannot be read: {type(error).__name__}: {error}"

    # -- what is behind a stage --------------------------------------------------------------------------------

    def choose(self, stage: str = "") -> None:
        """Open the panel of a stage by its name; that of none by default.

        Raises `UnknownName` for a stage that the run does not have.
        """
        if stage and stage not in self._states():
            raise UnknownName.of(f"stage of {self.title}", stage, self._states())
        self.chosen = stage

    @traitlets.observe("chosen")
    def _chosen_set(self, change: dict[str, Any]) -> None:
        with self._lock:
            self._tell_details()

    def _tell_details(self) -> None:
        """The details of the chosen stage, read again while it is at work, and of those that failed."""
        states = self._states()
        shown = [name for name, state in states.items() if state == "failed"][:_EAGER]
        if self.chosen in states:
            shown.append(self.chosen)
        told: dict[str, Any] = {}
        for name in shown:
            known = self.details.get(name)
            fresh = known is None or known["state"] != states[name] or states[name] == "running"
            told[name] = self._details(name, states[name]) if fresh else known
        self.details = told

    def _details(self, name: str, state: str) -> dict[str, Any]:
        found = {} if self._folder is None else details_of(self._folder.folder, name, state)
        if name in self._given:  # only planned: what lies there is of an earlier run
            found["parameters"] = self._given[name]
        return {**found, "state": state}

    def _states(self) -> dict[str, str]:
        return {one["name"]: one["state"] for one in self.stages}

    # -- pages without a kernel --------------------------------------------------------------------------------

    @property
    def words(self) -> str:
        """How the run stands, in one sentence."""
        done = sum(self.head["counts"].get(state, 0) for state in FINISHED)
        words = self.head["words"]
        if self.head["state"] == "planned":
            return str(words)
        return f"{words}; {done} of {len(self.stages)} stages, {self.progress['seconds']:.0f} s"

    def still(self) -> str:
        """The graph of the stages and how each stands, as one SVG element."""
        return stages_svg(self.title, self.words, self.graph, self.stages, self.progress.get("cells", {}))

    def _repr_mimebundle_(self, **options: Any) -> tuple[dict[str, Any], dict[str, Any]] | None:
        return with_still(super()._repr_mimebundle_(**options), self.still(), f"{self.title}: {self.words}")


def _meant(run: Run | Pipeline | str | Path) -> Run | Pipeline | Path:
    """What somebody asks to see: a run, a run's folder, or a pipeline."""
    if isinstance(run, Run | Pipeline):
        return run
    if not isinstance(run, str | Path):
        raise InvalidInput(f"PipelineView shows a Run, a run's folder, or a pipeline by name or file; got {run!r}.")
    path = Path(run)
    if str(run).endswith(".toml") and not path.is_dir():
        return pipeline(run)
    if path.is_dir():
        if not RunFolder(path).known:
            raise InvalidInput(f"The folder {path} holds no run: there is no readable run.json in it.")
        return path
    if isinstance(run, Path) or os.sep in run:
        raise InvalidInput(f"There is no run folder {run}. Give the folder of a run, or the name of a pipeline.")
    return pipeline(run)


def _counts(stages: list[dict[str, Any]]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for one in stages:
        counts[one["state"]] = counts.get(one["state"], 0) + 1
    return counts
