"""zico: how large gradients are against how much they vary between batches (Li et al., ICLR 2023)."""

from __future__ import annotations

from math import log

import torch

from workbench.errors import InvalidInput
from workbench.proxies.passes import shared_pass
from workbench.proxies.per_sample import too_few_values
from workbench.proxies.probe import Probe
from workbench.proxies.proxy import proxy, reported
from workbench.proxies.unscored import Unscored
from workbench.tasks import Batch

Gradients = dict[str, torch.Tensor]
# The second batch of an architecture is drawn from a seed that nobody takes for a network of its own.
_ANOTHER = 2**40


@proxy(
    better="higher",
    needs="labels",
    cost="backward",
    of="function",
    paper="Li et al., ZiCo: Zero-shot NAS via Inverse Coefficient of Variation on Gradients, ICLR 2023",
    equation="sum over layers of log sum over weights of mean_t |g_t| / std_t g_t, t = 2 batches, std > 0",
    reads=("gradients",),
    published=reported(
        "VKDNW (CVPR 2025), Table 1, 9,445 unique cells",
        "nasbench201",
        cifar10=0.802,
        cifar100=0.809,
        imagenet16_120=0.779,
    ),
)
def zico(probe: Probe) -> float | dict[str, float]:
    """By layer, the logarithm; the standard deviation divides by T = 2, and weights where it is 0 are left out.

    An architecture's second batch is drawn from its task by another seed; a batch that was given by itself is split
    into halves. Two forward and backward passes, the first of which is the one that grad_norm reads.
    """
    found = probe.once(gradients_of_two_batches)
    if isinstance(found, Unscored):
        return found
    layers = {}
    for layer in found[0]:
        a, b = (gradients[layer].double() for gradients in found)
        if not (a.isfinite().all() and b.isfinite().all()):
            return Unscored(f"the gradient of layer {layer!r} is not finite")
        alive = a != b
        # For two numbers: mean of magnitudes over deviation = (|a| + |b|) / 2 over |a - b| / 2.
        total = float(((a.abs() + b.abs()) / (a - b).abs())[alive].sum())
        if total > 0:
            layers[layer] = log(total)
    if found[0] and not layers:
        return Unscored("no weight's gradient differs between the two batches")
    return layers


def gradients_of_two_batches(probe: Probe) -> tuple[Gradients, Gradients] | Unscored:
    """Gradients of the mean loss on an architecture's batch and on another one, or on the halves of a given batch."""
    x, y, source = probe.batch
    drawn = probe.architecture is not None and source != "given"
    if not drawn and len(x) < 2:
        return Unscored("two batches are needed, and one input cannot be split into two")
    try:
        if drawn:
            return probe.gradients, _gradients(probe, probe.task.batch(len(x), probe.batch_seed + _ANOTHER))
        half = len(x) // 2
        return (
            _gradients(probe, Batch(x[:half], y[:half], source)),
            _gradients(probe, Batch(x[half:], y[half:], source)),
        )
    except InvalidInput as error:
        return too_few_values(error)


def _gradients(probe: Probe, batch: Batch) -> Gradients:
    like = probe.batch
    on_device = Batch(batch.x.to(like.x.device, like.x.dtype), batch.y.to(like.y.device), batch.source)
    found: Gradients = shared_pass(probe.model, probe.weights, on_device, probe.seed, ("gradients",))["gradients"]
    return found
