"""Leaving things as they were: a module that has been run, random generators that have been drawn from."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import nn


@contextmanager
def preserved(model: nn.Module) -> Iterator[None]:
    """Run `model` inside in any mode: its buffers, modes and `requires_grad` flags are put back on leaving.

    Batch normalisation moves its running statistics in every training forward, so buffers are copied and
    written back in place. Weights are not copied: nothing inside may write them.
    """
    buffers = [(buffer, buffer.detach().clone()) for buffer in model.buffers()]
    modes = [(module, module.training) for module in model.modules()]
    wanted = [(parameter, parameter.requires_grad) for parameter in model.parameters()]
    try:
        yield
    finally:
        with torch.no_grad():
            for buffer, before in buffers:
                buffer.copy_(before)
        for module, training in modes:
            module.training = training
        for parameter, requires_grad in wanted:
            parameter.requires_grad_(requires_grad)


@contextmanager
def seeded(seed: int, device: torch.device | None = None) -> Iterator[None]:
    """Draw from `seed` inside; outside, the global generators of torch, NumPy and Python go on undisturbed.

    `device` is an accelerator whose generator is to be seeded and kept as well.
    """
    # Somebody else's network may draw from the legacy generator: it is seeded and kept like the others.
    python, legacy = random.getstate(), np.random.get_state()  # noqa: NPY002
    on_gpu = [device] if device is not None and device.type == "cuda" else []
    with torch.random.fork_rng(devices=on_gpu):
        torch.default_generator.manual_seed(seed)
        if on_gpu:
            with torch.cuda.device(on_gpu[0]):
                torch.cuda.manual_seed(seed)
        random.seed(seed)
        np.random.seed(seed % 2**32)  # noqa: NPY002
        try:
            yield
        finally:
            random.setstate(python)
            np.random.set_state(legacy)  # noqa: NPY002
