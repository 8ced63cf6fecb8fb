"""How long a network takes for one input on this machine."""

from __future__ import annotations

import time
from typing import NamedTuple

import numpy as np
import torch
from torch import nn

from workbench.errors import InvalidInput
from workbench.networks.preserved import preserved, seeded
from workbench.networks.running import run

_FEWEST = 5  # runs that are timed even where they take longer than they were given


class Latency(NamedTuple):
    """Milliseconds of one input: the median, and the quartiles between which half of the runs lie.

    `repeats` is how many runs were timed; `threads` is what torch was allowed of the processor, which on a `device`
    other than "cpu" only feeds it.
    """

    median_ms: float
    low_ms: float
    high_ms: float
    repeats: int
    threads: int
    device: str


def latency(
    model: nn.Module,
    shape: tuple[int, ...],
    dtype: torch.dtype | None = None,
    *,
    repeats: int = 30,
    warm_up: int = 5,
    seconds: float = 3.0,
) -> Latency:
    """How long `model` takes for one input of `shape` (without batch axis), on the device of its parameters.

    The network is run in evaluation mode, without gradients, `warm_up` times untimed and then up to `repeats` times,
    fewer where these take more than `seconds` in all. Each run is timed until the device has finished it. `dtype` is
    the input's, without it that of the model's parameters. The model and torch's settings are left as they were; what
    else the machine does meanwhile is in the numbers. Raises `InvalidInput` for a network that cannot run on it.
    """
    if repeats < 1 or warm_up < 0 or not seconds > 0:
        raise InvalidInput(
            "latency takes repeats from 1, warm_up from 0 and seconds above 0; "
            f"got {repeats!r}, {warm_up!r} and {seconds!r}."
        )
    first = next(model.parameters(), torch.zeros(()))
    device = first.device
    x = torch.zeros((1, *shape), device=device, dtype=dtype or first.dtype)
    taken: list[float] = []
    with preserved(model), seeded(0, device), torch.no_grad():
        model.eval()
        end = time.perf_counter() + seconds
        for _ in range(warm_up):
            _timed(model, x)
            if time.perf_counter() > end:
                break
        end = time.perf_counter() + seconds
        while len(taken) < repeats and (len(taken) < _FEWEST or time.perf_counter() < end):
            taken.append(_timed(model, x))
    low, median, high = np.percentile(taken, (25, 50, 75)).tolist()
    return Latency(median, low, high, len(taken), torch.get_num_threads(), str(device))


def _timed(model: nn.Module, x: torch.Tensor) -> float:
    """Milliseconds of one run."""
    _finish(x.device)
    start = time.perf_counter()
    run(model, x)
    _finish(x.device)
    return 1e3 * (time.perf_counter() - start)


def _finish(device: torch.device) -> None:
    """Wait for what was begun on an accelerator, which computes on while Python does."""
    if device.type != "cpu":
        torch.accelerator.synchronize(device)
