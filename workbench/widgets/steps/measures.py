"""What a neighbourhood can be coloured by: the numbers of tables and networks, and whatever measures the user gives."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import isfinite, nan
from typing import TYPE_CHECKING, Any, NamedTuple, final

from workbench.architecture import Architecture
from workbench.errors import InvalidInput, UnknownName, WorkbenchError
from workbench.measure import Measure
from workbench.spaces.space import SearchSpace
from workbench.widgets.facts import Counted, Quantity, Source, Twins, sources_of

if TYPE_CHECKING:
    from workbench.benchmarks import Benchmark


class Value(NamedTuple):
    """A number, NaN with the reason where there is none."""

    number: float
    reason: str = ""


@final
class Colouring:
    """One number about architectures, each worked out once.

    `in_sheet` says that the space's sheet has it; a `measure` may be dear, so that it is asked beside the kernel.
    """

    def __init__(
        self, quantity: Quantity, work: Callable[[Architecture], Value], in_sheet: bool, measure: Measure | None = None
    ) -> None:
        self.quantity = quantity
        self.in_sheet = in_sheet
        self.measure = measure
        self._work = work
        self._known: dict[Architecture, Value] = {}

    @property
    def sign(self) -> int:
        """-1 where lower is better, else 1."""
        return -1 if self.quantity.better == "lower" else 1

    def value(self, arch: Architecture) -> Value:
        """The number of an architecture, worked out now where it is not known."""
        if arch not in self._known:
            self._known[arch] = self._work(arch)
        return self._known[arch]

    def known(self, arch: Architecture) -> Value | None:
        """The number of an architecture, where it has been worked out."""
        return self._known.get(arch)

    def learn(self, arch: Architecture, value: Value) -> None:
        """Keep a number that was worked out elsewhere."""
        self._known[arch] = value

    def state(self) -> dict[str, Any]:
        """What the browser needs to know."""
        return self.quantity._asdict() | {"sheet": self.in_sheet}


Given = Measure | str | Callable[[Architecture], float] | Any


def colourings_of(
    space: SearchSpace, benchmarks: Sequence[Benchmark], given: Given | Sequence[Given] | Mapping[str, Given] | None,
    in_sheet: bool,
) -> tuple[dict[str, Colouring], str]:  # fmt: skip
    """Every number there is to colour by, and the name of the one to begin with: the first given.

    `given` is a `Measure`, a column of a table, a proxy's name, a function of an architecture, a fitted predictor of
    one-hot vectors or a pair (predictor, encoding); a list of these, or such things by name. Raises `UnknownName` for
    an unknown name and `InvalidInput` for anything else.
    """
    sources = [s for s in sources_of(space, benchmarks) if in_sheet or not isinstance(s, Twins)]
    found = {q.name: c for source in sources for q, c in _of_source(source, space, in_sheet)}
    first = ""
    for name, one in _listed(given):
        column = _column(one, found) if isinstance(one, str) else None
        if column is None:
            measure = _measure(one, name, found, space)
            column = f"measure {measure.name}"
            quantity = Quantity(column, measure.name.replace("_", " "), measure.better, measure.unit)
            found[column] = Colouring(quantity, _Asked(measure), in_sheet=False, measure=measure)
        first = first or column
    return found, first or next(iter(found))


def value_of(asked: tuple[Measure, Architecture]) -> Value:
    """A measure's number of an architecture, or the reason why there is none; for another process too."""
    measure, arch = asked
    try:
        value = measure(arch)
    except WorkbenchError as error:
        return Value(nan, str(error))
    except Exception as error:  # whatever a stranger's function raises costs one number, with its reason
        return Value(nan, f"{measure.name} failed: {type(error).__name__}: {error}")
    if not isfinite(value):
        return Value(nan, str(getattr(value, "reason", "")) or f"{measure.name} has no number here")
    return Value(float(value))


