"""The catalogue of samplers, and the decorator that enters a strategy in it."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, TypeVar, cast

from optuna.samplers import BaseSampler

from workbench.catalogue import Catalogue
from workbench.errors import refuse_unknown
from workbench.samplers.strategy import Strategy, StrategySampler

Objectives = Literal["one", "any", "several"]
T = TypeVar("T", bound=Callable[..., Any])
_GIVEN = ("domain", "history", "rng", "self")  # what a strategy is called with, beside its settings


@dataclass(frozen=True)
class SamplerEntry:
    """How a sampler is made from a seed and settings, and what a user should know before choosing it."""

    make: Callable[..., BaseSampler]
    objectives: str
    paper: str
    summary: str = ""
    settings: tuple[tuple[str, Any], ...] = ()


catalogue: Catalogue[SamplerEntry] = Catalogue("sampler")


def strategy(name: str, *, paper: str, objectives: Objectives = "one") -> Callable[[T], T]:
    """Enter a strategy in the catalogue: a function `(domain, history, rng, *, settings)` or a class that makes one.

    A class is made with its settings, and with the sampler's seed where it has the setting `seed`; what it makes is
    called with `(domain, history, rng)`. A setting `batch` is how many trials a round has.
    """

    def enter(made: T) -> T:
        settings = {
            field.name: field.default
            for field in inspect.signature(made).parameters.values()
            if field.name not in _GIVEN and field.kind == inspect.Parameter.KEYWORD_ONLY
        }
        make = partial(_sampler, made, settings, objectives != "one")
        summary = inspect.cleandoc(made.__doc__ or "").partition("\n\n")[0].replace("\n", " ")
        shown = tuple((key, value) for key, value in settings.items() if key != "seed")
        catalogue.enter(name, SamplerEntry(make, objectives, paper, summary, shown))
        return made

    return enter


def _sampler(
    made: Callable[..., Any], defaults: dict[str, Any], for_several: bool, seed: int | None = None, **settings: Any
) -> StrategySampler:
    refuse_unknown(settings, [name for name in defaults if name != "seed"], f"The sampler {made.__name__}")
    batch = int(settings.get("batch", defaults.get("batch", 1)))
    if inspect.isclass(made):
        given = {**settings, "seed": seed or 0} if "seed" in defaults else settings
        called = cast(Strategy, made(**given))
        return StrategySampler(called, seed, batch=batch, for_several=for_several)
    return StrategySampler(partial(made, **settings) if settings else made, seed, batch=batch, for_several=for_several)
