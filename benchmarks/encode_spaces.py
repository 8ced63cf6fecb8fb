"""Measures how fast architectures are drawn, encoded and compared.

Prints the seconds to enumerate and one-hot encode all 15,625 cells of NAS-Bench-201; then, for every space, the
seconds to draw 10,000 architectures and the milliseconds per architecture of each encoding and distance, after the
first call, which finds the columns. Run as `python benchmarks/encode_spaces.py [name of a space ...]`.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence

import pandas as pd

from workbench.architecture import Architecture
from workbench.spaces import search_space, search_spaces
from workbench.spaces.distances import catalogue as kinds_of_distance
from workbench.spaces.encodings import catalogue as encodings
from workbench.spaces.space import SearchSpace

N_DRAWN, N_ENCODED = 10_000, 200


def seconds(act: Callable[[], object]) -> float:
    """How long `act` takes."""
    start = time.perf_counter()
    act()
    return time.perf_counter() - start


def whole_of_nasbench201() -> float:
    """Seconds to list every cell and encode it, the best of three."""
    space = search_space("nasbench201")
    return min(seconds(lambda: space.encode(list(space.enumerate()), "one_hot")) for _ in range(3))


def speeds(space: SearchSpace) -> dict[str, object]:
    """One row of the table."""
    row: dict[str, object] = {"space": space.name}
    row["10k draws s"] = seconds(lambda: space.sample(min(N_DRAWN, space.size // 4), seed=0))
    archs: Sequence[Architecture] = space.sample(N_ENCODED, seed=1)
    for kind in encodings.names():
        columns = space.encode(archs[:1], kind).shape[1]
        took = seconds(lambda kind=kind: space.encode(archs, kind))  # type: ignore[misc]
        row[f"{kind} ms"] = f"{1000 * took / N_ENCODED:.3f} ({columns:,})"
    for kind in kinds_of_distance.names():
        measure = kinds_of_distance.find(kind)
        row[f"d {kind} ms"] = f"{1000 * seconds(lambda measure=measure: measure(archs)) / N_ENCODED:.3f}"  # type: ignore[misc]
    return row


def main(names: Sequence[str]) -> None:
    """Print the figures; columns in brackets."""
    print(f"all of nasbench201 enumerated and one-hot encoded: {whole_of_nasbench201():.3f} s")
    rows = [speeds(search_space(name)) for name in names]
    print(pd.DataFrame(rows).set_index("space").round(2).to_string())


if __name__ == "__main__":
    main(sys.argv[1:] or search_spaces())
