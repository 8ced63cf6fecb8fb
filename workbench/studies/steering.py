"""Steering a search while it runs: orders, pins, forbidden answers and weights, kept in the study for all."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from math import isfinite
from typing import Any

from optuna import Study
from optuna.trial import FrozenTrial, TrialState

from workbench.architecture import Architecture
from workbench.errors import Infeasible, InvalidInput, UnknownName
from workbench.samplers.scalarisation import WEIGHTS, objective_names
from workbench.samplers.without_repeats import WithoutRepeats
from workbench.spaces import search_space
from workbench.spaces.choices import Answer, Question
from workbench.spaces.space import SearchSpace

ORDERS = {"pause": "pause", "resume": "run", "stop": "stop"}  # what a user says, and what the study keeps
BY_HAND = "by hand"  # operator of a trial that was enqueued
_ORDER, _PINS, _FORBIDDEN = "order", "pins", "forbidden"  # user attributes of a steered study

Answers = Answer | Iterable[Answer]


@dataclass(frozen=True)
class Steering:
    """What the searchers of a study are told: `order` is "run", "pause" or "stop".

    `pins` and `forbidden` are by question, `weights` by objective; without weights every objective counts for itself.
    """

    order: str = "run"
    pins: Mapping[str, Answer] = field(default_factory=dict)
    forbidden: Mapping[str, tuple[Answer, ...]] = field(default_factory=dict)
    weights: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def of(cls, study: Study) -> Steering:
        """What is in the study now, whichever process wrote it."""
        return cls.read(study._storage.get_study_user_attrs(study._study_id))  # study.user_attrs copies them all

    @classmethod
    def read(cls, attrs: Mapping[str, Any]) -> Steering:
        """The same from a study's user attributes."""
        forbidden = {name: tuple(answers) for name, answers in attrs.get(_FORBIDDEN, {}).items()}
        return cls(attrs.get(_ORDER, "run"), dict(attrs.get(_PINS, {})), forbidden, dict(attrs.get(WEIGHTS, {})))

    def allowed(self, space: SearchSpace) -> dict[str, tuple[Answer, ...]]:
        """The answers that are left, of the questions that are pinned or have forbidden answers."""
        named = {*self.pins, *self.forbidden}
        asked = [question for question in space.questions() if question.name in named] if named else []
        return {q.name: tuple(answer for answer in q.answers if self.allows(q.name, answer)) for q in asked}

    def allows(self, question: str, answer: Answer) -> bool:
        """Whether a question may be answered so."""
        pinned = question not in self.pins or _same(self.pins[question], answer)
        return pinned and not any(_same(other, answer) for other in self.forbidden.get(question, ()))

    def broken_by(self, arch: Architecture) -> str:
        """In words, what `arch` breaks; "" where it breaks nothing."""
        for question, answer in arch.decisions.items() if self.pins or self.forbidden else ():
            if not self.allows(question, answer):
                rule = f"pinned to {self.pins[question]!r}" if question in self.pins else f"forbidden to be {answer!r}"
                return f"{question!r} is {rule}" + (f", not {answer!r}" if question in self.pins else "")
        return ""


def steer(
    study: Study,
    order: str | None = None,
    *,
    pin: Mapping[str, Answer] | None = None,
    forbid: Mapping[str, Answers] | Answers = (),
    free: str | Iterable[str] = (),
    weights: Mapping[str, float] | None = None,
    space: SearchSpace | None = None,
) -> Steering:
    """Steer a search while it runs; returns what holds from now on, also when nothing was asked to change.

    - `order`: "pause", "resume" or "stop". The trials in hand are finished first.
    - `pin`: question -> the one answer that it is to have.
    - `forbid`: question -> the answer or answers that it is not to have; or only answers, forbidden at every question.
    - `free`: the questions whose pins and forbidden answers are dropped, before the new ones are set.
    - `weights`: how much each of several objectives counts from now on, for samplers of one objective, which then see
      the weighted value (see `scalarised`) of the whole history, and for `wb.choose`. An objective that is not named
      keeps its weight, 1 at first; an empty mapping lets go of all weights.

    No architecture that breaks a pin is asked for after it was set. Everything is kept in the study, so that every
    process that shares its storage obeys, and it still holds when the search is taken up again; only the order is
    then "run" again. `space` is needed only where the searched space is not in the catalogue.

    Raises `UnknownName` for an order, question, answer or objective that is not there, and `InvalidInput` for pins
    that no architecture meets or that contradict what is forbidden, and for weights of a study of one objective or
    that are no numbers of 0 or more; then nothing is changed.
    """
    before = Steering.of(study)
    if order is not None and order not in ORDERS:
        raise UnknownName.of("order to a search", order, ORDERS)
    after = replace(before, order=ORDERS[order] if order else before.order)
    if weights is not None:
        after = replace(after, weights=_weighed(study, before.weights, weights))
    dropped = [free] if isinstance(free, str) else list(free)
    if pin or dropped or forbid not in ((), {}, []):
        space = space_of(study, space)
        after = _changed(after, space, dict(pin or {}), _listed(forbid, space), dropped)
        _check_possible(after, before, space)
        study.set_user_attr(_PINS, dict(after.pins))
        study.set_user_attr(_FORBIDDEN, {name: list(answers) for name, answers in after.forbidden.items()})
    if weights is not None:
        study.set_user_attr(WEIGHTS, dict(after.weights))
    if order is not None:
        study.set_user_attr(_ORDER, after.order)
    return after


