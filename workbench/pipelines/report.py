"""The report: an executed notebook as one HTML file that needs no network, kernel or server."""

from __future__ import annotations

import base64
import hashlib
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import nbformat
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from nbconvert.exporters import Exporter
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from traitlets import default

from workbench.errors import InvalidInput
from workbench.pipelines.failures import with_failures
from workbench.pipelines.formulas import formula
from workbench.pipelines.outputs import Outputs, inline_json
from workbench.pipelines.recorded import recorded
from workbench.pipelines.records import write_whole
from workbench.pipelines.sanitise import harmless
from workbench.pipelines.states import kept_in
from workbench.rooms import room

#: Cells that are about running the notebook; the report shows their values at its end.
PARAMETER_TAGS = {"parameters", "injected-parameters"}
_TEXT = re.compile(r"<pre((?:\s[^>]*)?>.*?</pre>)", re.DOTALL)
_HALF = re.compile("[\ud800-\udfff]")  # half a surrogate: JSON can say it, a file in UTF-8 cannot


def report(source: str | Path, output: str | Path) -> Path:
    """Write the report of a run folder, or of a single executed notebook, and return its path.

    The report of a run with failed stages says first what failed, in which cell, and what was skipped for it.

    Args:
        source: a run folder (with its ``run.json``), or an ``.ipynb`` file.
        output: the HTML file to write.

    Raises:
        InvalidInput: when there is no finished run or no notebook.
        Unshowable: when an output cannot be shown without a kernel.
    """
    source, output = Path(source), Path(output)
    if source.is_dir():
        made = recorded(source)
        notebook = source / made["report_stage"] / "notebook.ipynb"
        document = with_failures(executed(notebook) if notebook.is_file() else None, made, source)
        if document is None:
            raise InvalidInput(f"The stage {made['report_stage']} of the run in {source} is not done; run it first.")
    else:
        made, notebook = {}, source
        document = executed(notebook)
    exporter = ReportExporter()  # type: ignore[no-untyped-call]
    html, _ = exporter.from_notebook_node(document, {"made": made, "name": notebook.stem})
    write_whole(output, html)
    return output


def executed(notebook: Path) -> nbformat.NotebookNode:
    """Return a notebook with its outputs.

    Raises:
        InvalidInput: when it cannot be read.
    """
    try:
        return nbformat.read(notebook, as_version=4)  # type: ignore[no-any-return,no-untyped-call]
    except (OSError, ValueError, TypeError, LookupError, AttributeError, nbformat.ValidationError) as error:
        raise InvalidInput(f"{notebook} cannot be read as a notebook: {error}.") from None


class ReportExporter(Exporter):
    """An nbconvert exporter: one page, plotly.js inlined once if there is a figure, nothing to load.

    The workbench's own widgets are alive in it when the notebook holds their states; no code of the notebook's runs.
    """

    export_from_notebook = "Workbench report"
    output_mimetype = "text/html"

    @default("file_extension")
    def _html(self) -> str:
        return ".html"

    def from_notebook_node(  # type: ignore[override]  # exporters to text return text, as nbconvert's own do
        self, nb: nbformat.NotebookNode, resources: dict[str, Any] | None = None, **kw: Any
    ) -> tuple[str, dict[str, Any]]:
        """Return the page of an executed notebook; ``resources["made"]`` may hold the run's record."""
        with _completing():
            document, found = super().from_notebook_node(nb, resources, **kw)
        return page(document, found.get("made", {}), str(found.get("name", "notebook"))), found


@contextmanager
def _completing() -> Iterator[None]:
    """Have the kernels that nbconvert starts meanwhile (`--execute`) complete their widgets: nobody looks at these."""
    before = os.environ.get("PYTHONSTARTUP")
    os.environ["PYTHONSTARTUP"] = str(Path(__file__).with_name("startup.py"))
    try:
        yield
    finally:
        del os.environ["PYTHONSTARTUP"]
        if before is not None:
            os.environ["PYTHONSTARTUP"] = before


class Section(NamedTuple):
    """What stands between two headings of the second level."""

    blocks: list[Markup]


class Heading(NamedTuple):
    """An entry of the table of contents."""

    level: int
    anchor: str
    text: Markup


def page(document: nbformat.NotebookNode, made: Mapping[str, Any], name: str) -> str:
    """Return the whole HTML page."""
    prose = Prose()
    outputs = Outputs(prose.html, kept_in(document))
    sections: list[Section] = [Section([])]
    for place, cell in enumerate(document.cells, start=1):
        tags = set(cell.metadata.get("tags", ()))
        if tags & {"hide-cell", *PARAMETER_TAGS} or cell.cell_type == "raw":
            continue
        if cell.cell_type == "markdown":
            if re.match(r"##\s", cell.source) and sections[-1].blocks:
                sections.append(Section([]))
            sections[-1].blocks.append(
                Markup('<div class="prose">{}</div>').format(Markup(prose.html(cell.source, cell.get("attachments"))))
            )
            continue
        if cell.source.strip() and "hide-input" not in tags:
            sections[-1].blocks.append(code(cell.source))
        if "hide-output" not in tags:
            where = f"The output of the cell at position {place} of {name}"
            sections[-1].blocks.extend(Markup(outputs.html(output, where)) for output in cell.get("outputs", ()))
    return render(sections, prose, outputs, made, name)


