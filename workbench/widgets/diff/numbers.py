"""The numbers of compared architectures, and whether a difference is larger than the spread of training seeds."""

from __future__ import annotations

from collections.abc import Sequence
from math import hypot, isfinite, nan
from typing import TYPE_CHECKING, NamedTuple, final

from workbench.errors import WorkbenchError
from workbench.widgets.facts import Figure, Quantity, Template, filled, quantity, sources_of

if TYPE_CHECKING:
    from workbench.architecture import Architecture
    from workbench.benchmarks import Benchmark
    from workbench.measure import Measure
    from workbench.spaces.space import SearchSpace

SPREAD = "seeds' spread: the standard deviation of the difference of two single runs, √(s₁² + s₂²)"


class Row(NamedTuple):
    """One quantity that is compared: `better` is "higher", "lower" or empty; `more` rows are shown on demand."""

    label: str
    unit: str
    better: str
    more: bool


class Number(NamedTuple):
    """A quantity of one architecture: its value, NaN where it is not known; as text; and what else is known of it.

    `spread` is the standard deviation over training seeds, NaN where there are fewer than two; `seeded` says whether
    the value depends on a seed at all.
    """

    value: float
    text: str = "–"
    note: str = ""
    spread: float = nan
    spread_text: str = ""
    seeded: bool = False


class Difference(NamedTuple):
    """How far a number is from the reference's: as text, in words, and "better", "worse" or empty."""

    text: str = ""
    words: str = ""
    tone: str = ""


@final
class Numbers:
    """The numbers of a space's architectures: the facts of the editor, `measures`, and every other column of tables."""

    def __init__(self, space: SearchSpace, benchmarks: Sequence[Benchmark], measures: Sequence[Measure]) -> None:
        self._sources = sources_of(space, benchmarks)
        self._measures = list(measures)
        known = {quantity.name: quantity for source in self._sources for quantity in source.quantities}
        self._templates = [template for source in self._sources for template in source.template]
        told = {figure.column for template in self._templates for figure in template.figures}
        self._others = [quantity for name, quantity in known.items() if name not in told]
        firsts = [known[template.column] for template in self._templates]
        self.rows = [_row(first, more=False) for first in firsts]
        self.rows += [Row(m.name.replace("_", " "), m.unit, m.better, more=False) for m in self._measures]
        self.rows += [_row(other, more=True) for other in self._others]

    def known(self, found: Sequence[Sequence[Number]]) -> list[int]:
        """The rows that are worth showing: those of `measures`, and those that some architecture has a number for."""
        own = range(len(self._templates), len(self._templates) + len(self._measures))
        return [i for i in range(len(self.rows)) if i in own or any(isfinite(each[i].value) for each in found)]

    def of(self, arch: Architecture) -> list[Number]:
        """The numbers of `arch`, in the order of `rows`; what cannot be had is NaN, with the reason as its note."""
        found: dict[str, float] = {}
        reasons: dict[str, str] = {}
        for source in self._sources:
            try:
                found |= source.numbers(arch)
            except WorkbenchError as error:
                reasons |= {known.name: str(error) for known in source.quantities}
        firsts = zip(self._templates, self.rows, strict=False)
        first = [_fact(template, found, row, reasons) for template, row in firsts]
        others = [
            _plain(found.get(known.name, nan), known.unit, reasons.get(known.name, "not recorded"))
            for known in self._others
        ]
        return [*first, *(_measured(arch, measure) for measure in self._measures), *others]


def difference(row: Row, reference: Number, number: Number) -> Difference:
    """How far `number` is from the reference's.

    It is larger than the seeds' spread where it exceeds the standard deviation of the difference of two single runs.
    """
    gap = number.value - reference.value
    if not isfinite(gap):
        return Difference()
    if gap == 0:
        return Difference("±0", "equal")
    tone = "" if not row.better else "better" if (gap > 0) == (row.better == "higher") else "worse"
    spread = hypot(reference.spread, number.spread)
    seeds = ""
    if isfinite(spread):
        seeds = "within the seeds' spread" if abs(gap) <= spread else "larger than the seeds' spread"
    elif reference.seeded or number.seeded:
        seeds = "the seeds' spread is not known"
    sign = "+" if gap > 0 else "−"
    share = f"{sign}{100 * abs(gap / reference.value):.3g} %" if reference.value and row.unit != "%" else ""
    return Difference(sign + _size(abs(gap), row), ", ".join(filter(None, (share, tone, seeds))), tone)


def _size(gap: float, row: Row) -> str:
    if row.unit != "%":
        return quantity(gap, row.unit)
    return f"{gap:.2f}" if gap >= 0.005 else f"{gap:.1g}"


def _row(known: Quantity, *, more: bool) -> Row:
    return Row(known.words, known.unit, known.better, more)


def _fact(template: Template, found: dict[str, float], row: Row, reasons: dict[str, str]) -> Number:
    fact = filled(template, found)
    if fact is None:
        return Number(nan, note=reasons.get(template.column, "not known"))
    spread = next((part.column for part in template.spread if isinstance(part, Figure)), "")
    seeds = fact.label.removeprefix(row.label).lstrip(", ")
    note = " · ".join(filter(None, (seeds if "seed" in seeds else "", fact.note)))
    value = found[template.column]
    return Number(value, fact.value, note, found.get(spread, nan), fact.spread, "seed" in seeds)


def _plain(value: float, unit: str, reason: str = "") -> Number:
    if not isfinite(value):
        return Number(nan, note=reason)
    return Number(value, f"{value:.2f}" if unit == "%" else quantity(value, unit))


def _measured(arch: Architecture, measure: Measure) -> Number:
    try:
        value = measure.function(arch)  # as the function gives it: a number that is none says why
    except WorkbenchError as error:
        return Number(nan, note=str(error))
    return _plain(float(value), measure.unit, str(getattr(value, "reason", "") or "no number"))
