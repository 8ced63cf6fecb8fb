"""A study, a benchmark or a table as one table with objectives, what is wanted of each, and the front of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench.errors import InvalidInput, UnknownName
from workbench.measure import Better
from workbench.samplers.scalarisation import losses
from workbench.studies.fronts import knee, non_dominated
from workbench.widgets.axes import column, numeric_columns

if TYPE_CHECKING:
    from workbench.spaces.space import SearchSpace

LEAST, MOST = 2, 4  # objectives
Wanted = str | Sequence[str] | Mapping[str, str] | None


class Front(NamedTuple):
    """A table of architectures and its front under some objectives.

    `rows` (m,) are the table's row numbers on the front, best in the first objective first; `values` (m, k) are their
    objectives, `loss` (m, k) the same from 0, the front's best, to 1, its worst; `knee` is a number of the m, or None.
    """

    frame: pd.DataFrame
    objectives: list[str]
    signs: list[int]
    rows: NDArray[np.intp]
    values: NDArray[np.float64]
    loss: NDArray[np.float64]
    knee: int | None
    missing: int


def front_of(given: Any, objectives: Sequence[str] | None, better: Wanted) -> tuple[Front, str | SearchSpace | None]:
    """The front, and the space of its architectures or its name where the given thing knows it.

    Raises `InvalidInput` for anything but a study, a benchmark or a table, for a number of objectives other than two
    to four, where it is not known what is wanted of one, and where no architecture has all numbers; `UnknownName` for
    a column that is not there.
    """
    frame, names, ways, space = _read(given)
    chosen = _chosen(frame, names, objectives)
    signs = _signs(chosen, ways, better)
    whole = np.stack([_numbers(frame, name) for name in chosen], axis=1)
    kept = np.flatnonzero(non_dominated(whole * signs))
    if not len(kept):
        raise InvalidInput(f"No architecture has a number for each of {', '.join(chosen)}: there is no front.")
    rows = kept[np.argsort(-signs[0] * whole[kept, 0], kind="stable")]
    loss = losses(whole[rows], signs)
    missing = int(np.isnan(whole).any(axis=1).sum())
    return Front(frame, chosen, signs, rows, whole[rows], loss, knee(loss), missing), space


def _read(given: Any) -> tuple[pd.DataFrame, list[str] | None, dict[str, str], str | SearchSpace | None]:
    from workbench.benchmarks import Benchmark

    if isinstance(given, Benchmark):
        ways = {known.name: str(known.better) for known in given.columns()}
        return given.table(), list(ways), ways, given.space
    if isinstance(given, pd.DataFrame):
        return given, None, {}, given.attrs.get("space")
    if hasattr(given, "get_trials"):
        from workbench.studies.results import feasible

        frame = feasible(given)
        ways = dict(frame.attrs["better"])
        # The same architecture measured again is the same point: the first trial stands for it.
        return frame[~frame.index.duplicated()], list(ways), ways, frame.attrs["space"]
    raise InvalidInput(
        f"FrontPicker takes an optuna study, a Benchmark or a DataFrame indexed by architecture string; got {given!r}."
    )


def _chosen(frame: pd.DataFrame, names: list[str] | None, objectives: Sequence[str] | None) -> list[str]:
    if isinstance(objectives, str):
        objectives = [objectives]
    chosen = list(objectives) if objectives is not None else names if names is not None else numeric_columns(frame)
    for name in chosen:
        column(frame, name)
    if not LEAST <= len(chosen) <= MOST or len(set(chosen)) < len(chosen):
        raise InvalidInput(
            f"A front has two to four different objectives; got {len(chosen)}: {', '.join(chosen)}. Name them: "
            "objectives=[...]."
        )
    return chosen


def _signs(chosen: list[str], ways: dict[str, str], better: Wanted) -> list[int]:
    if isinstance(better, Mapping):
        unknown = next((name for name in better if name not in chosen), None)
        if unknown is not None:
            raise UnknownName.of("objective", unknown, chosen)
        ways = ways | dict(better)
    elif better is not None:
        given = [better] * len(chosen) if isinstance(better, str) else list(better)
        if len(given) != len(chosen):
            raise InvalidInput(f"better= takes one direction for each of {', '.join(chosen)}; got {better!r}.")
        ways = dict(zip(chosen, given, strict=True))
    allowed = get_args(Better)
    for name in chosen:
        if ways.get(name) not in allowed:
            shown = ", ".join(f"{known!r}: 'higher'" for known in chosen)
            raise InvalidInput(
                f"Whether more or less of {name!r} is wanted is not known: say better={{{shown}}}, with 'lower' where "
                f"less is better; got {ways.get(name)!r}."
            )
    return [1 if ways[name] == allowed[0] else -1 for name in chosen]


def _numbers(frame: pd.DataFrame, name: str) -> NDArray[np.float64]:
    """A column as float64, what is not finite as NaN."""
    at = [str(known) for known in frame.columns].index(name)
    values = frame.iloc[:, at].to_numpy(dtype="float64", na_value=np.nan)
    return np.where(np.isfinite(values), values, np.nan)
