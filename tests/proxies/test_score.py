"""Scoring many architectures: the table, the ledger, workers, and what goes wrong."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

import workbench as wb
from workbench import executors
from workbench.architecture import Architecture
from workbench.errors import InvalidInput, LedgerError, MissingData, UnknownName
from workbench.executors import Here, Local, Outcome
from workbench.ledger import Ledger, Unkept
from workbench.proxies import Probe, Proxy, catalogue
from workbench.proxies.score import score, score_model
from workbench.spaces import search_space
from workbench.spaces.nasbench201 import OPERATIONS
from workbench.studies.search import search
from workbench.tasks import NoiseInput, Task, task
from workbench.tasks.images import FashionMNIST
from workbench.tasks.task import Images, Reader

SPACE = search_space("nasbench201")
DISCONNECTED = "|none~0|+|none~0|none~1|+|none~0|none~1|none~2|"
SMALL: dict[str, Any] = {"task": "digits", "batch_size": 6, "progress": False}


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    opened = Ledger(tmp_path / "scores.sqlite3")
    yield opened
    opened.close()


def test_a_table_has_a_row_for_each_architecture_in_order() -> None:
    archs = SPACE.sample(3, seed=1)
    frame = score([*archs, archs[0]], ["nwot", "params"], **SMALL)
    assert list(frame.index) == [str(arch) for arch in [*archs, archs[0]]]
    assert frame.index.name == "architecture"
    assert list(frame.columns) == ["nwot", "params"]
    assert frame.dtypes.tolist() == [np.float64, np.float64]
    assert frame.iloc[0].equals(frame.iloc[3])
    assert frame["params"].tolist()[:3] == [SPACE.counts(arch, "digits").params for arch in archs]
    expected = catalogue.find("nwot")(Probe(architecture=archs[1], task="digits", batch_size=6))
    assert frame["nwot"].iloc[1] == expected


def test_the_table_says_how_it_was_made() -> None:
    frame = score(SPACE.sample(1), ["params"], task="digits", batch_size=6, seed=4, progress=False)
    assert frame.attrs == {
        "space": "nasbench201",
        "better": {"params": "higher"},
        "task": "digits",
        "batch_size": 6,
        "seed": 4,
        "batch_seed": 4,
        "source": "images",
        "shared": [],
        "seconds": {"params": frame.attrs["seconds"]["params"]},
        "reasons": {},
    }
    assert 0 < frame.attrs["seconds"]["params"] < 1


def test_without_a_list_every_proxy_is_scored() -> None:
    assert list(score(SPACE.sample(1), **SMALL).columns) == catalogue.names()


def test_what_cannot_be_computed_is_nan_with_its_reason() -> None:
    frame = score([SPACE.parse(DISCONNECTED), *SPACE.sample(1)], ["params", "synflow"], **SMALL)
    assert math.isnan(frame.loc[DISCONNECTED, "synflow"])
    assert frame.loc[DISCONNECTED, "params"] > 0
    assert list(frame.attrs["reasons"]) == [(DISCONNECTED, "synflow")]
    assert "no weight carries anything" in frame.attrs["reasons"][DISCONNECTED, "synflow"]
    assert frame["synflow"].notna().tolist() == [False, True]


def test_workers_find_the_same_as_this_process() -> None:
    archs = SPACE.sample(3, seed=8)
    names = ["grad_norm", "synflow", "nwot", "live_params"]
    here = score(archs, names, ledger=False, **SMALL)
    with Local(1) as executor:
        there = score(archs, names, executor=executor, ledger=False, **SMALL)
    pd.testing.assert_frame_equal(here, there, rtol=1e-5)


class Watched(Here):
    """Runs here and remembers what it was given."""

    def __init__(self) -> None:
        self.items: list[Any] = []

    def map(self, function: Callable[[Any], Any], items: Any, *args: Any, **options: Any) -> Any:
        if options["label"] == "scoring":
            self.items = []
        self.items += items
        return super().map(function, items, *args, **options)


def test_what_is_in_the_ledger_is_not_computed_again(ledger: Ledger) -> None:
    archs = SPACE.sample(3, seed=2)
    watched = Watched()
    first = score(archs[:2], ["synflow", "params"], executor=watched, ledger=ledger, **SMALL)
    assert [len(job.proxies) for job in watched.items] == [2, 2]
    assert ledger.size == 2, "what is free to count is not worth keeping"
    again = score(archs, ["params", "nwot", "synflow"], executor=watched, ledger=ledger, **SMALL)
    assert [[p.name for p in job.proxies] for job in watched.items] == [
        ["params", "nwot"],
        ["params", "nwot"],
        ["params", "nwot", "synflow"],
    ]
    assert again.iloc[:2][["synflow", "params"]].equals(first)
    third = score(archs, ["params", "nwot", "synflow"], executor=watched, ledger=ledger, **SMALL)
    assert {p.name for job in watched.items for p in job.proxies} == {"params"}
    pd.testing.assert_frame_equal(third, again, check_exact=True)


def test_a_reason_is_remembered_with_its_nan(ledger: Ledger) -> None:
    watched = Watched()
    arch = SPACE.parse(DISCONNECTED)
    first = score([arch], ["synflow"], ledger=ledger, **SMALL)
    again = score([arch], ["synflow"], executor=watched, ledger=ledger, **SMALL)
    assert watched.items == []
    assert math.isnan(again["synflow"].iloc[0])
    assert again.attrs == first.attrs


@pytest.mark.parametrize(
    ("name", "change", "anew"),
    [
        ("nwot", {"seed": 1}, True),
        ("nwot", {"batch_size": 7}, True),
        ("nwot", {"batch_seed": 1}, True),
        ("nwot", {"batch_seed": 0}, False),
        ("synflow", {"batch_seed": 1}, False),
        ("nwot", {"task": "cifar10_noise"}, True),
        ("synflow", {"seed": 1}, True),
        ("synflow", {"batch_size": 7}, False),
        ("synflow", {"task": "cifar100_noise"}, True),
    ],
)
def test_the_ledger_tells_apart_what_changes_a_score_and_nothing_else(
    ledger: Ledger, name: str, change: dict[str, Any], anew: bool
) -> None:
    arch = SPACE.parse("|skip_connect~0|+|none~0|none~1|+|nor_conv_1x1~0|none~1|none~2|")
    watched = Watched()
    score([arch], [name], ledger=ledger, **SMALL)
    score([arch], [name], ledger=ledger, executor=watched, **SMALL | change)
    assert bool(watched.items) is anew


def test_weights_and_inputs_can_be_drawn_apart() -> None:
    arch = SPACE.sample(1, seed=3)[0]
    frame = score([arch], ["grad_norm", "zico", "l2_norm"], batch_seed=5, ledger=False, **SMALL)
    digits = task("digits")
    model = SPACE.build(arch, digits, seed=0)
    assert frame["grad_norm"].iloc[0] == score_model(model, digits.batch(6, seed=5)[:2], ["grad_norm"])["grad_norm"]
    same = score([arch], ["grad_norm", "zico", "l2_norm"], ledger=False, **SMALL)
    assert (frame == same).iloc[0].tolist() == [False, False, True]
    assert (frame.attrs["seed"], frame.attrs["batch_seed"]) == (0, 5)


@dataclass(frozen=True)
class Sometimes(Reader):
    """Images that are there while a file is."""

    flag: Path

    def read(self) -> Images:
        return Images(np.random.default_rng(0).integers(0, 256, (20, 1, 8, 8), np.uint8), np.arange(20) % 10)

    def present(self) -> bool:
        return self.flag.exists()

    def missing(self) -> str:
        return f"Put them into {self.flag}."


def test_noise_and_images_are_different_scores(ledger: Ledger, tmp_path: Path) -> None:
    shapes = Task("shapes", (1, 8, 8), 10, "", Sometimes(tmp_path / "flag"), (0.5,), (0.25,), or_noise=True)
    arch, watched = SPACE.sample(1, seed=2)[0], Watched()
    options: dict[str, Any] = SMALL | {"task": shapes, "executor": watched, "ledger": ledger}
    with pytest.warns(NoiseInput, match="Put them into"):
        noise = score([arch], ["nwot", "synflow"], **options)
    (tmp_path / "flag").touch()
    images = score([arch], ["nwot", "synflow"], **options)
    assert [p.name for job in watched.items for p in job.proxies] == ["nwot"]
    assert (noise.attrs["source"], images.attrs["source"]) == ("noise", "images")
    assert noise["nwot"].iloc[0] != images["nwot"].iloc[0]
    assert noise["synflow"].iloc[0] == images["synflow"].iloc[0]


def test_images_that_have_to_be_brought_are_asked_for_before_anything_runs(tmp_path: Path) -> None:
    fashion = Task("fashion", (1, 28, 28), 10, "", FashionMNIST(tmp_path), (0.286,), (0.353,))
    watched = Watched()
    with pytest.raises(MissingData, match="apt-get install"):
        score(SPACE.sample(1), ["nwot"], **SMALL | {"task": fashion, "executor": watched})
    assert score(SPACE.sample(1), ["synflow"], **SMALL | {"task": fashion}).notna().all(axis=None)


def test_missing_images_are_said_once_for_the_whole_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKBENCH_DATA", str(tmp_path))
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        score(SPACE.sample(3), ["nwot"], batch_size=4, progress=False)
    assert [w.category for w in said] == [NoiseInput]


def test_scores_that_need_no_images_do_not_speak_of_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKBENCH_DATA", str(tmp_path))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        score(SPACE.sample(1), ["params", "synflow"], progress=False)


def failing(probe: Probe) -> float:
    if str(probe.architecture) == DISCONNECTED:
        raise ZeroDivisionError("nothing there")
    return 1.0


FAILING = Proxy("failing", "higher", "none", "forward", "here", "1", failing)


def test_an_architecture_that_fails_costs_its_own_value_only(ledger: Ledger) -> None:
    archs = [SPACE.sample(1)[0], SPACE.parse(DISCONNECTED), SPACE.sample(2)[1]]
    frame = score(archs, [FAILING, "params"], ledger=ledger, **SMALL)
    assert frame["failing"].isna().tolist() == [False, True, False]
    assert frame["params"].notna().all()
    assert frame.attrs["reasons"] == {(DISCONNECTED, "failing"): "ZeroDivisionError: nothing there"}
    watched = Watched()
    score(archs, [FAILING, "params"], ledger=ledger, executor=watched, **SMALL)
    assert len(watched.items) == 3, "a proxy of the user's own may change: its scores are not kept"
    assert ledger.size == 0


def test_without_a_word_the_default_ledger_keeps_scores_and_false_keeps_none() -> None:
    arch = SPACE.sample(1)
    score(arch, ["synflow"], ledger=False, **SMALL)
    assert not Path(os.environ["WORKBENCH_LEDGER"]).exists()
    score(arch, ["params"], **SMALL)
    assert not Path(os.environ["WORKBENCH_LEDGER"]).exists()
    score(arch, ["synflow"], **SMALL)
    assert Ledger().size == 1


def test_a_ledger_that_gives_way_costs_a_warning_and_no_score(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    def locked(_: object) -> None:
        raise LedgerError("The ledger cannot be used: another process keeps it locked.")

    monkeypatch.setattr(ledger, "write", locked)
    with pytest.warns(Unkept, match="2 numbers are not in the ledger. .* another process keeps it locked"):
        frame = score(SPACE.sample(2), ["synflow"], ledger=ledger, **SMALL)
    assert frame["synflow"].notna().any()


def test_a_search_and_a_table_share_what_was_paid_for(ledger: Ledger) -> None:
    measure = wb.measure("synflow", SMALL["task"], SMALL["batch_size"])
    study = search(SPACE, measure, "random", 4, ledger=ledger, progress=False)
    archs = [SPACE.parse(trial.user_attrs["architecture"]) for trial in study.trials]
    watched = Watched()
    frame = score(archs, ["synflow"], ledger=ledger, executor=watched, **SMALL)
    assert watched.items == []
    finished = [t for t in study.trials if t.values]
    assert [frame.loc[t.user_attrs["architecture"], "synflow"] for t in finished] == [t.values[0] for t in finished]


def test_a_network_that_cannot_be_built_leaves_what_needs_none(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> nn.Module:
        raise RuntimeError("out of memory")

    monkeypatch.setattr(type(SPACE), "network", refuse)
    frame = score(SPACE.sample(2), ["nwot", "params"], **SMALL)
    assert frame["nwot"].isna().all()
    assert frame["params"].notna().all()
    assert set(frame.attrs["reasons"].values()) == {"RuntimeError: out of memory"}


class Interrupted(Here):
    """Stops after two items, as a user does."""

    def map(self, *args: Any, **options: Any) -> Any:
        for outcome in super().map(*args, **options):
            yield outcome
            if outcome.index == 1:
                raise KeyboardInterrupt


def test_an_interrupted_table_goes_on_where_it_stopped(ledger: Ledger) -> None:
    archs = SPACE.sample(4, seed=3)
    with pytest.raises(KeyboardInterrupt):
        score(archs, ["synflow"], executor=Interrupted(), ledger=ledger, **SMALL)
    watched = Watched()
    score(archs, ["synflow"], executor=watched, ledger=ledger, **SMALL)
    assert [job.arch for job in watched.items] == archs[2:]


KILLED = """
import os, pathlib, signal, sys
import workbench as wb
from workbench.ledger import Ledger
from workbench.proxies import jobs

