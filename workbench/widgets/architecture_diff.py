"""The kernel half of the comparison of architectures: holds them, aligns them, says what is different in each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from string import ascii_uppercase
from typing import TYPE_CHECKING, Any

import traitlets

from workbench.architecture import Architecture
from workbench.errors import InvalidInput, WorkbenchError, refuse_unknown
from workbench.measure import Measure
from workbench.rooms import room
from workbench.widgets.cell_editor import BESIDE, with_still
from workbench.widgets.diff.comparison import Comparison
from workbench.widgets.diff.numbers import Numbers
from workbench.widgets.diff.still import diff_svg
from workbench.widgets.facts import benchmarks_for
from workbench.widgets.sheet import SheetTraits

if TYPE_CHECKING:
    from workbench.benchmarks import Benchmark
    from workbench.spaces.space import SearchSpace

MOST = 8
_LONGEST = 100_000  # letters of a text that is still read
_KEYWORDS = ("benchmark", "measures", "titles", "space", "title")
_NOTHING: dict[str, Any] = {"rows": [], "cards": {}, "pairs": {}, "layouts": [], "layout_of": {}, "looks": []}


class ArchitectureDiff(SheetTraits):
    """Architectures beside each other: what changed in structure, and in every measure, against one of them.

    `archs` are up to eight architectures of one space, the first of them the reference; without any it is an empty
    compare tray, which `add` fills, or any linked view. `benchmark` is a `Benchmark`, or a list of them, whose
    numbers are compared (None takes the first table of the space that is on this machine, an empty list none),
    `measures` are further `Measure`s, called once for each architecture; `titles` names them, in their order or by
    their strings. `space` reads what linked views put into an empty tray, where no table or view says it.

    Nodes and edges correspond as `wb.align` finds. A difference is larger than the seeds' spread where it exceeds
    √(s₁² + s₂²), the standard deviation of the difference of two single training runs. `architectures` are those
    shown, in their order; `reference` is the string of the one that the others are compared with: set it, or
    observe it.

    Raises `InvalidInput` for architectures of different spaces or too many of them, and `UnknownName` for an unknown
    keyword.
    """

    _esm = traitlets.Unicode().tag(sync=True)
    title = traitlets.Unicode("Compare").tag(sync=True)
    # Set by both halves.
    order: Any = traitlets.List(traitlets.Unicode()).tag(sync=True)  # the architectures' strings
    reference = traitlets.Unicode().tag(sync=True)
    # Set by the kernel only.
    comparison = traitlets.Dict().tag(sync=True)
    message = traitlets.Unicode().tag(sync=True)
    most = traitlets.Int(MOST).tag(sync=True)

    def __init__(
        self,
        *archs: Architecture,
        benchmark: Benchmark | Sequence[Benchmark] | None = None,
        measures: Measure | Sequence[Measure] = (),
        titles: Sequence[str] | Mapping[str, str] | None = None,
        space: SearchSpace | None = None,
        title: str = "Compare",
        **unknown: Any,
    ) -> None:
        refuse_unknown(unknown, _KEYWORDS, "ArchitectureDiff")
        self._benchmark = benchmark
        self._measures = _checked_measures(measures)
        self._home = space
        self._archs: list[Architecture] = []
        self._comparison: tuple[SearchSpace, Comparison] | None = None
        self._titles = _named(titles, archs)
        super().__init__(
            _esm=(room("widgets") / "dist" / "architecture_diff.js").read_text(encoding="utf-8"),
            layout=BESIDE,
            title=title,
            comparison=dict(_NOTHING),
        )
        self._take(self._checked(archs))

    # -- what a user does in Python ----------------------------------------------------------------------------

    @property
    def architectures(self) -> list[Architecture]:
        """The architectures shown, in their order."""
        return list(self._archs)

    def add(self, arch: Architecture | str, title: str | None = None) -> None:
        """Put one more architecture, or its string, beside the others; one that is there already stays where it is.

        Raises `InvalidInput` for one of another space, and where eight are there.
        """
        added = self._read(arch) if isinstance(arch, str) else arch
        archs = self._checked([*self._archs, added])
        if title is not None:
            self._titles[str(added)] = title
        self._take(archs)

    def remove(self, arch: Architecture | str | int) -> None:
        """Take an architecture away: itself, its string or its place. Raises `InvalidInput` where it is not there."""
        names = self._names()
        place = arch if isinstance(arch, int) else names.index(str(arch)) if str(arch) in names else len(names)
        if not -len(names) <= place < len(names):
            raise InvalidInput(f"{arch!r} is not compared here. Compared: {', '.join(names) or 'nothing yet'}.")
        kept = self._archs.copy()
        del kept[place]
        self._take(kept)

    # -- what comes from the browser ---------------------------------------------------------------------------

    @traitlets.observe("order")
    def _order_set(self, change: dict[str, Any]) -> None:
        names = change["new"]
        if names == self._names():
            return
        known = dict(zip(self._names(), self._archs, strict=True))
        try:
            self._take(self._checked([known[name] if name in known else self._read(name) for name in names]))
        except WorkbenchError as error:
            self.message = str(error)
            self.order = self._names()

    @traitlets.validate("reference")
    def _check_reference(self, proposal: dict[str, Any]) -> str:
        name: str = proposal["value"]
        if name not in self._names() and (name or self._archs):
            raise InvalidInput(f"The reference is one of the architectures compared; {name!r} is not: add it first.")
        return name

    @traitlets.observe("reference")
    def _reference_set(self, change: dict[str, Any]) -> None:
        if self._archs and change["new"] not in self.comparison["layout_of"]:
            self._take(self._archs)

    def _sheet_wanted(self) -> tuple[SearchSpace, Sequence[Benchmark], bool]:
        space = self._space
        if space is None:
            raise InvalidInput("An empty tray has no numbers to send yet.")
        return space, benchmarks_for(space, self._benchmark), False

    def complete(self) -> None:
        """Wait until everything is there that an exported page needs."""
        if self._space is not None:
            super().complete()

    # -- inside ------------------------------------------------------------------------------------------------

    @property
    def _space(self) -> SearchSpace | None:
        """The space of what is compared, or of what would be."""
        if self._archs:
            return self._archs[0].space
        first = self._benchmark[0] if isinstance(self._benchmark, Sequence) and self._benchmark else self._benchmark
        return self._home or getattr(first, "space", None)

    def _names(self) -> list[str]:
        return [str(arch) for arch in self._archs]

    def _read(self, name: str) -> Architecture:
        """The architecture of a string that another view sent; raises `InvalidInput`."""
        linked = (getattr(member, "_space", None) for member in self._group.others(self))
        space = self._space or next((space for space in linked if space is not None), None)
        if space is None:
            raise InvalidInput(
                "This tray does not know yet which search space it compares: add an Architecture in Python first, or "
                "make it with ArchitectureDiff(space=...)."
            )
        if len(name) > _LONGEST:
            raise InvalidInput(f"A text of {len(name):,} letters is no architecture of {space.name}.")
        return space.parse(name)

    def _checked(self, archs: Sequence[Architecture]) -> list[Architecture]:
        """`archs` without repetitions; raises `InvalidInput` for what cannot be compared."""
        for arch in archs:
            if not isinstance(arch, Architecture):
                raise InvalidInput(f"ArchitectureDiff compares Architectures, made by space.parse; got {arch!r}.")
        found = list(dict.fromkeys(archs))
        home = found[0].space if found else None
        for arch in found:
            if home is not None and arch.space.name != home.name:
                raise InvalidInput(
                    f"Only architectures of one space are compared: {arch} belongs to {arch.space.name}, the others to "
                    f"{home.name}. Remove those first, or use a second ArchitectureDiff."
                )
        if len(found) > MOST:
            raise InvalidInput(
                f"At most {MOST} architectures are compared at once; got {len(found)}: remove one first."
            )
        return found

    def _take(self, archs: list[Architecture]) -> None:
        """Compare these from now on, and tell the browser in one message."""
        names = [str(arch) for arch in archs]
        free = iter([letter for letter in ascii_uppercase if letter not in self._titles.values()])
        titles = {**self._titles, **{name: next(free) for name in names if name not in self._titles}}
        reference = self.reference if self.reference in names else names[0] if names else ""
        state = self._compared(archs[0].space).state(archs, titles, reference) if archs else dict(_NOTHING)
        self._archs = archs
        self._titles = {name: titles[name] for name in names}
        with self.hold_sync():
            self.comparison = state
            self.order = names
            self.reference = reference
            self.message = ""

    def _compared(self, space: SearchSpace) -> Comparison:
        if self._comparison is None or self._comparison[0].name != space.name:
            tables = benchmarks_for(space, self._benchmark)
            self._comparison = (space, Comparison(Numbers(space, tables, self._measures)))
            self.sheet, self.sheet_values, self.sheet_names = {}, b"", b""
        return self._comparison[1]

    # -- pages without a kernel --------------------------------------------------------------------------------

    def still(self) -> str:
        """The cards as one SVG element, for pages without a kernel."""
        return diff_svg(self.title, self.order, self.reference, self.comparison)

    def _repr_mimebundle_(self, **options: Any) -> tuple[dict[str, Any], dict[str, Any]] | None:
        words = f"{self.title}: {', '.join(self.order) or 'no architecture yet'}"
        return with_still(super()._repr_mimebundle_(**options), self.still(), words)


def _checked_measures(measures: Measure | Sequence[Measure]) -> list[Measure]:
    found = [measures] if isinstance(measures, Measure) else list(measures)
    for measure in found:
        if not isinstance(measure, Measure):
            raise InvalidInput(f"measures= takes Measures, such as bench.measure(name) gives; got {measure!r}.")
    return found


def _named(titles: Sequence[str] | Mapping[str, str] | None, archs: Sequence[Architecture]) -> dict[str, str]:
    """The given title of each architecture, by its string."""
    if titles is None:
        return {}
    if isinstance(titles, Mapping):
        return {str(arch): str(title) for arch, title in titles.items()}
    if isinstance(titles, str) or len(titles) != len(archs):
        raise InvalidInput(f"titles= takes one title for each of the {len(archs)} architectures; got {titles!r}.")
    return {str(arch): str(title) for arch, title in zip(archs, titles, strict=True)}
