"""Rank correlations of proxies with accuracy in the settings of a reference table, on the architectures of its sample.

Run `python benchmarks/reference_agreement.py TRUTH.npz IMAGES.npz VALUES.jsonl [architectures]`. TRUTH has the
`arch_str` and `*_test_acc` of NAS-Bench-201 in the official order; IMAGES has `images` (n, 32, 32, 3) of CIFAR-10 and
`labels`. Values are kept in VALUES, one line an architecture, and not computed again: 6 seconds of one core for each.
"""

from __future__ import annotations

import json
import math
import os
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import nn

from workbench.analysis.aggregates import AZ_PARTS, az_nas
from workbench.analysis.statistics import spearman
from workbench.networks.nasbench201 import Cell, Network
from workbench.proxies import Probe, catalogue
from workbench.proxies.swap import SAMPLES, count_patterns
from workbench.proxies.zen import zen_score
from workbench.spaces import search_space
from workbench.tasks import Batch, task

DATASETS = ("cifar10", "cifar100", "imagenet16_120")
EDGES = ("0->1", "0->2", "1->2", "0->3", "1->3", "2->3")
SHARED = ("grad_norm", "snip", "plain", "fisher", "nwot", "jacov", "epe_nas")
# Spearman's correlation with test accuracy, in the order of the data sets, on 228 of the sample of 250: measured by a
# separate implementation with the same weights and inputs, az_nas with the authors' file.
REFERENCE: dict[str, tuple[float, float, float]] = {
    "live_params": (0.817, 0.799, 0.803),
    "params": (0.744, 0.726, 0.713),
    "l2_norm": (0.737, 0.755, 0.732),
    "grad_norm on noise": (0.690, 0.688, 0.628),
    "grad_norm on images": (0.724, 0.729, 0.665),
    "snip on noise": (0.696, 0.696, 0.633),
    "snip on images": (0.717, 0.723, 0.656),
    "plain on noise": (-0.291, -0.305, -0.252),
    "plain on images": (-0.410, -0.420, -0.386),
    "fisher on noise": (0.503, 0.494, 0.452),
    "fisher on images": (0.669, 0.675, 0.607),
    "nwot on noise": (0.784, 0.808, 0.801),
    "nwot on images": (0.832, 0.844, 0.823),
    "jacov on noise": (0.732, 0.727, 0.704),
    "jacov on images": (0.775, 0.770, 0.739),
    "epe_nas on noise": (0.725, 0.723, 0.692),
    "epe_nas on images": (0.758, 0.757, 0.717),
    "synflow": (0.736, 0.731, 0.734),
    "zen": (0.279, 0.265, 0.331),
    "grasp on images": (0.565, 0.555, 0.507),
    "gradsign on images": (0.804, 0.789, 0.791),
    "zico on images": (0.782, 0.785, 0.797),
    "swap on images": (0.867, 0.878, 0.829),
    "meco": (0.906, 0.883, 0.870),
    "az_expressivity": (0.798, 0.789, 0.743),
    "az_progressivity": (0.724, 0.710, 0.684),
    "az_trainability": (0.553, 0.560, 0.601),
    "az_nas": (0.911, 0.898, 0.888),
}
# The reference leaves cells without a number out for these, and ranks them last for the others.
LEFT_OUT = ("jacov", "epe_nas")
Values = dict[str, float]


def main(truth: str, images: str, kept: str, n: int = 228) -> None:
    """Score what is not in `kept` yet, then print the table."""
    texts, goals = sample(Path(truth), n)
    known = scored(texts, Path(images), Path(kept))
    frame = pd.DataFrame([known[text] for text in texts], index=texts)
    print(
        f"{len(frame)} architectures of nasbench201; Spearman's correlation with test accuracy; reference; difference"
    )
    for name, row in compared(frame, goals).iterrows():
        both = "   ".join(f"{row[d]:+.3f} {row[f'{d}_reference']:+.3f}" for d in DATASETS)
        print(
            f"  {name:<20} {both}   largest difference {row['difference']:.3f}   without a number {row['missing']:.0f}"
        )


def sample(truth: Path, n: int = 228) -> tuple[list[str], dict[str, np.ndarray]]:
    """The strings of the first `n` of the reference's 250 architectures, and their test accuracies by data set."""
    table = np.load(truth)
    chosen = np.random.default_rng(2026).choice(15625, 250, replace=False)[:n]
    return [str(text) for text in table["arch_str"][chosen]], {d: table[f"{d}_test_acc"][chosen] for d in DATASETS}


def scored(texts: Sequence[str], images: Path, kept: Path) -> dict[str, Values]:
    """The values of each architecture: those in the file, and the rest, one process a core, added to it."""
    known: dict[str, Values] = dict(_lines(kept))
    missing = [text for text in texts if text not in known]
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    with ProcessPoolExecutor(cores, get_context("spawn")) as pool, kept.open("a") as file:
        for text, found in zip(missing, pool.map(partial(values, images=images), missing), strict=True):
            known[text] = found
            file.write(json.dumps([text, found]) + "\n")
            file.flush()
    return known


def _lines(kept: Path) -> Iterator[tuple[str, Values]]:
    for line in kept.read_text().splitlines() if kept.exists() else []:
        text, found = json.loads(line)
        yield text, found


