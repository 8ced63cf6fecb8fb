"""The kernel half of the cell editor: holds the architecture, checks every edit, says what is known about it."""

from __future__ import annotations

import gc
from collections.abc import Mapping, Sequence
from time import perf_counter
from typing import TYPE_CHECKING, Any

import traitlets

from workbench.architecture import Architecture
from workbench.drawing import Fact, label_width, lay_out, svg
from workbench.errors import Infeasible, InvalidInput, WorkbenchError, refuse_unknown
from workbench.palette import look
from workbench.rooms import room
from workbench.spaces.choices import Answer, Question
from workbench.widgets.facts import facts_of
from workbench.widgets.linking import Linked

if TYPE_CHECKING:
    from workbench.benchmarks import Benchmark

_LONG = 0.2  # seconds
# In an HBox two widgets share the width instead of each taking all of it.
BESIDE = {"flex": "1 1 0%", "min_width": "0"}


class _Value(traitlets.TraitType[Architecture, Architecture]):
    """An architecture of the editor's own space; what is refused leaves the widget as it was."""

    def validate(self, obj: CellEditor, value: object) -> Architecture:
        """`value` itself; raises `InvalidInput`."""
        name = obj._space.name
        if not isinstance(value, Architecture):
            raise InvalidInput(f"The editor's value is an Architecture of {name}; got {value!r}.")
        if value.space.name != name:
            raise InvalidInput(f"This editor is for {name}; {value} belongs to {value.space.name}.")
        return value


class CellEditor(Linked):
    """An editor of one architecture: every edit shows at once what is known about the result.

    `arch` is where it starts; `benchmark` a `Benchmark`, or a list of them, whose records are shown (None takes the
    first table of the space that is on this machine, an empty list none); `height` the most pixels the drawing
    takes. `value` is the Architecture: set it, or `observe(f, "value")`. Works for every search space: questions
    that stand on edges or nodes are answered in the drawing, the others in lists below it.

    Raises `InvalidInput` for anything but an architecture of the editor's own space and `UnknownName` for an
    unknown keyword.
    """

    _esm = traitlets.Unicode().tag(sync=True)
    value = _Value()
    title = traitlets.Unicode().tag(sync=True)
    height = traitlets.Int(300).tag(sync=True)
    # Set by both halves: the browser raises `revision` with every edit, so that an answer to an older edit is known.
    decisions = traitlets.Dict().tag(sync=True)
    revision = traitlets.Int(0).tag(sync=True)
    # Set by the kernel only.
    drawing = traitlets.Dict().tag(sync=True)
    facts: Any = traitlets.List().tag(sync=True)
    palette = traitlets.Dict().tag(sync=True)
    text = traitlets.Unicode().tag(sync=True)
    message = traitlets.Unicode().tag(sync=True)

    def __init__(
        self,
        arch: Architecture,
        benchmark: Benchmark | Sequence[Benchmark] | None = None,
        height: int = 300,
        **unknown: Any,
    ) -> None:
        refuse_unknown(unknown, ("arch", "benchmark", "height"), "CellEditor")
        if not isinstance(arch, Architecture):
            raise InvalidInput(f"CellEditor edits an Architecture, made by space.parse or space.sample; got {arch!r}.")
        self._space = arch.space
        self._benchmarks = _chosen(benchmark, arch)
        began = perf_counter()
        shown = _shown(arch, self._benchmarks, 0)
        if perf_counter() - began > _LONG:
            # The first facts of a space list all its architectures. Python would look through these many new objects
            # in the middle of one of the next edits, which then takes 0.2 s instead of 0.07 s: better now.
            gc.collect()
        super().__init__(
            _esm=(room("widgets") / "dist" / "cell_editor.js").read_text(encoding="utf-8"),
            layout=BESIDE,
            title=f"{self._space.name} cell",
            height=height,
            value=arch,
            **shown,
        )
        self.on_msg(self._answer)

    # -- the two ways in: Python sets `value`, the browser sets `decisions` ------------------------------------

    @traitlets.observe("value")
    def _value_set(self, change: dict[str, Any]) -> None:
        if dict(change["new"].decisions) != self.drawing["decisions"]:
            self._show(change["new"], self.revision + 1)
        self.show(change["new"])

    def _opened(self, name: str) -> None:
        if name == self.text:
            return
        try:
            self.value = self._space.parse(name)
        except (InvalidInput, Infeasible) as error:  # of a view of another space
            self.message = f"This cannot be shown here. {error}"

    @traitlets.observe("decisions", "revision")
    def _edited(self, _: dict[str, Any]) -> None:
        if (self.decisions, self.revision) == (self.drawing["decisions"], self.drawing["revision"]):
            return
        try:
            arch = self._space.answered_by(_Given(self.decisions))
        except (InvalidInput, Infeasible) as error:
            self._show(self.value, self.revision, refusal=str(error))
            return
        self._show(arch, self.revision)
        self.value = arch

    def _show(self, arch: Architecture, revision: int, refusal: str = "") -> None:
        """Tell the browser everything about `arch` in one message."""
        with self.hold_sync():
            for name, state in _shown(arch, self._benchmarks, revision, refusal).items():
                setattr(self, name, state)

    def _answer(self, _: Any, content: Any, buffers: Any) -> None:
        """The browser asks for a file of the drawing."""
        if isinstance(content, dict) and content.get("kind") == "still":
            self.send({"kind": "still", "svg": self.still()})

    # -- pages without a kernel --------------------------------------------------------------------------------

    def still(self) -> str:
        """The drawing and its facts as one SVG element, for pages without a kernel."""
        graph = self.value.graph
        facts = [Fact(**fact) for fact in self.facts]
        return svg(lay_out(graph, self._space.live(graph)), self.title, facts)

    def _repr_mimebundle_(self, **options: Any) -> tuple[dict[str, Any], dict[str, Any]] | None:
        return with_still(super()._repr_mimebundle_(**options), self.still(), f"{self.title}: {self.text}")


