"""Effects: whether what a paper claims holds here, over seeds, against a named baseline, with its interval."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from workbench.analysis.intervals import interval
from workbench.analysis.statistics import Interval
from workbench.errors import InvalidInput, MissingData
from workbench.measure import Better

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

FILE = "effects.json"
Verdict = Literal["holds", "absent", "reversed"]


@dataclass(frozen=True)
class Effect:
    """A claim about a quantity of a system against a baseline, measured with the same seeds on both sides.

    `ours` and `baseline` are one number a seed, paired. `margin` is what the baseline may be better by: a claim of
    "not worse than" has one. Made by `effect`.
    """

    system: str
    claim: str
    quantity: str
    against: str
    ours: tuple[float, ...]
    baseline: tuple[float, ...]
    better: Better = "higher"
    margin: float = 0.0

    @property
    def gain(self) -> Interval:
        """The mean of ours - baseline, above 0 where ours is better, with its 95 % bootstrap interval over seeds."""
        sign = 1 if self.better == "higher" else -1
        apart = sign * (np.array(self.ours) - np.array(self.baseline)) + self.margin
        return interval(lambda s: s.mean(axis=-1), apart)

    @property
    def wins(self) -> int:
        """In how many seeds ours is better."""
        sign = 1 if self.better == "higher" else -1
        return sum(sign * (a - b) + self.margin > 0 for a, b in zip(self.ours, self.baseline, strict=True))

    @property
    def verdict(self) -> Verdict:
        """Says "holds" where the whole interval is above 0, "reversed" where it is below, else "absent"."""
        gain = self.gain
        return "holds" if gain.low > 0 else "reversed" if gain.high < 0 else "absent"

    def row(self) -> dict[str, object]:
        """A row of a table of effects."""
        gain = self.gain
        return {
            "system": self.system,
            "claim": self.claim,
            "quantity": self.quantity,
            "ours": float(np.mean(self.ours)),
            "baseline": float(np.mean(self.baseline)),
            "against": self.against,
            "gain": gain.value,
            "low": gain.low,
            "high": gain.high,
            "wins": f"{self.wins} of {len(self.ours)}",
            "verdict": self.verdict,
        }


def effect(
    system: str,
    claim: str,
    quantity: str,
    ours: Sequence[float],
    baseline: Sequence[float],
    against: str,
    *,
    better: Better = "higher",
    margin: float = 0.0,
) -> Effect:
    """An effect of numbers measured seed by seed; raises `InvalidInput` where sides are not paired or not finite."""
    a, b = tuple(map(float, ours)), tuple(map(float, baseline))
    if len(a) != len(b) or not a or not np.isfinite([*a, *b]).all():
        raise InvalidInput(f"An effect compares as many finite numbers on both sides, one a seed; got {a} and {b}.")
    return Effect(system, claim, quantity, against, a, b, better, margin)


def effects_table(effects: Iterable[Effect]) -> pd.DataFrame:
    """One row for each effect: what each side measured in the mean, the gain with its interval, and the verdict."""
    import pandas as pd

    return pd.DataFrame([effect.row() for effect in effects])


def effects_figure(effects: Sequence[Effect]) -> go.Figure:
    """The gains with their intervals, in standard deviations over the seeds, so that quantities can stand together."""
    from workbench.plots.effects import EffectRow
    from workbench.plots.effects import effects_figure as drawn

    rows = []
    for found in effects:
        spread = float(np.sqrt((np.var(found.ours) + np.var(found.baseline)) / 2)) or 1.0
        value, low, high = (number / spread for number in found.gain)
        rows.append(EffectRow(found.system, found.quantity, value, low, high, found.verdict))
    return drawn(rows)


def save_effects(effects: Sequence[Effect], folder: str | Path) -> Path:
    """Write the effects to `effects.json` in a folder, made where it is missing; returns the file."""
    file = Path(folder, FILE)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps([asdict(found) for found in effects], indent=1), encoding="utf-8")
    return file


def read_effects(folder: str | Path) -> list[Effect]:
    """The effects in every `effects.json` below a folder, in the order of their paths."""
    files = sorted(Path(folder).rglob(FILE))
    if not files:
        raise MissingData(f"There is no {FILE} in {folder}: run the notebooks that write it.")
    rows = [row for file in files for row in json.loads(file.read_text(encoding="utf-8"))]
    return [Effect(**(row | {"ours": tuple(row["ours"]), "baseline": tuple(row["baseline"])})) for row in rows]
