"""The figures: their data, and that one point, no point and missing numbers draw something honest."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest

from workbench.drawing import Fact
from workbench.errors import InvalidInput, UnknownName
from workbench.palette import ALARM
from workbench.pipelines.sanitise import harmless
from workbench.plots.agreement import agreement_data, agreement_figure
from workbench.plots.complementarity import complementarity_data, complementarity_figure
from workbench.plots.dots import dots_data, dots_figure
from workbench.plots.gallery import gallery
from workbench.plots.layers import layers_data, layers_figure
from workbench.plots.search_curves import search_curves, search_curves_data
from workbench.plots.space_map import space_map, space_map_data
from workbench.plots.stability import stability_data, stability_figure
from workbench.spaces import search_space


def words(figure: go.Figure) -> list[str]:
    return [annotation.text for annotation in figure.layout.annotations]


def table(rows: int) -> pd.DataFrame:
    numbers = np.arange(rows, dtype=float)
    return pd.DataFrame(
        {"params": numbers, "accuracy": numbers * 2, "cost": numbers * 3}, index=[f"a{i}" for i in range(rows)]
    )


def test_a_map_places_colours_and_marks_the_rows_of_a_table() -> None:
    data = space_map_data(table(4), "params", "accuracy", "cost", highlight=["a2"])
    assert data.x.tolist() == [0, 1, 2, 3]
    assert data.y.tolist() == [0, 2, 4, 6]
    assert data.colour is not None
    assert data.colour.tolist() == [0, 3, 6, 9]
    assert (data.names, data.missing) == (("a0", "a1", "a2", "a3"), 0)
    assert data.highlighted.tolist() == [False, False, True, False]


def test_a_map_counts_the_rows_it_cannot_place() -> None:
    frame = table(4)
    frame.loc["a1", "accuracy"] = np.nan
    frame.loc["a2", "params"] = np.inf
    frame.loc["a3", "cost"] = np.nan
    data = space_map_data(frame, "params", "accuracy", "cost")
    assert (data.names, data.missing) == (("a0", "a3"), 2)
    figure = space_map(frame, "params", "accuracy", "cost")
    assert "2 architectures, 2 without these numbers" in figure.layout.title.subtitle.text


@pytest.mark.parametrize("rows", [0, 1])
def test_a_map_of_nothing_says_so_and_one_point_is_a_map(rows: int) -> None:
    figure = space_map(table(rows), "params", "accuracy", "cost")
    assert words(figure) == (["No architecture has both numbers."] if rows == 0 else [])
    assert sum(len(trace.x) for trace in figure.data) == rows


def test_a_map_refuses_columns_and_rows_it_does_not_have() -> None:
    with pytest.raises(UnknownName, match="no column of the table named 'acuracy'. Did you mean 'accuracy'"):
        space_map(table(2), "params", "acuracy")
    with pytest.raises(UnknownName, match="no row 'z' to highlight"):
        space_map(table(2), "params", "accuracy", highlight=["z"])


def test_text_in_a_figure_is_never_markup() -> None:
    frame = table(2).rename(columns={"cost": "<b>cost</b>"}, index={"a0": '<a href="javascript:x()">'})
    drawn = space_map(frame, "params", "accuracy", "<b>cost</b>", title="<i>t</i>").to_json()
    assert "<a href" not in drawn.replace("\\u003c", "<")
    assert "<b>cost" not in drawn.replace("\\u003c", "<")
    assert "<i>t" not in drawn.replace("\\u003c", "<")


def agreement_frame(**proxies: float) -> pd.DataFrame:
    statistics = ("spearman", "kendall", "top")
    rows = {}
    for name, value in proxies.items():
        rows[name] = {"baseline": name.endswith("params"), "n": 50, "missing": 0}
        for statistic in statistics:
            rows[name] |= {statistic: value, f"{statistic}_low": value - 0.1, f"{statistic}_high": value + 0.05}
    columns = ["baseline", "n", *(f"{s}{end}" for s in statistics for end in ("", "_low", "_high"))]
    return pd.DataFrame.from_dict(rows, orient="index") if rows else pd.DataFrame(columns=columns)


def test_agreement_orders_proxies_and_keeps_baselines_apart() -> None:
    data = agreement_data(agreement_frame(nwot=0.8, params=0.75, synflow=0.7, live_params=0.82))
    assert data.names == ("synflow", "nwot")
    assert data.values.tolist() == [0.7, 0.8]
    np.testing.assert_allclose(data.lows, [0.6, 0.7])
    np.testing.assert_allclose(data.highs, [0.75, 0.85])
    assert data.baselines == {"params": 0.75, "live_params": 0.82}
    assert data.population == "50 architectures"


def test_the_strongest_baseline_is_the_red_line() -> None:
    figure = agreement_figure(agreement_frame(nwot=0.8, params=0.75, live_params=0.82))
    lines = {shape.x0: shape.line.color for shape in figure.layout.shapes}
    assert lines == {0.75: "#6b7682", 0.82: "#d1495b"}
    assert words(figure) == ["params 0.750", "live params 0.820"]


def test_agreement_draws_the_noise_ceiling_and_says_who_was_counted() -> None:
    frame = agreement_frame(nwot=0.8, params=0.75)
    frame.attrs["population"] = "the cells that compute different functions"
    figure = agreement_figure(frame, ceiling=0.98)
    assert [shape.x0 for shape in figure.layout.shapes] == [0.75, 0.98]
    assert figure.layout.annotations[1].text == "two training runs 0.980"
    assert figure.layout.shapes[0].line.color == ALARM  # the ceiling is no baseline
    assert figure.layout.title.subtitle.text.startswith("the cells that compute different functions;")


def test_agreement_without_a_value_or_without_proxies_is_drawn_honestly() -> None:
    data = agreement_data(agreement_frame(nwot=0.8, dead=float("nan"), params=float("nan")))
    assert data.names == ("dead", "nwot")
    assert np.isnan(data.values[0])
    assert agreement_figure(agreement_frame(nwot=float("nan"), params=float("nan"))).layout.shapes == ()
    assert words(agreement_figure(agreement_frame())) == ["No proxy was scored."]
    assert len(agreement_figure(agreement_frame(nwot=0.5), "kendall").data) == 1


def test_agreement_refuses_other_frames_and_statistics() -> None:
    with pytest.raises(InvalidInput, match="the frame that workbench.agreement returns"):
        agreement_figure(table(2))
    with pytest.raises(UnknownName, match="no statistic named 'spearmann'. Did you mean 'spearman'"):
        agreement_figure(agreement_frame(nwot=0.5), "spearmann")


def comparison(**values: list[list[float]]) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {"strategy": name, "seed": seed, "query": query, "best": best}
            for name, seeds in values.items()
            for seed, curve in enumerate(seeds)
            for query, best in enumerate(curve, start=1)
        ],
        columns=["strategy", "seed", "query", "best"],
    )


def test_curves_are_medians_and_quartiles_over_seeds_with_random_last() -> None:
    frame = comparison(random=[[1, 2]], tpe=[[1, 2], [2, 3], [3, 4], [4, 9], [5, 6]])
    tpe, random = search_curves_data(frame)
    assert (tpe.strategy, tpe.seeds, random.strategy, random.seeds) == ("tpe", 5, "random", 1)
    assert tpe.query.tolist() == [1, 2]
    assert tpe.middle.tolist() == [3, 4]
    assert tpe.low.tolist() == [2, 3]
    assert tpe.high.tolist() == [4, 6]
    assert random.middle.tolist() == random.low.tolist() == random.high.tolist() == [1, 2]


def test_a_seed_without_a_value_leaves_the_others_and_none_leaves_a_gap() -> None:
    nan = float("nan")
    (curve,) = search_curves_data(comparison(tpe=[[nan, nan, 3], [nan, 2, 5]]))
    assert np.isnan(curve.middle[0])
    assert curve.middle[1:].tolist() == [2, 4]
    assert len(search_curves(comparison(tpe=[[nan, 2, 5]])).data) == 2


def test_curves_of_nothing_say_so_and_one_query_is_a_point() -> None:
    assert words(search_curves(comparison())) == ["No search has a value yet."]
    assert words(search_curves(comparison(tpe=[[float("nan")]]))) == ["No search has a value yet."]
    assert search_curves(comparison(tpe=[[1.0]])).data[1].mode == "markers"


def test_random_search_is_the_grey_dotted_line() -> None:
    figure = search_curves(comparison(random=[[1, 2]], tpe=[[1, 2]]), label="valid accuracy (%)")
    lines = {trace.name: (trace.line.color, trace.line.dash) for trace in figure.data if trace.name}
    assert lines["random"] == ("#6b7682", "dot")
    assert lines["tpe"][0] != "#6b7682"
    assert figure.layout.yaxis.title.text == "valid accuracy (%)"


def test_curves_refuse_other_frames_and_columns() -> None:
    with pytest.raises(InvalidInput, match="it lacks"):
        search_curves(table(2))
    with pytest.raises(UnknownName, match="Known: best, query, seed, strategy"):
        search_curves(comparison(tpe=[[1.0]]), "regret")


def test_the_whole_space_stays_small_enough_for_a_report() -> None:
    drawn = space_map(table(15_625), "params", "accuracy", "cost").to_json()
    assert len(drawn) < 600_000
    assert json.loads(drawn)["data"][0]["x"]["dtype"] == "f4"


def test_a_gallery_draws_each_architecture_with_its_title_and_facts() -> None:
    space = search_space("nasbench201")
    archs = space.sample(3, seed=0)
    shown = gallery(archs, ["<one>", "two"], [[Fact("91.61", "accuracy")]])
    assert [p.title for p in shown.pictures] == ["<one>", "two", ""]
    assert [len(p.facts) for p in shown.pictures] == [1, 0, 0]
    html = shown._repr_html_()
    assert html.count("<svg") == 3
    assert "&lt;one&gt;" in html
    assert "<one>" not in html
    assert gallery([]).pictures == ()
    assert harmless(html).count("<svg") == 3, "a report keeps the drawings"


def gains() -> pd.DataFrame:
    names = ["weak", "strong"]
    return pd.DataFrame([[0.3, 0.5], [-0.02, 0.8]], index=names, columns=names)


def test_complementarity_puts_the_strong_first_and_keeps_who_adds_what_to_whom() -> None:
    data = complementarity_data(gains())
    assert data.names == ("strong", "weak")
    assert data.alone.tolist() == [0.8, 0.3]
    assert data.gains[0, 1] == -0.02  # what the weak one adds to the strong one
    assert data.gains[1, 0] == 0.5
    assert np.isnan(np.diag(data.gains)).all()
    (drawn,) = complementarity_figure(gains()).data
    assert (drawn.zmin, drawn.zmax) == (-0.5, 0.5)
    assert drawn.y[0] == "strong  0.80"


def test_complementarity_of_less_than_two_is_said_and_another_table_refused() -> None:
    assert words(complementarity_figure(gains().iloc[:1, :1])) == ["There are no two proxies to combine."]
    with pytest.raises(InvalidInput, match="square table that workbench.complementarity returns"):
        complementarity_figure(gains().iloc[:1])


def test_stability_has_a_mark_for_every_change_where_both_scored() -> None:
    seeds = pd.DataFrame({"mean": {"shaky": 0.2, "steady": 0.9}})
    images = pd.DataFrame({"mean": {"steady": 0.8, "new": 0.5}})
    data = stability_data({"another seed": seeds, "noise": images})
    assert data.names == ("shaky", "new", "steady")
    np.testing.assert_array_equal(data.means["noise"], [np.nan, 0.5, 0.8])
    figure = stability_figure({"another seed": seeds, "noise": images})
    assert [trace.name for trace in figure.data] == ["another seed", "noise"]
    assert figure.data[0].marker.symbol != figure.data[1].marker.symbol
    with pytest.raises(InvalidInput, match="tables that workbench.stability returns"):
        stability_figure({"seeds": gains()})


def test_layers_are_shares_in_the_networks_order() -> None:
    found = {"snip": {"stem": 3.0, "head": 1.0}, "plain": {"head": -1.0, "extra": 1.0}}
    data = layers_data(found)
    assert data.layers == ("stem", "head", "extra")
    assert data.shares["snip"].tolist() == [0.75, 0.25, 0.0]
    assert data.shares["plain"].tolist() == [0.0, -0.5, 0.5]  # of the absolute sum: signed terms may cancel
    figure = layers_figure(found)
    assert [trace.name for trace in figure.data] == ["snip", "plain"]
    assert figure.data[0].customdata[0] == "stem"
    assert words(layers_figure({})) == ["No proxy has a value by layer."]
    with pytest.raises(InvalidInput, match="values of 'nwot' are not by layer: score with reduce=None"):
        layers_figure({"nwot": 3.0})


def test_dots_stand_for_the_numbers_of_a_table_first_row_on_top() -> None:
    frame = pd.DataFrame({"<b>here": [1.0, np.nan], "there": [2.0, 8.0]}, index=["one <i>", "two"])
    data = dots_data(frame)
    assert (data.things, data.series) == (("two", "one <i>"), ("<b>here", "there"))
    np.testing.assert_array_equal(data.values, [[np.nan, 8.0], [1.0, 2.0]])
    figure = dots_figure(frame, "lift", "times", reference=1.0, logarithmic=True)
    assert [trace.name for trace in figure.data] == ["&lt;b&gt;here", "there"]
    assert list(figure.data[1].x) == [8.0, 2.0]
    assert list(figure.layout.yaxis.ticktext) == ["two", "one &lt;i&gt;"]
    assert [(line.x0, line.x1) for line in figure.layout.shapes] == [(8.0, 8.0), (1.0, 2.0), (1.0, 1.0)]
    assert len({trace.marker.symbol for trace in figure.data}) == 2


def test_dots_of_nothing_say_so_and_words_are_refused() -> None:
    assert words(dots_figure(pd.DataFrame(), "t", "x")) == ["There is nothing to compare."]
    with pytest.raises(InvalidInput, match="hold none: name"):
        dots_data(pd.DataFrame({"name": ["a"]}))
