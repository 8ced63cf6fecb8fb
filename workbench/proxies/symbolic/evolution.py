"""Evolution of proxies: expressions bred for their rank correlation with the truth of training examples."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
from scipy import stats

from workbench.errors import InvalidInput
from workbench.measure import Better
from workbench.progress import progress as bar
from workbench.proxies.proxy import Proxy, catalogue
from workbench.proxies.symbolic.examples import Examples
from workbench.proxies.symbolic.expressions import Expression, parse
from workbench.proxies.symbolic.found import KNOWN, symbolic_proxy
from workbench.proxies.symbolic.statistics import Array
from workbench.proxies.symbolic.variation import crossed, grown, mutated, negated

if TYPE_CHECKING:
    import pandas as pd

Statistic = Literal["spearman", "kendall"]
Outcome = Literal["new", "repeated", "too large", "undefined", "constant", "equivalent"]
_DEFINED = 0.9  # share of examples on which an expression must have a value


@dataclass(frozen=True)
class Found:
    """An expression with its rank correlation with the training examples' truth, the mean over their sets."""

    expression: Expression
    fitness: float

    def as_proxy(self, name: str, better: Better = "higher") -> Proxy:
        """It as a proxy for `wb.score` and all that takes one."""
        return symbolic_proxy(self.expression, name, better)


class Step(NamedTuple):
    """One candidate of the search and what became of it; a fitness of NaN was not computed or does not exist."""

    expression: Expression
    fitness: float
    outcome: Outcome


@dataclass(frozen=True)
class Settings:
    """How the search goes; see `evolve_proxy`."""

    statistic: Statistic
    population: int
    tournament: int
    crossover: float
    elite: int
    penalty: float
    max_size: int
    seed: int
    start: tuple[Expression, ...]

    def score(self, found: Found) -> float:
        """What selection goes by: the fitness less the price of size."""
        return found.fitness - self.penalty * found.expression.size


@dataclass(frozen=True, eq=False)
class Evolution:
    """What a search has found, and what it needs to go on.

    `steps` are its candidates in order, `population` is alive, oldest first, `ranked` holds the smallest expression of
    each ranking of the examples ever met, and `seen` all expressions.
    """

    training: tuple[Examples, ...]
    settings: Settings
    steps: list[Step] = field(default_factory=list, repr=False)
    population: list[Found] = field(default_factory=list, repr=False)
    ranked: dict[bytes, Found] = field(default_factory=dict, repr=False)
    seen: set[Expression] = field(default_factory=set, repr=False)

    @property
    def best(self) -> list[Found]:
        """The ten best, of different rankings, by fitness less the price of size."""
        return sorted(self.ranked.values(), key=self.settings.score, reverse=True)[:10]

    @property
    def history(self) -> pd.DataFrame:
        """A row for each candidate: equation, size, fitness, outcome, and the best fitness so far."""
        import pandas as pd

        rows = [(str(step.expression), step.expression.size, step.fitness, step.outcome) for step in self.steps]
        frame = pd.DataFrame(rows, columns=["equation", "size", "fitness", "outcome"])
        return frame.assign(best=frame["fitness"].cummax().ffill())

    def incumbents(self) -> list[tuple[int, Found]]:
        """The best so far by fitness less the price of size, each with the number of the candidate that it was."""
        found: list[tuple[int, Found]] = []
        for number, step in enumerate(self.steps, start=1):
            candidate = Found(step.expression, step.fitness)
            better = not found or self.settings.score(candidate) > self.settings.score(found[-1][1])
            if step.outcome == "new" and better:
                found.append((number, candidate))
        return found

    def agreement(self, expression: Expression | str, examples: Examples) -> float:
        """The search's rank correlation of an expression with the truth of examples; what is undefined ranks last."""
        scored = parse(expression) if isinstance(expression, str) else expression
        return _correlation(_ranks(scored(examples.values)), examples.truth, self.settings.statistic)

    def table(
        self, held_out: Mapping[str, Examples] | None = None, beside: Iterable[pd.DataFrame] = (), top: int = 5
    ) -> pd.DataFrame:
        """Rank correlation with the truth, on the training examples and on others, beside what was known before.

        Rows: the `top` best found, the known proxies that the language has, the free baselines, and the columns of the
        frames `beside` (as `wb.score` returns them, for examples of any set). Columns: `equation`, `size`, `train` (the
        mean over the training sets), and one for each of the `held_out` sets. Scores that are better when lower are
        turned round. What has no value ranks last everywhere, as the search has it; a frame that lacks a row of a set
        gives NaN for it.
        """
        import pandas as pd

        sets = {"train": self.training, **{name: (examples,) for name, examples in (held_out or {}).items()}}
        columns = {name: self._column(each, list(beside), top) for name, each in sets.items()}
        equations = {**{f"found_{n}": str(f.expression) for n, f in enumerate(self.best[:top], start=1)}, **KNOWN}
        about = {name: {"equation": text, "size": parse(text).size} for name, text in equations.items()}
        frame = pd.DataFrame.from_dict(about, orient="index").join(pd.DataFrame(columns), how="outer")
        return frame.loc[list(columns["train"])].rename_axis("proxy")

    def resume(self, n_candidates: int, progress: bool = True) -> Evolution:
        """The search gone on until it has seen `n_candidates` in all: the same as one that was never stopped."""
        further = replace(
            self,
            steps=list(self.steps),
            population=list(self.population),
            ranked=dict(self.ranked),
            seen=set(self.seen),
        )
        numbers = range(len(self.steps), n_candidates)
        try:
            for number in bar(numbers, n_candidates, "candidates", done=len(self.steps), show=progress):
                _advance(further, number)
        except KeyboardInterrupt:
            pass  # what has been found so far is what was asked for
        return further

    def _column(self, sets: Sequence[Examples], frames: list[pd.DataFrame], top: int) -> dict[str, float]:
        each = [self._agreements(examples, frames, top) for examples in sets]
        return {name: float(np.mean([found.get(name, np.nan) for found in each])) for name in each[0]}

    def _agreements(self, examples: Examples, frames: list[pd.DataFrame], top: int) -> dict[str, float]:
        statistic = self.settings.statistic
        found = {f"found_{n}": self.agreement(f.expression, examples) for n, f in enumerate(self.best[:top], start=1)}
        for name, text in KNOWN.items():
            scores = parse(text)(examples.values) * _sign(catalogue.find(name).better)
            found[name] = _correlation(_ranks(scores), examples.truth, statistic)
        for name, scores in examples.free.items():
            found[name] = _correlation(_ranks(scores), examples.truth, statistic)
        texts = [str(arch) for arch in examples.archs]
        for frame in frames:
            whole = set(texts) <= set(frame.index)
            better = frame.attrs.get("better", {})
            for name in frame.columns.difference(list(found), sort=False):
                scores = frame[name].reindex(texts).to_numpy(float) * _sign(better.get(name, "higher"))
                found[name] = _correlation(_ranks(scores), examples.truth, statistic) if whole else float("nan")
        return found


