"""What each search of a comparison had found after so many queries: a table of seeds and strategies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, TypeAlias

import numpy as np
import pandas as pd

from workbench.errors import InvalidInput, UnknownName

FEW = 10
"""Seeds below which a comparison says that it has few."""

_NEEDED = {"strategy", "seed", "query", "best"}


class Outcomes(NamedTuple):
    """Numbers after `query` queries, seeds x strategies, NaN where a search is missing.

    `value` is the column they come from, `sign` +1 where higher is better and -1 where lower is.
    """

    table: pd.DataFrame
    query: int
    value: str
    sign: int
    label: str


def outcomes(frame: pd.DataFrame, at: int | None = None, value: str | None = None) -> Outcomes:
    """Read a frame of `workbench.compare` after `at` queries, by default at the end.

    `value` is a column of it, by default regret where it is known, else best. A search that ended before, because the
    space was exhausted, counts with its last query. Raises `InvalidInput` for another frame and for queries that were
    not made, `UnknownName` for a column that is not there.
    """
    check(frame)
    value = value or ("regret" if "regret" in frame.columns else "best")
    if value not in frame.columns:
        raise UnknownName.of("column of the comparison", value, map(str, frame.columns))
    query = checked_query(frame, at)
    last = frame[frame["query"] <= query].sort_values("query").groupby(["strategy", "seed"], sort=False).tail(1)
    table = last.pivot(index="seed", columns="strategy", values=value).astype(float)
    table = table.sort_index()[list(dict.fromkeys(frame["strategy"]))]
    table.columns.name = None
    label = frame.attrs.get("label", {}).get(value, value)
    return Outcomes(table, query, value, direction(frame, value), label)


Scores: TypeAlias = pd.DataFrame | Mapping[str, pd.DataFrame]


def system_scores(
    scores: Scores, at: int | None = None, value: str | None = None, better: str = "higher"
) -> pd.DataFrame:
    """Systems x units, float64, higher being better, NaN where one is missing.

    `scores` is a frame of `workbench.compare` (systems are strategies, units are seeds, after `at` queries), task ->
    such a frame (units are tasks, the mean over seeds), or a table that is one already, in which `better` is better.
    Raises `InvalidInput` for anything else.
    """
    if better not in ("higher", "lower"):
        raise InvalidInput(f"better must be 'higher' or 'lower'; got {better!r}.")
    if isinstance(scores, Mapping):
        columns = {}
        for task, frame in scores.items():
            found = outcomes(frame, at, value)
            columns[task] = found.sign * found.table.mean()
        table = pd.DataFrame(columns)
    elif "strategy" in scores.columns:
        found = outcomes(scores, at, value)
        table = found.sign * found.table.T
    else:
        try:
            table = scores.astype(float) * (-1 if better == "lower" else 1)
        except (TypeError, ValueError) as error:
            raise InvalidInput(f"Scores are numbers, NaN where one is missing: {error}.") from None
    return table.where(np.isfinite(table))


def check(frame: pd.DataFrame) -> None:
    """Raise `InvalidInput` for a frame that `workbench.compare` did not make."""
    if missing := _NEEDED - set(frame.columns):
        raise InvalidInput(f"This is asked of the frame that workbench.compare returns; it lacks {sorted(missing)}.")
    if not len(frame):
        raise InvalidInput("The comparison has no rows.")


def checked_query(frame: pd.DataFrame, at: int | None) -> int:
    """The number of queries asked for, the last where none is; raises `InvalidInput` where none was made there."""
    most = int(frame["query"].max())
    if at is None:
        return most
    if isinstance(at, bool) or at != int(at) or not 1 <= at <= most:
        raise InvalidInput(f"The comparison goes from query 1 to {most}; asked for at={at!r}.")
    return int(at)


def direction(frame: pd.DataFrame, value: str) -> int:
    """+1 where a higher `value` is better, as the frame's `attrs` say or as its regret shows (a file has no attrs)."""
    if value == "regret":
        return -1
    known = frame.attrs.get("better", {}).get(value)
    if known is None and "regret" in frame.columns and value == "best":
        rows = frame[["best", "regret"]].dropna()
        known = "lower" if (rows["best"] - rows["regret"]).round(9).nunique() == 1 else "higher"
    if known not in ("higher", "lower"):
        raise InvalidInput(
            f"Whether a higher {value} is better is not known: set frame.attrs['better'] = "
            f"{{{value!r}: 'higher'}} or 'lower'."
        )
    return -1 if known == "lower" else 1


def caution(seeds: int) -> str:
    """What is to be said of a comparison over so few seeds; "" where they are enough."""
    return f"only {seeds} seed{'s' if seeds != 1 else ''}: no ground for a ranking" if seeds < FEW else ""


def known(column: pd.Series) -> np.ndarray:
    """The numbers of a column that are finite, float64."""
    values: np.ndarray = column.to_numpy(dtype=float)
    return np.asarray(values[np.isfinite(values)])
