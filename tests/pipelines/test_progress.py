"""What a run tells: lines in a log, a live line on a terminal, a table in a notebook."""

from __future__ import annotations

import io
from pathlib import Path

from workbench.pipelines.outcome import Run, RunFailed, StageState
from workbench.pipelines.progress import Lines


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def run_of(*stages: StageState, report: Path | None = None) -> Run:
    return Run("p<i>", {}, Path("runs") / "p", stages, 1.5, report)


def test_a_log_gets_one_line_for_each_change_and_none_for_time_passing() -> None:
    stream = io.StringIO()
    tell = Lines(stream)
    one, two = StageState("one", "running", why="no result yet"), StageState("longer", "kept", seconds=2.0)
    tell(run_of(one, two), one)
    tell(run_of(one, two), None)
    tell(run_of(one, two), two)
    assert stream.getvalue().splitlines() == [
        "  ▶ one     starts: no result yet",
        "  = longer  finished earlier in 2.0 s, skipped",
    ]


def test_a_terminal_shows_the_running_cell_and_clears_it() -> None:
    stream = Terminal()
    tell = Lines(stream)
    stage = StageState("one", "running", seconds=12.4, cell=(3, 8))
    tell(run_of(stage), None)
    assert stream.getvalue().rstrip() == "\rone cell 3 of 8, 12 s"
    stage.state = "failed"
    stage.error = "ValueError: no"
    tell(run_of(stage), stage)
    assert stream.getvalue().endswith("\r  ✗ one  failed: ValueError: no\n")


def test_a_run_shows_itself_as_a_page_with_every_name_escaped() -> None:
    failed = StageState("a<b>", "failed", error="<script>x</script>")
    shown = run_of(failed, StageState("c", "done", seconds=2.0), report=Path('r"<.html'))._repr_html_()
    assert "a&lt;b&gt;" in shown
    assert "&lt;script&gt;" in shown
    assert "p&lt;i&gt;" in shown
    assert 'href="r&quot;&lt;.html"' in shown
    assert "done in 2.0 s" in shown


def test_a_failed_run_names_what_failed_what_was_skipped_and_where_to_look() -> None:
    stages = (StageState("one", "failed", error="E: x in cell 2"), StageState("two", "skipped", why="it needs one"))
    assert str(RunFailed(run_of(*stages))) == (
        "The pipeline p<i> failed in stage one: E: x in cell 2. Skipped, because they need it: two. "
        "The notebook as far as it came: runs/p/one.partial/notebook.ipynb. "
        "The same call keeps what is finished and goes on from there."
    )
