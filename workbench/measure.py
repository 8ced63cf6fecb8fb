"""A measure: a named number about an architecture."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from workbench.architecture import Architecture

if TYPE_CHECKING:
    from workbench.spaces.space import SearchSpace

Better = Literal["higher", "lower"]


@dataclass(frozen=True)
class Measure:
    """A number about an architecture, called as `measure(arch)`.

    `better` says which direction is wanted, `unit` is for the axis of a picture. `task`, `seed` and `settings` (see
    `Key.settings_of`) are what the number depends on beside the architecture, and `kept` says that it is dear enough
    to be kept in the ledger. `optimum` is the best value there is, where the whole `space` has been measured: it
    makes regret known. `related` finds other measures of the same source by name, such as a table's other columns.
    `truth` is what a noisy measure is a sample of: what is found by the noise is judged by it.
    """

    name: str
    better: Better
    function: Callable[[Architecture], float] = field(repr=False)
    unit: str = ""
    task: str = ""
    seed: int | None = None
    settings: str = ""
    kept: bool = False
    optimum: float | None = None
    space: SearchSpace | None = field(default=None, repr=False, compare=False)
    related: Callable[[str], Measure] | None = field(default=None, repr=False, compare=False)
    truth: Measure | None = field(default=None, repr=False, compare=False)

    def __call__(self, arch: Architecture) -> float:
        """The value for `arch`; NaN, with a `reason` where the function gives one, if it cannot be measured."""
        value = self.function(arch)
        return value if isinstance(value, float) else float(value)

    @property
    def sign(self) -> int:
        """+1 where higher is better, -1 where lower is."""
        return 1 if self.better == "higher" else -1

    @property
    def label(self) -> str:
        """The name with its unit, for an axis."""
        words = self.name.replace("_", " ")
        return f"{words} ({self.unit})" if self.unit else words
