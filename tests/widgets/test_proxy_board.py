"""The kernel half of the proxy board: numbers out, picks back, signs, linking, errors, and the still."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from workbench.analysis.agreement import agreement
from workbench.benchmarks import Benchmark, benchmark
from workbench.errors import InvalidInput, UnknownName
from workbench.proxies.score import score
from workbench.spaces import search_space
from workbench.widgets.board.views import disagreements, miniature
from workbench.widgets.cell_editor import CellEditor
from workbench.widgets.proxy_board import ProxyBoard

HOSTILE = "</text><script>alert(1)</script>"
SPACE = search_space("nasbench201")
TRUTHS = {"CIFAR-10": "cifar10", "CIFAR-100": "cifar100"}


@pytest.fixture(scope="module")
def tables() -> dict[str, pd.DataFrame]:
    """Every 47th architecture of the real tables."""
    return {name: benchmark("nasbench201", dataset=dataset).table().iloc[::47] for name, dataset in TRUTHS.items()}


@pytest.fixture
def frame(tables: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Real columns as scores: latency, training time, and one training run, which half of the rows lack."""
    table = tables["CIFAR-10"]
    scores = pd.DataFrame(
        {"latency": table["latency_ms"], "time": -table["train_time_s"], "run": table["valid_accuracy_seed2"]}
    )
    archs = [SPACE.parse(text) for text in scores.index]
    scores["params"] = [float(SPACE.counts(arch).params) for arch in archs]
    scores["live_params"] = [float(SPACE.counts(arch, live=True).params) for arch in archs]
    scores.attrs = {"space": "nasbench201", "seconds": {"latency": 0.02, "time": 1.5, "run": float("nan")}}
    return scores


@pytest.fixture
def truth(tables: dict[str, pd.DataFrame]) -> dict[str, pd.Series]:
    return {name: table["valid_accuracy"] for name, table in tables.items()}


@pytest.fixture
def board(frame: pd.DataFrame, truth: dict[str, pd.Series]) -> ProxyBoard:
    return ProxyBoard(frame, truth, n_boot=30)


def browser_sets(widget: Any, **state: Any) -> None:
    """The browser's message: binary parts arrive as memoryviews."""
    if "selected" in state:
        state["selected"] = memoryview(np.array(state["selected"], "<u4").tobytes())
    widget.set_state(state)


def browser_clicks(widget: ProxyBoard, row: int) -> None:
    widget.set_state({"click": {"index": row, "event": widget.click.get("event", 0) + 1}})


