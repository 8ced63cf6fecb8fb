"""NAS-BOWL: a Gaussian process on counts of motifs, and expected improvement (Ru et al., ICLR 2021)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from workbench.samplers.candidates import Candidates
from workbench.samplers.domain import Domain, Params, Point
from workbench.samplers.entries import strategy
from workbench.samplers.history import History
from workbench.samplers.predictor_guided import predictor_guided
from workbench.spaces.encodings.motifs import motif_counts

DEPTH = 2  # the deepest motifs that are counted


@strategy("nas_bowl", paper="Ru, Wan, Dong & Osborne, ICLR 2021")
def nas_bowl(
    domain: Domain,
    history: History,
    rng: np.random.Generator,
    *,
    initial: int = 10,
    batch: int = 5,
    candidates: str | Candidates = "mutation",
) -> Iterator[Params]:
    """Expected improvement under a Gaussian process with the Weisfeiler-Lehman kernel on the architectures' graphs.

    The candidates are mutants of the best and random points, as in the paper, and rounds are of 5, as there. Without a
    search space there are no graphs: answers that differ are then counted, as by "gp".
    """
    graphs = domain.space is not None
    return predictor_guided(
        domain,
        history,
        rng,
        predictor="wl_gp" if graphs else "hamming_gp",
        encoding=by_depth if graphs else "one_hot",
        acquisition="ei",
        candidates=candidates,
        initial=initial,
        batch=batch,
    )


def by_depth(domain: Domain, points: Sequence[Point]) -> NDArray[np.float32]:
    """Counts of motifs up to depth 0, 1, ... `DEPTH` side by side, as `wl_gp` takes them: float32 (n, d)."""
    _, counts = motif_counts([domain.architecture(point) for point in points], DEPTH)
    return np.hstack([*counts])
