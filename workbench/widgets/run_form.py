"""A form for a pipeline's parameters, with buttons that plan, run and stop it and the run itself below."""

from __future__ import annotations

import shlex
import threading
from html import escape
from pathlib import Path
from typing import Any

import ipywidgets

from workbench.errors import InvalidInput, WorkbenchError
from workbench.pipelines.execution import run as run_pipeline
from workbench.pipelines.kinds import Value
from workbench.pipelines.outcome import Run
from workbench.pipelines.pipeline import Pipeline
from workbench.pipelines.pipeline import pipeline as find
from workbench.pipelines.worker import from_here
from workbench.widgets.pipeline_view import PipelineView
from workbench.widgets.stages.fields import fields_of, given_in
from workbench.widgets.stages.form_style import STYLE


class RunForm(ipywidgets.VBox):  # type: ignore[misc]  # ipywidgets has no annotations
    """A form for the parameters of a pipeline; `values` are those that are in it, `run` is the run it began last.

    `fields` are the fields by the parameters' names, each with a `control` and its `error`; `view` is the
    `PipelineView` below. "Plan" says which stages would run and why, "Run" runs them in the background, "Stop" ends
    that; what is finished is kept, and "Run" goes on from there. `called` is the pipeline as the calls name it.
    """

    def __init__(self, pipeline: Pipeline, called: str, folder: str | Path | None = None) -> None:
        self.pipeline = pipeline
        self.folder = folder
        self.run: Run | None = None
        self._called = called
        self.view = PipelineView(self.pipeline, folder=folder, title="Stages")
        self.fields = fields_of(self.pipeline.schema, self._changed)
        self.force = ipywidgets.Checkbox(description="run finished stages again", indent=False)
        self.force.observe(self._changed, "value")
        self.said = ipywidgets.HTML()
        self.said.add_class("wb-said")
        self.buttons = {name: _button(name, tip) for name, tip in _BUTTONS.items()}
        for name, work in (("Plan", self._plan), ("Run", self._start), ("Stop", self._stop)):
            self.buttons[name].on_click(lambda _, work=work: work())
        self.buttons["Defaults"].on_click(lambda _: self._fill({}))
        self.buttons["Smallest"].on_click(lambda _: self._fill(dict(self.pipeline.smallest)))
        self.buttons["Run"].add_class("wb-first")
        orders = ipywidgets.HBox([*self.buttons.values(), self.force])
        orders.add_class("wb-orders")
        grid = ipywidgets.Box([field.box for field in self.fields.values()])
        grid.add_class("wb-fields")
        heading = ipywidgets.HTML(f"{STYLE}<h3>{escape(self.pipeline.title)}</h3>")
        form = ipywidgets.VBox([heading, grid, orders, self.said])
        form.add_class("wb-form")
        self._at_work(False)
        self._changed()
        self._say("")
        super().__init__([form, self.view])

    @property
    def values(self) -> dict[str, Value]:
        """The value of every parameter, checked.

        Raises:
            InvalidInput: as the schema does, for the first field with a value that it does not take.
        """
        return self.pipeline.values(self.given)

    @property
    def given(self) -> dict[str, Value]:
        """The values that differ from their defaults; errors as `values`."""
        return given_in(self.fields)

    @property
    def calls(self) -> tuple[str, str]:
        """The call and the command line that do what "Run" does; errors as `values`."""
        given = self.given
        words = [repr(self._called)]
        line = ["workbench", "run", self._called]
        if given:
            words.append(f"parameters={given!r}")
        for name, value in given.items():
            line += ["-p", f"{name}={self.fields[name].parameter.kind.text(value)}"]
        if self.folder is not None:
            words.append(f"folder={str(self.folder)!r}")
            line += ["--folder", str(self.folder)]
        if self.force.value:
            words.append("force=True")
            line.append("--force")
        return f"wb.run({', '.join(words)}, background=True)", shlex.join(line)

    def close(self) -> None:
        """Close the form and its view; a run that it began goes on."""
        self.view.close()
        super().close()

    # -- what the buttons do -----------------------------------------------------------------------------------

    def _plan(self) -> None:
        try:
            self.view.follow(self.pipeline, parameters=self.given, folder=self.folder, force=self.force.value)
            self._say("")
        except WorkbenchError as error:
            self._say(str(error), wrong=True)

    def _start(self) -> None:
        try:
            self.run = begun(self.pipeline, self.given, self.folder, self.force.value)
        except WorkbenchError as error:
            self._say(str(error), wrong=True)
            return
        self._at_work(True)
        self._say("")
        self.view.follow(self.run)
        threading.Thread(target=self._wait, args=(self.run,), daemon=True).start()

    def _stop(self) -> None:
        if self.run is not None:
            self.buttons["Stop"].disabled = True
            self._say("Stopping: the stages at work are ended, what is finished is kept.")
            threading.Thread(target=self.run.stop, daemon=True).start()

    def _wait(self, run: Run) -> None:
        """Give the buttons back when a run is over; what became of it is in the view."""
        said, wrong = "", False
        try:
            run.wait()
            if not run.ok:
                said = "Stopped: what is finished is kept. Run goes on from there."
        except WorkbenchError as error:
            said, wrong = str(error), True
        except Exception as error:  # of the run's own thread: shown, as nobody else will see it
            said, wrong = f"The run ended with {type(error).__name__}: {error}", True
        self._at_work(False)
        self._say(said, wrong=wrong)

    def _fill(self, values: dict[str, Value]) -> None:
        for name, field in self.fields.items():
            if name in values:
                field.put(values[name])
            else:
                field.reset()

    # -- what is shown -----------------------------------------------------------------------------------------

    def _changed(self, _: Any = None) -> None:
        """A field has changed: say the call that it makes, and that the plan is no longer that of these values."""
        try:
            call, line = self.calls
        except InvalidInput:
            self.view.calls = []
            self._allow(False)
            return
        self.view.calls = [["the same in Python", call], ["the same in a shell", line]]
        self._allow(True)
        if self.run is None or not self.run.running:
            self._say("The values have changed since: Plan says what would run now.")

    def _allow(self, right: bool) -> None:
        going = self.run is not None and self.run.running
        for name in ("Plan", "Run"):
            self.buttons[name].disabled = going or not right

    def _at_work(self, going: bool) -> None:
        self.buttons["Stop"].disabled = not going
        for name in ("Plan", "Run"):
            self.buttons[name].disabled = going

    def _say(self, words: str, wrong: bool = False) -> None:
        kind = "wb-wrong" if wrong else "wb-kind"
        self.said.value = f'<div role="status" class="{kind}">{escape(words)}</div>'


_BUTTONS = {
    "Plan": "Say which stages would run, and why; nothing is run",
    "Run": "Run in the background; results that are there are kept",
    "Stop": "End the stages at work; what is finished is kept",
    "Defaults": "Fill in the defaults",
    "Smallest": "Fill in the values of the quickest honest run",
}


def run_form(pipeline: str | Path | Pipeline, folder: str | Path | None = None) -> RunForm:
    """Return a form for the parameters of a pipeline, with the run below it.

    `pipeline` is a packaged pipeline's name, the path of a ``.toml`` file, or a pipeline; `folder` is where results
    go, by default where `wb.run` puts them.

    Raises `UnknownName` and `InvalidInput` for an unknown pipeline or an unsound file.
    """
    found = find(pipeline)
    called = str(pipeline) if isinstance(pipeline, str | Path) else from_here(found.path)
    return RunForm(found, called, folder)


def begun(pipeline: Pipeline, given: dict[str, Value], folder: str | Path | None, force: bool) -> Run:
    """A run in the background."""
    return run_pipeline(pipeline, given, folder, force=force, progress=False, background=True)


def _button(name: str, tip: str) -> ipywidgets.Button:
    return ipywidgets.Button(description=name, tooltip=tip)
