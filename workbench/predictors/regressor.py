"""A predictor: a scikit-learn regressor that learns accuracies from what is cheap to know of an architecture."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from typing import Any, ClassVar, Literal, Self, overload

from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils.validation import check_is_fitted

from workbench.catalogue import Catalogue
from workbench.predictors.inputs import Columns, Encoded, Layers
from workbench.predictors.normal_scores import NormalScores, Numbers


class Predictor(RegressorMixin, BaseEstimator, ABC):  # type: ignore[misc]  # scikit-learn ships no annotations
    """Base of predictors: labels are learned as the normal scores of their ranks, and predictions are labels again.

    That makes a predictor blind to how unevenly accuracies lie, and leaves room beyond the best label. A subclass says
    what its rows are made of (`encoder`) and which `paper` it is of, and writes `_learn` and `_predicted`. Its settings
    are the arguments of its `__init__`, kept under their names, as scikit-learn has it.
    """

    encoder: ClassVar[type[Columns] | type[Layers] | type[Encoded]] = Columns
    paper: ClassVar[str]
    unsure: ClassVar[str]  # where `return_std` comes from

    def fit(self, X: Any, y: Any) -> Self:
        """Learn from the rows of `X` and their labels `y` (rows,), higher being better; at least five.

        `X` is a table (rows, columns), or for predictors of layers (rows, layers, statistics), with NaN where a number
        is missing; for predictors of an encoding it is what `SearchSpace.encode` gives. Raises `InvalidInput` for
        labels that are NaN, too few or all equal, and for infinite numbers.
        """
        self.encoder_ = self.encoder(X, y)
        self.label_scores_ = NormalScores(self.encoder_.labels)
        self._learn(self.encoder_(X), self.label_scores_(self.encoder_.labels))
        return self

    @overload
    def predict(self, X: Any, return_std: Literal[False] = False) -> Numbers: ...

    @overload
    def predict(self, X: Any, return_std: Literal[True]) -> tuple[Numbers, Numbers]: ...

    def predict(self, X: Any, return_std: bool = False) -> Numbers | tuple[Numbers, Numbers]:
        """Labels of the rows of `X`, (rows,); with `return_std` also how unsure each is, in units of the labels.

        Raises `UnknownName` or `InvalidInput` where `X` is not made of what was learned from.
        """
        check_is_fitted(self, "encoder_")
        mean, std = self._predicted(self.encoder_(X))
        labels = self.label_scores_.inverse(mean)
        if not return_std:
            return labels
        return labels, (self.label_scores_.inverse(mean + std) - self.label_scores_.inverse(mean - std)) / 2

    @abstractmethod
    def _learn(self, x: Numbers, scores: Numbers) -> None:
        """Learn the normal scores of encoded rows."""

    @abstractmethod
    def _predicted(self, x: Numbers) -> tuple[Numbers, Numbers]:
        """Normal scores of encoded rows, and their standard deviations."""

    @classmethod
    def settings(cls) -> dict[str, Any]:
        """The settings there are, with their defaults."""
        return {name: field.default for name, field in inspect.signature(cls).parameters.items()}

    @classmethod
    def card(cls) -> dict[str, Any]:
        """The predictor's row in a table of predictors."""
        summary = inspect.cleandoc(cls.__doc__ or "").partition("\n\n")[0].replace("\n", " ")
        return {
            "takes": cls.encoder.takes,
            "summary": summary,
            "unsure": cls.unsure,
            "settings": cls.settings(),
            "paper": cls.paper,
        }


catalogue: Catalogue[type[Predictor]] = Catalogue("predictor")