class _Asked:
    """A measure as a colouring asks for it."""

    def __init__(self, measure: Measure) -> None:
        self._measure = measure

    def __call__(self, arch: Architecture) -> Value:
        return value_of((self._measure, arch))


def _of_source(source: Source, space: SearchSpace, in_sheet: bool) -> list[tuple[Quantity, Colouring]]:
    if isinstance(source, Counted) and type(space).counts is SearchSpace.counts:
        counts = [Measure(q.words, "lower", _Count(source.task, q.name)) for q in source.quantities]
        return [(q, Colouring(q, _Asked(m), in_sheet, m)) for q, m in zip(source.quantities, counts, strict=True)]
    once = _Once(source)
    return [
        (quantity, Colouring(quantity, lambda arch, name=quantity.name: once(arch, name), in_sheet))  # type: ignore[misc]
        for quantity in source.quantities
    ]


class _Count:
    """A count of a network that has to be built for it, which is dear; travels to other processes."""

    def __init__(self, task: str, name: str) -> None:
        self._task = task
        self._name = name

    def __call__(self, arch: Architecture) -> float:
        return Counted(self._task).numbers(arch)[self._name]


class _Once:
    """All numbers of a source about an architecture, asked together and kept while its quantities are asked in turn."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._known: dict[Architecture, tuple[dict[str, float], str]] = {}

    def __call__(self, arch: Architecture, name: str) -> Value:
        if arch not in self._known:
            try:
                self._known[arch] = self._source.numbers(arch), ""
            except WorkbenchError as error:
                self._known[arch] = {}, str(error)
        numbers, reason = self._known[arch]
        value = numbers.get(name, nan)
        return Value(value) if isfinite(value) else Value(nan, reason or "not recorded")


def _listed(given: Any) -> list[tuple[str, Any]]:
    if given is None:
        return []
    if isinstance(given, Mapping):
        return [(str(name), one) for name, one in given.items()]
    pair = isinstance(given, tuple) and len(given) == 2 and hasattr(given[0], "predict")
    return [("", one) for one in given] if isinstance(given, list | tuple) and not pair else [("", given)]


def _column(name: str, known: Mapping[str, Colouring]) -> str | None:
    """The quantity that a name means: its own, or the last words of it."""
    return next((full for full in known if full == name or full.endswith(f" {name}")), None)


def _measure(given: Any, name: str, known: Mapping[str, Colouring], space: SearchSpace) -> Measure:
    if isinstance(given, str):
        return _proxy(given, known)
    if isinstance(given, Measure):
        return given
    encoding = "one_hot"
    if isinstance(given, tuple) and len(given) == 2:
        given, encoding = given
    if hasattr(given, "predict"):
        return Measure(name or type(given).__name__, "higher", Predicted(given, str(encoding)), space=space)
    if callable(given):
        words = name or getattr(given, "name", "") or getattr(given, "__name__", type(given).__name__)
        return Measure(str(words), "higher", given, space=space)
    raise InvalidInput(
        "measure= takes a Measure, the name of a column or a proxy, a function of an architecture, a fitted predictor "
        f"or (predictor, encoding), a list of these, or a dictionary of them by name; got {given!r}."
    )


def _proxy(name: str, known: Mapping[str, Colouring]) -> Measure:
    from workbench.proxies import catalogue, measure

    if name not in catalogue:
        columns = (full.rpartition(" ")[2] for full in known)
        raise UnknownName.of("measure", name, list(dict.fromkeys([*columns, *catalogue.names()])))
    return measure(name)


@final
class Predicted:
    """A fitted predictor's number of an architecture, from an encoding of it; travels to other processes."""

    def __init__(self, predictor: Any, encoding: str) -> None:
        self._predictor = predictor
        self._encoding = encoding

    def __call__(self, arch: Architecture) -> float:
        """What is predicted for one architecture."""
        return float(self._predictor.predict(arch.space.encode([arch], self._encoding))[0])