def evolve_proxy(
    examples: Examples | Sequence[Examples],
    n_candidates: int = 3000,
    *,
    statistic: Statistic = "spearman",
    population: int = 100,
    tournament: int = 10,
    crossover: float = 0.3,
    elite: int = 5,
    penalty: float = 0.002,
    max_size: int = 20,
    start: Iterable[str | Expression] = (),
    seed: int = 0,
    progress: bool = True,
) -> Evolution:
    """Search for a proxy: an expression over statistics of layers that ranks the examples as their truth does.

    Regularised evolution (Real et al., AAAI 2019) over expressions, the idea of EZNAS (Akhauri et al., NeurIPS 2022)
    and Auto-Prox (Wei et al., AAAI 2024). A candidate comes from the winner of a `tournament` of the `population` by
    one mutation, or with probability `crossover` from two winners; the oldest dies, except that the `elite` best never
    do. Selection goes by the mean over the sets of examples of the rank correlation, less `penalty` for each operation,
    statistic and constant. A candidate is turned down if it is an old one, larger than `max_size`, constant, without a
    value on a tenth of a set, or no smaller than one that ranks all examples alike; where it has no value an example
    ranks last. The population begins with the expressions of `start` and is filled at random.

    Candidates are drawn from `seed` and their number, so that a search that was stopped (an interrupt returns what was
    found so far) and resumed is the one that was not stopped. The result's fitness is what the search was allowed to
    look at: believe `Evolution.table` on held-out examples instead. Raises `InvalidInput` for settings out of range.
    """
    sets = (examples,) if isinstance(examples, Examples) else tuple(examples)
    if not sets or not all(isinstance(each, Examples) for each in sets):
        raise InvalidInput("evolve_proxy learns from Examples, or a list of them: make them with wb.proxy_examples.")
    for each in sets:
        known = each.truth[np.isfinite(each.truth)]
        if len(known) < 3 or np.ptp(known) == 0:
            raise InvalidInput(f"Nothing can be learnt from {each}: it has no three truths, or only equal ones.")
    started = tuple(parse(each) if isinstance(each, str) else each for each in start)
    settings = Settings(statistic, population, tournament, crossover, elite, penalty, max_size, seed, started)
    _check(settings)
    return Evolution(sets, settings).resume(n_candidates, progress)


