"""The kernel half of the enrichment panel: features in slices, rows for a selection, and who has what."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import numpy as np
import pandas as pd
import pytest

import workbench as wb
from workbench.benchmarks import Benchmark
from workbench.errors import InvalidInput, UnknownName
from workbench.spaces import SearchSpace
from workbench.widgets.enriched import preparation as enrichment_preparation
from workbench.widgets.enrichment_panel import EnrichmentPanel
from workbench.widgets.space_map import SpaceMap


@pytest.fixture(scope="module")
def table(bench: Benchmark) -> pd.DataFrame:
    return bench.table().sample(650, random_state=0)


@pytest.fixture
def atlas(table: pd.DataFrame) -> SpaceMap:
    return SpaceMap(table)


def best(table: pd.DataFrame, share: float = 0.05) -> np.ndarray:
    return (table["valid_accuracy"].rank(pct=True) > 1 - share).to_numpy()


def test_what_the_best_share_is_as_enrichment_says(table: pd.DataFrame, atlas: SpaceMap) -> None:
    panel = EnrichmentPanel(atlas)
    atlas.select(best(table))
    expected = wb.enrichment(table[best(table)], table)
    pd.testing.assert_frame_equal(panel.frame.drop(columns="words"), expected)
    words = panel.frame.set_index("feature")["words"]
    assert words["0->3 = skip_connect"] == "skip on in→out"
    assert words["nor_conv_3x3(nor_conv_3x3)"] == "conv 3×3 after conv 3×3"


def test_the_browser_has_the_features_prepared_a_slice_at_a_time(
    table: pd.DataFrame, atlas: SpaceMap, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workbench.widgets.enrichment_panel._SLICE", 0.01)
    panel = EnrichmentPanel(atlas)
    atlas.select(best(table))
    assert (panel.found["state"], panel.found["rows"]) == ("preparing", [])
    shares = []
    while panel.found["state"] == "preparing":
        panel._handle_custom_msg({"kind": "more"}, [])
        shares.append(panel.found["share"])
    assert len(shares) > 5
    assert shares == sorted(shares)
    assert panel.found["state"] == "ready"
    panel._handle_custom_msg("noise", [])


def test_asking_for_the_table_also_shows_the_rows(table: pd.DataFrame, atlas: SpaceMap) -> None:
    atlas.select(table["valid_accuracy"].nlargest(len(table) // 10).index)
    panel = EnrichmentPanel(atlas)
    assert panel.found["state"] == "preparing"
    assert len(panel.frame)
    assert panel.found["state"] == "ready"


def test_rows_say_who_of_the_selection_has_it(table: pd.DataFrame, atlas: SpaceMap) -> None:
    panel = EnrichmentPanel(atlas)
    panel.complete()
    atlas.select(best(table))
    counted = np.frombuffer(panel.counted, "<u4")
    np.testing.assert_array_equal(counted, np.flatnonzero(best(table)))
    rows = panel.found["rows"]
    each = -(-len(counted) // 8)
    assert len(panel.holders) == each * len(rows)
    place = next(i for i, row in enumerate(rows) if row["feature"] == "0->3 = skip_connect")
    bits = np.frombuffer(panel.holders[place * each : (place + 1) * each], np.uint8)
    has = np.unpackbits(bits, count=len(counted), bitorder="little").astype(bool)
    space = wb.search_space("nasbench201")
    skips = [space.parse(name).decisions["0->3"] == "skip_connect" for name in table.index[counted]]
    assert has.tolist() == skips
    assert rows[place]["colour"] == "#009e73"
    assert rows[place]["lift"] == pytest.approx(has.mean() / 0.2, rel=0.2)


def test_rows_are_what_chance_does_not_do_more_often_and_less_often(table: pd.DataFrame, atlas: SpaceMap) -> None:
    panel = EnrichmentPanel(atlas, top=4)
    panel.complete()
    atlas.select(best(table))
    rows = panel.found["rows"]
    for kind in ("answer", "operation", "motif"):
        assert 0 < sum(row["kind"] == kind and row["lift"] > 1 for row in rows) <= 4
        assert sum(row["kind"] == kind and row["lift"] <= 1 for row in rows) <= 2
    assert any(row["times"] == "never" or row["lift"] < 0.5 for row in rows)
    atlas.select(np.random.default_rng(1).permutation(len(table))[:100])
    assert panel.found["state"] == "ready"
    assert len(panel.found["rows"]) <= 2


def test_nothing_and_everything_share_nothing(table: pd.DataFrame, atlas: SpaceMap) -> None:
    panel = EnrichmentPanel(atlas)
    panel.complete()
    assert panel.found["words"] == "Nothing is selected: select architectures on the map."
    with pytest.raises(InvalidInput, match="choose from 1 to 649 of the 650"):
        _ = panel.frame
    atlas.select(np.ones(len(table), bool))
    assert panel.found["words"] == "Everything is selected: there is nothing to compare it with."


def test_of_a_large_table_so_many_are_drawn(
    table: pd.DataFrame, atlas: SpaceMap, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(enrichment_preparation, "_MOST", 200)
    panel = EnrichmentPanel(atlas)
    panel.complete()
    drawn = panel._preparation.rows
    assert panel.found["against"] == "200 of 650, drawn at random"
    atlas.select(best(table, 0.2))
    inside = np.intersect1d(np.flatnonzero(best(table, 0.2)), drawn)
    assert (panel.found["selected"], panel.found["counted"]) == (130, len(inside))
    pd.testing.assert_frame_equal(
        panel.frame.drop(columns="words"), wb.enrichment(table.iloc[inside], table.iloc[drawn], space=panel._space)
    )
    atlas.select(np.setdiff1d(np.arange(650), drawn)[:3])
    assert panel.found["state"] == "unknown"


def test_the_panels_own_selection_is_the_maps(table: pd.DataFrame, atlas: SpaceMap) -> None:
    panel = EnrichmentPanel(atlas)
    panel.set_state({"selected": memoryview(np.array([3, 5], "<u4").tobytes()), "selected_stamp": 9e15})
    assert list(atlas.selection.index) == list(table.index[[3, 5]])


def test_the_still_has_bars_with_words_and_is_never_blank(table: pd.DataFrame, atlas: SpaceMap) -> None:
    panel = EnrichmentPanel(atlas)
    assert "being worked out" in "".join(ET.fromstring(panel.still()).itertext())
    panel.complete()
    assert "Nothing is selected" in "".join(ET.fromstring(panel.still()).itertext())
    atlas.select(best(table))
    words = "".join(ET.fromstring(panel.still()).itertext())
    assert f"What the {best(table).sum()} selected share" in words
    assert "skip on in→out" in words
    panel.kinds = ["motif"]
    assert "skip on in→out" not in "".join(ET.fromstring(panel.still()).itertext())
    bundle = panel._repr_mimebundle_()
    assert bundle is not None
    assert bundle[0]["image/svg+xml"] == panel.still()


def test_hostile_answers_are_text(awkward: SearchSpace) -> None:
    archs = list(awkward.enumerate())
    frame = pd.DataFrame({"x": range(len(archs)), "y": range(len(archs))}, index=[str(arch) for arch in archs])
    atlas = SpaceMap(frame, space=awkward)
    panel = EnrichmentPanel(atlas)
    panel.complete()
    atlas.select([i for i, arch in enumerate(archs) if arch.decisions["wide"] is True])
    tags = {e.tag.split("}")[1] for e in ET.fromstring(panel.still()).iter()}
    assert panel.found["rows"]
    assert tags <= {"svg", "rect", "text", "tspan", "path"}


def test_what_cannot_be_a_panel_is_refused_in_words(table: pd.DataFrame, atlas: SpaceMap) -> None:
    with pytest.raises(InvalidInput, match="follows a widget that selects rows, such as a SpaceMap; got 3"):
        EnrichmentPanel(3)  # type: ignore[arg-type]
    nameless = table.copy()
    nameless.attrs = {}
    with pytest.raises(InvalidInput, match="does not name the search space that reads its architectures: give space="):
        EnrichmentPanel(SpaceMap(nameless))
    assert EnrichmentPanel(SpaceMap(nameless), space=wb.search_space("nasbench201"))._space.name == "nasbench201"
    with pytest.raises(InvalidInput, match="1 or more; got 0"):
        EnrichmentPanel(atlas, top=0)
    with pytest.raises(InvalidInput, match="0 or more; got -1"):
        EnrichmentPanel(atlas, depth=-1)
    with pytest.raises(UnknownName, match="no keyword 'tops'. Did you mean 'top'"):
        EnrichmentPanel(atlas, tops=3)
    with pytest.raises(InvalidInput, match=re.escape("'a' is no")):
        EnrichmentPanel(SpaceMap(pd.DataFrame({"x": [1.0], "y": [2.0]}, index=["a"])), space=wb.search_space("darts"))
