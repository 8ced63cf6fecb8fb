"""The columns of a proxy board: scores, free baselines and truths of the same architectures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench.analysis.agreement import BASELINES, directions, truth_values, with_baselines
from workbench.errors import InvalidInput, UnknownName
from workbench.measure import Measure
from workbench.spaces import search_space
from workbench.widgets.axes import numeric_columns

if TYPE_CHECKING:
    from workbench.spaces.space import SearchSpace

Floats = NDArray[np.float64]
Truth = Any  # a Measure, a Series, numbers by architecture string, or several of these by name


@dataclass(frozen=True)
class Column:
    """One list of numbers about the architectures: `values` of shape (n,), NaN where there is none.

    `sign` is +1 where higher is better and -1 where lower is; `kind` is "proxy", "baseline" or "truth"; `seconds` is
    the mean time for one architecture, `needs` and `cost` are what the catalogue says; empty where it is not known.
    """

    name: str
    kind: str
    values: Floats
    sign: int = 1
    seconds: float | None = None
    needs: str = ""
    cost: str = ""

    @property
    def oriented(self) -> Floats:
        """The numbers, higher being better."""
        return self.sign * self.values

    def turned(self) -> Column:
        """The same numbers, taken the other way round."""
        return replace(self, sign=-self.sign)


@dataclass(frozen=True)
class Columns:
    """All columns by name, the scores first, over the rows of `frame`, which holds them too; of one `space`."""

    frame: pd.DataFrame
    scores: dict[str, Column]
    truths: dict[str, Column]
    space: SearchSpace | None

    def __getitem__(self, name: str) -> Column:
        return self.scores[name] if name in self.scores else self.truths[name]

    @property
    def names(self) -> list[str]:
        """Scores first, then truths."""
        return [*self.scores, *self.truths]


def columns_of(
    frame: pd.DataFrame, truth: Truth, space: SearchSpace | None, costs: Mapping[str, float] | pd.Series | None
) -> Columns:
    """The columns of `frame`, as `wb.score` returns it, with the free baselines and the truths.

    Raises `InvalidInput` for a frame that cannot be compared with a truth: rows that stand twice, a column that is
    not numeric or is named like a truth, a truth without numbers for these architectures; `UnknownName` for a cost
    of a column that is not there.
    """
    _check(frame)
    truths = _by_name(truth)
    name = frame.attrs.get("space")
    first = next(iter(truths.values()))
    space = space or (search_space(name) if name else first.space if isinstance(first, Measure) else None)
    scored = with_baselines(frame, space)
    for taken in truths:
        if taken in scored.columns:
            raise InvalidInput(f"{taken!r} names a truth and a column of the frame: give truth={{name: ...}} another.")
    known, turned = _cards(frame), directions(scored, {})
    seconds = _seconds(scored, costs)
    scores = {
        name: Column(
            name,
            "baseline" if name in BASELINES else "proxy",
            _finite(scored[name].to_numpy(dtype=float, na_value=np.nan)),
            turned[name],
            seconds.get(name),
            *known.get(name, ("", "")),
        )
        for name in map(str, scored.columns)
    }
    goals = {name: _goal(name, given, scored.index, space) for name, given in truths.items()}
    whole = scored.assign(**{name: goal.values for name, goal in goals.items()})
    whole.attrs = dict(frame.attrs)
    return Columns(whole, scores, goals, space)


def _check(frame: pd.DataFrame) -> None:
    if not isinstance(frame, pd.DataFrame):
        raise InvalidInput(f"ProxyBoard takes the DataFrame that wb.score returns; got {frame!r}.")
    if frame.index.has_duplicates:
        raise InvalidInput("An architecture stands in more than one row of the frame; give each one once.")
    if len(frame) < 3:
        raise InvalidInput(f"ProxyBoard compares at least 3 architectures; this frame has {len(frame)}.")
    odd = [str(name) for name in frame.columns if str(name) not in numeric_columns(frame)]
    if odd:
        raise InvalidInput(
            f"Column {odd[0]!r} holds {frame.dtypes.iloc[list(map(str, frame.columns)).index(odd[0])]} and cannot be "
            f"ranked. Numeric: {', '.join(numeric_columns(frame)) or 'none'}; leave the others out."
        )


def _by_name(truth: Truth) -> dict[str, Any]:
    if isinstance(truth, Measure):
        return {truth.name: truth}
    if isinstance(truth, pd.Series):
        return {"truth" if truth.name is None else str(truth.name): truth}
    if isinstance(truth, Mapping) and truth:
        several = [isinstance(value, Measure | pd.Series | Mapping) for value in truth.values()]
        if all(several):
            return {str(name): value for name, value in truth.items()}
        if not any(several):
            return {"truth": truth}
    raise InvalidInput(
        "truth is a Measure, numbers by architecture string (a Series or a dictionary), or a dictionary of such truths "
        f"by name; got {truth!r}."
    )


def _goal(name: str, given: Any, index: pd.Index, space: SearchSpace | None) -> Column:
    sign = given.sign if isinstance(given, Measure) else 1
    try:
        values = truth_values(index, given, space)
    except InvalidInput as error:
        raise InvalidInput(f"{name!r}: {error}") from None
    if np.isfinite(values).sum() < 3:
        raise InvalidInput(f"{name!r} has a number for {np.isfinite(values).sum()} of the architectures; 3 are needed.")
    return Column(name, "truth", _finite(sign * values), sign)


def _seconds(scored: pd.DataFrame, costs: Mapping[str, float] | pd.Series | None) -> dict[str, float]:
    """Seconds per architecture by column: those given, else those that scoring took."""
    if costs is None:
        noted = scored.attrs.get("seconds") or {}
        return {str(name): float(value) for name, value in noted.items() if np.isfinite(value) and value > 0}
    given = {str(name): value for name, value in costs.items()}
    for name, value in given.items():
        if name not in scored.columns:
            raise UnknownName.of("column", name, map(str, scored.columns))
        if not (np.isfinite(value) and value > 0):
            raise InvalidInput(f"costs[{name!r}] is seconds per architecture, more than 0; got {value!r}.")
    return {name: float(value) for name, value in given.items()}


def _cards(frame: pd.DataFrame) -> dict[str, tuple[str, str]]:
    """What each proxy needs and its class of cost: only `wb.score` names columns after proxies."""
    if "better" not in frame.attrs:
        return {}
    from workbench.proxies import catalogue

    return {proxy.name: (proxy.needs, proxy.cost) for proxy in catalogue}


def _finite(values: Floats) -> Floats:
    return np.where(np.isfinite(values), values, np.nan)