def render(
    sections: list[Section],
    prose: Prose,
    outputs: Outputs,
    made: Mapping[str, Any],
    name: str,
    *,
    wide: bool = False,
) -> str:
    """Fill the template; scripts are allowed by the hash of their text, everything else is refused."""
    folder = room("reports")
    scripts = [plotly_script(), (folder / "report.js").read_text(encoding="utf-8")] if outputs.figures else []
    modules = outputs.stock.scripts(outputs.alive)
    allowed = [f"'sha256-{sha256_base64(script)}'" for script in (*scripts, *modules)]
    if outputs.compiling:
        allowed.append("'unsafe-eval'")  # plotly's WebGL figures compile their drawing code
    environment = Environment(loader=FileSystemLoader(folder), autoescape=True, undefined=StrictUndefined)
    environment.filters["when"] = when
    text = environment.get_template("report.html.j2").render(
        title=prose.title or made.get("title") or name,
        headings=[heading for heading in prose.headings if heading.level in (2, 3)],
        sections=[Section(list(map(_reachable, section.blocks))) for section in sections if section.blocks],
        made=made,
        wide=wide,
        style=Markup((folder / "report.css").read_text(encoding="utf-8")),
        scripts=[Markup(script) for script in scripts],
        states=Markup(inline_json(outputs.stock.only(outputs.alive))) if modules else "",
        modules=[Markup(module) for module in modules],
        allowed=Markup(" ".join(allowed) or "'none'"),
    )
    return _HALF.sub("\ufffd", text)


def _reachable(block: Markup) -> Markup:
    """A block in which text with long lines, which scrolls on a narrow page, is reached by the keyboard, too."""
    return Markup(_TEXT.sub(lambda found: f'<pre tabindex="0"{found[1]}' if _is_wide(found[1]) else found[0], block))


def _is_wide(text: str) -> bool:
    return any(len(line) > 90 for line in re.sub(r"<[^>]*>", "", text).splitlines())


def when(time: str) -> str:
    """Return a time of a record as people write it."""
    try:
        found = datetime.fromisoformat(time).astimezone(UTC)
        return f"{found.day} {found:%B %Y, %H:%M} UTC"
    except (ValueError, OverflowError):
        return time


def code(source: str) -> Markup:
    """Return a code cell, folded."""
    from pygments import highlight
    from pygments.formatters import HtmlFormatter
    from pygments.lexers import PythonLexer

    listing = highlight(source, PythonLexer(), HtmlFormatter(cssclass="code"))
    return Markup('<details class="input"><summary>code</summary>{}</details>').format(Markup(listing))


def plotly_script() -> str:
    """Return plotly.js as the installed plotly package carries it, fit for standing in a page."""
    from plotly.offline import get_plotlyjs

    return str(get_plotlyjs()).replace("</script", "<\\/script").replace("<!--", "\\u003c!--")


def sha256_base64(text: str) -> str:
    """Return the hash by which a content security policy knows an inline script."""
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")


class Prose(IPythonRenderer):
    """Markdown as harmless HTML; gathers the headings for the table of contents."""

    def __init__(self) -> None:
        super().__init__(escape=True, allow_harmful_protocols=False)
        self.headings: list[Heading] = []

    @property
    def title(self) -> str:
        """The text of the first heading of level one."""
        return next((heading.text.striptags() for heading in self.headings if heading.level == 1), "")

    def html(self, source: str, attachments: Mapping[str, Any] | None = None) -> str:
        """Return a Markdown text as HTML; attachments are the pictures that a notebook's cell carries."""
        self.attachments = dict(attachments or {})
        return harmless(str(MarkdownWithMath(renderer=self).render(source)))

    def heading(self, text: str, level: int, **attrs: Any) -> str:
        """Return a heading with an anchor."""
        words = re.sub(r"[^a-z0-9]+", "-", str(Markup(text).striptags()).lower()).strip("-") or "section"
        taken = sum(heading.anchor.rpartition("--")[0] == words for heading in self.headings)
        anchor = f"{words}--{taken + 1}"
        self.headings.append(Heading(level, anchor, Markup(harmless(text))))
        return f'<h{level} id="{anchor}">{text}</h{level}>\n'

    def block_math(self, body: str) -> str:
        """Return a formula on a line of its own."""
        return formula(body, block=True)

    def inline_math(self, body: str) -> str:
        """Return a formula in a line."""
        return formula(body)

    def latex_environment(self, name: str, body: str) -> str:
        """Return a formula that stands in an environment of its own, such as align."""
        return formula(f"\\begin{{{name}}}{body}\\end{{{name}}}", block=True)
