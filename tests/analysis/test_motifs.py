"""Motifs: NAS-BOWL's gradients against differences, and what forcing a motif into random cells does to accuracy."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import workbench as wb
from workbench.analysis.motifs import parts_of
from workbench.architecture import Architecture
from workbench.errors import InvalidInput
from workbench.predictors.wl_gp import WLGP
from workbench.spaces.encodings.motifs import motif_counts
from workbench.spaces.encodings.wl import wl_features

SPACE = wb.search_space("nasbench201")


def accuracies(dataset: str = "cifar100") -> wb.Measure:
    return wb.benchmark("nasbench201", dataset=dataset).measure("valid_accuracy")


def has(arch: Architecture, motif: str) -> bool:
    names = wl_features(SPACE.live(SPACE.graph(arch)), 2)
    return any(name.replace("input()", "input") == motif for name in names)


def test_counts_by_depth_are_those_of_the_features() -> None:
    archs = SPACE.sample(6, seed=0)
    names, counts = motif_counts(archs, 2)
    for row, arch in enumerate(archs):
        for depth in range(3):
            features = wl_features(SPACE.live(SPACE.graph(arch)), depth)
            assert Counter(dict(zip(names, counts[depth, row].astype(int), strict=True))) == features


def test_slopes_are_the_differences_of_predictions() -> None:
    rng = np.random.default_rng(0)
    x = rng.integers(4, size=(40, 7)).astype(float) + 1
    model = WLGP(blocks=1).fit(x, x @ rng.normal(size=7))
    slopes = model.slopes(x[:3])
    for column in range(7):
        step = np.eye(7)[column] * 1e-5
        up, down = (model._predicted(x[:3] + sign * step)[0] for sign in (1, -1))
        assert slopes[:, column] == pytest.approx((up - down) / 2e-5, abs=1e-5)


def test_a_motif_brings_its_parts_along() -> None:
    assert sorted(parts_of("conv(input, pool)")) == ["conv", "conv(input, pool)", "pool"]
    assert sorted(parts_of("conv(pool(skip))")) == sorted(
        ["conv(pool(skip))", "conv(pool)", "conv", "pool(skip)", "pool", "skip"]
    )
    assert parts_of("output()") == ["output()"]
    assert Counter(parts_of("output(conv, conv)")) == {"output(conv, conv)": 1, "conv": 2}


def test_the_table_says_which_architectures_have_a_motif() -> None:
    archs = SPACE.sample(60, seed=1)
    measure = accuracies()
    table = wb.motifs(archs, measure, depth=1)
    assert list(table.columns) == [
        "motif", "words", "importance", "alone", "spread", "occurrences", "architectures"
    ]  # fmt: skip
    assert table["importance"].is_monotonic_decreasing
    assert (table["occurrences"] >= 5).all()
    for row in table.iloc[[0, 5, -1]].itertuples():
        assert list(row.architectures) == [str(arch) for arch in archs if has(arch, row.motif)]
        assert len(row.architectures) == row.occurrences
    best = table.iloc[0]
    assert "conv 3×3" in best["words"]
    values = {str(arch): measure(arch) for arch in archs}
    pd.testing.assert_frame_equal(wb.motifs(list(values), values, depth=1, space=SPACE), table)
    pd.testing.assert_frame_equal(wb.motifs(archs, list(values.values()), depth=1), table)
    assert wb.motifs(archs, measure, depth=0)["motif"].str.contains("(", regex=False).sum() == 0


def test_values_that_do_not_fit_are_refused() -> None:
    archs = SPACE.sample(8, seed=0)
    with pytest.raises(InvalidInput, match=r"one value for each of the 8 architectures; got \(2,\)"):
        wb.motifs(archs, [1.0, 2.0])
    with pytest.raises(InvalidInput, match="Motifs are those of some architectures; got none"):
        wb.motifs([], accuracies())
    with pytest.raises(InvalidInput, match="All 8 labels are 1"):
        wb.motifs(archs, [1.0] * 8)


def test_forcing_a_motif_into_cells_moves_their_accuracy_as_predicted(shared_data: Callable[[str], Path]) -> None:
    """Five best and five worst motifs of 200 cells (Ru et al., 2021, section 3.2), forced into or banned from others.

    Random cells that carry something are changed to the nearest ones with, and to the nearest without the motif.
    """
    with np.load(shared_data("nb201_core.npz")) as core:
        every, accuracy = [SPACE.parse(str(text)) for text in core["arch_str"]], core["cifar100_test_acc"]
    names, counts = motif_counts(every, 1)
    column = {name.replace("input()", "input"): k for k, name in enumerate(names)}
    alive = counts[1][:, column["output()"]] == 0
    rng = np.random.default_rng(0)
    shown = rng.choice(len(every), 200, replace=False)
    found = wb.motifs([every[row] for row in shown], accuracies(), depth=1)
    answers = SPACE.encode(every)[alive]
    cells = answers[rng.choice(len(answers), 100, replace=False)]
    changes = 6 - cells @ answers.T
    accuracy = accuracy[alive]

    def moved(having: np.ndarray) -> float:
        distances = np.where(having, changes, 7)
        nearest = distances == distances.min(axis=1, keepdims=True)
        return float(((nearest @ accuracy) / nearest.sum(axis=1)).mean())

    found = found[found["motif"] != "output()"]  # a cell that carries nothing: none of those looked at
    for sign, some in ((1, found.head(5)), (-1, found.tail(5))):
        for motif in some["motif"]:
            having = counts[1][alive, column[motif]] > 0
            assert sign * (moved(having) - moved(~having)) > 0, motif
