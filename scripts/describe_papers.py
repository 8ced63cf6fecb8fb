"""Write notebooks/papers/README.md: what the notebooks of papers measured, from the effects that they wrote.

workbench run papers && python scripts/describe_papers.py runs/FOLDER-OF-THE-RUN
"""

from __future__ import annotations

import sys
from pathlib import Path

import nbformat

import workbench as wb
from workbench.analysis.effects import Effect

PAPERS = Path(__file__).resolve().parents[1] / "notebooks" / "papers"
HEAD = """# Systems of the literature

Each notebook is one system: its claim, its mechanism in words, the run, and whether the claim holds at this scale. All
are compositions of the same parts, `workbench.supernets`. `workbench run papers` runs them with the seeds and epochs of
this page and ends in one report; by itself each takes seconds.

## What held here

Handwritten digits (scikit-learn), small networks, the same seeds on both sides. The gain is the mean over the seeds of
ours - baseline, above 0 where ours is better, with its 95 % bootstrap interval: **holds** where all of it is above 0,
*reversed* where all of it is below, absent otherwise. With three to five seeds an absent effect may still be there: the
interval says how large it can be. Numbers of the papers were measured on other data with other networks; where they are
quoted the notebook says so.
"""


def described(effects: list[Effect]) -> str:
    """The whole page."""
    lines = [HEAD]
    lines += ["| system | claim | quantity | ours | baseline | gain | better in | verdict |"]
    lines += ["|---|---|---|---|---|---|---|---|"]
    for found in effects:
        row, gain = found.row(), found.gain
        sizes = f"{row['ours']:.4g} | {row['baseline']:.4g} ({found.against})"
        interval = f"{gain.value:+.3g} [{gain.low:+.3g}, {gain.high:+.3g}]"
        verdict = {"holds": "**holds**", "reversed": "*reversed*"}.get(found.verdict, found.verdict)
        lines.append(
            f"| {found.system} | {found.claim} | {found.quantity} | {sizes} | {interval} | {row['wins']} | {verdict} |"
        )
    lines += ["", "## The notebooks", "", "| notebook | question |", "|---|---|"]
    for path in sorted(PAPERS.glob("*.ipynb")):
        title = nbformat.read(path, as_version=4).cells[0].source.splitlines()[0].removeprefix("# ")
        lines.append(f"| [{path.stem}]({path.name}) | {title} |")
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    (PAPERS / "README.md").write_text(described(wb.read_effects(sys.argv[1])), encoding="utf-8")
