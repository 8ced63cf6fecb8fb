"""linear_regions: into how many linear pieces an untrained network cuts its inputs (TE-NAS, ICLR 2021)."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import nn

from workbench.errors import InvalidInput
from workbench.networks.running import run
from workbench.proxies.passes import undisturbed
from workbench.proxies.per_sample import too_few_values
from workbench.proxies.probe import Probe
from workbench.proxies.proxy import proxy
from workbench.proxies.unscored import Unscored

# Values of all inputs together where a network takes none of 3 x 3 pixels.
_VALUES = 2**20


@proxy(
    better="higher",
    needs="none",
    cost="forward",
    paper="Chen et al., Neural Architecture Search on ImageNet in Four GPU Hours (TE-NAS), ICLR 2021",
    equation="number of distinct sign patterns of the ReLUs' first channels over 1,000 inputs of a random plane",
)
def linear_regions(probe: Probe) -> float:
    """Distinct patterns among 1,000 inputs of 3 x 3 pixels, by one training-mode forward; labels and data play no part.

    The authors count on a second network, one channel wide, and on 3 x 3 crops of one channel of real images. There
    is no such second network of any module, and on the full one nearly every input has a pattern of its own; so
    the thin network is the first channel of every ReLU (all units of one without pixels), and inputs, like
    neighbouring pixels, vary in two directions only: x = a u + b v with standard normal a, b, u and v. Networks
    that take no 3 x 3 pixels get inputs of their own shape, as many as have 2^20 values, at most 1,000. About 0.1
    seconds of one core for a NAS-Bench-201 network.
    """
    return probe.once(regions_of_a_plane)


def regions_of_a_plane(probe: Probe, inputs: int = 1000) -> float:
    """How many sign patterns the first channels of the ReLUs show over `inputs` inputs of a random plane."""
    if not _takes_numbers(probe):
        return Unscored("linear regions are of numbers: the network's inputs are tokens")
    small = (*probe.shape[:-2], *(min(size, 3) for size in probe.shape[-2:])) if len(probe.shape) > 2 else probe.shape
    try:
        patterns = _patterns(probe, small, inputs)
    except InvalidInput:
        inputs = min(inputs, max(2, _VALUES // max(1, int(np.prod(probe.shape)))))
        try:
            patterns = _patterns(probe, probe.shape, inputs)
        except InvalidInput as error:
            return too_few_values(error)
    if patterns is None:
        return Unscored("the network's outputs are not finite")
    if not patterns:
        return Unscored("the network has no nn.ReLU module (calls of the function relu are not seen)")
    return float(len(np.unique(np.packbits(np.concatenate(patterns, axis=1), axis=1), axis=0)))


def _patterns(probe: Probe, shape: tuple[int, ...], inputs: int) -> list[np.ndarray] | None:
    """By ReLU, (inputs, units) whether a unit of its first channel is on; none where outputs are not finite."""
    found: list[np.ndarray] = []

    def look(_layer: nn.Module, _inputs: tuple[Any, ...], output: torch.Tensor) -> None:
        if len(output) == inputs:
            thin = output.detach()[:, :1] if output.ndim > 2 else output.detach()
            found.append((thin > 0).flatten(1).cpu().numpy())

    like = next(probe.model.parameters(), torch.zeros(()))
    rng = torch.Generator().manual_seed(probe.seed)
    plane = torch.randn(inputs, 2, generator=rng) @ torch.randn(2, int(np.prod(shape)), generator=rng)
    x = plane.reshape(inputs, *shape).to(like.device, like.dtype)
    with undisturbed(probe.model, probe.seed, like.device, differentiable=False):
        handles = [m.register_forward_hook(look) for m in probe.model.modules() if isinstance(m, nn.ReLU)]
        try:
            out = run(probe.model, x)
        finally:
            for handle in handles:
                handle.remove()
    return found if out.isfinite().all() else None


def _takes_numbers(probe: Probe) -> bool:
    if probe.architecture is not None:
        return probe.task.vocabulary is None  # without drawing a batch, which is not looked at
    return probe.batch.x.is_floating_point()
