"""Effects: gains paired by seed, their verdicts, their file, their table and their picture."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import workbench as wb
from workbench.analysis.effects import read_effects
from workbench.errors import InvalidInput, MissingData
from workbench.plots.effects import EffectRow
from workbench.plots.effects import effects_figure as drawn


def found(ours: list[float], baseline: list[float], **settings: object) -> wb.Effect:
    return wb.effect("System", "is better", "accuracy", ours, baseline, "another", **settings)


def test_the_gain_is_the_mean_difference_of_the_pairs() -> None:
    effect = found([0.9, 0.8, 0.7], [0.5, 0.6, 0.3])
    assert effect.gain.value == pytest.approx(np.mean([0.4, 0.2, 0.4]))
    assert effect.gain.low == pytest.approx(0.2)
    assert effect.gain.high == pytest.approx(0.4)
    assert effect.wins == 3
    assert effect.verdict == "holds"


def test_what_is_paired_is_compared_within_its_seed() -> None:
    # Seeds differ more than sides do: unpaired, these intervals would overlap.
    baseline = [0.1, 0.5, 0.9]
    assert found([b + 0.01 for b in baseline], baseline).verdict == "holds"
    assert found([b - 0.01 for b in baseline], baseline).verdict == "reversed"
    mixed = found([0.2, 0.4, 0.95], baseline)
    assert mixed.verdict == "absent"
    assert mixed.wins == 2


def test_where_lower_is_better_the_gain_is_turned_round() -> None:
    effect = found([1.0, 2.0], [2.0, 4.0], better="lower")
    assert effect.gain.value == pytest.approx(1.5)
    assert (effect.wins, effect.verdict) == (2, "holds")
    assert found([2.0, 4.0], [1.0, 2.0], better="lower").verdict == "reversed"


@pytest.mark.parametrize("better", ["higher", "lower"])
def test_a_claim_of_not_worse_allows_a_margin(better: str) -> None:
    sign = 1 if better == "higher" else -1
    ours, baseline = [1.0, 1.0], [1.0 + sign * 0.015, 1.0 + sign * 0.01]
    assert found(ours, baseline, better=better).verdict == "reversed"
    allowed = found(ours, baseline, better=better, margin=0.02)
    assert allowed.verdict == "holds"
    assert allowed.wins == 2
    assert allowed.gain.value == pytest.approx(0.02 - 0.0125)


def test_equal_sides_have_no_effect() -> None:
    effect = found([0.5, 0.5], [0.5, 0.5])
    assert (effect.gain.value, effect.wins, effect.verdict) == (0.0, 0, "absent")


@pytest.mark.parametrize(
    ("ours", "baseline"), [([0.1], [0.1, 0.2]), ([], []), ([float("nan")], [0.1]), ([0.1], [float("inf")])]
)
def test_sides_that_are_not_paired_or_not_finite_are_refused(ours: list[float], baseline: list[float]) -> None:
    with pytest.raises(InvalidInput, match="as many finite numbers on both sides, one a seed; got"):
        found(ours, baseline)


def test_effects_are_read_back_as_they_were_written(tmp_path: Path) -> None:
    first = [found([0.9, 0.8], [0.5, 0.9]), found([1.0], [2.0], better="lower", margin=0.1)]
    second = [found([0.1, 0.2, 0.3], [0.3, 0.2, 0.1])]
    file = wb.save_effects(first, tmp_path / "a" / "deep")
    wb.save_effects(second, tmp_path / "b")
    assert file == tmp_path / "a" / "deep" / "effects.json"
    assert wb.read_effects(tmp_path) == [*first, *second]
    assert json.loads(file.read_text())[0]["ours"] == [0.9, 0.8]
    with pytest.raises(MissingData, match=r"no effects\.json in .*: run the notebooks that write it"):
        read_effects(tmp_path / "none")


def test_the_table_has_what_each_side_measured() -> None:
    table = wb.effects_table([found([0.9, 0.8], [0.5, 0.9])])
    row = table.iloc[0]
    assert (row["ours"], row["baseline"]) == (pytest.approx(0.85), pytest.approx(0.7))
    assert row["gain"] == pytest.approx(0.15)
    assert row["low"] == pytest.approx(-0.1)
    assert row["high"] == pytest.approx(0.4)
    assert (row["wins"], row["verdict"], row["against"]) == ("1 of 2", "absent", "another")


def test_the_picture_has_a_mark_for_each_effect_in_standard_deviations() -> None:
    effects = [found([0.9, 0.7], [0.5, 0.3]), found([0.3, 0.1], [0.5, 0.3]), found([0.5, 0.3], [0.3, 0.5])]
    figure = wb.effects_figure(effects)
    marks = {trace.name: list(trace.x) for trace in figure.data}
    # The standard deviation of both sides is 0.1.
    assert marks["holds"] == pytest.approx([4.0])
    assert marks["reversed"] == pytest.approx([-2.0])
    assert marks["absent"] == pytest.approx([0.0], abs=1e-12)
    (absent,) = [trace for trace in figure.data if trace.name == "absent"]
    assert absent.error_x.array[0] == pytest.approx(2.0)
    assert absent.error_x.arrayminus[0] == pytest.approx(2.0)
    heights = sorted(y for trace in figure.data for y in trace.y)
    assert heights == [0, 1, 2]


def test_a_constant_quantity_is_drawn_in_its_own_unit() -> None:
    figure = wb.effects_figure([found([0.5, 0.5], [0.2, 0.2])])
    assert figure.data[0].x[0] == pytest.approx(0.3)


def test_equal_effects_have_a_line_each() -> None:
    row = EffectRow("System", "accuracy", 1.0, 0.5, 1.5, "holds")
    figure = drawn([row, row])
    assert sorted(y for trace in figure.data for y in trace.y) == [0, 1]


def test_nothing_to_show_says_so() -> None:
    figure = wb.effects_figure([])
    assert any("no effect to show" in (note.text or "") for note in figure.layout.annotations)