def enqueue(study: Study, arch: Architecture | str, *, again: bool = False, space: SearchSpace | None = None) -> int:
    """Have `arch` measured next, before the sampler's own proposals; returns the number of its trial.

    Raises `InvalidInput` for an architecture that the study knows already, or one that computes the same function,
    unless `again`; and for one that breaks what is pinned or forbidden.
    """
    space = space_of(study, space)
    known = space.parse(str(arch)) if isinstance(arch, str) else arch
    if not isinstance(known, Architecture) or known.space.name != space.name:
        raise InvalidInput(f"enqueue takes an architecture of {space.name} or its string; got {arch!r}.")
    broken = Steering.of(study).broken_by(known)
    if broken:
        raise InvalidInput(f"{known} is not enqueued: {broken}. Free the question first: wb.steer(study, free=...).")
    twin = None if again else _twin(study, known, space)
    if twin is not None:
        raise InvalidInput(f"{known} is not enqueued: {_said(twin, known)}. Give again=True to measure it once more.")
    study.enqueue_trial(dict(known.decisions), user_attrs={"architecture": str(known), "operator": BY_HAND})
    newest = study.get_trials(deepcopy=False)[::-1]
    return next(trial.number for trial in newest if trial.user_attrs.get("architecture") == str(known))


def space_of(study: Study, space: SearchSpace | None = None) -> SearchSpace:
    """The space that a study searches: the given one, its sampler's, or the catalogue's; `InvalidInput` if none."""
    if space is not None:
        return space
    if isinstance(study.sampler, WithoutRepeats):
        return study.sampler.space
    name = study.user_attrs.get("space")
    with suppress(UnknownName):
        if name is not None:
            return search_space(name)
    raise InvalidInput(f"The study {study.study_name!r} does not say which space it searches ({name!r}): give space=.")


def key_of(space: SearchSpace, arch: Architecture, duplicates: object) -> str:
    """A string equal for architectures that count as the same in a study that was made with these `duplicates`."""
    return str(arch) if duplicates == "exact" else space.canonical(arch, "functional")


def checked_weights(names: Sequence[str], weights: Mapping[str, float]) -> Mapping[str, float]:
    """`weights`, a number for some of the objectives of these names; `UnknownName` or `InvalidInput` for others."""
    if not isinstance(weights, Mapping):
        raise InvalidInput(f"weights are a number for each objective by its name, {', '.join(names)}; got {weights!r}.")
    for name, weight in weights.items():
        if name not in names:
            raise UnknownName.of("objective of this study", name, names)
        number = isinstance(weight, int | float) and not isinstance(weight, bool)
        if not (number and isfinite(weight) and weight >= 0):
            raise InvalidInput(f"The weight of {name!r} is a number of 0 or more; got {weight!r}.")
    return weights


# -- inside ----------------------------------------------------------------------------------------------------


def _same(a: Answer, b: Answer) -> bool:
    return a == b and type(a) is type(b)  # 1 == True and 1 == 1.0 in Python, but not as answers


