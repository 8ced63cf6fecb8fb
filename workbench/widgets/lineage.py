"""The kernel half of the family tree of a search: follows a study, and says which trials are selected in it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import traitlets
from optuna import Study

from workbench.errors import InvalidInput, UnknownName, refuse_unknown
from workbench.rooms import room
from workbench.widgets.cell_editor import BESIDE, with_still
from workbench.widgets.linking import Selection, later
from workbench.widgets.monitor.following import Following, checked, objectives_of
from workbench.widgets.monitor.genealogy import GENERATION, genealogy_of, genealogy_svg

if TYPE_CHECKING:
    import numpy as np

    from workbench.benchmarks import Benchmark
    from workbench.spaces.space import SearchSpace

_KEYWORDS = ("study", "benchmark", "y", "space", "height", "title")


class Lineage(Following):
    """The family tree of a search over its curve, while it runs and afterwards: who was made from whom, and how.

    `study` is one of `wb.search`, running or finished, one that another process searches, or any Optuna study whose
    trials carry `user_attrs["architecture"]`; where its sampler says nothing of descent, every trial stands for itself.
    Trials stand across in their order, and up by `y`: the name of an objective (the first by default) or "generation",
    the number of ancestors. Shape and dash say the operator; the trials that were better than all before, or are on the
    front of several objectives, and what these come from are emphasised. `benchmark` adds the unit; `space` is needed
    only where it is not in the catalogue.

    A click opens a trial here and in linked widgets, and shows its ancestors with what every step changed; a box
    selects trials, `selection` is their numbers. `close()` ends the following.

    Raises `InvalidInput` for anything but one study and `UnknownName` for an unknown `y` or keyword.
    """

    _esm = traitlets.Unicode().tag(sync=True)
    height = traitlets.Int(340).tag(sync=True)
    # Set by both halves.
    y = traitlets.Unicode().tag(sync=True)
    picked = traitlets.Dict().tag(sync=True)  # {"trials": numbers of the selected ones, "stamp": when, in milliseconds}

    def __init__(
        self,
        study: Study,
        benchmark: Benchmark | None = None,
        *,
        y: str | None = None,
        space: SearchSpace | None = None,
        height: int = 340,
        title: str | None = None,
        **unknown: Any,
    ) -> None:
        refuse_unknown(unknown, _KEYWORDS, "Lineage")
        listed = checked(study, "Lineage")
        if len(listed) > 1:
            raise InvalidInput(f"Lineage shows one study, as trials of different ones are no kin; got {len(listed)}.")
        self.objectives = objectives_of(listed[0], benchmark)
        super().__init__(
            listed,
            benchmark,
            space,
            title,
            _esm=(room("widgets") / "dist" / "lineage.js").read_text(encoding="utf-8"),
            layout=BESIDE,
            height=height,
            objectives=self.objectives,
            y=self.objectives[0]["name"] if y is None else y,
            picked={"trials": [], "stamp": 0.0},
        )

    @property
    def selection(self) -> list[int]:
        """The numbers of the selected trials."""
        return list(self.picked["trials"])

    def select(self, trials: Iterable[int] = ()) -> None:
        """Select trials by their numbers, here and in linked widgets; none by default.

        Raises `InvalidInput` for a number that no finished trial has.
        """
        numbers = [int(number) for number in trials]
        known = {row[1] for row in self.trials}
        missing = next((number for number in numbers if number not in known), None)
        if missing is not None:
            raise InvalidInput(f"There is no finished trial {missing}: select() takes numbers of {len(known)} trials.")
        self.picked = {"trials": numbers, "stamp": later(self.picked["stamp"])}

    # -- what the group says -----------------------------------------------------------------------------------

    @traitlets.validate("y")
    def _check_y(self, proposal: dict[str, Any]) -> str:
        allowed = [*(objective["name"] for objective in self.objectives), GENERATION]
        if proposal["value"] not in allowed:
            raise UnknownName.of("objective of this study", proposal["value"], allowed)
        return str(proposal["value"])

    @traitlets.validate("picked")
    def _check_picked(self, proposal: dict[str, Any]) -> dict[str, Any]:
        trials, stamp = proposal["value"].get("trials"), proposal["value"].get("stamp")
        if not isinstance(trials, list) or not isinstance(stamp, int | float):
            raise InvalidInput(f"picked is trials and a stamp; got {proposal['value']!r}.")
        return {"trials": [n for n in trials if isinstance(n, int)], "stamp": float(stamp)}

    @traitlets.observe("picked")
    def _picked_set(self, change: dict[str, Any]) -> None:
        if change["new"]["stamp"]:
            self._tell(self._told())

    def _told(self) -> Selection:
        return Selection("", self._rows(), self._names, self.picked["stamp"])

    def _hear(self, selection: Selection) -> None:
        if selection.stamp > self.picked["stamp"]:
            wanted = set(selection.names())
            numbers = [row[1] for row in self.trials if row[6] in wanted]
            self.picked = {"trials": numbers, "stamp": selection.stamp}

    def _names(self) -> list[str]:
        wanted = set(self.picked["trials"])
        return list(dict.fromkeys(row[6] for row in self.trials if row[1] in wanted and row[6]))

    def _rows(self) -> np.ndarray:
        import numpy as np

        return np.arange(len(self._names()))

    # -- pages without a kernel --------------------------------------------------------------------------------

    def complete(self) -> None:
        """Read all trials there are, and draw the ancestors of the best, for a page without a kernel."""
        super().complete()
        tree = genealogy_of(self.trials, self.objectives)
        names = [self.trials[row][6] for row in sorted(tree.line) if self.trials[row][6]]
        drawable = [name for name in names if self._feeds[0].architecture(name) is not None]
        with self._lock:
            while left := [name for name in drawable if name not in self._cells]:
                self._wanted, self._draw_after = left, 0.0
                self._look()

    def still(self) -> str:
        """The family tree and the line of the best trial, as one SVG element."""
        architecture = self._feeds[0].architecture
        return genealogy_svg(self.trials, self.objectives, self.y, self.title, self._words(), architecture)

    def _repr_mimebundle_(self, **options: Any) -> tuple[dict[str, Any], dict[str, Any]] | None:
        said = f"{self.title}: {self._words()}"
        return with_still(super()._repr_mimebundle_(**options), self.still(), said)