written = 0
write, scored = Ledger.write, jobs.scored

def counted(self, entries):
    global written
    write(self, entries)
    written += len(entries)
    if written == 5:
        os.kill(os.getpid(), signal.SIGKILL)

def logged(job):
    results = scored(job)
    with open(sys.argv[2], "a") as log:
        print(job.arch, file=log)
    return results

if __name__ == "__main__":
    Ledger.write = counted
    archs = wb.search_space("nasbench201").sample(12, seed=3)
    wb.score(archs, ["synflow"], "digits", 6, executor=wb.Local(2), ledger=Ledger(sys.argv[1]), progress=False)
else:
    jobs.scored = logged  # in a worker
"""


def test_a_killed_table_goes_on_where_it_was(tmp_path: Path) -> None:
    script, path, log = (tmp_path / name for name in ("killed.py", "scores.sqlite3", "log"))
    script.write_text(KILLED)
    # Output goes to a file: a surviving worker would keep a pipe open and this test waiting.
    with (tmp_path / "said").open("w") as said:
        done = subprocess.run(
            [sys.executable, str(script), str(path), str(log)], stdout=said, stderr=said, check=False, timeout=120
        )
    assert done.returncode == -signal.SIGKILL, (tmp_path / "said").read_text()
    ledger, watched = Ledger(path), Watched()
    assert ledger.size == 5, "what was finished is kept, at once"
    archs = SPACE.sample(12, seed=3)
    frame = score(archs, ["synflow"], executor=watched, ledger=ledger, **SMALL)
    assert len(watched.items) == 7, "and nothing of it is scored again"
    assert not frame["synflow"].isna().all()
    # What two workers had scored and not handed over is lost: of 12, a batch has at most two.
    again = {str(job.arch) for job in watched.items} & set(log.read_text().splitlines())
    assert len(again) <= 4


def test_the_bar_begins_with_what_is_known_and_counts_networks_not_rows(ledger: Ledger) -> None:
    archs = [SPACE.parse(f"|{op}~0|+|none~0|none~1|+|nor_conv_1x1~0|none~1|none~2|") for op in OPERATIONS]
    seen: list[tuple[str, int, int]] = []

    class Counted(Here):
        def map(self, function: Callable[[Any], Any], items: Any, *args: Any, **options: Any) -> Any:
            seen.append((options["label"], options["done"], len(items)))
            return super().map(function, items, *args, **options)

    options: dict[str, Any] = {"executor": Counted(), "ledger": ledger, **SMALL}
    score(archs[:2], ["synflow"], **options)
    score(archs, ["synflow", "params"], **options)
    score(archs, ["synflow", "nwot"], share=True, **options)
    assert seen == [
        ("scoring", 0, 2),
        ("counting", 2, 0),
        ("scoring", 2, 3),
        ("counting", 3, 2),
        ("scoring", 0, 5),
        ("counting", 5, 0),
    ]
    seen.clear()
    score(archs, ["synflow"], share=True, **options)
    assert seen[0] == ("scoring", 1, 0)


def test_a_large_table_is_given_to_processes_and_a_small_one_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[int] = []

    class Pool(Here):
        def __init__(self, workers: int) -> None:
            begun.append(workers)

        def __enter__(self) -> Pool:
            return self

        def __exit__(self, *_: object) -> None:
            return None

    monkeypatch.setattr(executors, "Local", Pool)
    monkeypatch.setattr(executors, "cores", lambda: 2)
    archs = SPACE.sample(6)
    here = score(archs, ["synflow"], ledger=False, **SMALL)
    assert begun == []
    monkeypatch.setattr(executors, "_WORTH_S", 0.001)
    monkeypatch.setattr(executors, "_EACH_S", 0.0001)
    there = score(archs, ["synflow"], ledger=False, **SMALL)
    assert begun == [2]
    pd.testing.assert_frame_equal(here, there)


def test_an_executor_that_loses_an_item_is_a_reason() -> None:
    class Losing(Here):
        def map(self, *args: Any, **options: Any) -> Any:
            for outcome in super().map(*args, **options):
                yield (
                    Outcome(outcome.index, outcome.name, error="the worker process died")
                    if not outcome.index
                    else outcome
                )

    archs = SPACE.sample(2, seed=3)
    frame = score(archs, ["params", "synflow"], executor=Losing(), **SMALL)
    assert frame.iloc[0].isna().all()
    assert frame.iloc[1].notna().all()
    assert frame.attrs["reasons"][str(archs[0]), "params"] == "the worker process died"


def test_no_architectures_make_an_empty_table() -> None:
    frame = score([], ["params", "synflow"], **SMALL)
    assert frame.shape == (0, 2)


@pytest.mark.parametrize(
    ("archs", "words"),
    [
        (DISCONNECTED, "takes a list of architectures"),
        ([DISCONNECTED], r"is no Architecture: make one with space\.parse\(text\)"),
        ([3], "3 is no Architecture"),
        (7, "takes a list of architectures; got 7"),
    ],
)
def test_anything_but_architectures_is_refused(archs: Any, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        score(archs, ["params"], **SMALL)


def test_one_architecture_is_told_to_stand_in_a_list() -> None:
    with pytest.raises(InvalidInput, match=r"Write score\(\[arch\]\)"):
        score(SPACE.sample(1)[0], ["params"], **SMALL)  # type: ignore[arg-type]


def test_architectures_of_two_spaces_are_refused() -> None:
    other = SPACE.restrict({})
    other.name = "elsewhere"
    arch = SPACE.sample(1)[0]
    with pytest.raises(InvalidInput, match="one space are scored at a time; got elsewhere, nasbench201"):
        score([arch, Architecture(other, arch.decisions)], ["params"], **SMALL)


def test_an_unknown_proxy_or_task_shows_the_nearest() -> None:
    with pytest.raises(UnknownName, match=r"no proxy named 'synflo'. Did you mean 'synflow'"):
        score(SPACE.sample(1), ["synflo"], **SMALL)
    with pytest.raises(UnknownName, match=r"no task named 'cifar'. Did you mean"):
        score(SPACE.sample(1), ["params"], task="cifar")


def test_too_large_a_batch_is_refused_before_anything_runs() -> None:
    with pytest.raises(InvalidInput, match="a batch of 5,000 is too large"):
        score(SPACE.sample(1), ["nwot"], task="digits", batch_size=5000)


@pytest.mark.parametrize("device", ["cuda", "cuda:1", "mps", "gpu", "meta"])
def test_a_device_that_is_not_there_is_refused(monkeypatch: pytest.MonkeyPatch, device: str) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    with pytest.raises(InvalidInput, match=f"no device '{device}' on this machine; there is cpu. Name one of these"):
        score(SPACE.sample(1), ["params"], device=device, **SMALL)


def test_a_device_beyond_the_last_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    with pytest.raises(InvalidInput, match=r"no device 'cuda:2' on this machine; there is cpu, cuda, cuda:0, cuda:1\."):
        score(SPACE.sample(1), ["params"], device="cuda:2", **SMALL)


@pytest.mark.parametrize(
    ("asked", "found", "process"),
    [(None, "cuda", "Here"), ("cuda:0", "cuda:0", "Here"), ("cpu", "cpu", "Auto")],
)
def test_networks_go_to_a_gpu_if_there_is_one_and_one_process_works(
    monkeypatch: pytest.MonkeyPatch, asked: str | None, found: str, process: str
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    given: list[tuple[str, str]] = []

    def noted(self: Any, function: Any, items: Any, *_: Any, **__: Any) -> Iterator[Outcome]:
        for index, job in enumerate(items):
            given.append((type(self).__name__, job.terms.device))
            yield Outcome(index, "", error="not run here")

    for kind in (Here, executors.Auto):
        monkeypatch.setattr(kind, "map", noted)
    score(SPACE.sample(1), ["synflow"], ledger=False, device=asked, **SMALL)
    assert given == [(process, found)]


def test_the_network_and_the_batch_of_an_architecture_go_to_the_device() -> None:
    probe = Probe(architecture=SPACE.sample(1)[0], task="digits", batch_size=4, device="meta")
    assert {p.device.type for p in probe.model.parameters()} == {"meta"}
    assert (probe.batch.x.device.type, probe.batch.y.device.type) == ("meta", "meta")


def test_one_name_is_a_list_of_one() -> None:
    assert list(score(SPACE.sample(1), "params", **SMALL).columns) == ["params"]


# -- one module ---------------------------------------------------------------------------------------------------


def model() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 8), nn.ReLU(), nn.Linear(8, 10))


def pair(n: int = 6) -> tuple[torch.Tensor, torch.Tensor]:
    batch = task("digits").batch(n)
    return batch.x, batch.y


def test_a_module_is_scored_by_every_proxy_that_needs_no_architecture() -> None:
    found = score_model(model(), pair())
    assert list(found) == [p.name for p in catalogue if p.needs != "architecture"]
    assert found["params"] == 65 * 8 + 9 * 10
    assert found["flops"] == 64 * 8 + 8 * 10
    assert all(math.isfinite(value) or value.reason for value in found.values())


def test_live_params_of_a_module_are_a_reason() -> None:
    value = score_model(model(), pair(), ["live_params"])["live_params"]
    assert math.isnan(value)
    assert "needs an architecture" in value.reason


def test_a_module_can_be_scored_layer_by_layer() -> None:
    found = score_model(model(), pair(), ["grad_norm", "synflow"], reduce=None)
    assert list(found["grad_norm"]) == list(found["synflow"]) == ["1", "3"]


def test_a_module_in_double_precision_is_scored_in_it() -> None:
    single, double = score_model(model(), pair()), score_model(model().double(), pair())
    for name, value in single.items():
        assert double[name] == pytest.approx(value, rel=1e-5, nan_ok=True), name


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda x, y: (x, y + 9), r"Labels must lie in 0\.\.9, the network's 10 outputs; got labels from 11 to 15"),
        (lambda x, y: (x, y - 10), r"Labels must lie in 0\.\.9"),
        (lambda x, y: (x[:, :, :5], y), r"cannot run on a batch of shape \(6, 1, 5, 8\)"),
        (lambda x, y: (x, y[:3]), r"got \(6, 1, 8, 8\) and \(3,\)"),
        (lambda x, y: (x[:0], y[:0]), "n at least 1"),
        (lambda x, y: (x, y.float()), r"of an integer type; got torch\.float32"),
        (lambda x, y: (x, y.tolist()), "got Tensor and list"),
        (lambda x, y: x, "a pair"),
        (lambda x, y: (x,), "a pair"),
    ],
)
def test_a_batch_that_does_not_fit_says_what_was_given(change: Callable[..., Any], words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        score_model(model(), change(*pair()), ["grad_norm"])


def test_a_module_without_parameters_is_refused() -> None:
    with pytest.raises(InvalidInput, match="ReLU has no parameters"):
        score_model(nn.ReLU(), pair())
    with pytest.raises(InvalidInput, match=r"takes a torch\.nn\.Module; got a str"):
        score_model("resnet", pair())  # type: ignore[arg-type]


def test_a_module_that_returns_no_logits_is_refused() -> None:
    class Pair(nn.Linear):
        def forward(self, x: torch.Tensor) -> Any:
            return super().forward(x), x

    with pytest.raises(InvalidInput, match="must return a tensor of logits; it returned a tuple"):
        score_model(Pair(4, 2), (torch.zeros(3, 4), torch.zeros(3, dtype=torch.long)), ["grad_norm"])
    with pytest.raises(
        InvalidInput, match=r"one row of logits for each of 6 labels; it returned the shape \(6, 1, 8, 4\)"
    ):
        score_model(nn.Linear(8, 4), pair(), ["grad_norm"])
