"""Latency: what is timed, what the numbers mean, and that nothing is left changed."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import nn

from workbench.errors import InvalidInput
from workbench.networks.latency import latency
from workbench.spaces import search_space


class Slow(nn.Module):
    """Takes a given time for each run, one after the other, and notes how it was run."""

    def __init__(self, *seconds: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))
        self._seconds = seconds
        self.seen: list[tuple[bool, bool, tuple[int, ...], torch.dtype]] = []

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        time.sleep(self._seconds[len(self.seen) % len(self._seconds)])
        self.seen.append((self.training, torch.is_grad_enabled(), tuple(x.shape), x.dtype))
        return x * self.weight


def test_one_input_is_run_in_evaluation_mode_without_gradients() -> None:
    model = Slow(0.0)
    found = latency(model, (3, 8, 8), repeats=7, warm_up=2)
    assert model.seen == [(False, False, (1, 3, 8, 8), torch.float32)] * 9
    assert found.repeats == 7
    assert found.device == "cpu"
    assert found.threads == torch.get_num_threads()


def test_the_median_is_in_milliseconds_and_runs_that_warm_up_do_not_count() -> None:
    found = latency(Slow(0.2, *[0.01] * 9), (2,), repeats=9, warm_up=1)
    assert 10 <= found.median_ms < 100
    assert 10 <= found.low_ms <= found.median_ms <= found.high_ms


def test_the_quartiles_hold_half_of_the_runs() -> None:
    found = latency(Slow(0.005, 0.04, 0.04, 0.08), (2,), repeats=8, warm_up=4)
    assert found.low_ms < 40 <= found.median_ms < 80
    assert found.high_ms > found.median_ms


def test_what_takes_too_long_is_run_less_often_but_five_times() -> None:
    began = time.perf_counter()
    assert latency(Slow(0.05), (2,), repeats=1000, warm_up=0, seconds=0.1).repeats == 5
    assert latency(Slow(0.01), (2,), repeats=1000, warm_up=0, seconds=0.2).repeats < 21
    assert time.perf_counter() - began < 5


def test_a_token_network_gets_tokens() -> None:
    model = nn.Sequential(nn.Embedding(10, 4), nn.Flatten(), nn.Linear(20, 2))
    assert latency(model, (5,), torch.int64, repeats=1).median_ms > 0


@pytest.fixture
def network() -> nn.Module:
    space = search_space("nasbench201")
    return space.build(space.sample(1, seed=3)[0])


def test_the_network_and_torch_are_left_as_they_were(network: nn.Module) -> None:
    network.train()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    torch.manual_seed(5)
    state, numbers, threads = torch.get_rng_state(), np.random.get_state()[1], torch.get_num_threads()  # noqa: NPY002
    latency(network, (3, 32, 32), repeats=2, warm_up=1)
    assert network.training
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert torch.equal(torch.get_rng_state(), state)
    assert np.array_equal(np.random.get_state()[1], numbers)  # noqa: NPY002
    assert torch.get_num_threads() == threads
    assert torch.is_grad_enabled()


def test_more_work_takes_longer(network: nn.Module) -> None:
    small, large = (latency(network, (3, size, size), repeats=9).median_ms for size in (16, 96))
    assert large > 2 * small


def test_a_network_that_cannot_take_the_input_is_refused(network: nn.Module) -> None:
    with pytest.raises(InvalidInput, match=r"cannot run on a batch of shape \(1, 5, 32, 32\)"):
        latency(network, (5, 32, 32))
    assert network.training


@pytest.mark.parametrize("settings", [{"repeats": 0}, {"warm_up": -1}, {"seconds": 0.0}, {"seconds": float("nan")}])
def test_settings_that_make_no_sense_are_refused(settings: dict[str, float], network: nn.Module) -> None:
    with pytest.raises(InvalidInput, match="takes repeats from 1, warm_up from 0 and seconds above 0"):
        latency(network, (3, 32, 32), **settings)  # type: ignore[arg-type]


def test_on_an_accelerator_the_device_is_waited_for() -> None:
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    work = nn.Sequential(*(nn.Linear(8192, 8192, bias=False) for _ in range(16))).cuda()
    found = latency(work, (8192,), repeats=5)
    assert found.device == "cuda:0"
    # 16 times 256 MB have to be read: launching the kernels alone takes a tenth of that.
    assert found.median_ms > 0.5
    assert launched(work) < found.median_ms


def launched(model: Callable[[torch.Tensor], torch.Tensor]) -> float:
    """Milliseconds until Python has begun the work on the device."""
    x = torch.zeros((1, 8192), device="cuda")
    torch.cuda.synchronize()
    start = time.perf_counter()
    model(x)
    return 1e3 * (time.perf_counter() - start)
