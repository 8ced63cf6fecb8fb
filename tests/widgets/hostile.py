"""Names that would like to be code, and a factory for every widget that shows names somebody else chose."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import networkx as nx
import numpy as np
import optuna
import pandas as pd
from torch import nn

import workbench as wb
from workbench.benchmarks import Benchmark
from workbench.benchmarks.records import Column, ColumnTable
from workbench.errors import Infeasible
from workbench.measure import Measure
from workbench.spaces import SearchSpace
from workbench.spaces.choices import Choices

_RUN = "window.fired=1"
_TAGS = [
    "<script>{}</script>", "</script><script>{}</script>", "<SCRIPT SRC=https://evil.example/x.js></SCRIPT>",
    "<scr<script>ipt>{}</script>", "<script\x0c>{}</script>", "<script/x>{}</script>", "<svg><script>{}</script></svg>",
    "<svg><script href=data:,{} /></svg>", "<math><mtext><script>{}</script>", "<script type=module>{}</script>",
    "<![CDATA[<script>{}</script>]]>", "<!--><script>{}</script>-->", "--><script>{}</script><!--",
    "]]><script>{}</script>", "<template><script>{}</script></template>", "<noscript><script>{}</script></noscript>",
    "<title></title><script>{}</script>", "<style></style><script>{}</script>",
    "<textarea></textarea><script>{}</script>", "<xmp></xmp><script>{}</script>",
    "<plaintext><script>{}</script>", "\\u003cscript\\u003e{}\\u003c/script\\u003e",
    "&lt;script&gt;{}&lt;/script&gt;", "%3Cscript%3E{}%3C/script%3E", "＜script＞{}＜/script＞",
]  # fmt: skip
_HANDLERS = [
    "<img src=x onerror={}>", "<img src onerror={} ", "<img src=x:x onerror='{}'>", "<img/src=x/onerror={}>",
    "<image href=x onerror={}>", "<svg onload={}>", "<svg/onload={}//",
    "<svg><animate onbegin={} attributeName=x dur=1s>", "<svg><set onbegin={} attributeName=x dur=1s>",
    "<svg><use href=data:image/svg+xml,x onerror={}>",
    "<svg><image href=x onerror={}></svg>", "<svg><foreignObject><img src=x onerror={}></foreignObject></svg>",
    "<svg><a xlink:href='javascript:{}'><text>x</text></a></svg>", "<svg><style>@import 'https://evil.example/x'</style>",
    "<body onload={}>", "<details open ontoggle={}>x", "<input autofocus onfocus={}>", "<select autofocus onfocus={}>",
    "<video><source onerror={}></video>", "<audio src=x onerror={}>", "<marquee onstart={}>x</marquee>",
    "<b onmouseover={}>x</b>", "<div style='width:9999px' onpointerenter={}>x</div>", "<form onsubmit={}><button>x",
    "<button autofocus onfocus={}>x", "<p tabindex=0 autofocus onfocusin={}>x", "<object data=x onerror={}>",
    "<iframe onload={}>", "<math href=javascript:{}>x</math>", "<td background=x onmouseover={}>",
]  # fmt: skip
_QUOTES = [
    "\"><img src=x onerror={}>", "'><img src=x onerror={}>", "`><img src=x onerror={}>", "\" onmouseover=\"{}\" x=\"",
    "' onmouseover='{}' x='", "\" autofocus onfocus={} x=\"", "\\\"><img src=x onerror={}>", "\"/><script>{}</script>",
    "';{};//", "\";{};//", "`;{};//", "${{{}}}", "\\';{};//", "\u2028{}\u2029", "\n{}\n", "*/{}/*", "){}(", "'-({})-'",
]  # fmt: skip
_URLS = [
    "javascript:{}", "JaVaScRiPt:{}", "java\tscript:{}", " javascript:{}", "javascript&colon;{}", "vbscript:{}",
    "<a href=javascript:{}>x</a>", "<a href='data:text/html,<script>{}</script>'>x</a>", "[x](javascript:{})",
    "![x](javascript:{})", "[x](data:text/html;base64,PHNjcmlwdD4=)", "<iframe src=javascript:parent.{}>",
    "<iframe srcdoc='<script>parent.{}</script>'>", "<embed src=javascript:{}>", "<base href=javascript:{}//>",
    "<meta http-equiv=refresh content='0;url=javascript:{}'>", "<link rel=stylesheet href=https://evil.example/x.css>",
    "<img src=https://evil.example/x.png>", "https://evil.example/", "//evil.example/x.js",
]  # fmt: skip
_STYLES = [
    "</style><script>{}</script>", "}}*{{background:url(https://evil.example/x.png)}}", "url(javascript:{})",
    "red;background:url(https://evil.example/y.png)", "expression({})", "\\65xpression({})", "url(#x)\"onload={} x=\"",
    "@import url(https://evil.example/z.css);", "#</style><img src=x onerror={}>", "translate(0)\" onload=\"{}",
]  # fmt: skip
_TEMPLATES = [
    "{{{{constructor.constructor('{}')()}}}}", "{{{{7*7}}}}", "{{% raw %}}{}{{% endraw %}}", "<%= {} %>", "#{{{}}}",
    "$$\\href{{javascript:{}}}{{x}}$$", "{{0.__class__}}", "%s%n%(x)s",
]  # fmt: skip
_PLAIN = [
    "__proto__", "constructor", "prototype", "toString", "hasOwnProperty", "valueOf", "length", "then", "default",
    "undefined", "null", "NaN", "-0", "1e309", "true", " ", "\u200b", "\u202egnp.exe\u202d",
    "\u2066x\u2069", "\ufeffbom",
    "a\u0301\u0301\u0301", "👩\u200d👩\u200d👧", "nul\x00nul", "bell\x07\x1b[31m", "lone \ud800 surrogate",
    "\uffff", "x" * 5000,
    "IPY_MODEL_x", "data-widget", "wb-alert", "../../etc/passwd", "C:\\con", "=HYPERLINK(\"https://evil.example\")",
]  # fmt: skip

PAYLOADS: tuple[str, ...] = (
    *(text.format(_RUN) for text in (*_TAGS, *_HANDLERS, *_QUOTES, *_URLS, *_STYLES, *_TEMPLATES)),
    *_PLAIN,
)
assert len(set(PAYLOADS)) == len(PAYLOADS) > 100

#: Names as anybody would choose them, for the same widgets.
ORDINARY = (
    "depth", "width", "kernel size", "activation", "expansion", "valid accuracy", "latency", "params", "flops",
    "stem", "head", "skip",
)  # fmt: skip


class Named(SearchSpace):
    """A space in which every text is a question and an answer; two questions are drawn, on a node and on an edge."""

    def __init__(self, texts: Sequence[str]) -> None:
        self.name = f"space {texts[0]}"
        self._texts = tuple(texts)

    def suggest(self, choices: Choices) -> nx.DiGraph:
        """An input, one operation, an output."""
        begin, node, edge, *others = self._texts
        graph = nx.DiGraph()
        graph.add_node(begin, label=begin, role="input")
        graph.add_node(node, op=choices.suggest_categorical(node, self._texts), role="op", question=node)
        graph.add_edge(begin, node, op=choices.suggest_categorical(edge, self._texts[:6]), question=edge)
        for text in others:
            choices.suggest_categorical(text, (text,))
        graph.add_node(others[-1], label=others[-1], role="output")
        graph.add_edge(node, others[-1])
        return graph

    def network(self, graph: nx.DiGraph, task: Any) -> Any:
        """None: this space is only drawn."""
        raise Infeasible(self._texts[0])

    def live(self, graph: nx.DiGraph) -> nx.DiGraph:
        """Everything."""
        return graph


class Case:
    """A space, a table, a benchmark and measures that all bear the given names."""

    def __init__(self, texts: Sequence[str]) -> None:
        self.texts = list(texts)
        self.space = Named(texts)
        self.archs = list(self.space.enumerate())
        rng = np.random.default_rng(0)
        columns = tuple(Column(text, "higher", text, text) for text in texts[:4])
        arrays = {text: rng.uniform(0, 100, len(self.archs)) for text in texts[:4]}
        records = ColumnTable(texts[2], columns, arrays, [str(arch) for arch in self.archs])
        self.bench = Benchmark(texts[0], texts[1], self.space, records)
        self.measure = Measure(texts[4], "higher", lambda arch: float(len(str(arch)) % 7), unit=texts[5], task=texts[6])

    def table(self, index: Sequence[str]) -> pd.DataFrame:
        """Numbers under every name as a column; `index` names the rows."""
        rng = np.random.default_rng(1)
        frame = pd.DataFrame(rng.uniform(0, 1, (len(index), len(self.texts))), columns=self.texts, index=list(index))
        return frame.rename_axis(self.texts[3])

    def study(self) -> optuna.Study:
        """A finished search of the space."""
        study = optuna.create_study(study_name=self.texts[0], direction="maximize")
        for i, arch in enumerate(self.archs[:12]):
            attrs = {"architecture": str(arch), self.texts[1]: self.texts[2]}
            study.add_trial(optuna.trial.create_trial(value=float(i), user_attrs=attrs))
        return study


def _editor(case: Case) -> list[Any]:
    return [wb.CellEditor(case.archs[0], case.bench)]


def _tree(case: Case) -> list[Any]:
    named = {"".join("·" if letter == "." else letter for letter in text): text for text in case.texts}
    layers = nn.ModuleDict({name: nn.ReLU() for name in named if name not in dir(nn.ModuleDict)})
    kind = type("Net", (nn.Module,), {"forward": lambda self, x: _through(self.layers.values(), x)})
    kind.__name__ = case.texts[0].replace("\x00", "").encode("utf-8", "ignore").decode()
    model = kind()
    model.layers = layers
    return [wb.ModuleTree(model)]


def _through(layers: Any, x: Any) -> Any:
    for layer in layers:
        x = layer(x) if x.sum() >= 0 else x  # which cannot be traced: torch.fx would write these names into source code
    return x


def _map(case: Case) -> list[Any]:
    x, y, color, title = case.texts[:4]
    one = wb.SpaceMap(case.table(case.texts), x=x, y=y, color=color, title=title)
    one.select([0, 1])
    return [one]


def _board(case: Case) -> list[Any]:
    frame = case.table(case.texts)
    truth = frame.pop(case.texts[-1])
    frame[["params", "live_params"]] = [[i, i % 5] for i in range(len(frame))]
    return [wb.ProxyBoard(frame, {case.texts[-1]: truth}, title=case.texts[0], n_boot=20)]


def _neighborhood(case: Case) -> list[Any]:
    return [wb.Neighborhood(case.archs[0], case.measure, case.bench)]


def _diff(case: Case) -> list[Any]:
    archs = case.archs[:3]
    names = case.texts[:3]
    return [wb.ArchitectureDiff(*archs, benchmark=case.bench, measures=case.measure, titles=names, title=case.texts[3])]


def _monitor(case: Case) -> list[Any]:
    curve = {text: [0.1, 0.5, 0.9] for text in case.texts[:6]}
    return [wb.SearchMonitor(case.study(), case.bench, reference=curve, space=case.space, title=case.texts[0])]


def _lineage(case: Case) -> list[Any]:
    study = optuna.create_study(study_name=case.texts[0], direction="maximize")
    for i, arch in enumerate(case.archs[:30]):
        operator, reason = case.texts[i % len(case.texts)], case.texts[-1 - i % 9]
        attrs = {"architecture": str(arch), "operator": operator, "reason": reason}
        attrs |= {"parent": i // 2, "other_parent": i // 3} if i else {}
        state = optuna.trial.TrialState.FAIL if i % 7 == 3 else optuna.trial.TrialState.COMPLETE
        value = None if i % 7 == 3 else float(i)
        study.add_trial(optuna.trial.create_trial(state=state, value=value, user_attrs=attrs))
    one = wb.Lineage(study, case.bench, space=case.space, title=case.texts[1])
    one.select([1, 2])
    return [one]


def _pipeline(case: Case) -> list[Any]:
    texts, folder = case.texts, Path("made-up-run")  # in the test's own folder
    states = ("done", "failed", "skipped", "stopped")
    stages = [
        {"name": text if i else "first", "base": texts[min(i, 6)], "needs": texts[i - 1 : i], "state": states[i % 4],
         "matrix": {texts[i - 1]: text, texts[i - 2]: i % 3} if i > 5 else {}, "seconds": 1.5, "why": texts[i - 3],
         "error": texts[i - 4], "file": text}
        for i, text in enumerate(texts)
    ]  # fmt: skip
    stages[0]["state"] = "failed"
    record = {"pipeline": texts[0], "title": texts[1], "state": "failed", "parameters": {texts[2]: texts[3]}}
    (folder / "first.partial").mkdir(parents=True, exist_ok=True)
    (folder / "run.json").write_text(json.dumps({**record, "seconds": 3, "stages": stages}))
    plain = "\n".join(text.encode("utf-8", "replace").decode() for text in texts)
    (folder / "first.partial" / "stage.log").write_text(plain, "utf-8")
    error = {"output_type": "error", "ename": texts[0], "evalue": texts[1], "traceback": texts}
    given = {"cell_type": "code", "source": f"a = {texts[2]!r}", "metadata": {"tags": ["injected-parameters"]}}
    failed = {"cell_type": "code", "source": "\n".join(texts), "outputs": [error], "metadata": {}}
    (folder / "first.partial" / "notebook.ipynb").write_text(json.dumps({"cells": [given, failed]}))
    one = wb.PipelineView(folder, title=texts[2], calls=[(texts[3], texts[4])])
    one.choose("first")
    return [one]


def _panel(case: Case) -> list[Any]:
    frame = case.table([str(arch) for arch in case.archs])
    atlas = wb.SpaceMap(frame, x=case.texts[0], y=case.texts[1], space=case.space)
    atlas.select(frame[case.texts[0]].to_numpy() > 0.5)
    return [atlas, wb.EnrichmentPanel(atlas, space=case.space)]


def _front(case: Case) -> list[Any]:
    frame = case.table([str(arch) for arch in case.archs])
    objectives = case.texts[:3]
    return [wb.FrontPicker(frame, objectives, ["higher"] * 3, space=case.space, title=case.texts[4])]


def _supernet(case: Case) -> list[Any]:
    texts = case.texts
    options = {text: texts[i % 3 : i % 3 + 2 + i % 4] for i, text in enumerate(texts[:40])}
    net = SimpleNamespace(space=case.space, options=options, architecture=lambda gates: texts[len(gates) % 7])
    history = [
        {"loss": 2.0 - i, "accuracy": i / 3, "macs": 9.0 + i,
         "probabilities": {name: [1 / len(allowed)] * len(allowed) for name, allowed in options.items()}}
        for i in range(3)
    ]  # fmt: skip
    training = SimpleNamespace(net=net, history=history, recipe=SimpleNamespace(epochs=4), ended=texts[1])
    return [wb.SupernetMonitor(training, limit=10.0, title=texts[0])]


#: Public widget -> what shows it, and those it cannot be without.
FACTORIES: dict[str, Callable[[Case], list[Any]]] = {
    "ArchitectureDiff": _diff,
    "CellEditor": _editor,
    "EnrichmentPanel": _panel,
    "FrontPicker": _front,
    "Lineage": _lineage,
    "ModuleTree": _tree,
    "Neighborhood": _neighborhood,
    "PipelineView": _pipeline,
    "ProxyBoard": _board,
    "SearchMonitor": _monitor,
    "SpaceMap": _map,
    "SupernetMonitor": _supernet,
}
