"""The kernel half of the cell editor: holds the architecture, checks every edit, says what is known about it."""

from __future__ import annotations

import gc
from collections.abc import Mapping, Sequence
from time import perf_counter
from typing import TYPE_CHECKING, Any

import traitlets

from workbench.architecture import Architecture
from workbench.drawing import Fact, label_width, svg
from workbench.errors import Infeasible, InvalidInput, refuse_unknown
from workbench.palette import look
from workbench.rooms import room
from workbench.spaces.choices import Answer, Question
from workbench.widgets.editor.asked import AskedTraits, Asking
from workbench.widgets.editor.laying_out import LaidOutTraits, LayingOut
from workbench.widgets.editor.rewiring import Move, Rewiring, told
from workbench.widgets.facts import benchmarks_for, facts_of
from workbench.widgets.sheet import SheetTraits, ready_sheet

if TYPE_CHECKING:
    from workbench.benchmarks import Benchmark
    from workbench.measure import Measure
    from workbench.proxies.proxy import Proxy
    from workbench.spaces.space import SearchSpace

_LONG = 0.2  # seconds
_LONGEST, _SAID = 100_000, 300  # letters of a text that is still read, and of a reason that is shown
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


class CellEditor(AskedTraits, SheetTraits, LaidOutTraits):
    """An editor of one architecture: every edit shows at once what is known about the result.

    `arch` is where it starts; `benchmark` a `Benchmark`, or a list of them, whose records are shown (None takes the
    first table of the space that is on this machine, an empty list none); `height` the most pixels the drawing
    takes; `proxies` what can be computed beside it: names, proxies and measures (None: the whole catalogue). Latency
    and what needs no data are computed a little after each edit, in another process. `value` is the Architecture: set
    it, or `observe(f, "value")`. Works for every search space: questions that stand on edges or nodes are answered in
    the drawing, the others in lists below it; where answers do that, edges are drawn from a node's rim, moved by their
    ends and deleted. Every view has undo and redo, of which all views of one editor share one history.

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
    wiring: Any = traitlets.List().tag(sync=True)  # questions that are answered by drawing and moving edges
    text = traitlets.Unicode().tag(sync=True)
    message = traitlets.Unicode().tag(sync=True)

    def __init__(
        self,
        arch: Architecture,
        benchmark: Benchmark | Sequence[Benchmark] | None = None,
        height: int = 300,
        proxies: Sequence[str | Proxy | Measure] | None = None,
        **unknown: Any,
    ) -> None:
        refuse_unknown(unknown, ("arch", "benchmark", "height", "proxies"), "CellEditor")
        if not isinstance(arch, Architecture):
            raise InvalidInput(f"CellEditor edits an Architecture, made by space.parse or space.sample; got {arch!r}.")
        self._space = arch.space
        self._benchmarks = benchmarks_for(arch.space, benchmark)
        self._rewiring = Rewiring(arch)
        self._rewires: dict[str, bool] = {}  # what is known of each question met so far
        began = perf_counter()
        self._laying = LayingOut(self)
        shown = _shown(arch, self._benchmarks, self._laying, 0)
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
            wiring=self._wired(arch),
            **shown,
        )
        self.on_msg(self._answer)
        self._asking = Asking(self, self._benchmarks, proxies)

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
            for name, state in _shown(arch, self._benchmarks, self._laying, revision, refusal).items():
                setattr(self, name, state)
            self.wiring = self._wired(arch)

    def complete(self) -> None:
        """Wait until everything is there that an exported page needs."""
        super().complete()
        self._asking.complete()

    def _sheet_wanted(self) -> tuple[SearchSpace, Sequence[Benchmark], bool]:
        return self._space, self._benchmarks, False

    def _wired(self, arch: Architecture) -> list[str]:
        """The questions of `arch` that are about edges; each is looked at once, when it is first met."""
        names = [question.name for question in arch.space.questions(arch)]
        unknown = [name for name in names if name not in self._rewires]
        if unknown:
            if self._rewiring.arch != arch:
                self._rewiring = Rewiring(arch)
            self._rewires |= {name: self._rewiring.rewires(name) for name in unknown}
        return [name for name in names if self._rewires[name]]

    # -- what the browser asks ---------------------------------------------------------------------------------

    def _answer(self, _: Any, content: Any, buffers: Any) -> None:
        if not isinstance(content, dict):
            return
        if content.get("kind") == "still":
            self.send({"kind": "still", "svg": self.still()})
        elif content.get("kind") == "targets":
            self.send({"kind": "targets", "ask": content.get("ask"), "moves": self._moves(content)})
        elif content.get("kind") == "paste":
            self._paste(content.get("text"))

    def _moves(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Where a hand may take an edge: node -> decisions or the reason why not; "" is taking it away."""
        source, target, end = (str(asked.get(part, "")) for part in ("source", "target", "end"))
        if self._rewiring.arch != self.value:
            self._rewiring = Rewiring(self.value)
        try:
            if end == "gone":
                return told({"": self._rewiring.without(source, target)})
            return told(self._rewiring.targets(source, target, end))
        except InvalidInput as error:  # the drawing in the page is another one by now
            return told({"": Move(None, str(error))})

    def _paste(self, text: Any) -> None:
        """Take an architecture's text for the value, or say in the page why not."""
        try:
            if not isinstance(text, str) or len(text) > _LONGEST:
                raise InvalidInput(f"That is no text of an architecture of {self._space.name}.")
            self.value = self._space.parse(text.strip())
        except (InvalidInput, Infeasible) as error:
            words = str(error) if len(str(error)) <= _SAID else str(error)[: _SAID - 1] + "…"
            self.send({"kind": "refused", "text": f"Not pasted. {words}"})

    # -- pages without a kernel --------------------------------------------------------------------------------

    def still(self) -> str:
        """The drawing and its facts as one SVG element, for pages without a kernel."""
        graph = self.value.graph
        facts = [Fact(**fact) for fact in self.facts]
        return svg(self._laying.still(self.text, graph, self._space.live(graph)), self.title, facts)

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


def _shown(
    arch: Architecture, benchmarks: Sequence[Benchmark], laying: LayingOut, revision: int, refusal: str = ""
) -> dict[str, Any]:
    """Every trait that follows from the architecture, in one go."""
    graph = arch.graph
    decisions = dict(arch.decisions)
    about = {"decisions": decisions, "revision": revision, "refused": bool(refusal)}
    return {
        # First, because the observers of the others compare with it to tell an edit from its own echo.
        "drawing": laying.draw(str(arch), graph, arch.space.live(graph), about),
        "decisions": decisions,
        "revision": revision,
        "palette": {question.name: _options(question) for question in arch.space.questions(arch)},
        "facts": [fact._asdict() for fact in _facts(arch, benchmarks)],
        "text": str(arch),
        "message": refusal,
    }


def _facts(arch: Architecture, benchmarks: Sequence[Benchmark]) -> list[Fact]:
    """What is known, from the sheet where it has been made: counting twins for the first time lists the whole space."""
    sheet = ready_sheet(arch.space, benchmarks)
    return facts_of(arch, benchmarks) if sheet is None else sheet.facts(arch)


def _options(question: Question) -> list[dict[str, Any]]:
    looks = [(answer, look(answer)) for answer in question.answers]
    return [{"answer": answer, **shown._asdict(), "width": label_width(shown.label)} for answer, shown in looks]
