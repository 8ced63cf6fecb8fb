"""A search for proxies: how well its best so far ranks what it was trained on, and what it was not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from workbench.errors import InvalidInput
from workbench.palette import ALARM
from workbench.plots.style import DASHES, SERIES, nothing, plain, styled
from workbench.proxies.symbolic import Evolution, Examples

TRAIN = "train"
BASELINE = "live_params"


class ProxyEvolutionData(NamedTuple):
    """The best so far: ``candidates`` (n,) at which it changed, its ``equations``, by set float64 (n,) ``curves``.

    The last point is the end of the search. ``baseline`` is what live_params reaches on each set.
    """

    candidates: NDArray[np.int64]
    equations: tuple[str, ...]
    curves: dict[str, NDArray[np.float64]]
    baseline: dict[str, float]


def proxy_evolution_data(found: Evolution, held_out: Mapping[str, Examples] | None = None) -> ProxyEvolutionData:
    """Return the agreement of each incumbent of a search with the truth of its training and of ``held_out`` examples.

    Raises:
        InvalidInput: for a held-out set called "train".
    """
    if TRAIN in (held_out or {}):
        raise InvalidInput(f"{TRAIN!r} is what the search was trained on; call the held-out set something else.")
    incumbents = found.incumbents()
    curves = {TRAIN: [each.fitness for _, each in incumbents]}
    for name, examples in (held_out or {}).items():
        curves[name] = [found.agreement(each.expression, examples) for _, each in incumbents]
    numbers = [number for number, _ in incumbents]
    if incumbents:  # the last one holds until the end
        numbers.append(len(found.steps))
        curves = {name: [*values, values[-1]] for name, values in curves.items()}
    equations = [str(each.expression) for _, each in incumbents]
    table = found.table(held_out, top=1)
    return ProxyEvolutionData(
        np.array(numbers, dtype=np.int64),
        (*equations, *equations[-1:]),
        {name: np.array(values, dtype=float) for name, values in curves.items()},
        {name: float(table.loc[BASELINE, name]) for name in curves},
    )


def proxy_evolution(
    found: Evolution, held_out: Mapping[str, Examples] | None = None, title: str = "Search for a proxy"
) -> go.Figure:
    """Draw the curves of `proxy_evolution_data` as steps; a cross at the end marks what live_params reaches."""
    data = proxy_evolution_data(found, held_out)
    words = {"spearman": "Spearman's rank correlation", "kendall": "Kendall's tau"}[found.settings.statistic]
    if not len(data.candidates):
        return nothing(title, "candidates", words, "No candidate has a rank correlation yet.")
    figure = go.Figure()
    for place, (name, values) in enumerate(data.curves.items()):
        colour, dash = SERIES[place % len(SERIES)], DASHES[place % len(DASHES)]
        figure.add_scatter(
            x=data.candidates,
            y=values,
            mode="lines",
            line={"color": colour, "dash": dash, "width": 2, "shape": "hv"},
            name=plain(name),
            customdata=[plain(equation) for equation in data.equations],
            hovertemplate="%{y:.3f}: %{customdata}",
        )
        figure.add_scatter(
            x=data.candidates[-1:],
            y=[data.baseline[name]],
            mode="markers",
            marker={"color": colour, "symbol": "x", "size": 9, "line": {"color": ALARM, "width": 1}},
            name=plain(f"{BASELINE.replace('_', ' ')}, {name}"),
            showlegend=False,
            hovertemplate="%{fullData.name}: %{y:.3f}<extra></extra>",
        )
    subtitle = "the best so far, where the search looked and where it did not; cross: live params"
    return styled(figure, title, "candidates", words, title_subtitle_text=subtitle)