def row_of(board: ProxyBoard, name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(row for row in board.agreed["rows"] if row["name"] == name)
    return found


# -- agreement -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["spearman", "kendall", "ndcg", "top", "best_quartile"])
def test_values_and_intervals_are_those_of_agreement(
    frame: pd.DataFrame, truth: dict[str, pd.Series], name: str
) -> None:
    board = ProxyBoard(frame, truth, statistic=name, n_boot=25)
    for each, values in truth.items():
        expected = agreement(frame, values, n_boot=25, statistics=[name])
        pd.testing.assert_frame_equal(board.agreement.loc[each], expected, check_like=True, rtol=1e-12)


def test_with_one_truth_the_table_is_agreements_own(frame: pd.DataFrame, truth: dict[str, pd.Series]) -> None:
    board = ProxyBoard(frame, truth["CIFAR-10"], n_boot=20)
    expected = agreement(frame, truth["CIFAR-10"], n_boot=20, statistics=["spearman"])
    pd.testing.assert_frame_equal(board.agreement, expected, check_like=True, rtol=1e-12)
    assert list(board.agreement.index) == list(expected.index)


def test_the_browser_is_told_values_gaps_and_baselines(board: ProxyBoard, frame: pd.DataFrame) -> None:
    run = row_of(board, "run")
    assert run["missing"] == int(frame["run"].isna().sum()) > 0
    assert run["n"] == len(frame) - run["missing"]
    assert [row["name"] for row in board.agreed["rows"] if row["baseline"]] == ["params", "live_params"]
    assert run["values"][0] == pytest.approx(board.agreement.loc[("CIFAR-10", "run"), "spearman"])
    assert board.agreed["made"] == board.agreed["wanted"] == 30


def test_missing_baselines_are_counted(frame: pd.DataFrame, truth: dict[str, pd.Series]) -> None:
    small = frame[["latency"]].iloc[:20]
    board = ProxyBoard(small, truth, n_boot=2)
    np.testing.assert_array_equal(board._frame["live_params"], frame["live_params"].iloc[:20])


def test_the_population_is_stated_in_words(board: ProxyBoard, frame: pd.DataFrame, truth: dict[str, pd.Series]) -> None:
    different = len({SPACE.canonical(SPACE.parse(text)) for text in frame.index})
    assert board.population == (
        f"{len(frame)} architectures of nasbench201, {different} of them different graphs; the truth is known for all"
    )
    holes = ProxyBoard(frame, truth["CIFAR-10"].iloc[10:], n_boot=2)
    assert holes.population.endswith("; 10 without a truth")


def test_intervals_are_made_while_the_browser_asks_for_more(
    frame: pd.DataFrame, truth: dict[str, pd.Series], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workbench.widgets.proxy_board._AT_FIRST", 0.0)
    board = ProxyBoard(frame, truth, n_boot=20_000)
    assert not board.agreed["done"]
    before = board.agreed["made"]
    board._handle_custom_msg({"kind": "more"}, [])
    assert board.agreed["made"] > before
    board._handle_custom_msg("noise", [])


def test_resamples_are_fewer_for_large_tables_and_said(bench: Benchmark) -> None:
    table = bench.table()
    scores = table[["latency_ms", "params_m"]].rename(columns={"params_m": "params"})
    scores = scores.assign(live_params=scores["params"])
    board = ProxyBoard(scores, bench.measure("valid_accuracy"))
    assert board.agreed["wanted"] == 204
    assert board.truth == "valid_accuracy"
    assert row_of(board, "latency_ms")["values"][0] == pytest.approx(
        stats.spearmanr(table["latency_ms"], table["valid_accuracy"]).statistic
    )


# -- linking -------------------------------------------------------------------------------------------------------


def test_the_board_starts_with_the_strongest_proxy_against_the_first_truth(board: ProxyBoard) -> None:
    assert board.chosen == ["run", "CIFAR-10"]
    assert board.axes["x"]["label"] == "run: rank, best last"


def test_columns_chosen_in_the_browser_are_drawn_and_observed(board: ProxyBoard, frame: pd.DataFrame) -> None:
    seen: list[Any] = []
    board.observe(lambda change: seen.append(change["new"]), "chosen")
    browser_sets(board, chosen=["latency", "params"])
    assert seen == [["latency", "params"]]
    ranks = np.frombuffer(board.x_values, "<f4")
    np.testing.assert_array_equal(ranks, stats.rankdata(frame["latency"]).astype("float32"))
    board.by_rank = False
    np.testing.assert_allclose(np.frombuffer(board.y_values, "<f4"), frame["params"].astype("float32"))
    board.color = "CIFAR-100"
    assert len(board.color_values) == 4 * len(frame)


def test_a_selection_is_a_dataframe_of_scores_and_truths_and_narrows_agreement(
    board: ProxyBoard, frame: pd.DataFrame, truth: dict[str, pd.Series]
) -> None:
    rows = list(range(0, 200, 3))
    browser_sets(board, selected=rows)
    assert list(board.selection.index) == list(frame.index[rows])
    assert set(board.selection.columns) == {*frame.columns, *truth}
    expected = stats.spearmanr(frame["latency"].iloc[rows], truth["CIFAR-10"].iloc[rows]).statistic
    assert board.inside["n"] == len(rows)
    assert board.inside["values"]["latency"] == pytest.approx(expected)
    known = frame["run"].iloc[rows].dropna()
    expected = stats.spearmanr(known, truth["CIFAR-10"][known.index]).statistic
    assert board.inside["values"]["run"] == pytest.approx(expected)
    board.select(None)
    assert board.inside == {}


def test_a_selection_too_small_for_a_rank_has_no_agreement(board: ProxyBoard) -> None:
    board.select([0, 1])
    assert set(board.inside["values"].values()) == {None}


def test_another_truth_sorts_and_narrows(board: ProxyBoard, frame: pd.DataFrame, truth: dict[str, pd.Series]) -> None:
    board.select(np.arange(100))
    browser_sets(board, truth="CIFAR-100")
    expected = stats.spearmanr(frame["latency"].iloc[:100], truth["CIFAR-100"].iloc[:100]).statistic
    assert board.inside["values"]["latency"] == pytest.approx(expected)
    assert board.agreed["truth"] == "CIFAR-100"


def test_another_statistic_is_computed(board: ProxyBoard, frame: pd.DataFrame, truth: dict[str, pd.Series]) -> None:
    browser_sets(board, statistic="kendall")
    expected = stats.kendalltau(frame["latency"], truth["CIFAR-10"]).statistic
    assert row_of(board, "latency")["values"][0] == pytest.approx(expected)
    assert board.agreed["words"] == "Kendall's tau"


def test_a_turned_sign_turns_agreement_correlations_and_ranks(board: ProxyBoard, frame: pd.DataFrame) -> None:
    before, matrix = board.agreement.loc["CIFAR-10"], np.frombuffer(board.matrix, "<f4").reshape(7, 7)
    browser_sets(board, flipped=["time"])
    after = board.agreement.loc["CIFAR-10"]
    assert board.flipped == ["time"]
    assert after.loc["time", "spearman"] == pytest.approx(-before.loc["time", "spearman"])
    assert after.loc["time", "spearman_low"] == pytest.approx(-before.loc["time", "spearman_high"])
    assert after.loc["latency"].equals(before.loc["latency"])
    turned = np.frombuffer(board.matrix, "<f4").reshape(7, 7)
    np.testing.assert_allclose(turned[1], -matrix[1] * np.where(np.arange(7) == 1, -1, 1), rtol=1e-6)
    board.chosen = ["time", "CIFAR-10"]
    ranks = np.frombuffer(board.x_values, "<f4")
    np.testing.assert_array_equal(ranks, stats.rankdata(-frame["time"]).astype("float32"))
    board.flipped = []
    pd.testing.assert_frame_equal(board.agreement.loc["CIFAR-10"], before)


def test_lower_is_better_where_the_frame_says_so(frame: pd.DataFrame, truth: dict[str, pd.Series]) -> None:
    frame.attrs["better"] = {"latency": "lower"}
    board = ProxyBoard(frame, truth, n_boot=2)
    assert row_of(board, "latency")["values"][0] < 0
    assert board.columns[0]["lower"]


def test_a_measure_that_is_better_when_lower_is_turned_and_shown_as_it_is(frame: pd.DataFrame) -> None:
    bench = benchmark("nasbench201", dataset="cifar10")
    board = ProxyBoard(frame[["run", "params", "live_params"]], bench.measure("latency_ms"), n_boot=2)
    latency = bench.table()["latency_ms"][frame.index]
    assert row_of(board, "params")["values"][0] == pytest.approx(-stats.spearmanr(frame["params"], latency).statistic)
    board.by_rank = False
    np.testing.assert_allclose(np.frombuffer(board.y_values, "<f4"), latency.astype("float32"))
    assert board.columns[-1]["lower"]


def test_the_matrix_holds_spearmans_correlation_of_every_two_columns(
    board: ProxyBoard, frame: pd.DataFrame, truth: dict[str, pd.Series]
) -> None:
    found = np.frombuffer(board.matrix, "<f4").reshape(7, 7)
    names = [column["name"] for column in board.columns]
    whole = frame.assign(**truth)
    expected = whole[names].corr("spearman").to_numpy()
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_clicks_are_events_mark_the_point_and_load_the_editor(
    frame: pd.DataFrame, truth: dict[str, pd.Series], bench: Benchmark
) -> None:
    editor = CellEditor(bench.space.parse(str(frame.index[0])), [])
    board = ProxyBoard(frame, truth, n_boot=2, editor=editor)
    assert board.marked == 0
    seen: list[str] = []
    board.observe(lambda change: seen.append(change["new"]), "clicked")
    for row in (7, 7, 9):
        browser_clicks(board, row)
    assert seen == [frame.index[7], frame.index[7], frame.index[9]]
    assert str(editor.value) == board.clicked
    assert board.marked == 9


# -- disagreement --------------------------------------------------------------------------------------------------


def test_the_cards_are_the_architectures_ranked_most_differently(board: ProxyBoard, frame: pd.DataFrame) -> None:
    board.chosen = ["latency", "params"]
    ranks = {name: stats.rankdata(-frame[name]) for name in ("latency", "params")}
    apart = np.abs(ranks["latency"] - ranks["params"])
    first = board.cards[0]
    assert apart[first["index"]] == apart.max()
    assert first["text"] == frame.index[first["index"]]
    assert first["ranks"][0] == ["latency", int(ranks["latency"][first["index"]])]
    assert first["ranks"][2][0] == "CIFAR-10"
    assert len(board.cards) == 6
    assert len({SPACE.canonical(SPACE.parse(card["text"])) for card in board.cards}) == 6


def test_the_cards_are_sought_within_the_selection(board: ProxyBoard) -> None:
    board.select(np.arange(40))
    assert {card["index"] for card in board.cards} <= set(range(40))
    assert {card["among"] for card in board.cards} == {int(np.isfinite(board.selection["run"]).sum())}


def test_columns_that_rank_alike_disagree_nowhere() -> None:
    values = {"a": np.arange(5.0), "b": np.arange(5.0) ** 3}
    assert disagreements(values, ("a", "b"), np.arange(5), lambda row: row) == []


def test_twins_stand_on_one_card() -> None:
    values = {"a": np.array([0.0, 1, 2, 3]), "b": np.array([3.0, 2, 1, 0])}
    found = disagreements(values, ("a", "b"), np.arange(4), lambda row: row // 2)
    assert [each.row for each in found] == [0, 3]
    assert found[0].ranks == {"a": 4, "b": 1}


@pytest.mark.parametrize("name", ["nasbench201", "darts", "nasbench101"])
def test_a_miniature_has_only_labels_that_can_be_read_on_a_card(name: str) -> None:
    space = search_space(name)
    drawing = miniature(space.sample(1, seed=0)[0])
    scale = 200 / drawing["width"]
    for part in (*drawing["edges"], *drawing["nodes"]):
        assert not part["label"] or part["size"] * scale >= 6.5
    assert "conv" not in " ".join(edge["label"] for edge in drawing["edges"] if name == "nasbench201")


# -- what may be given ---------------------------------------------------------------------------------------------


def test_costs_come_from_scoring_or_are_given(frame: pd.DataFrame, truth: dict[str, pd.Series]) -> None:
    scored = ProxyBoard(frame, truth, n_boot=2)
    assert [column["seconds"] for column in scored.columns[:3]] == [0.02, 1.5, None]
    assert "all the passes it looks at" in scored.cost_note
    given = ProxyBoard(frame, truth, n_boot=2, costs={"run": 400.0})
    assert [column["seconds"] for column in given.columns[:3]] == [None, None, 400.0]
    frame.attrs.pop("seconds")
    assert ProxyBoard(frame, truth, n_boot=2).cost_note.startswith("No times are known")


def test_a_ceiling_is_a_number_or_numbers_by_statistic(frame: pd.DataFrame, truth: dict[str, pd.Series]) -> None:
    one = ProxyBoard(frame, truth, n_boot=2, ceiling=0.98)
    assert one.agreed["ceiling"] == 0.98
    one.statistic = "kendall"
    assert one.agreed["ceiling"] is None
    several = ProxyBoard(frame, truth, n_boot=2, ceiling=pd.Series({"spearman": 0.98, "kendall": 0.9}))
    several.statistic = "kendall"
    assert several.agreed["ceiling"] == 0.9


def test_what_a_proxy_needs_is_said_for_a_frame_that_was_scored(
    frame: pd.DataFrame, truth: dict[str, pd.Series]
) -> None:
    frame.attrs["better"] = {"nwot": "higher"}
    board = ProxyBoard(frame.rename(columns={"run": "nwot"}), truth, n_boot=2)
    shown = {column["name"]: (column["needs"], column["cost"]) for column in board.columns}
    assert shown["nwot"] == ("inputs", "forward")
    assert shown["latency"] == ("", "")


def test_without_a_space_the_cards_show_strings(truth: dict[str, pd.Series], frame: pd.DataFrame) -> None:
    frame.attrs = {}
    board = ProxyBoard(frame, truth, n_boot=2)
    assert board.cards[0]["drawing"] is None
    assert board.population == f"{len(frame)} architectures; the truth is known for all"


def test_a_table_of_score_is_shown_with_its_times_directions_and_gaps(bench: Benchmark) -> None:
    archs = [bench.space.parse(text) for text in bench.table().index[::3000]]
    frame = score(archs, ["l2_norm", "plain"], task="digits", batch_size=8, ledger=False, progress=False)
    board = ProxyBoard(frame, bench.measure("valid_accuracy"), n_boot=2)
    shown = {column["name"]: column for column in board.columns}
    assert list(shown) == ["l2_norm", "plain", "params", "live_params", "valid_accuracy"]
    assert shown["plain"]["needs"] == "labels"
    assert shown["l2_norm"]["seconds"] == pytest.approx(frame.attrs["seconds"]["l2_norm"])
    assert board.population.startswith(f"{len(archs)} architectures of nasbench201")


# -- what is refused -----------------------------------------------------------------------------------------------


def test_unknown_names_show_the_nearest_ones_and_nothing_changes(board: ProxyBoard) -> None:
    before = dict(board.agreed), list(board.chosen)
    for name, value, words in (
        ("statistic", "spearmann", "no statistic named 'spearmann'. Did you mean 'spearman'"),
        ("truth", "CIFAR10", "no truth named 'CIFAR10'. Did you mean 'CIFAR-10'"),
        ("chosen", ["latncy", "params"], "no column named 'latncy'. Did you mean 'latency'"),
        ("color", "parms", "no column named 'parms'. Did you mean 'params'"),
        ("flipped", ["CIFAR-10"], "no score named 'CIFAR-10'"),
    ):
        with pytest.raises(UnknownName, match=words):
            setattr(board, name, value)
    with pytest.raises(InvalidInput, match=r"chosen is the names of the scatter's x and y; got \['run'\]"):
        board.chosen = ["run"]
    assert (board.agreed, board.chosen) == before


@pytest.mark.parametrize(
    ("given", "error", "words"),
    [
        ({"statistic": "pearson"}, UnknownName, "no statistic named 'pearson'"),
        ({"stat": "kendall"}, UnknownName, "ProxyBoard takes no keyword 'stat'. Did you mean 'statistic'"),
        ({"n_boot": 0}, InvalidInput, "n_boot must be at least 1; got 0"),
        ({"costs": {"latncy": 1.0}}, UnknownName, "no column named 'latncy'"),
        ({"costs": {"run": 0.0}}, InvalidInput, r"costs\['run'\] is seconds per architecture, more than 0; got 0.0"),
        ({"ceiling": "high"}, InvalidInput, "ceiling is the agreement that noise allows, a number; got 'high'"),
        ({"ceiling": {"pearson": 1.0}}, UnknownName, "no statistic named 'pearson'"),
        ({"editor": 3}, InvalidInput, "can be linked, such as CellEditor and SpaceMap; got 3"),
    ],
)
def test_what_cannot_be_meant_is_refused(
    frame: pd.DataFrame, truth: dict[str, pd.Series], given: dict[str, Any], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        ProxyBoard(frame, truth, **given)


def test_scores_and_truths_that_cannot_be_compared_are_refused(
    frame: pd.DataFrame, truth: dict[str, pd.Series]
) -> None:
    own = truth["CIFAR-10"]
    for scores, goal, words in (
        ([1, 2], own, r"takes the DataFrame that wb.score returns; got \[1, 2\]"),
        (frame.iloc[:2], own, "at least 3 architectures; this frame has 2"),
        (pd.concat([frame, frame]), own, "more than one row"),
        (frame.assign(kind="a"), own, r"'kind' holds .* cannot be ranked. Numeric: latency, time"),
        (frame, {"other": 1.0}, "'truth': The truth has a value for none of the frame's architectures"),
        (frame, own.iloc[:2], "'valid_accuracy' has a number for 2 of the architectures; 3 are needed"),
        (frame, {}, r"truth is a Measure, numbers by architecture string .*; got \{\}"),
        (frame, 3, "truth is a Measure"),
        (frame, {"a": own, "b": 1.0}, "truth is a Measure"),
        (frame, {"params": own}, "'params' names a truth and a column of the frame"),
        (frame.assign(none=np.nan), own, "'none' and 'valid_accuracy' share 0 architectures; 3 are needed"),
    ):
        with pytest.raises(InvalidInput, match=words):
            ProxyBoard(scores, goal, n_boot=2)  # type: ignore[arg-type]


# -- odd numbers ---------------------------------------------------------------------------------------------------


def test_constant_and_infinite_scores_have_no_agreement_and_break_nothing(
    frame: pd.DataFrame, truth: dict[str, pd.Series]
) -> None:
    odd = frame.assign(flat=1.0, endless=np.where(np.arange(len(frame)) % 2, np.inf, frame["latency"]))
    board = ProxyBoard(odd, truth, n_boot=20)
    assert row_of(board, "flat")["values"] == [None, None]
    assert row_of(board, "flat")["lows"] == [None, None]
    assert row_of(board, "endless")["missing"] == len(frame) // 2
    board.chosen = ["flat", "endless"]
    board.select(np.arange(50))
    ET.fromstring(board.still())


# -- the still -----------------------------------------------------------------------------------------------------


def test_the_still_shows_agreement_correlations_costs_and_cells(
    frame: pd.DataFrame, truth: dict[str, pd.Series]
) -> None:
    board = ProxyBoard(frame, truth, n_boot=25, ceiling=0.987)
    still = board.still()
    words = "".join(ET.fromstring(still).itertext())
    for said in (
        "Agreement with trained accuracy", board.population, "noise ceiling 0.987", "25 resamples",
        "How alike they rank", "Cost against agreement", "Where run and CIFAR-10 disagree most", "3×3",
    ):  # fmt: skip
        assert said in words
    strongest = max(row_of(board, name)["values"][0] for name in ("params", "live_params"))
    assert f"{strongest:.3f}, free" in words
    assert len(still) < 120_000
    bundle = board._repr_mimebundle_()
    assert bundle is not None
    assert bundle[0]["image/svg+xml"] == still
    assert bundle[0]["text/plain"].endswith("run against CIFAR-10")


def test_the_still_follows_selection_and_signs(board: ProxyBoard) -> None:
    board.select(np.arange(50))
    board.flipped = ["time"]
    words = "".join(ET.fromstring(board.still()).itertext())
    assert "Hollow: within the 50 selected." in words
    assert "time (−)" in words


def test_the_still_has_no_cost_card_without_times(frame: pd.DataFrame, truth: dict[str, pd.Series]) -> None:
    frame.attrs.pop("seconds")
    assert "Cost against agreement" not in ProxyBoard(frame, truth, n_boot=2).still()


def test_names_in_the_still_are_only_text(frame: pd.DataFrame, truth: dict[str, pd.Series]) -> None:
    hostile = frame.rename(columns={"run": HOSTILE})
    board = ProxyBoard(hostile, {f"{HOSTILE} truth": truth["CIFAR-10"]}, n_boot=2, title=HOSTILE)
    tags = {element.tag.split("}")[1] for element in ET.fromstring(board.still()).iter()}
    assert tags <= {"svg", "g", "rect", "text", "path"}
