"""What a proxy would cost alone, although passes are shared."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from workbench.ledger import Ledger
from workbench.proxies import Probe, Proxy, stopwatch
from workbench.proxies.score import score
from workbench.proxies.stopwatch import Stopwatch
from workbench.spaces import search_space

SPACE = search_space("nasbench201")
SMALL: dict[str, Any] = {"task": "digits", "batch_size": 6, "progress": False}


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """A clock that stands still but for what is told to it."""
    now = [0.0]
    monkeypatch.setattr(stopwatch, "_now", lambda: now[0])

    def passes(seconds: float) -> None:
        now[0] += seconds

    return passes


def test_a_pass_is_on_the_bill_of_all_who_look_at_it_once_each(clock: Callable[[float], None]) -> None:
    probe = Probe(architecture=SPACE.sample(1)[0], task="digits", batch_size=6)

    def deep(_: Probe) -> int:
        clock(1.0)
        return 1

    def middle(seen: Probe) -> int:
        clock(2.0)
        return seen.once(deep) + 1

    with probe.timed() as first:
        probe.once(middle)
        probe.once(deep)
        clock(4.0)
    with probe.timed() as second:
        clock(8.0)
        assert probe.once(middle) == 2
    with probe.timed() as third:
        probe.once(deep)
    with probe.timed() as fourth:
        clock(16.0)
    assert [lap.seconds for lap in (first, second, third, fourth)] == [7.0, 11.0, 1.0, 16.0]


def test_a_pass_that_fails_is_on_the_bill_of_the_one_who_asked(clock: Callable[[float], None]) -> None:
    watch = Stopwatch()

    laps = []

    def fail() -> None:
        with watch.lap() as lap:
            laps.append(lap)
            clock(1.0)
            with watch.lap("pass"):
                clock(2.0)
                raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert laps[0].seconds == 3.0


def test_of_a_shared_pass_each_proxy_pays_for_the_parts_it_needs() -> None:
    arch = SPACE.parse("|nor_conv_3x3~0|+|nor_conv_3x3~0|none~1|+|none~0|nor_conv_1x1~1|nor_conv_3x3~2|")
    names = ["nwot", "grad_norm", "snip", "fisher", "jacov", "grasp", "params"]
    cost = score([arch], names, ledger=False, **SMALL).attrs["seconds"]
    backwards = score([arch], names[::-1], ledger=False, **SMALL).attrs["seconds"]
    for seconds in (cost, backwards):
        assert seconds["params"] < 0.2 * seconds["nwot"]
        assert seconds["nwot"] < seconds["grad_norm"] < seconds["grasp"]
        assert seconds["nwot"] < seconds["jacov"] < seconds["grasp"]
        assert seconds["snip"] == pytest.approx(seconds["grad_norm"], rel=0.3)


def slow(_: Probe) -> float:
    time.sleep(0.05)
    return 1.0


def late(probe: Probe) -> float:
    return probe.once(slow)


@pytest.mark.parametrize("order", [slice(None), slice(None, None, -1)])
def test_a_table_says_what_a_network_costs_by_proxy_whoever_came_first(order: slice) -> None:
    names = ("one", "two", "three")
    proxies = [Proxy(name, "higher", "none", "forward", "here", "1", late) for name in names]
    free = Proxy("free", "higher", "none", "free", "here", "1", lambda _: 1.0)
    frame = score(SPACE.sample(2), [*proxies[order], free], ledger=False, **SMALL)
    for name in names:
        assert frame.attrs["seconds"][name] >= 0.05
    assert frame.attrs["seconds"]["free"] < 0.05


def test_seconds_are_those_of_the_ledger_where_nothing_is_computed(tmp_path: Any) -> None:
    ledger = Ledger(tmp_path / "scores.sqlite3")
    archs = SPACE.sample(2)
    first = score(archs, ["nwot"], ledger=ledger, **SMALL)
    again = score(archs, ["nwot"], ledger=ledger, **SMALL)
    assert again.attrs["seconds"] == first.attrs["seconds"]
    assert first.attrs["seconds"]["nwot"] > 0
