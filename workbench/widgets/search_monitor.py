"""The kernel half of the search monitor: follows studies while they are searched, and steers them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import traitlets
from optuna import Study

from workbench.errors import InvalidInput, UnknownName, WorkbenchError, refuse_unknown
from workbench.palette import VIRIDIS
from workbench.rooms import room
from workbench.samplers.scalarisation import objective_names, weights_of
from workbench.studies.live import LiveStudy
from workbench.studies.steering import Steering, enqueue, steer
from workbench.widgets.cell_editor import BESIDE, with_still
from workbench.widgets.linking import Selection, later
from workbench.widgets.monitor.feed import Phase
from workbench.widgets.monitor.following import Following, checked, objectives_of
from workbench.widgets.monitor.references import random_search
from workbench.widgets.monitor.still import Picture, monitor_svg

if TYPE_CHECKING:
    from workbench.benchmarks import Benchmark
    from workbench.spaces.space import SearchSpace

_KEYWORDS = ("studies", "benchmark", "reference", "space", "height", "title")


class SearchMonitor(Following):
    """A search while it runs, and afterwards: its best so far, its candidates, where they come from; and its wheel.

    `studies` is one study or several of the same search, such as seeds: those of `wb.search(..., background=True)`,
    those that another process searches (loaded from the storage that both share), or any Optuna study whose trials
    carry `user_attrs["architecture"]`. One objective is shown as the best so far, with median and quartiles over
    several studies; several objectives as points with their Pareto front. `benchmark` adds what random search would
    reach in expectation, and the best there is; `reference` is other curves to compare with, name -> best value after
    1, 2, ... trials. `space` is needed only where it is not in the catalogue.

    The buttons pause, resume and stop the search; answers are pinned and forbidden in the list or at the best cell,
    and what is open in a linked editor can be enqueued. Where objectives are weighed, each has a slider and a number,
    which set its weight in every study that has weights. All of it goes through `wb.steer` and `wb.enqueue`, so that
    searches in other processes obey too, and what was steered elsewhere is shown. `opened` follows clicks. Trials are
    followed four times a second, for a few hundredths of the time that the search itself takes; `close()` ends that.

    Raises `InvalidInput` for anything but studies of the same objectives and `UnknownName` for an unknown keyword.
    """

    _esm = traitlets.Unicode().tag(sync=True)
    height = traitlets.Int(300).tag(sync=True)
    ramp = traitlets.List(list(VIRIDIS)).tag(sync=True)
    references: Any = traitlets.List().tag(sync=True)
    marked: Any = traitlets.List().tag(sync=True)  # architectures that are selected elsewhere

    _weighed: Mapping[str, str] = {"asked": "", "refused": ""}  # the last weight that was asked for, and why not

    def __init__(
        self,
        studies: Study | Sequence[Study],
        benchmark: Benchmark | None = None,
        *,
        reference: Mapping[str, Sequence[float]] | None = None,
        space: SearchSpace | None = None,
        height: int = 300,
        title: str | None = None,
        **unknown: Any,
    ) -> None:
        refuse_unknown(unknown, _KEYWORDS, "SearchMonitor")
        listed = checked(studies, "SearchMonitor")
        objectives = objectives_of(listed[0], benchmark)
        super().__init__(
            listed,
            benchmark,
            space,
            title,
            _esm=(room("widgets") / "dist" / "search_monitor.js").read_text(encoding="utf-8"),
            layout=BESIDE,
            height=height,
            objectives=objectives,
            references=random_search(objectives, benchmark) + _given(reference, objectives),
        )

    def _status(self, phases: list[Phase]) -> dict[str, Any]:
        steering = Steering.of(self._feeds[0].study)
        return super()._status(phases) | {
            "pins": [[name, self._number(name, answer)] for name, answer in steering.pins.items()],
            "forbidden": [
                [name, self._number(name, answer)] for name, answers in steering.forbidden.items() for answer in answers
            ],
            "weights": self._weights(),
            "weighed": self._weighed,
        }

    def _weights(self) -> list[float]:
        """The weights of the first study that has some, in the order of the objectives; none where no study has."""
        several = [feed.study for feed in self._feeds if len(feed.directions) > 1]
        return next((list(weights) for study in several if (weights := weights_of(study))), [])

    # -- what the browser asks ---------------------------------------------------------------------------------

    def _answers(self) -> dict[str, Callable[[Mapping[str, Any]], None]]:
        mine = {"order": self._order, "steer": self._steer, "enqueue": self._enqueue, "select": self._select}
        return super()._answers() | mine | {"weigh": self._weigh}

    def _order(self, content: Mapping[str, Any]) -> None:
        self._message = ""
        order = str(content.get("order"))
        for feed in self._feeds:
            if order in feed.phase().orders:
                steer(feed.study, order)
                if order == "resume" and isinstance(feed.study, LiveStudy):
                    feed.study.begin()

    def _steer(self, content: Mapping[str, Any]) -> None:
        """Pin a question to an answer, forbid it there, or let go of either: `how` is "pin", "forbid" or "free"."""
        self._message = ""
        question, answer = self._answer(content)
        for feed in self._feeds:
            now = Steering.of(feed.study)
            kept = [a for a in now.forbidden.get(question, ()) if a != answer]
            pins = {question: now.pins[question]} if question in now.pins and now.pins[question] != answer else {}
            if content.get("how") == "pin":
                pins = {question: answer}
            elif content.get("how") == "forbid":
                kept.append(answer)
            steer(feed.study, free=[question], pin=pins, forbid={question: kept}, space=self._space)

    def _weigh(self, content: Mapping[str, Any]) -> None:
        """Give the objective of some number another weight; what is refused is said at the sliders."""
        self._message = ""
        self._weighed = {"asked": str(content.get("asked")), "refused": ""}
        try:
            self._set_weight(content.get("objective"), content.get("weight"))
        except WorkbenchError as error:
            self._weighed = {**self._weighed, "refused": str(error)}

    def _set_weight(self, objective: Any, weight: Any) -> None:
        weights: list[Any] = list(self._weights())
        if not weights:
            raise InvalidInput("This search weighs nothing any more: wb.steer(study, weights=...) gives it weights.")
        if isinstance(objective, bool) or not isinstance(objective, int) or not 0 <= objective < len(weights):
            raise InvalidInput(f"Objectives are numbered from 0 to {len(weights) - 1}; got {objective!r}.")
        weights[objective] = weight
        for study in self.studies:
            if weights_of(study) is not None:  # all of them, so that what is shown holds for each
                steer(study, weights=dict(zip(objective_names(study), weights, strict=True)), space=self._space)

    def _enqueue(self, content: Mapping[str, Any]) -> None:
        numbers = [enqueue(feed.study, str(content.get("name")), space=self._space) for feed in self._feeds]
        self._message = f"Enqueued as trial {', '.join(map(str, numbers))}."

    def _select(self, content: Mapping[str, Any]) -> None:
        names = [str(name) for name in content.get("names") or []]
        self._tell(Selection("", np.arange(len(names)), lambda: names, later(self._stamp)))

    def _hear(self, selection: Selection) -> None:
        known = {name for feed in self._feeds for name in feed.names}
        self.marked = [name for name in selection.names() if name in known]

    def _answer(self, content: Mapping[str, Any]) -> tuple[str, Any]:
        name, number = str(content.get("question")), content.get("answer")
        asked = {} if self._space is None else {q.name: q.answers for q in self._space.questions()}
        if name not in asked:
            raise UnknownName.of("question", name, asked)
        if not isinstance(number, int) or not 0 <= number < len(asked[name]):
            raise InvalidInput(f"Answers to {name!r} are numbered from 0 to {len(asked[name]) - 1}; got {number!r}.")
        return name, asked[name][number]

    def _number(self, question: str, answer: Any) -> int:
        """The number of an answer to a question."""
        asked = {} if self._space is None else {q.name: q.answers for q in self._space.questions()}
        return next((i for i, a in enumerate(asked.get(question, ())) if a == answer), -1)

    # -- pages without a kernel --------------------------------------------------------------------------------

    def _words(self) -> str:
        labels = [objective["label"] for objective in self.objectives]
        given = zip(labels, self.status["weights"], strict=False)
        weighed = ", ".join(f"{label} {weight:.4g}" for label, weight in given)
        return super()._words() + (f" Weights: {weighed}." if weighed else "")

    def still(self) -> str:
        """The curve or the front, the best cell and how the search stands, as one SVG element."""
        upwards, name = max(self._best.values(), default=(0.0, ""))
        value = upwards * self._feeds[0].directions[0]
        picture = Picture(
            title=self.title,
            words=self._words(),
            rows=self.trials,
            objectives=self.objectives,
            references=self.references,
            n_studies=len(self._feeds),
            best=self._feeds[0].architecture(name) if name and len(self.objectives) == 1 else None,
            best_words=f"best so far: {value:.6g}",
        )
        return monitor_svg(picture)

    def _repr_mimebundle_(self, **options: Any) -> tuple[dict[str, Any], dict[str, Any]] | None:
        said = f"{self.title}: {self._words()}"
        return with_still(super()._repr_mimebundle_(**options), self.still(), said)


def _given(reference: Mapping[str, Sequence[float]] | None, objectives: list[dict[str, Any]]) -> list[dict[str, Any]]:
    if reference and len(objectives) > 1:
        raise InvalidInput("reference= is curves of one objective; these studies have several.")
    curves = []
    for name, values in (reference or {}).items():
        middle = np.asarray(values, float)
        if middle.ndim != 1 or not len(middle) or not np.isfinite(middle).all():
            raise InvalidInput(f"reference {name!r} must be the best value after 1, 2, ... trials; got {values!r}.")
        at = list(range(1, len(middle) + 1))
        curves.append({"name": str(name), "at": at, "middle": middle.tolist(), "low": [], "high": []})
    return curves
