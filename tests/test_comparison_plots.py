"""The pictures of comparisons: what they are drawn from, and what is on them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest

import workbench as wb
from workbench.errors import InvalidInput
from workbench.plots.bands import bands_data, bands_figure
from workbench.plots.critical_difference import critical_difference_data, critical_difference_figure
from workbench.plots.live_curves import LiveCurves
from workbench.plots.pair_tests import pair_tests_data, pair_tests_figure
from workbench.plots.reliability import reliability_data, reliability_figure
from workbench.plots.strategy_ranking import ranking_data, ranking_figure


def comparison(seeds: int = 12) -> pd.DataFrame:
    """Three strategies, the last of them best, over two queries."""
    rng = np.random.default_rng(0)
    rows = [
        {"strategy": name, "seed": seed, "query": query, "best": best, "incumbent": f"|{name}~{seed}|"}
        for name, level in (("random", 90.0), ("<b>odd", 90.5), ("good", 95.0))
        for seed in range(seeds)
        for query, best in enumerate(np.sort(level + rng.normal(size=2)), start=1)
    ]
    frame = pd.DataFrame(rows)
    frame["value"] = frame["best"]
    frame["regret"] = 100 - frame["best"]
    return frame


def words(figure: go.Figure) -> str:
    return str(figure.to_dict())


def test_a_ranking_puts_the_best_first_with_its_interval_and_its_seeds() -> None:
    frame = comparison()
    table = wb.summary(frame, at=[1, 2])
    data = ranking_data(table, 2, frame)
    assert data.strategies == ("good", "<b>odd", "random")
    assert data.middle.tolist() == table.loc[2]["median"][list(data.strategies)].tolist()
    assert data.low.tolist() == table.loc[2]["median_low"][list(data.strategies)].tolist()
    assert data.n_seeds == (12, 12, 12)
    good = frame[(frame["strategy"] == "good") & (frame["query"] == 2)]
    assert data.seeds[0].values.tolist() == good["regret"].tolist()
    assert data.seeds[0].architectures == tuple(good["incumbent"])
    table.loc[2, "median"] = 1.0
    assert ranking_data(table, 2).strategies == ("good", "<b>odd", "random")
    by_value = ranking_data(wb.summary(frame, value="best"), statistic="mean")
    assert by_value.strategies == data.strategies
    assert (by_value.query, by_value.seeds) == (2, ())


def test_the_dots_of_a_ranking_carry_their_architectures_and_random_is_grey() -> None:
    frame = comparison()
    figure = ranking_figure(wb.summary(frame), frame=frame)
    *dots, middles = figure.data
    assert [len(trace.customdata) for trace in dots] == [12, 12, 12]
    assert dots[0].customdata[3] == "|good~3|"
    assert len(set(middles.marker.color)) == 2
    assert middles.marker.color[2] != middles.marker.color[0] == middles.marker.color[1]
    assert "<b>odd" not in words(figure)
    assert "too few" not in words(figure)
    few = comparison(4)
    assert "only 4 seeds, too few for a ranking" in words(ranking_figure(wb.summary(few)))


def test_a_ranking_refuses_other_tables_and_queries() -> None:
    table = wb.summary(comparison())
    with pytest.raises(InvalidInput, match=r"made at 2 queries; asked for at=7"):
        ranking_data(table, 7)
    with pytest.raises(InvalidInput, match=r"table of workbench.summary"):
        ranking_data(table.reset_index())
    with pytest.raises(InvalidInput, match=r"'median' or 'mean'"):
        ranking_data(table, statistic="mode")


def test_a_matrix_holds_every_pair_both_ways_round_winners_first() -> None:
    table = wb.rank_tests(comparison())
    data = pair_tests_data(table)
    assert data.strategies == ("good", "<b>odd", "random")
    for (a, b), row in table.iterrows():
        i, j = data.strategies.index(a), data.strategies.index(b)
        assert data.surpasses[i, j] == pytest.approx(row["surpasses"])
        assert data.surpasses[j, i] == pytest.approx(1 - row["surpasses"])
        assert data.p[i, j] == data.p[j, i] == row["p_holm"]
    assert np.isnan(np.diag(data.surpasses)).all()
    text = pair_tests_figure(table).data[0].text
    assert text[0][2] == "100%**"
    assert text[0][0] == ""
    with pytest.raises(InvalidInput, match=r"workbench.rank_tests"):
        pair_tests_data(table.reset_index())


def test_a_diagram_joins_what_the_tasks_cannot_tell_apart() -> None:
    ranks = pd.DataFrame(np.array([[4, 3, 2, 1]] * 6).T, index=list("abcd"), dtype=float)
    data = critical_difference_data(wb.critical_difference(ranks))
    assert data.strategies == tuple("abcd")
    assert data.ranks.tolist() == [1.0, 2.0, 3.0, 4.0]
    assert data.groups == ((0, 1), (1, 2), (2, 3))
    figure = critical_difference_figure(wb.critical_difference(ranks))
    bars = [trace for trace in figure.data if trace.line.width == 5]
    assert [list(bar.x) for bar in bars] == [[1.0, 2.0], [2.0, 3.0], [3.0, 4.0]]
    assert "6 tasks, Friedman p = " in words(figure)
    apart = wb.critical_difference(pd.concat([ranks] * 5, axis=1, ignore_index=True))
    assert critical_difference_data(apart).groups == ()
    with pytest.raises(InvalidInput, match=r"workbench.critical_difference"):
        critical_difference_data(ranks)


def test_a_diagram_of_many_has_all_its_groups() -> None:
    rng = np.random.default_rng(0)
    many = pd.DataFrame(rng.normal(size=(60, 6)) + 0.2 * np.arange(60)[:, None], index=[f"s{i}" for i in range(60)])
    table = wb.critical_difference(many)
    data = critical_difference_data(table)
    width = data.width
    for first, last in data.groups:
        assert data.ranks[last] - data.ranks[first] <= width
        assert last == len(data.ranks) - 1 or data.ranks[last + 1] - data.ranks[first] > width


def test_reliability_is_two_lines_with_their_bands() -> None:
    table = wb.reliability(comparison(), draws=20, n_boot=5)
    winner, kendall = reliability_data(table)
    assert winner.sizes.tolist() == table.index.tolist()
    assert winner.values.tolist() == table["same_winner"].tolist()
    assert kendall.high.tolist() == table["kendall_high"].tolist()
    figure = reliability_figure(table)
    assert [trace.name for trace in figure.data if trace.name] == ["same winner", "Kendall's tau of the ranking"]
    assert "winner: good" in words(figure)
    with pytest.raises(InvalidInput, match=r"workbench.reliability"):
        reliability_data(table.drop(columns="kendall"))


class Shown:
    """What a notebook would have shown: every picture, and how often one took the place of another."""

    def __init__(self) -> None:
        self.pictures: list[dict[str, dict[str, object]]] = []
        self.made = 0

    def display(self, bundle: dict[str, dict[str, object]], **_: object) -> Shown:
        self.made += 1
        self.pictures.append(bundle)
        return self

    def update(self, bundle: dict[str, dict[str, object]], **_: object) -> None:
        self.pictures.append(bundle)


def test_live_curves_replace_one_picture_and_do_not_draw_all_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    notebook, asked = Shown(), []
    monkeypatch.setattr("IPython.display.display", notebook.display)
    monkeypatch.setattr("plotly.io.renderers.default", "plotly_mimetype")
    curves = LiveCurves("accuracy", regret=True, shown=True)

    def frame() -> pd.DataFrame:
        asked.append(1)
        return comparison()

    for done in range(1, 31):
        curves.show(frame, done, 30)
    curves.show(frame, 30, 30)
    assert notebook.made == 1
    assert len(asked) == 2  # the first and the last
    kind = "application/vnd.plotly.v1+json"
    # What is between two pictures makes JupyterLab draw the second one.
    assert [kind in picture for picture in notebook.pictures] == [True, False, True]
    titles = [picture[kind]["layout"]["title"]["text"] for picture in notebook.pictures[::2]]  # type: ignore[index]
    assert titles == ["<b>Search strategies: 1 of 30 searches</b>", "<b>Search strategies</b>"]
    LiveCurves("accuracy", regret=True, shown=False).show(frame, 1, 1)
    assert len(asked) == 2


def test_bands_are_lines_with_the_intervals_of_a_summary() -> None:
    table = wb.summary(comparison(), at=[1, 2], value="best")
    bands = bands_data(table, "mean")
    assert [band.name for band in bands] == ["random", "<b>odd", "good"]
    assert bands[2].x.tolist() == [1.0, 2.0]
    assert bands[2].middle.tolist() == table.xs("good", level="strategy")["mean"].tolist()
    assert bands[2].low.tolist() == table.xs("good", level="strategy")["mean_low"].tolist()
    figure = bands_figure(table, "mean", "T", "queries", "best", references={"<i>all": 99.0}, logarithmic=True)
    assert [trace.name for trace in figure.data if trace.name] == ["random", "&lt;b&gt;odd", "good"]
    assert figure.data[1].line.color != figure.data[3].line.color
    assert figure.layout.xaxis.type == "log"
    assert figure.layout.xaxis.ticktext == ("1", "2")
    assert [shape.y0 for shape in figure.layout.shapes] == [99.0]
    assert "<i>all" not in words(figure)
    assert "<b>odd" not in words(figure)


def test_bands_leave_out_what_has_no_number_and_refuse_other_tables() -> None:
    table = wb.summary(comparison(), at=[1, 2], value="best")
    table.loc[(1, "good"), "mean"] = np.nan
    assert bands_data(table, "mean")[2].x.tolist() == [2.0]
    assert "no number to draw" in words(bands_figure(table.assign(mean=np.nan), "mean", "T", "x", "y"))
    with pytest.raises(InvalidInput, match=r"the columns mode, mode_low, mode_high; this one lacks mode, mode_low"):
        bands_data(table, "mode")
    with pytest.raises(InvalidInput, match=r"indexed by \(number, thing\).*this one is indexed by 1 level"):
        bands_data(table.reset_index(drop=True), "mean")
