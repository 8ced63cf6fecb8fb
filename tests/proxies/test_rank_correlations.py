"""How proxies rank the architectures of a reference table's own sample, in its settings, against its correlations."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks.reference_agreement import DATASETS, REFERENCE, compared, sample, scored, values
from workbench.analysis.statistics import spearman
from workbench.proxies import Probe, catalogue
from workbench.spaces import search_space

SharedData = Callable[[str], Path]
SPACE = search_space("nasbench201")
NEAR = 0.03
FIRST = [928, 15347, 12259, 7355, 1338, 4198]  # of the reference's sample


def test_the_sample_is_that_of_the_reference(shared_data: SharedData) -> None:
    texts, goals = sample(shared_data("nb201_core.npz"), 250)
    known = shared_data("naslib_proxy_values_6.csv").read_text().splitlines()[1:]
    assert [f"{index},{text}" for index, text in zip(FIRST, texts, strict=False)] == [
        ",".join(line.split(",")[:2]) for line in known
    ]
    assert len(set(texts)) == 250
    assert set(goals) == set(DATASETS)


def test_what_costs_no_pass_ranks_as_in_the_reference(shared_data: SharedData) -> None:
    """The correlations of 228 architectures in no time; the others take a long test."""
    texts, goals = sample(shared_data("nb201_core.npz"))
    probes = [Probe(architecture=SPACE.parse(text)) for text in texts]
    frame = pd.DataFrame({name: [catalogue.find(name)(p) for p in probes] for name in ("params", "live_params")})
    found = compared(frame, goals)
    assert list(found.index) == ["live_params", "params"]
    assert found["difference"].max() <= 0.005, found


def test_the_settings_are_those_of_the_reference_values(shared_data: SharedData) -> None:
    """The columns with NASLib's own value of the same weights and input, on the sample's first architecture."""
    head, row, *_ = shared_data("naslib_proxy_values_6.csv").read_text().splitlines()
    known = dict(zip(head.split(","), row.split(","), strict=True))
    found = values(known["arch"], shared_data("cifar10_256.npz"))
    for name in ("grad_norm", "snip", "fisher", "jacov", "epe_nas", "nwot"):
        assert found[f"{name} on noise"] == pytest.approx(float(known[name]), rel=1e-5), name
        assert found[f"{name} on images"] != pytest.approx(float(known[name]), rel=1e-3), name
    for name in ("l2_norm", "synflow"):
        assert found[name] == pytest.approx(float(known[name]), rel=1e-5), name
    assert found["zen"] == pytest.approx(float(known["zen"]), rel=0.02)  # half as many inputs
    assert set(REFERENCE) - set(found) == {"az_nas"}


@pytest.mark.slow
def test_every_proxy_ranks_as_in_the_reference(shared_data: SharedData, tmp_path: Path) -> None:
    texts, goals = sample(shared_data("nb201_core.npz"))
    assert len(texts) >= 200
    known = scored(texts, shared_data("cifar10_256.npz"), tmp_path / "values.jsonl")
    found = compared(pd.DataFrame([known[text] for text in texts]), goals)
    assert set(found.index) == set(REFERENCE)
    apart = found[found["difference"] > NEAR]
    assert apart.empty, apart.to_string()


def test_published_correlations_are_those_of_the_published_values(shared_data: SharedData) -> None:
    table = np.load(shared_data("nb101_extract.npz"))
    trained = np.isfinite(table["val_accuracy"])
    stated = {
        member.name: member.published["nasbench101/cifar10"].spearman
        for member in catalogue
        if "nasbench101/cifar10" in member.published
    }
    assert len(stated) == 11
    for name, value in stated.items():
        assert spearman(table[name][trained], table["val_accuracy"][trained]) == pytest.approx(value, abs=0.001), name
    # A third of the values of NAS-Bench-201; the statements are about all of them.
    third = np.load(shared_data("nb201_zerocost_third.npz"))
    accuracy = np.load(shared_data("nb201_core.npz"))["cifar10_test_acc"]
    rows = (third["source"] == "naslib2022") & (third["dataset"] == "cifar10")
    for name in ("flops", "params", "nwot", "l2_norm", "plain", "epe_nas"):
        there = rows & np.isfinite(third[name])
        stated_here = catalogue.find(name).published["nasbench201/cifar10"].spearman
        found = spearman(third[name][there], accuracy[third["index"][there]])
        assert found == pytest.approx(stated_here, abs=0.1), name
