"""RoBoT: the weighted sum of proxies whose weights Bayesian optimisation finds (He et al., ICLR 2024)."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import optuna
import pandas as pd
from optuna.samplers import BaseSampler, GPSampler

from workbench.analysis.agreement import Values
from workbench.analysis.statistics import statistic
from workbench.errors import InvalidInput
from workbench.measure import Measure
from workbench.samplers.robot import scaled
from workbench.spaces import search_space
from workbench.spaces.space import SearchSpace
from workbench.studies.quiet import quiet

FIRST = "first"


@dataclass(frozen=True)
class RobustWeights:
    """A weighted sum of proxies, and how its weights were found.

    `weights` by proxy, between -1 and 1; `score` by architecture, higher being better; `history` with a row for each
    trial: the weights, the `value` they reached, the `architecture` they put first and its `truth`, and whether that
    one was `new`, a look-up that had not been paid for.
    """

    weights: pd.Series
    score: pd.Series
    history: pd.DataFrame

    @property
    def queried(self) -> list[str]:
        """The architectures whose truth was looked up one by one, in that order."""
        return list(self.history.loc[self.history["new"], "architecture"])


def robot(
    frame: pd.DataFrame,
    truth: Measure | Values | pd.Series,
    n_trials: int = 20,
    *,
    objective: str = FIRST,
    top: float = 0.1,
    seed: int = 0,
    sampler: BaseSampler | None = None,
    space: SearchSpace | None = None,
) -> RobustWeights:
    """Weights for the columns of `frame`, as `wb.score` returns it, that make their sum agree best with the truth.

    Each column is scaled to 0..1 over all rows, a missing value adds nothing, and each weight lies in [-1, 1], so that
    the sign of a proxy need not be known (He et al., ICLR 2024, sections 4.1 and 4.2, and their code). A trial proposes
    weights; its value is

    - with `objective="first"`, the paper's: the truth of the architecture that the sum puts first. With a `Measure` as
      truth only such architectures are measured, each once; with labels, one of the labelled is put first.
    - with the name of a statistic, such as "kendall" or "top" (the paper's Precision@T, T the share `top` of the
      rows): that statistic of the sum over all labelled architectures. `truth` is then labels, architecture string ->
      value, higher being better; of 50 labels it makes more than the first choice does.

    `sampler` is Optuna's Gaussian process by default (the paper: Gaussian process with upper confidence bound). Among
    equal values the last weights win, as in the authors' code. Raises `InvalidInput` for a frame without columns or
    with a row twice, for labels that name fewer than two of its architectures, and for a `Measure` with a statistic.
    """
    if not len(frame.columns) or frame.index.has_duplicates:
        raise InvalidInput("robot weighs the columns of a frame with one row for each architecture.")
    columns = scaled(frame.to_numpy(dtype=float))
    book = _Labels(frame, truth, space)
    judge = _judge(objective, top, book)
    tried: list[dict[str, object]] = []

    def trial_value(trial: optuna.Trial) -> float:
        weights = {name: trial.suggest_float(name, -1.0, 1.0) for name in frame.columns}
        judged = judge(columns @ np.array(list(weights.values())))
        tried.append({**weights, **judged._asdict()})
        if not math.isfinite(judged.value):
            raise optuna.TrialPruned
        return judged.value

    with quiet():
        study = optuna.create_study(direction="maximize", sampler=sampler or GPSampler(seed=seed))
        study.optimize(trial_value, n_trials=n_trials)
    history = pd.DataFrame(tried).rename_axis("trial")
    if not history["value"].notna().any():
        raise InvalidInput(f"None of {n_trials} trials has a finite {objective}: is the truth NaN or all equal?")
    best = history.index[history["value"] == history["value"].max()][-1]
    weights = history.loc[best, list(frame.columns)].astype(float).rename("weight")
    score = pd.Series(columns @ weights.to_numpy(), index=frame.index, name="robot")
    return RobustWeights(weights, score, history)


class _Judged(NamedTuple):
    """What weights are worth, the architecture they put first, and whether its truth had not been looked up before."""

    value: float
    architecture: str
    truth: float
    new: bool


class _Labels:
    """What is known of the truth: labels given at once, or a measure that is asked for one architecture at a time."""

    def __init__(self, frame: pd.DataFrame, truth: Measure | Values | pd.Series, space: SearchSpace | None) -> None:
        self.names = list(frame.index)
        self.measure = truth if isinstance(truth, Measure) else None
        self.values: dict[str, float] = {}
        self._looked_up: set[str] = set()
        if isinstance(truth, Measure):
            name = frame.attrs.get("space")
            self._space = space or (search_space(name) if name else truth.space)
            if self._space is None:
                raise InvalidInput("Neither the frame nor the measure names the search space: give space=.")
            self.rows = np.arange(len(self.names))
            return
        given = dict(truth.items())
        self.values = {name: float(given[name]) for name in self.names if math.isfinite(given.get(name, math.nan))}
        self.rows = np.array([row for row, name in enumerate(self.names) if name in self.values])
        if len(self.rows) < 2:
            raise InvalidInput(
                f"The labels name {len(self.rows)} of the frame's architectures with a finite value; at least 2 are "
                "needed. Are both indexed by the architecture's string?"
            )

    @property
    def all(self) -> np.ndarray:
        """The labels of the rows."""
        return np.array([self.values[self.names[row]] for row in self.rows])

    def look_up(self, row: int) -> tuple[str, float, bool]:
        """The architecture of a row, its truth, and whether that had not been looked up before."""
        name = self.names[row]
        new = name not in self._looked_up
        self._looked_up.add(name)
        if self.measure is not None and name not in self.values:
            assert self._space is not None
            self.values[name] = self.measure.sign * self.measure(self._space.parse(name))
        return name, self.values[name], new


def _judge(objective: str, top: float, book: _Labels) -> Callable[[np.ndarray], _Judged]:
    """Scores of all rows -> what the weights that made them are worth."""
    worth = None if objective == FIRST else statistic(objective, top)
    if worth is not None and book.measure is not None:
        raise InvalidInput(
            f"The objective {objective!r} compares many architectures: give labels, architecture string -> value, "
            f"in place of the measure {book.measure.name!r}, or take objective='first'."
        )

    def judged(scores: np.ndarray) -> _Judged:
        among = scores[book.rows]
        name, truth, new = book.look_up(int(book.rows[np.argmax(among)]))
        return _Judged(truth if worth is None else worth(among, book.all), name, truth, new)

    return judged
