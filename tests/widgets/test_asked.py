"""The kernel half of computed numbers: what is computed when, what is shown of it, kin and files."""

from __future__ import annotations

import asyncio
import json
import re
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import workbench as wb
from workbench.architecture import Architecture
from workbench.benchmarks import Benchmark
from workbench.benchmarks.records import Column, ColumnTable
from workbench.errors import InvalidInput, UnknownName
from workbench.ledger import Ledger
from workbench.measure import Measure
from workbench.proxies import catalogue
from workbench.proxies.unscored import Unscored
from workbench.spaces import SearchSpace, search_space
from workbench.widgets import aside as beside
from workbench.widgets.aside import Job, Stopped
from workbench.widgets.cell_editor import CellEditor
from workbench.widgets.editor import asked as module
from workbench.widgets.editor.computed import LATENCY, shown

# There are no images of CIFAR-10 here: what looks at some looks at noise.
pytestmark = pytest.mark.filterwarnings("ignore::workbench.tasks.NoiseInput")
SMALL = ("l2_norm", "synflow", "params")


class Here:
    """A process that is none: everything is called on the spot, and counted."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def call(self, function: Callable[[Any], Any], item: Any) -> Any:
        self.calls.append(function.__name__)
        try:
            return function(item)
        except Exception as error:
            raise RuntimeError(f"{type(error).__name__}: {error}") from error


class Table:
    """A desk on which jobs lie until somebody does them."""

    def __init__(self) -> None:
        self.jobs: list[Job] = []
        self.stopped: list[tuple[Job, float]] = []
        self.here = Here()

    def put(self, job: Job) -> None:
        self.jobs.append(job)

    def drop(self, job: Job, grace: float = 0.0) -> None:
        self.stopped.append((job, grace))
        self.jobs = [other for other in self.jobs if other is not job]

    def work(self) -> None:
        """Do everything there is, the most urgent first."""
        while self.jobs:
            job = min(self.jobs, key=lambda job: job.urgency)
            self.jobs.remove(job)
            job.work(self.here)  # type: ignore[arg-type]


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch) -> Table:
    table = Table()
    monkeypatch.setattr(module, "desk", lambda: table)
    return table


@pytest.fixture
def arch(bench: Benchmark, cell: str) -> Architecture:
    return bench.space.parse(cell)


def said(editor: CellEditor) -> list[Any]:
    """What the editor tells the browser from now on."""
    told: list[Any] = []
    editor.send = lambda content, buffers=None: told.append(content)  # type: ignore[method-assign]
    return told


def say(editor: CellEditor, **content: Any) -> None:
    editor._handle_custom_msg({"kind": "ask"} | content, [])


def greeted(arch: Architecture, benchmark: Any, **settings: Any) -> CellEditor:
    """An editor that a browser shows."""
    editor = CellEditor(arch, benchmark, **settings)
    say(editor, do="hello")
    return editor


def keys(table: Table, editor: CellEditor) -> set[str]:
    """What waits to be computed for an editor."""
    return {key for task in editor._asking._tasks for key in task.keys if task.job in table.jobs}


# -- what comes by itself ------------------------------------------------------------------------------------------


def test_nothing_is_computed_before_a_browser_shows_the_editor(table: Table, arch: Architecture) -> None:
    editor = CellEditor(arch, [])
    editor.value = arch.space.neighbors(arch)[0]
    assert table.jobs == []
    assert editor.asked["numbers"] == {}


def test_latency_and_what_looks_at_no_batch_come_by_themselves_a_little_later(table: Table, arch: Architecture) -> None:
    before = time.monotonic()
    editor = greeted(arch, [])
    cheap = {member.name for member in catalogue if member.needs in ("none", "architecture")}
    assert keys(table, editor) == {LATENCY, *cheap}
    assert {"synflow", "params"} < cheap
    assert not {"snip", "nwot"} & cheap
    assert all(job.due >= before + 0.3 for job in table.jobs)


def test_the_whole_catalogue_is_offered_the_cheap_groups_first(table: Table, arch: Architecture) -> None:
    editor = greeted(arch, [])
    assert {offer["key"] for offer in editor.offers} == {LATENCY, *catalogue.names()}
    groups = list(dict.fromkeys(offer["group"] for offer in editor.offers))
    assert groups == ["", "counted", "a forward pass", "forward and backward passes"]
    assert all(catalogue.find(o["key"]).cost == "free" for o in editor.offers if o["group"] == "counted")
    best = max(
        v.spearman for place, v in catalogue.find("synflow").published.items() if place.startswith("nasbench201/")
    )
    assert next(offer["published"] for offer in editor.offers if offer["key"] == "synflow") == best


def test_the_kernel_does_not_load_torch_for_the_catalogue(
    table: Table, arch: Architecture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_at_hand", lambda: False)
    editor = greeted(arch, [])
    assert [offer["key"] for offer in editor.offers] == [LATENCY]
    table.work()
    assert table.here.calls[0] == "catalogue_offers"
    assert {offer["key"] for offer in editor.offers} == {LATENCY, *catalogue.names()}
    assert "synflow" in editor.asked["numbers"]


def test_the_numbers_are_those_of_score_and_are_computed_once(table: Table, arch: Architecture) -> None:
    editor = greeted(arch, [], proxies=SMALL)
    table.work()
    frame = wb.score([arch], SMALL, progress=False)
    assert {key: editor.asked["numbers"][key]["value"] for key in SMALL} == {
        key: shown(frame[key].iloc[0]) for key in SMALL
    }
    assert editor.asked["decisions"] == dict(arch.decisions)
    assert Ledger().size == 2  # what is free is not kept
    assert "higher is better; cifar10, batch of 64" in editor.asked["numbers"]["synflow"]["note"]
    calls = len(table.here.calls)
    editor.value = arch.space.neighbors(arch)[0]
    editor.value = arch
    assert keys(table, editor) == set()
    assert len(table.here.calls) == calls
    assert "synflow" in editor.asked["numbers"]


def test_the_latency_is_this_machines_in_milliseconds(table: Table, arch: Architecture) -> None:
    editor = greeted(arch, [], proxies=[])
    table.work()
    found = editor.asked["numbers"][LATENCY]
    assert re.fullmatch(r"[\d.]+ (k )?ms", found["value"])
    assert "one input of 3×32×32 on cpu" in found["note"]
    say(editor, do="compute", key=LATENCY)
    assert keys(table, editor) == {LATENCY}


def test_an_edit_ends_what_comes_by_itself_and_shows_no_number_of_the_architecture_before(
    table: Table, arch: Architecture
) -> None:
    editor = greeted(arch, [], proxies=SMALL)
    before = list(table.jobs)
    other = arch.space.neighbors(arch)[0]
    editor.value = other
    assert [job for job, _ in table.stopped] == before
    assert all(grace > 0 for _, grace in table.stopped)
    assert not any(job is old for job in table.jobs for old in before)
    assert editor.asked == {"space": "nasbench201", "decisions": dict(other.decisions), "numbers": {}}
    table.work()
    assert editor.asked["numbers"]["synflow"]["value"] == shown(wb.score([other], "synflow").iloc[0, 0])


def test_a_number_that_comes_late_belongs_to_its_own_architecture(table: Table, arch: Architecture) -> None:
    editor = greeted(arch, [], proxies=["nwot"])
    table.work()
    say(editor, do="compute", key="nwot")
    other = arch.space.neighbors(arch)[0]
    editor.value = other
    assert any(task.keys == ("nwot",) and task.arch == arch for task in editor._asking._tasks)
    table.work()
    assert "nwot" not in editor.asked["numbers"]
    editor.value = arch
    assert editor.asked["numbers"]["nwot"]["value"] == shown(wb.score([arch], "nwot").iloc[0, 0])


# -- what is asked for ---------------------------------------------------------------------------------------------


def test_what_is_asked_for_is_computed_before_what_comes_by_itself_and_only_once(
    table: Table, arch: Architecture
) -> None:
    editor = greeted(arch, [], proxies=["nwot", "l2_norm"])
    told = said(editor)
    say(editor, do="compute", key="nwot")
    say(editor, do="compute", key="nwot")
    assert [task.keys for task in editor._asking._tasks] == [(LATENCY,), ("l2_norm",), ("nwot",)]
    jobs = told[-1]["jobs"]
    assert jobs[-1] | {"elapsed": 0} == {
        "keys": ["nwot"], "decisions": dict(arch.decisions), "automatic": False, "elapsed": 0, "expected": 0.0
    }  # fmt: skip
    assert jobs[-1]["elapsed"] is None
    assert min(table.jobs, key=lambda job: job.urgency) is table.jobs[-1]
    table.work()
    assert told[-1]["jobs"] == []
    assert any(job["elapsed"] is not None for message in told for job in message["jobs"])
    say(editor, do="compute", key="nwot")
    assert table.jobs == []


def test_what_a_number_cost_is_what_it_is_expected_to_cost_again(table: Table, arch: Architecture) -> None:
    editor = greeted(arch, [], proxies=["nwot"])
    say(editor, do="compute", key="nwot")
    table.work()
    editor.value = arch.space.neighbors(arch)[0]
    told = said(editor)
    say(editor, do="compute", key="nwot")
    (job,) = (job for job in told[-1]["jobs"] if job["keys"] == ["nwot"])
    assert job["expected"] == pytest.approx(wb.score([arch], "nwot").attrs["seconds"]["nwot"])


def test_cancelling_drops_everything_at_once(table: Table, arch: Architecture) -> None:
    editor = greeted(arch, [], proxies=["nwot"])
    say(editor, do="compute", key="nwot")
    told = said(editor)
    say(editor, do="cancel")
    assert table.jobs == []
    assert {grace for _, grace in table.stopped} == {0.0}
    assert told == [{"kind": "asked", "do": "jobs", "jobs": []}]


def test_what_was_stopped_leaves_no_number_and_can_be_asked_for_again(table: Table, arch: Architecture) -> None:
    editor = greeted(arch, [], proxies=["nwot"])
    table.work()
    say(editor, do="compute", key="nwot")

    def stopped(function: Any, item: Any) -> Any:
        raise Stopped

    call, table.here.call = table.here.call, stopped  # type: ignore[method-assign]
    with pytest.raises(Stopped):
        table.work()
    assert "nwot" not in editor.asked["numbers"]
    table.here.call = call  # type: ignore[method-assign]
    say(editor, do="compute", key="nwot")
    table.work()
    assert editor.asked["numbers"]["nwot"]["value"]


def test_the_users_measures_are_offered_measured_and_kept_like_those_of_a_search(
    table: Table, arch: Architecture
) -> None:
    calls: list[Architecture] = []

    def depth(one: Architecture) -> float:
        calls.append(one)
        return 1234.5

    mine = Measure("my_depth", "lower", depth, unit="mm", kept=True, task="toy")
    editor = greeted(arch, [], proxies=[mine])
    (offer,) = (offer for offer in editor.offers if offer["key"] != LATENCY)
    assert (offer["label"], offer["group"], offer["automatic"]) == ("my depth", "your measures", False)
    say(editor, do="compute", key=offer["key"])
    table.work()
    assert editor.asked["numbers"][offer["key"]]["value"] == "1,234 mm"
    assert calls == [arch]
    again = greeted(arch, [], proxies=[mine])
    say(again, do="compute", key=offer["key"])
    table.work()
    assert calls == [arch]
    assert again.asked["numbers"] == editor.asked["numbers"] | {LATENCY: again.asked["numbers"][LATENCY]}


@pytest.mark.parametrize(
    ("value", "words"),
    [(Unscored("it has no layer"), "it has no layer"), (float("nan"), "is nan"), (float("inf"), "is inf")],
)
def test_what_is_no_number_is_words(table: Table, arch: Architecture, value: float, words: str) -> None:
    editor = greeted(arch, [], proxies=[Measure("mine", "higher", lambda _: value)])
    say(editor, do="compute", key="measure mine")
    table.work()
    found = editor.asked["numbers"]["measure mine"]
    assert found["value"] == ""
    assert words in found["reason"]


def test_an_error_is_words_and_the_next_number_is_computed(table: Table, arch: Architecture) -> None:
    def broken(_: Architecture) -> float:
        raise ZeroDivisionError("by nothing")

    editor = greeted(arch, [], proxies=[Measure("mine", "higher", broken), "params"])
    say(editor, do="compute", key="measure mine")
    table.work()
    assert "ZeroDivisionError: by nothing" in editor.asked["numbers"]["measure mine"]["reason"]
    assert editor.asked["numbers"]["params"]["value"]


def test_a_space_without_networks_says_so_instead_of_numbers(table: Table, awkward: SearchSpace) -> None:
    editor = greeted(awkward.sample(1)[0], [], proxies=["synflow", "params"])
    table.work()
    assert {found["value"] for found in editor.asked["numbers"].values()} == {""}
    assert editor.asked["numbers"][LATENCY]["reason"] == "no network"
    assert all("no network" in found["reason"] for found in editor.asked["numbers"].values())
    json.dumps([editor.asked, editor.offers])


def test_names_that_are_none_are_refused_before_anything_is_made(arch: Architecture) -> None:
    with pytest.raises(UnknownName, match="Did you mean 'synflow'"):
        CellEditor(arch, [], proxies=["synflo"])
    with pytest.raises(InvalidInput, match=r"proxies= takes names of wb.proxies\(\), proxies and measures; got 3"):
        CellEditor(arch, [], proxies=[3])  # type: ignore[list-item]
    assert [offer["key"] for offer in CellEditor(arch, [], proxies=[]).offers] == [LATENCY]
    assert [offer["key"] for offer in CellEditor(arch, [], proxies="synflow").offers] == [LATENCY, "synflow"]


@pytest.mark.parametrize(
    "content",
    ["noise", None, {"kind": "ask"}, {"kind": "ask", "do": "compute", "key": ["a"]}, {"kind": "export", "format": {}},
     {"kind": "ask", "do": "compute", "key": "no such"}, {"kind": "export", "format": "no such"}],
)  # fmt: skip
def test_what_no_browser_half_of_ours_says_does_nothing(table: Table, arch: Architecture, content: Any) -> None:
    editor = greeted(arch, [], proxies=[])
    table.work()
    told = said(editor)
    editor._handle_custom_msg(content, [])
    assert table.jobs == []
    assert told == []


# -- kin -----------------------------------------------------------------------------------------------------------


def names(part: dict[str, Any], note: str = "") -> set[str]:
    return {entry["name"] for entry in part["entries"] if note in entry["note"]}


def test_the_twins_are_the_spaces_with_what_is_recorded_of_each(
    table: Table, bench: Benchmark, arch: Architecture
) -> None:
    editor = greeted(arch, bench, proxies=[])
    say(editor, do="kin")
    table.work()
    twins, nearest = editor.kin["twins"], editor.kin["nearest"]
    isomorphic = {str(twin) for twin in arch.space.twins(arch)} - {str(arch)}
    alike = {str(twin) for twin in arch.space.twins(arch, "functional")} - {str(arch)}
    assert names(twins, "isomorphic") == isomorphic
    assert names(twins) == isomorphic | alike
    for entry in twins["entries"]:
        assert entry["value"] == f"{bench.value(arch.space.parse(entry['name']), 'valid_accuracy'):.2f}"
    assert nearest == {"entries": [], "more": 0, "words": "The table knows every architecture of the space."}
    assert editor.kin["decisions"] == dict(arch.decisions)


def test_many_twins_are_counted_and_not_all_listed(table: Table, bench: Benchmark) -> None:
    nothing = bench.space.parse("|none~0|+|none~0|none~1|+|none~0|none~1|none~2|")
    editor = greeted(nothing, bench, proxies=[])
    say(editor, do="kin")
    table.work()
    both = {*nothing.space.twins(nothing), *nothing.space.twins(nothing, "functional")} - {nothing}
    assert len(editor.kin["twins"]["entries"]) == 40
    assert editor.kin["twins"]["more"] == len(both) - 40


def partly(space: SearchSpace, archs: list[Architecture], values: list[float]) -> Benchmark:
    """A table of some architectures."""
    column = Column("test_accuracy", "higher", "%", "made up")
    numbers = {"test_accuracy": np.array(values)}
    return Benchmark("part", "cifar10", space, ColumnTable("part", (column,), numbers, [str(a) for a in archs]))


def test_the_nearest_recorded_ones_are_found_with_their_number_of_edits(table: Table, arch: Architecture) -> None:
    space = arch.space
    archs = [a for a in space.sample(3000, seed=4) if a != arch]
    bench = partly(space, archs, [float(i % 90) + 1 for i in range(len(archs) - 1)] + [float("nan")])
    editor = greeted(arch, bench, proxies=[])
    say(editor, do="kin")
    table.work()
    nearest = editor.kin["nearest"]
    assert nearest["words"] == ""
    assert len(nearest["entries"]) == 8
    distances = wb.distances([arch, *archs[:-1]])[0, 1:]
    expected = [int(row) for row in distances.argsort(kind="stable")[:8]]
    assert [entry["name"] for entry in nearest["entries"]] == [str(archs[row]) for row in expected]
    assert [entry["note"] for entry in nearest["entries"]] == [
        "1 edit" if distances[row] == 1 else f"{distances[row]:.0f} edits" for row in expected
    ]
    assert nearest["entries"][0]["value"] == f"{expected[0] % 90 + 1:.2f}"
    assert table.here.calls.count("read") == 2  # in parts, and each once
    editor.value = space.neighbors(arch)[3]
    say(editor, do="kin")
    table.work()
    assert table.here.calls.count("read") == 2
    assert editor.kin["decisions"] == dict(editor.value.decisions)


def test_while_the_table_is_read_the_list_says_how_far(table: Table, arch: Architecture) -> None:
    archs = arch.space.sample(3000, seed=4)
    editor = greeted(arch, partly(arch.space, archs, [1.0] * 3000), proxies=[])
    words: list[str] = []
    editor.observe(lambda change: words.append(change["new"]["nearest"]["words"]), "kin")
    say(editor, do="kin")
    table.work()
    assert words == ["Reading 3,000 recorded architectures: 0%.", "Reading 3,000 recorded architectures: 67%.", ""]


def test_a_table_that_cannot_be_read_is_reported_in_the_page(table: Table, arch: Architecture) -> None:
    bench = partly(arch.space, arch.space.sample(30), [1.0] * 30)
    editor = greeted(arch, bench, proxies=[])
    table.work()

    def broken(part: Any) -> Any:
        raise OSError("the disk is gone")

    editor._asking._kin.unread = broken  # type: ignore[method-assign]
    told = said(editor)
    say(editor, do="kin")
    table.work()
    assert told == [{"kind": "asked", "do": "failed", "words": "Not computed. OSError: the disk is gone"}]


def test_an_exported_page_has_the_twins_too(table: Table, bench: Benchmark, arch: Architecture) -> None:
    editor = CellEditor(arch, bench)
    editor.complete()
    assert names(editor.kin["twins"], "isomorphic") == {str(twin) for twin in arch.space.twins(arch)} - {str(arch)}
    archs = arch.space.sample(30)
    unread = CellEditor(arch, partly(arch.space, archs, [1.0] * 30))
    unread.complete()
    assert unread.kin == {}


def test_a_space_too_large_to_list_says_that_its_twins_are_not_known(table: Table) -> None:
    space = search_space("darts")
    editor = greeted(space.sample(1)[0], [], proxies=[])
    say(editor, do="kin")
    table.work()
    assert editor.kin["twins"]["entries"] == []
    assert editor.kin["twins"]["words"].startswith("Its twins are not known.")
    assert editor.kin["nearest"]["words"] == "No table of this space is open."


# -- files ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("format", "suffix", "kind"),
    [("svg", ".svg", "image/svg+xml"), ("tikz", ".tex", "text/plain"), ("json", ".json", "application/json"),
     ("torch", ".py", "text/plain")],
)  # fmt: skip
def test_a_file_is_what_export_writes_named_after_the_space_and_a_hash(
    table: Table, arch: Architecture, format: str, suffix: str, kind: str
) -> None:
    editor = CellEditor(arch, [])
    told = said(editor)
    editor._handle_custom_msg({"kind": "export", "format": format}, [])
    table.work()
    assert told == [
        {
            "kind": "file",
            "format": format,
            "name": f"nasbench201-{zlib.crc32(str(arch).encode()):08x}{suffix}",
            "type": kind,
            "text": wb.export(arch, format),
        }
    ]
    assert table.here.calls == (["file_of"] if format == "torch" else [])


def test_a_file_that_cannot_be_had_is_words(table: Table, awkward: SearchSpace) -> None:
    editor = CellEditor(awkward.sample(1)[0], [])
    told = said(editor)
    for format in ("torch", "onnx"):
        editor._handle_custom_msg({"kind": "export", "format": format}, [])
    table.work()
    assert [message["error"] for message in told] == ["no network", told[1]["error"]]
    assert all("text" not in message for message in told)


def test_the_name_of_a_file_is_harmless_whatever_the_space_is_called(table: Table, awkward: SearchSpace) -> None:
    editor = CellEditor(awkward.sample(1)[0], [])
    told = said(editor)
    editor._handle_custom_msg({"kind": "export", "format": "json"}, [])
    assert re.fullmatch(r"awkward_img_src_x_[A-Za-z0-9_-]{1,40}\.json", told[0]["name"])


# -- with a real process -------------------------------------------------------------------------------------------


@pytest.fixture
def real(monkeypatch: pytest.MonkeyPatch) -> Iterator[beside.Desk]:
    desk = beside.Desk()
    monkeypatch.setattr(module, "desk", lambda: desk)
    yield desk
    desk.close()


def until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + 90
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_edits_stay_quick_while_a_dear_proxy_is_computed_and_it_can_be_stopped(
    real: beside.Desk, bench: Benchmark, arch: Architecture, tmp_path: Path
) -> None:
    editor = greeted(arch, bench, proxies=["grasp", "zico"])
    until(lambda: LATENCY in editor.asked["numbers"])
    for key in ("grasp", "zico"):
        say(editor, do="compute", key=key)
    until(lambda: any(task.since is not None for task in editor._asking._tasks))
    times = []
    for number in range(20):
        answer = ("none", "skip_connect")[number % 2]
        began = time.perf_counter()
        editor.set_state({"revision": editor.revision + 1, "decisions": {**arch.decisions, "0->1": answer}})
        times.append(time.perf_counter() - began)
    assert sorted(times)[-2] < 0.15
    assert any(not task.automatic for task in editor._asking._tasks)
    say(editor, do="cancel")
    until(lambda: real._running is None)
    say(editor, do="compute", key=LATENCY)
    until(lambda: LATENCY in editor.asked["numbers"])


def test_what_arrives_from_another_thread_is_shown_in_the_kernels_own(table: Table, arch: Architecture) -> None:
    seen: list[threading.Thread] = []

    async def kernel() -> None:
        editor = greeted(arch, [], proxies=["params"])
        editor.observe(lambda _: seen.append(threading.current_thread()), "asked")
        await asyncio.to_thread(table.work)
        await asyncio.sleep(0.01)
        assert "params" in editor.asked["numbers"]

    asyncio.run(kernel())
    assert set(seen) == {threading.main_thread()}


@pytest.mark.parametrize(
    ("value", "unit", "words"),
    [(115.2, "ms", "115 ms"), (12345.6, "ms", "12,346 ms"), (0.0042, "ms", "0.0042 ms"), (587386.0, "", "0.587 M"),
     (113.4, "", "113"),      (3e14, "", "3e+14"), (2e-7, "J", "2e-07 J")],
)  # fmt: skip
def test_a_number_keeps_to_its_unit(value: float, unit: str, words: str) -> None:
    assert shown(value, unit) == words
