"""NAS-Bench-301's trained networks: 100 epochs of some 60,000 DARTS cells on CIFAR-10, from the user's folder."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from workbench.benchmarks.files.table_cache import cached
from workbench.benchmarks.loader import Loader
from workbench.benchmarks.nasbench301_runs import TrainingRuns, fingerprint, runs_of
from workbench.errors import InvalidInput, MissingData

FOLDERS = ("nb_301_v13_lc_iclr_final", "nb_301_v13", "nasbench301_full_data")
_ORIGIN = "figshare.com/articles/dataset/nasbench301_full_data/13286105"


def settle(archive: str | os.PathLike[str] | None = None) -> dict[str, Any]:
    """The absolute folder of the runs; raises `MissingData` where there is none."""
    if archive is not None:
        if not isinstance(archive, str | os.PathLike):
            raise InvalidInput(f"{archive!r} is no path to the runs of NAS-Bench-301: a string or a path is expected.")
        places = [Path(archive), *(Path(archive) / name for name in FOLDERS)]
    else:
        data = os.environ.get("WORKBENCH_DATA")
        folders = [Path(data).expanduser(), Path("data")] if data else [Path("data")]
        places = [folder / name for folder in folders for name in FOLDERS]
    for place in places:
        if any(next(place.glob(pattern), None) for pattern in ("*/results_*.json", "results_*.json")):
            return {"archive": str(place.resolve())}
    raise MissingData(
        f"No runs of NAS-Bench-301 at {' or '.join(map(str, places))}: download them from {_ORIGIN}, unpack them to "
        f"$WORKBENCH_DATA/{FOLDERS[0]} or ./data/{FOLDERS[0]}, or pass their folder as archive=."
    )


def load(dataset: str, archive: str) -> TrainingRuns:
    """The runs of a folder, from the cache where they have been read before; curves stay in their files."""
    folder = Path(archive)
    arrays = cached(f"nasbench301-{dataset}", fingerprint(folder), lambda: runs_of(folder))
    return TrainingRuns("nasbench301", folder, arrays)


LOADER = Loader(
    space="darts",
    datasets=("cifar10",),
    settle=settle,
    load=load,
    title="NAS-Bench-301: the trained networks behind its surrogates, with learning curves",
    paper="Zela et al., Surrogate NAS Benchmarks, ICLR 2022",
    licence="Apache-2.0",
    keywords=("archive",),
)