def with_still(
    bundle: tuple[dict[str, Any], dict[str, Any]] | None, still: str, words: str
) -> tuple[dict[str, Any], dict[str, Any]] | None:
    """A widget's mime bundle with a picture and words beside it, which exported notebooks fall back to."""
    if bundle is None:
        return None
    data, metadata = bundle
    return {**data, "image/svg+xml": still, "text/plain": words}, metadata


class _Given:
    """Answers from the browser: what it sent where it sent something, the first answer to a question newly asked."""

    def __init__(self, decisions: Mapping[str, Answer]) -> None:
        self._decisions = decisions

    def suggest_categorical(self, name: str, choices: Sequence[Answer]) -> Answer:
        """The answer sent, as the space writes it: JSON does not tell 1.0 from 1."""
        if name not in self._decisions:
            return choices[0]
        sent = self._decisions[name]
        alike = [c for c in choices if c == sent and isinstance(c, bool) == isinstance(sent, bool)]
        return alike[0] if alike else sent


def _chosen(benchmark: Benchmark | Sequence[Benchmark] | None, arch: Architecture) -> tuple[Benchmark, ...]:
    from workbench.benchmarks import Benchmark, for_space
    from workbench.benchmarks import benchmark as open_benchmark

    if benchmark is None:
        try:
            return tuple(open_benchmark(name, dataset=dataset) for name, dataset in for_space(arch.space)[:1])
        except WorkbenchError:
            return ()  # nobody asked for this table: without it the editor shows fewer facts
    benchmarks = (benchmark,) if isinstance(benchmark, Benchmark) else tuple(benchmark)
    for bench in benchmarks:
        if not isinstance(bench, Benchmark):
            raise InvalidInput(f"benchmark= takes what wb.benchmark(name) gives, or a list of these; got {bench!r}.")
        if bench.space.name != arch.space.name:
            raise InvalidInput(f"{bench!r} records architectures of {bench.space.name}, not of {arch.space.name}.")
    return benchmarks


def _shown(arch: Architecture, benchmarks: Sequence[Benchmark], revision: int, refusal: str = "") -> dict[str, Any]:
    """Every trait that follows from the architecture, in one go."""
    graph = arch.graph
    decisions = dict(arch.decisions)
    drawing = lay_out(graph, arch.space.live(graph)).as_dict()
    return {
        # First, because the observers of the others compare with it to tell an edit from its own echo.
        "drawing": drawing | {"decisions": decisions, "revision": revision, "refused": bool(refusal)},
        "decisions": decisions,
        "revision": revision,
        "palette": {question.name: _options(question) for question in arch.space.questions(arch)},
        "facts": [fact._asdict() for fact in facts_of(arch, benchmarks)],
        "text": str(arch),
        "message": refusal,
    }


def _options(question: Question) -> list[dict[str, Any]]:
    looks = [(answer, look(answer)) for answer in question.answers]
    return [{"answer": answer, **shown._asdict(), "width": label_width(shown.label)} for answer, shown in looks]
