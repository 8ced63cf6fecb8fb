"""Hypervolume: how much of the objectives' space a set of points beats, down to a reference point."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from optuna import Study

from workbench.errors import InvalidInput, UnknownName
from workbench.studies.fronts import non_dominated
from workbench.studies.results import feasible

Floats = NDArray[np.float64]


def hypervolume(
    found: Study | Sequence[Sequence[float]] | Floats,
    reference: Mapping[str, float] | Sequence[float],
    better: Sequence[str] | None = None,
    at: Sequence[int] | None = None,
) -> float | list[float]:
    """The volume that the feasible trials of a study, or points of shape (n, k), dominate down to `reference`.

    Zitzler & Thiele (1999). The reference point is always given, because no two volumes with other ones can be
    compared: measure -> value for a study, k values for points. A point counts only where it is better than the
    reference in every objective. `better` says of each column of points whether "higher" or "lower" (the default) is
    wanted; a study knows. With `at`, numbers of trials, it is a list: the volume after so many trials each.

    The unit is the product of the objectives' units. Exact for any k, by slices (While et al., 2006); quick for 2 and
    3 objectives. Raises `InvalidInput` for a reference of another length or a value in it that is not finite, and
    `UnknownName` for a measure the study has not.
    """
    if isinstance(found, Study):
        frame = feasible(found)
        ways = frame.attrs["better"]
        names = list(ways)
        corner = _corner(reference, names)
        points = frame[names].to_numpy(dtype=float)
        numbers = frame["trial"].to_numpy()
        better = list(ways.values())
    else:
        points = np.asarray(found, dtype=float)
        if points.ndim != 2:
            raise InvalidInput(f"Points are a table of shape (n, k); got {points.shape}.")
        corner = _corner(reference, [str(i) for i in range(points.shape[1])])
        numbers = np.arange(len(points))
        better = list(better) if better is not None else ["lower"] * points.shape[1]
    signs = np.array([_sign(way) for way in better])
    if len(signs) != points.shape[1]:
        raise InvalidInput(f"There are {points.shape[1]} objectives, and `better` has {len(signs)}.")
    gains = (points - corner) * signs
    counted = (gains > 0).all(axis=1)  # NaN is not
    if at is None:
        return _volume(gains[counted])
    return [_volume(gains[counted & (numbers < n)]) for n in at]


def _corner(reference: Mapping[str, float] | Sequence[float], names: Sequence[str]) -> Floats:
    if isinstance(reference, Mapping):
        for name in reference:
            if name not in names:
                raise UnknownName.of("measure of this study", name, names)
        values = [reference.get(name) for name in names]
    else:
        values = list(reference)
    if len(values) != len(names) or not all(isinstance(v, int | float) and np.isfinite(v) for v in values):
        raise InvalidInput(
            f"The reference point needs a finite number for each of {', '.join(names)}; got {reference!r}."
        )
    return np.array(values, dtype=float)


def _sign(way: str) -> int:
    if way not in ("higher", "lower"):
        raise UnknownName.of("direction", way, ["higher", "lower"])
    return 1 if way == "higher" else -1


def _volume(gains: Floats) -> float:
    """The volume of the union of boxes from 0 to each row of `gains`, (n, k)."""
    if not len(gains):
        return 0.0
    front = gains[non_dominated(gains)]
    front = np.unique(front, axis=0)[::-1]  # by the first objective, the largest first
    if front.shape[1] == 1:
        return float(front[0, 0])
    if front.shape[1] == 2:
        highest = np.maximum.accumulate(front[:, 1])
        widths = front[:, 0] - np.append(front[1:, 0], 0.0)
        return float(widths @ highest)
    depths = front[:, 0] - np.append(front[1:, 0], 0.0)
    return float(sum(depth * _volume(front[: i + 1, 1:]) for i, depth in enumerate(depths) if depth > 0))