def values(text: str, images: Path) -> Values:
    """Every column of one architecture; NaN where there is no number."""
    torch.set_num_threads(1)
    space = search_space("nasbench201")
    arch = space.parse(text)
    net = canonical_weights(space.build(arch, "cifar10_noise"))
    noise, real = task("cifar10_noise").batch(64), real_batch(images)
    found = {name: float(catalogue.find(name)(Probe(architecture=arch))) for name in ("params", "live_params")}
    found |= of_batch(net, noise, ("l2_norm", "synflow"), "")
    found |= of_batch(net, noise, SHARED, " on noise")
    found |= of_batch(net, real, (*SHARED, "zico", "gradsign"), " on images")
    found |= of_batch(net, Batch(real.x[:16], real.y[:16]), ("grasp",), " on images")
    found |= of_batch(net, Batch(noise.x[:32], noise.y[:32]), (*AZ_PARTS, "meco"), "")
    state = canonical_weights(net, seed=1, gain=None).state_dict()
    found["swap on images"] = float(count_patterns(net, state, real.x[:SAMPLES], 0))
    x, e = (seeded_images(seed)[:32] for seed in (1000, 1001))
    found["zen"] = float(zen_score(net, {name: tensor.clone() for name, tensor in state.items()}, x, x + 0.01 * e, 0))
    return found


def of_batch(net: nn.Module, batch: Batch, names: Sequence[str], label: str) -> Values:
    """The values of proxies of these names, which share a probe."""
    members = [catalogue.find(name) for name in names]
    probe = Probe(net, batch, reads=[read for member in members for read in member.reads])
    return {member.name + label: float(member(probe)) for member in members}


def compared(frame: pd.DataFrame, goals: dict[str, np.ndarray]) -> pd.DataFrame:
    """By column of the reference table: correlations here and there, the largest difference, cells without a number."""
    if set(AZ_PARTS) <= set(frame):
        frame = frame.assign(az_nas=az_nas(frame))
    rows = {}
    for name, reference in REFERENCE.items():
        if name not in frame:
            continue
        x = frame[name].to_numpy(float)
        there = np.isfinite(x)
        used = there if name.startswith(LEFT_OUT) else np.ones_like(there)
        filled = np.where(there, x, -np.inf)
        found = [spearman(filled[used], goals[d][used]) for d in DATASETS]
        rows[name] = dict(zip(DATASETS, found, strict=True))
        rows[name] |= {f"{d}_reference": value for d, value in zip(DATASETS, reference, strict=True)}
        rows[name]["difference"] = max(abs(a - b) for a, b in zip(found, reference, strict=True))
        rows[name]["missing"] = int((~there).sum())
    return pd.DataFrame.from_dict(rows, orient="index")


def canonical_weights(net: Network, seed: int = 0, gain: float | None = math.sqrt(2)) -> Network:
    """Give each layer the weights of its slot, which depend on no framework's order of initialisation.

    Slots count the stem, six for every cell (one an edge, used or not), three for every reduction block, and
    the classifier; slot n is normal from PCG64([seed, n]) times gain / sqrt(fan in), or as it is without gain.
    """
    slots: list[nn.Module | None] = [net.stem[0]]
    for block in net.cells:
        if isinstance(block, Cell):
            present = dict(block.edges.items())
            edges = [present.get(name) for name in EDGES]
            slots += [edge[1] if isinstance(edge, nn.Sequential) else None for edge in edges]
        else:
            slots += [block.conv_a[1], block.conv_b[1], block.shortcut[1]]
    slots.append(net.classifier)
    with torch.no_grad():
        for number, layer in enumerate(slots):
            if layer is not None:
                shape = tuple(layer.weight.shape)
                drawn = np.random.Generator(np.random.PCG64([seed, number])).standard_normal(shape, np.float32)
                scale = np.float32(1 if gain is None else gain / math.sqrt(math.prod(shape[1:])))
                layer.weight.copy_(torch.from_numpy(drawn * scale))
        net.classifier.bias.zero_()
    return net


def seeded_images(seed: int) -> torch.Tensor:
    """(64, 3, 32, 32) normal pixels."""
    drawn = np.random.Generator(np.random.PCG64([seed, 777])).standard_normal((64, 3, 32, 32), np.float32)
    return torch.from_numpy(drawn)


def real_batch(images: Path, n: int = 64) -> Batch:
    """The first `n` images of the file, normalised as CIFAR-10 is."""
    cifar10, table = task("cifar10"), np.load(images)
    pixels = table["images"][:n].transpose(0, 3, 1, 2).astype(np.float32) / 255
    mean, std = (np.array(each, np.float32).reshape(1, 3, 1, 1) for each in (cifar10.mean, cifar10.std))
    return Batch(torch.from_numpy((pixels - mean) / std), torch.from_numpy(table["labels"][:n].astype(np.int64)))


if __name__ == "__main__":
    if len(sys.argv) < 4:
        print("Left out: it needs files that are not part of the workbench, TRUTH.npz IMAGES.npz VALUES.jsonl.")
    else:
        main(*sys.argv[1:4], *(int(number) for number in sys.argv[4:]))
