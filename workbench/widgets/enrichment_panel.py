"""The kernel half of the enrichment panel: says what the selected architectures of a map have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import traitlets
from numpy.typing import NDArray

from workbench.analysis.features import Word, colours
from workbench.analysis.populations import space_of
from workbench.errors import InvalidInput, refuse_unknown
from workbench.rooms import room
from workbench.widgets.cell_editor import BESIDE, with_still
from workbench.widgets.enriched.preparation import Preparation, Prepared
from workbench.widgets.enriched.still import STATES, panel_svg
from workbench.widgets.linking import binary
from workbench.widgets.picking import Picking

if TYPE_CHECKING:
    from workbench.spaces.space import SearchSpace

_SLICE = 0.025  # seconds of preparation at a time: what an edit in the meantime has to wait
_CHANCE = 0.05  # expected share of false finds among what is shown
_KINDS = ("answer", "operation", "motif")
_KEYWORDS = ("picking", "depth", "top", "space")


class EnrichmentPanel(Picking):
    """What the selection of a map has more or less often than the whole table: answers, operations, motifs.

    `picking` is a `SpaceMap`, a `ProxyBoard` or another widget that selects rows; the panel is linked with it and
    follows its selection. `depth` is how far back a motif goes, `top` how many rows are shown of what is more often,
    and half as many of what is less often. `space` reads the architectures where the table does not name it. Pointing
    at a row shows on the linked maps who has it, a click selects those. `frame` is everything as a DataFrame.

    The features of a table are worked out once, a little at a time while the panel is on the screen and Python has
    nothing else to do; of a table of more than 20,000 architectures, for so many of them drawn at random. What chance
    alone would bring about (more than 5 % expected false finds, see `wb.enrichment`) is not shown.

    Raises `InvalidInput` for anything but such a widget, where no space is known, and for a table whose strings the
    space cannot read.
    """

    _esm = traitlets.Unicode().tag(sync=True)
    # Set by both halves.
    kinds: Any = traitlets.List(traitlets.Unicode()).tag(sync=True)
    # Set by the kernel only.
    top = traitlets.Int(12).tag(sync=True)
    found = traitlets.Dict().tag(sync=True)
    counted = binary()  # the selected rows that `found` is about, as in `selected`
    holders = binary()  # for each row of `found`, a bit for each row of `counted`, in whole bytes

    def __init__(
        self, picking: Picking, depth: int = 2, top: int = 12, *, space: SearchSpace | None = None, **unknown: Any
    ) -> None:
        refuse_unknown(unknown, _KEYWORDS, "EnrichmentPanel")
        if not isinstance(picking, Picking):
            raise InvalidInput(
                f"EnrichmentPanel follows a widget that selects rows, such as a SpaceMap; got {picking!r}."
            )
        if not isinstance(top, int) or top < 1:
            raise InvalidInput(f"top is how many rows are shown, 1 or more; got {top!r}.")
        if not isinstance(depth, int) or depth < 0:
            raise InvalidInput(f"depth is how far back a motif goes, 0 or more; got {depth!r}.")
        self._frame = picking._frame
        known = space or picking._space or space_of(self._frame)
        if known is None:
            raise InvalidInput("The table does not name the search space that reads its architectures: give space=.")
        self._space = known
        self._preparation = Preparation(self._frame.index, known, depth)
        super().__init__(
            _esm=(room("widgets") / "dist" / "enrichment_panel.js").read_text(encoding="utf-8"),
            layout=BESIDE,
            kinds=list(_KINDS),
            top=top,
            found=self._nothing("preparing"),
        )
        self.on_msg(self._goes_on)
        self.link(picking)

    def _goes_on(self, _: Any, content: Any, buffers: Any) -> None:
        """The browser is idle: a little more of the preparation, and how far it is."""
        if isinstance(content, dict) and content.get("kind") == "more":
            self._preparation.go_on(_SLICE)
            self._count()

    # -- for each selection ------------------------------------------------------------------------------------

    @property
    def frame(self) -> pd.DataFrame:
        """What the selection has more or less often, the most surprising first: as `wb.enrichment`, and in `words`.

        Waits until the features are ready. Raises `InvalidInput` where nothing is selected, or everything.
        """
        prepared = self._preparation.finished()
        if self.found["state"] == "preparing":
            self._count()
        chosen = prepared.places[self._selected_rows()]
        found = prepared.features.enriched(chosen[chosen >= 0])
        found.insert(0, "words", [prepared.words[number].words for number in found.index])
        return found.reset_index(drop=True)

    @traitlets.observe("selected")
    def _selection_set(self, _: dict[str, Any]) -> None:
        self._count()

    def _count(self) -> None:
        """Tell the browser about the selection as far as is known."""
        rows = self._selected_rows()
        prepared = self._preparation.result
        if prepared is None:
            self.found = self._nothing("preparing")
            return
        inside = rows[prepared.places[rows] >= 0]
        if not len(inside):
            self.found = self._nothing("unknown" if len(rows) else "nothing")
            return
        if len(inside) == len(prepared.features.archs):
            self.found = self._nothing("everything")
            return
        self._show(prepared, inside, len(rows))

    def _show(self, prepared: Prepared, rows: NDArray[np.intp], selected: int) -> None:
        places = prepared.places[rows]
        frame = prepared.features.enriched(places)
        frame = frame[frame["p_adjusted"] <= _CHANCE]
        more = frame["lift"] > 1
        shown = pd.concat(
            part[part["kind"] == kind].head(most)
            for part, most in ((frame[more], self.top), (frame[~more], max(1, self.top // 2)))
            for kind in _KINDS
        )
        shown = shown.sort_values(["p", "lift"], ascending=[True, False])
        held = [np.packbits(prepared.features.has(number)[places], bitorder="little") for number in shown.index]
        lines = [
            _line(row, prepared.words[number]) for number, row in zip(shown.index, shown.itertuples(), strict=True)
        ]
        with self.hold_sync():
            self.counted = rows.astype("<u4").tobytes()
            self.holders = b"".join(bits.tobytes() for bits in held)
            self.found = self._nothing("ready") | {"selected": selected, "counted": len(rows), "rows": lines}

    def _nothing(self, state: str) -> dict[str, Any]:
        """What the browser is told where there are no rows to show."""
        preparation = self._preparation
        n, taken = len(self._frame), len(preparation.rows)
        against = f"all {n:,}" if n == taken else f"{taken:,} of {n:,}, drawn at random"
        return {"state": state, "words": STATES[state], "rows": [], "against": against, "share": preparation.share}

    # -- pages without a kernel --------------------------------------------------------------------------------

    def complete(self) -> None:
        """Wait for the features, so that a page without a kernel shows what the selection shares."""
        self._preparation.finished()
        self._count()

    def still(self) -> str:
        """The rows as one SVG element, for pages without a kernel."""
        return panel_svg(self.found, self.kinds, self.top)

    def _repr_mimebundle_(self, **options: Any) -> tuple[dict[str, Any], dict[str, Any]] | None:
        rows = self.found["rows"]
        words = "; ".join(f"{row['words']} {row['times']}" for row in rows[:5]) or "nothing selected"
        return with_still(super()._repr_mimebundle_(**options), self.still(), f"What the selection shares: {words}")


def _line(row: Any, word: Word) -> dict[str, Any]:
    """One row for the browser."""
    look = colours(word)
    return {
        "kind": row.kind,
        "words": word.words,
        "feature": row.feature,
        "lift": float(row.lift),
        "times": _times(float(row.lift)),
        "chance": _chance(float(row.p_adjusted)),
        "selected": f"{100 * row.selected:.3g} %",
        "everywhere": f"{100 * row.everywhere:.3g} %",
        "colour": look.colour if look else "",
        "dark": look.dark if look else "",
    }


def _times(lift: float) -> str:
    if lift == 0:
        return "never"
    return f"{lift:.0f}×" if lift >= 10 else f"{lift:.1f}×" if lift >= 1 else f"{lift:.2f}×"


def _chance(p: float) -> str:
    if p < 1e-12:
        return "p < 1e-12"
    return f"p {p:.0e}".replace("e-0", "e-") if p < 0.001 else f"p {p:.3f}"