def _listed(forbid: Mapping[str, Answers] | Answers, space: SearchSpace) -> dict[str, tuple[Answer, ...]]:
    """Question -> forbidden answers; a bare answer stands for every question that offers it."""
    if isinstance(forbid, Mapping):
        return {name: _several(answers) for name, answers in forbid.items()}
    listed: dict[str, tuple[Answer, ...]] = {}
    for answer in _several(forbid):
        where = [q.name for q in space.questions() if any(_same(answer, other) for other in q.answers)]
        if not where:
            every = {str(other) for q in space.questions() for other in q.answers}
            raise UnknownName.of(f"answer in {space.name}", answer, every)
        for name in where:
            listed[name] = (*listed.get(name, ()), answer)
    return listed


def _several(answers: Answers) -> tuple[Answer, ...]:
    return (answers,) if isinstance(answers, str | int | float | None) else tuple(answers)


def _changed(
    steering: Steering,
    space: SearchSpace,
    pin: dict[str, Answer],
    forbid: dict[str, tuple[Answer, ...]],
    free: list[str],
) -> Steering:
    asked = {question.name: question for question in space.questions()}
    for name in (*pin, *forbid, *free):
        if name not in asked:
            raise UnknownName.of(f"question of {space.name}", name, asked)
    pins = {name: answer for name, answer in steering.pins.items() if name not in free}
    forbidden = {name: answers for name, answers in steering.forbidden.items() if name not in free}
    pins |= {name: _checked(asked[name], answer) for name, answer in pin.items()}
    for name, answers in forbid.items():
        before = forbidden.get(name, ())
        checked = [_checked(asked[name], answer) for answer in answers]
        forbidden[name] = before + tuple(a for a in checked if not any(_same(a, other) for other in before))
    return replace(steering, pins=pins, forbidden=forbidden)


def _weighed(study: Study, before: Mapping[str, float], given: Mapping[str, float]) -> dict[str, float]:
    """The weights of all objectives after some were given; none where an empty mapping was."""
    names = objective_names(study)
    if len(names) < 2:
        raise InvalidInput(f"This study has one objective, {names[0]}: there is nothing to weigh.")
    given = checked_weights(names, given)
    weighed = {name: float(given.get(name, before.get(name, 1.0))) for name in names} if given else {}
    if weighed and not any(weighed.values()):
        raise InvalidInput(f"One of the weights of {', '.join(names)} must be above 0; got {weighed}.")
    return weighed


def _checked(question: Question, answer: Answer) -> Answer:
    for allowed in question.answers:
        if _same(allowed, answer):
            return allowed
    raise UnknownName.of(f"answer to {question.name!r}", answer, map(str, question.answers))


def _check_possible(after: Steering, before: Steering, space: SearchSpace) -> None:
    allowed = after.allowed(space)
    for name, answers in allowed.items():
        if not answers and name in after.pins:
            pinned = after.pins[name]
            raise InvalidInput(f"{name!r} cannot be pinned to {pinned!r}, which is forbidden there. Free it first.")
        if not answers:
            raise InvalidInput(f"Every answer to {name!r} would be forbidden: at least one must stay. Free it first.")
    if allowed and not space.flat:
        try:
            space.restrict(allowed).sample(1)
        except Infeasible as error:
            changed = {name: list(left) for name, left in allowed.items() if before.allowed(space).get(name) != left}
            raise InvalidInput(
                f"No architecture of {space.name} was found that meets {changed}, with what was pinned or forbidden "
                f"before: {error} Free a question first."
            ) from None


def _twin(study: Study, arch: Architecture, space: SearchSpace) -> FrozenTrial | None:
    """The trial that is `arch` already, or computes what it computes."""
    duplicates = study.user_attrs.get("duplicates")
    key = key_of(space, arch, duplicates)
    for trial in study.get_trials(deepcopy=False):
        text = trial.user_attrs.get("architecture")
        unmeasured = trial.state == TrialState.FAIL and "interrupted" in trial.user_attrs
        if isinstance(text, str) and not unmeasured and key_of(space, space.parse(text), duplicates) == key:
            return trial
    return None


def _said(trial: FrozenTrial, arch: Architecture) -> str:
    text = trial.user_attrs["architecture"]
    same = "it" if text == str(arch) else f"{text}, which computes the same,"
    became = f"with {', '.join(f'{value:.6g}' for value in trial.values)}" if trial.values else trial.state.name.lower()
    return f"{same} is trial {trial.number} already ({became})"