def _check(settings: Settings) -> None:
    if settings.statistic not in ("spearman", "kendall"):
        raise InvalidInput(f"The statistic is 'spearman' or 'kendall'; got {settings.statistic!r}.")
    if not (0 <= settings.elite < settings.population and 1 <= settings.tournament <= settings.population):
        raise InvalidInput(
            "A population is larger than its elite, and at least as large as a tournament of 1 or more; got "
            f"population={settings.population}, elite={settings.elite}, tournament={settings.tournament}."
        )
    if not (0 <= settings.crossover <= 1 and settings.penalty >= 0 and settings.max_size >= 2 and settings.seed >= 0):
        raise InvalidInput(
            "crossover lies in 0..1, penalty and seed are not negative, max_size is at least 2; got "
            f"crossover={settings.crossover}, penalty={settings.penalty}, seed={settings.seed}, "
            f"max_size={settings.max_size}."
        )


def _advance(search: Evolution, number: int) -> None:
    """Make one candidate and judge it."""
    settings = search.settings
    candidate = _candidate(search, np.random.default_rng([settings.seed, number]), number)
    step, ranking = _judged(search, candidate)
    if step.outcome == "new":
        found = Found(step.expression, step.fitness)
        search.ranked[ranking] = found
        search.population.append(found)
        if len(search.population) > settings.population:
            elite = sorted(search.population, key=settings.score, reverse=True)[: settings.elite]
            oldest = next(each for each in search.population if each not in elite)
            search.population.remove(oldest)
    search.seen.add(step.expression)
    search.steps.append(step)


def _candidate(search: Evolution, rng: np.random.Generator, number: int) -> Expression:
    settings = search.settings
    if number < len(settings.start):
        return settings.start[number]
    if len(search.population) < settings.population:
        return grown(rng)
    parent = _winner(search, rng)
    return crossed(rng, parent, _winner(search, rng)) if rng.random() < settings.crossover else mutated(rng, parent)


def _winner(search: Evolution, rng: np.random.Generator) -> Expression:
    chosen = rng.choice(len(search.population), search.settings.tournament, replace=False)
    rivals: list[Found] = [search.population[place] for place in chosen]
    return max(rivals, key=search.settings.score).expression


def _judged(search: Evolution, candidate: Expression) -> tuple[Step, bytes]:
    """The step that a candidate makes, turned so that its fitness is not negative, and its ranking."""
    settings, nothing = search.settings, float("nan")
    if candidate.size > settings.max_size:
        return Step(candidate, nothing, "too large"), b""
    if candidate in search.seen or negated(candidate) in search.seen:
        return Step(candidate, nothing, "repeated"), b""
    values = [candidate(examples.values) for examples in search.training]
    if any(np.isfinite(x).mean() < _DEFINED for x in values):
        return Step(candidate, nothing, "undefined"), b""
    fitness = _fitness(search, [_ranks(x) for x in values])
    if np.isnan(fitness):
        return Step(candidate, nothing, "constant"), b""
    if fitness < 0:
        candidate, values = negated(candidate), [-x for x in values]
        fitness = _fitness(search, [_ranks(x) for x in values])
        if candidate.size > settings.max_size:
            return Step(candidate, nothing, "too large"), b""
    ranking = b"".join(_ranks(x).tobytes() for x in values)
    alike = search.ranked.get(ranking)
    known = alike is not None and alike.expression.size <= candidate.size
    return Step(candidate, fitness, "equivalent" if known else "new"), ranking


def _fitness(search: Evolution, ranks: list[Array]) -> float:
    found = [
        _correlation(each, examples.truth, search.settings.statistic)
        for each, examples in zip(ranks, search.training, strict=True)
    ]
    return float(np.mean(found))


def _ranks(scores: Array) -> Array:
    """Ranks from 1, ties sharing their mean rank; what is no finite number shares the last places, the lowest."""
    found: Array = stats.rankdata(np.where(np.isfinite(scores), scores, -np.inf))
    return found


def _correlation(ranks: Array, truth: Array, statistic: Statistic) -> float:
    """The rank correlation on examples with a truth; NaN where one side is constant."""
    known = np.isfinite(truth)
    x, y = ranks[known], truth[known]
    if np.ptp(x) == 0 or np.ptp(y) == 0:
        return float("nan")
    if statistic == "kendall":
        return float(stats.kendalltau(x, y).statistic)
    return float(np.corrcoef(stats.rankdata(x), stats.rankdata(y))[0, 1])


def _sign(better: str) -> int:
    return -1 if better == "lower" else 1
