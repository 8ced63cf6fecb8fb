"""A run's graph of stages as one SVG, for pages without a kernel: each node with its sign, time and state."""

from __future__ import annotations

from typing import Any

from workbench.drawing import text
from workbench.palette import LINE, PAPER, QUIET, TEXT
from workbench.pipelines.outcome import STATES
from workbench.pipelines.records import NO_RESULT
from workbench.widgets.stages.facts import FINISHED
from workbench.widgets.stages.graph import ACROSS, CELL, MOST_CELLS

_LEFT, _TOP = 16, 62
_LETTERS = 6.4  # pixels that a letter takes on average
FONT = "system-ui,-apple-system,'Segoe UI','DejaVu Sans',sans-serif"


def stages_svg(
    title: str, words: str, graph: dict[str, Any], stages: list[dict[str, Any]], cells: dict[str, list[float]]
) -> str:
    """The whole picture; every text is escaped."""
    by_name = {stage["name"]: stage for stage in stages}
    width, height = max(760.0, graph["width"] + 2 * _LEFT), _TOP + graph["height"] + 16
    lines = "".join(
        f'<path d="{line["path"]}" fill="none" stroke="#8c98a4" stroke-width="1.4"/>'
        f'<path d="{line["head"]}" fill="#8c98a4"/>'
        for line in graph["lines"]
    )
    nodes = "".join(_node(node, [by_name[name] for name in node["stages"]], cells) for node in graph["nodes"])
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" '
        f'height="{height:.0f}" style="max-width:100%;height:auto" role="img" '
        f'aria-label="{text(f"{title}: {words}")}" font-family="{FONT}" font-size="11.5" fill="{QUIET}">'
        f'<rect width="{width:.0f}" height="{height:.0f}" rx="8" fill="{PAPER}"/>'
        f'<text x="{_LEFT}" y="24" font-size="14" font-weight="600" fill="{TEXT}">{text(title)}</text>'
        f'<text x="{_LEFT}" y="42">{text(words)}</text>'
        f'<g transform="translate({_LEFT} {_TOP})">{lines}{nodes}</g></svg>'
    )


def _node(node: dict[str, Any], stages: list[dict[str, Any]], cells: dict[str, list[float]]) -> str:
    folded = len(stages) > 1
    state = worst_of(stages)
    colour, sign = STATES[state]
    name = node["id"] + (f" × {len(stages)}" if folded else "")
    room = int((node["w"] - 44) / _LETTERS)
    second = brief(stages) if folded else words_of(stages[0], cells)
    return (
        f'<g transform="translate({node["x"]} {node["y"]})">'
        f"<title>{text(f'{name}: {second}')}</title>"
        f'<rect width="{node["w"]:.0f}" height="{node["h"]:.0f}" rx="8" fill="{PAPER}" stroke="{LINE}"/>'
        f'<rect width="4" height="{node["h"] - 12:.0f}" x="0" y="6" fill="{colour}"/>'
        f'<text x="14" y="22" fill="{TEXT}" font-size="13">{text(sign)}</text>'
        f'<text x="32" y="22" fill="{TEXT}" font-weight="600" font-size="12.5">{text(_cut(name, room))}</text>'
        f'<text x="14" y="42">{text(_cut(second, room + 3))}</text>'
        f"{_strip(stages) if folded else ''}</g>"
    )


def _strip(stages: list[dict[str, Any]]) -> str:
    if len(stages) > MOST_CELLS:
        return ""
    size = CELL - 2
    parts = []
    for i, stage in enumerate(stages):
        x, y = 11 + i % ACROSS * CELL, 58 + i // ACROSS * CELL
        colour, sign = STATES[stage["state"]]
        parts.append(
            f'<rect x="{x}" y="{y}" width="{size}" height="{size}" rx="2" fill="{colour}"/>'
            f'<text x="{x + size / 2}" y="{y + 9}" text-anchor="middle" font-size="9" fill="{PAPER}">'
            f"{text(sign)}</text>"
        )
    return "".join(parts)


def worst_of(stages: list[dict[str, Any]]) -> str:
    """The state that a node of several stages is shown in: that of those which need looking at first."""
    found = {stage["state"] for stage in stages}
    order = ("failed", "running", "stopped", "waiting", "skipped", "done", "kept", "left out")
    return next((state for state in order if state in found), "waiting")


def brief(stages: list[dict[str, Any]]) -> str:
    """How far the stages are, in few words."""
    counts = {state: sum(1 for one in stages if one["state"] == state) for state in STATES}
    worst = worst_of(stages)
    done = sum(counts[state] for state in FINISHED)
    return f"{done} of {len(stages)} done" + ("" if worst in (*FINISHED, "waiting") else f", {counts[worst]} {worst}")


def words_of(stage: dict[str, Any], cells: dict[str, list[float]]) -> str:
    """A stage's state with what explains it."""
    cell, of, seconds = cells.get(stage["name"], (0, 0, 0))
    if stage["state"] == "running":
        return f"cell {cell:.0f} of {of:.0f}, {seconds:.0f} s" if of else "running"
    words = stage["error"] or stage["why"]
    if stage["state"] == "done":
        words = f"because {words}" if words not in ("", NO_RESULT) else ""
    timed = f"{stage['state']}, {stage['seconds']:.1f} s" if stage["state"] in ("done", "kept") else stage["state"]
    return f"{timed}: {words}" if words else timed


def _cut(words: str, most: int) -> str:
    return words if len(words) <= most else words[: most - 1] + "…"
