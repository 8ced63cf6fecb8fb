"""What a monitor reads from a study: the trials that have finished since it last looked, and how the search stands."""

from __future__ import annotations

import datetime
import math
import time
from contextlib import suppress
from typing import Any, NamedTuple

from optuna import Study
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from workbench.analysis.lineage import parents_of
from workbench.architecture import Architecture
from workbench.errors import WorkbenchError
from workbench.samplers.without_repeats import WithoutRepeats
from workbench.spaces.space import SearchSpace
from workbench.studies.driver import INTERRUPTED
from workbench.studies.live import LiveStudy
from workbench.studies.processes import here, is_alive
from workbench.studies.search import SEARCH
from workbench.studies.steering import Steering, key_of

_ACTIVE = ("running", "paused", "stopping", "watched")
_OVER = ("ended", "stopped", "failed", "gone")

_WORDS = {
    "running": "searching",
    "paused": "paused",
    "stopping": "stopping after the trials in hand",
    "gone": "The process that searched is gone: ask wb.search for this study again to go on.",
    "watched": "Not searched by wb.search: it can be watched, not steered.",
}


class Phase(NamedTuple):
    """How a search stands: a keyword, words for a person, and the orders that would change something."""

    name: str
    words: str
    orders: tuple[str, ...]
    goal: int | None = None

    @property
    def active(self) -> bool:
        """Whether trials may come at any moment; also where nobody can know, as the search is not ours."""
        return self.name in _ACTIVE

    @property
    def over(self) -> bool:
        """Whether no trial will come, unless somebody asks for more anew."""
        return self.name in _OVER and "resume" not in self.orders


class Feed:
    """The trials of one study, each read once when it has finished.

    A row is `[study, trial, state, values, began, seconds, architecture, answers, parent, operator, repeats, reason,
    other parent]`:
    `study` is the number that the monitor gave it; `state` is "c" (complete), "i" (complete, but over a bound), "f"
    (failed), "p" (pruned) or "x" (asked and never measured); `began` is seconds since 1970; `answers` is numbers of
    answers in the order of the questions, -1 where one is not asked; `repeats` says whether the study had the same
    function before, None where that is not known; a parent is the number of an earlier trial.
    """

    def __init__(self, study: Study, number: int, space: SearchSpace | None) -> None:
        self.study = study
        self.number = number
        self.space = space
        self.directions = [1 if d == StudyDirection.MAXIMIZE else -1 for d in study.directions]
        self.current: list[FrozenTrial] = []
        self.behind = False  # whether finished trials are left to be read
        self.names: dict[str, int] = {}  # architecture -> its first trial
        self._next = 0
        self._open: list[int] = []
        self._keys: set[str] = set()
        self._duplicates = study.user_attrs.get("duplicates")
        self._questions = {} if space is None else _numbered(space)

    def rows(self, seconds: float) -> list[list[Any]]:
        """The rows of trials that have finished since the last call, as many as can be read in some CPU seconds."""
        trials = self.study.get_trials(deepcopy=False)
        until = time.thread_time() + seconds
        waiting = [*self._open, *range(self._next, len(trials))]
        found: list[list[Any]] = []
        left: list[int] = []
        self.current, self.behind = [], False
        for number in waiting:
            trial = trials[number]
            if trial.state.is_finished() and (time.thread_time() < until or not found):
                found.append(self._row(trial))
            else:
                left.append(number)
                self.behind |= trial.state.is_finished()
            if trial.state == TrialState.RUNNING:
                self.current.append(trial)
        self._next, self._open = len(trials), left
        return found

    def architecture(self, text: str) -> Architecture | None:
        """The architecture of that string, where this study's space is known and has it."""
        with suppress(WorkbenchError):
            return None if self.space is None else self.space.parse(text)
        return None

    def phase(self) -> Phase:
        """How the search stands now."""
        study = self.study
        attrs = study._storage.get_study_user_attrs(study._study_id)
        order = Steering.read(attrs).order
        about = attrs.get(SEARCH)
        if isinstance(study, LiveStudy):
            at_work = study.running
        elif about is None:
            return Phase("watched", _WORDS["watched"], ())
        elif "ended" in about:
            at_work = False
        else:
            own = about.get("process") == here()["process"] and "thread" not in about  # a cell that is running
            at_work = own or is_alive(about)
        if at_work:
            name = {"run": "running", "pause": "paused", "stop": "stopping"}[order]
            orders = {"run": ("pause", "stop"), "pause": ("resume", "stop"), "stop": ()}[order]
            return Phase(name, _WORDS[name], orders, (about or {}).get("goal"))
        return self._over(about or {}, order)

    def _over(self, about: dict[str, Any], order: str) -> Phase:
        live = isinstance(self.study, LiveStudy)
        ended = about.get("ended")
        error = self.study.error if isinstance(self.study, LiveStudy) else None
        if error is not None:
            return Phase("failed", f"{type(error).__name__}: {error}", ("resume",), about.get("goal"))
        if ended is None:
            return Phase("gone", _WORDS["gone"], ("resume",) if live else (), about.get("goal"))
        name = "failed" if about.get("failed") else "stopped" if order == "stop" else "ended"
        return Phase(name, str(ended), ("resume",) if live and name != "ended" else (), about.get("goal"))

    def _row(self, trial: FrozenTrial) -> list[Any]:
        attrs = trial.user_attrs
        text = attrs.get("architecture")
        name = text if isinstance(text, str) else None
        answers, repeats = None, None
        if name is not None:
            self.names.setdefault(name, trial.number)
            arch = self.architecture(name)
            if arch is not None:
                answers = [numbers.get(arch.decisions.get(q, _UNASKED), -1) for q, numbers in self._questions.items()]
            if INTERRUPTED not in attrs:
                repeats = self._repeats(trial.number, name, arch)
        reason, parents = attrs.get("reason"), dict(parents_of(trial))
        return [
            self.number,
            trial.number,
            _state(trial),
            [float(value) for value in trial.values]
            if trial.values and all(map(math.isfinite, trial.values))
            else None,
            _moment(trial.datetime_start),
            0.0 if trial.duration is None else round(trial.duration.total_seconds(), 6),
            name,
            answers,
            parents.get(1),
            str(attrs.get("operator", "")),
            repeats,
            "" if reason is None else str(reason)[:300],
            parents.get(2),
        ]

    def _repeats(self, number: int, name: str, arch: Architecture | None) -> bool:
        sampler = self.study.sampler
        known = sampler.key_of(number) if isinstance(sampler, WithoutRepeats) else None
        if known is None:
            known = name if arch is None or self.space is None else key_of(self.space, arch, self._duplicates)
        repeats = known in self._keys
        self._keys.add(known)
        return repeats


_UNASKED = object()


def _numbered(space: SearchSpace) -> dict[str, dict[Any, int]]:
    return {q.name: {answer: i for i, answer in enumerate(q.answers)} for q in space.questions()}


def _state(trial: FrozenTrial) -> str:
    if INTERRUPTED in trial.user_attrs:
        return "x"
    if trial.state == TrialState.COMPLETE:
        return "i" if any(violation > 0 for violation in trial.constraints.values()) else "c"
    return "p" if trial.state == TrialState.PRUNED else "f"


def _moment(when: datetime.datetime | None) -> float:
    return 0.0 if when is None else round(when.timestamp(), 3)
