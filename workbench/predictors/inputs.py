"""What predictors are given, tables of columns or stacks of layers: checked, and made alike in scale."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench.errors import InvalidInput, UnknownName
from workbench.predictors.normal_scores import NormalScores, Numbers

FEWEST_LABELS = 5
Takes = Literal["columns", "layers", "encoding"]


class Columns:
    """A table (rows, columns) as normal scores of each column, whatever its scale or sign.

    What is missing, NaN, stands one unit beyond a column's worse end, the one that goes with the lower labels: rank
    aggregates put it last too, and it mostly means a network whose signal dies. A DataFrame's columns are known by
    name. Raises `InvalidInput` for anything but finite numbers and NaN.
    """

    takes: ClassVar[Takes] = "columns"

    def __init__(self, X: Any, y: Any) -> None:
        x = _numbers(X, 2, "a table of shape (rows, columns)")
        self.names = _names(X)
        self.labels = labels_of(y, len(x))
        self._maps = [NormalScores(column) for column in x.T]
        ranked = NormalScores(self.labels)(self.labels)
        missing = [_worse_end(scale, column, ranked) for scale, column in zip(self._maps, x.T, strict=True)]
        self._missing = np.array(missing)

    def __call__(self, X: Any) -> Numbers:
        """The scores of a table with the same columns, in any order where they have names."""
        x = _numbers(_in_order(X, self.names), 2, "a table of shape (rows, columns)")
        if x.shape[1] != len(self._maps):
            raise InvalidInput(f"The predictor was fitted on {len(self._maps)} columns; got {x.shape[1]}.")
        scores = np.column_stack([scale(column) for scale, column in zip(self._maps, x.T, strict=True)])
        return np.where(np.isnan(scores), self._missing, scores)


class Encoded:
    """An encoding (rows, columns) of `SearchSpace.encode`, taken as it is: what distance and length mean is in it.

    Raises `InvalidInput` for anything but finite numbers.
    """

    takes: ClassVar[Takes] = "encoding"

    def __init__(self, X: Any, y: Any) -> None:
        x = _whole(X)
        self.names = _names(X)
        self.labels = labels_of(y, len(x))
        self.width = x.shape[1]

    def __call__(self, X: Any) -> Numbers:
        """The numbers of rows of the same encoding."""
        x = _whole(_in_order(X, self.names))
        if x.shape[1] != self.width:
            raise InvalidInput(f"The predictor was fitted on {self.width} columns; got {x.shape[1]}.")
        return x


class Layers:
    """Statistics of layers (rows, layers, statistics) as normal scores of each statistic over all layers of all rows.

    NaN, where a network has no such layer or the layer no number, stays NaN. Raises `InvalidInput` for anything but
    finite numbers and NaN.
    """

    takes: ClassVar[Takes] = "layers"

    def __init__(self, X: Any, y: Any) -> None:
        x = _numbers(X, 3, "statistics of layers, of shape (rows, layers, statistics),")
        self.labels = labels_of(y, len(x))
        self.shape = x.shape[1:]
        self._maps = [NormalScores(x[:, :, k].ravel()) for k in range(x.shape[2])]

    def __call__(self, X: Any) -> Numbers:
        """The scores of the statistics of as many layers."""
        x = _numbers(X, 3, "statistics of layers, of shape (rows, layers, statistics),")
        if x.shape[1:] != self.shape:
            raise InvalidInput(
                f"The predictor was fitted on {self.shape[0]} layers with {self.shape[1]} statistics each; got "
                f"{x.shape[1]} with {x.shape[2]}. Take the statistics of all architectures in one call."
            )
        return np.stack([scale(x[:, :, k]) for k, scale in enumerate(self._maps)], axis=2)


def labels_of(y: Any, rows: int) -> Numbers:
    """Labels as (rows,) of floats; raises `InvalidInput` for too few, for NaN, and where all are equal."""
    labels = np.asarray(y, dtype=float)
    if labels.shape != (rows,):
        raise InvalidInput(f"There is one label for each of the {rows} rows, of shape ({rows},); got {labels.shape}.")
    unknown = int((~np.isfinite(labels)).sum())
    if unknown:
        raise InvalidInput(
            f"{unknown} of {rows} labels are NaN or infinite: leave out the rows of architectures without a label."
        )
    if rows < FEWEST_LABELS:
        raise InvalidInput(f"A predictor learns from at least {FEWEST_LABELS} labels; got {rows}.")
    if len(np.unique(labels)) < 2:
        raise InvalidInput(f"All {rows} labels are {labels[0]:g}: there is no order to learn from them.")
    return labels


def _worse_end(scale: NormalScores, column: Numbers, labels: Numbers) -> float:
    known = np.isfinite(column)
    if not known.any():
        return 0.0  # a column of which nothing is known says nothing
    low, high = scale.range
    rising = float(scale(column[known]) @ (labels[known] - labels[known].mean())) >= 0
    return low - 1 if rising else high + 1


def side_by_side(x: Numbers, blocks: int) -> list[Numbers]:
    """The encodings that stand side by side in the rows of `x`, as many columns each."""
    if blocks < 1 or x.shape[1] % blocks:
        raise InvalidInput(f"{x.shape[1]} columns are not {blocks} encodings that stand side by side, equally wide.")
    return np.split(x, blocks, axis=1)


def _whole(X: Any) -> Numbers:
    x = _numbers(X, 2, "an encoding of shape (rows, columns)")
    if np.isnan(x).any():
        raise InvalidInput("This predictor takes an encoding, in which nothing is missing; there is a NaN.")
    return x


def _in_order(X: Any, names: list[str] | None) -> Any:
    """A table with the columns `names`, which it must have, in their order; what has no names as it is."""
    given = _names(X)
    if given is None or names is None:
        return X
    for name in given:
        if name not in names:
            raise UnknownName.of("column that the predictor was fitted on", name, names)
    lacking = [name for name in names if name not in given]
    if lacking:
        raise InvalidInput(
            f"The predictor was fitted on the columns {', '.join(names)}; the table lacks "
            f"{', '.join(lacking)}. Score these too."
        )
    return X.set_axis(given, axis=1)[names]


def _names(X: Any) -> list[str] | None:
    return [str(name) for name in X.columns] if isinstance(X, pd.DataFrame) else None


def _numbers(x: Any, dimensions: int, what: str) -> Numbers:
    try:
        found: NDArray[np.float64] = np.asarray(x, dtype=float)
    except (TypeError, ValueError):
        raise InvalidInput(f"A predictor takes {what} of numbers; something in it is none.") from None
    if found.ndim != dimensions or 0 in found.shape:
        raise InvalidInput(f"A predictor takes {what} with something in it; got the shape {found.shape}.")
    if np.isinf(found).any():
        raise InvalidInput("A predictor takes finite numbers, and NaN for what is missing; there is an infinite one.")
    return found
