"""Motifs that matter: which operations, with what feeds them, a Gaussian process holds to be good or bad."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from workbench.analysis.agreement import Values, truth_values
from workbench.analysis.features import Feature, Tree, Wording, parsed
from workbench.analysis.populations import Population, architectures, space_of
from workbench.architecture import Architecture
from workbench.errors import InvalidInput
from workbench.measure import Measure
from workbench.predictors.wl_gp import WLGP
from workbench.spaces.encodings.motifs import motif_counts
from workbench.spaces.space import SearchSpace

COLUMNS = ["motif", "words", "importance", "alone", "spread", "occurrences", "architectures"]
_ENDS = ("input", "output")


def motifs(
    archs: Population,
    values: Measure | Values | pd.Series | Sequence[float],
    *,
    depth: int | None = None,
    at_least: int = 5,
    space: SearchSpace | None = None,
) -> pd.DataFrame:
    """What NAS-BOWL learns of motifs: a row for each, the best first (Ru et al., ICLR 2021, section 3.2).

    A Gaussian process with the Weisfeiler-Lehman kernel learns the `values`, higher being better, as normal scores; a
    `Measure` is turned where lower is better. The columns are

    - `motif`, as `wl_features` names it, and `words`, the same for a reader;
    - `importance`: how many standard deviations the prediction rises with one more of the motif and of all that it
      brings along, the operations and motifs that it is made of: what to expect where it is forced into a cell;
    - `alone`: the same of the motif's own count, its parts being there anyway, which is NAS-BOWL's measure; `spread` is
      how much it differs between architectures. Both are gradients of the posterior mean, averaged over the
      architectures that have the motif;
    - `occurrences`: how many have it; `architectures`: their strings, for a table or a linked picture.

    `depth` is how far back a motif goes, by default 0, 1 or 2, whichever makes the values likeliest. Motifs that fewer
    than `at_least` architectures have are left out, and those that all have equally often; of those that occur equally
    often in every architecture, the one with the shortest name is kept. The trials of a study are given as
    `[trial.user_attrs["architecture"] for trial in trials]` and their values, with `space=`.

    Raises `InvalidInput` for fewer than 5 finite values, and where all are equal.
    """
    rows = architectures(archs, space)
    labels = _labels(rows, values, space or space_of(archs))
    rows = [arch for arch, label in zip(rows, labels, strict=True) if np.isfinite(label)]
    names, counts = motif_counts(rows, 2 if depth is None else depth)
    counts = counts if depth is None else counts[-1:]
    model = WLGP(blocks=len(counts)).fit(np.hstack([*counts]), labels[np.isfinite(labels)])
    slopes, here = model.slopes(np.hstack([*counts])), counts[model.depth_]
    wording, texts = Wording(rows), np.array([str(arch) for arch in rows], dtype=object)
    column_of = {name: column for column, name in enumerate(names)}
    found = []
    for column in _told_apart(names, here, at_least):
        having = here[:, column] > 0
        parts = [column_of[part] for part in parts_of(names[column]) if part in column_of]
        name = names[column].replace("input()", "input")  # nothing feeds an input: going further back adds nothing
        found.append(
            {
                "motif": name,
                "words": wording.of(Feature("motif", name)).words,
                "importance": slopes[having][:, parts].sum(axis=1).mean(),
                "alone": slopes[having, column].mean(),
                "spread": slopes[having, column].std(),
                "occurrences": int(having.sum()),
                "architectures": tuple(texts[having]),
            }
        )
    table = pd.DataFrame(found, columns=COLUMNS)
    return table.sort_values("importance", ascending=False, ignore_index=True)


def parts_of(motif: str) -> list[str]:
    """This motif and those that one more of it brings along, each as often as it is brought.

    Operations of depth 0 that feed nothing new, the input and the output, are there anyway.
    """
    found: list[str] = []
    waiting = [(parsed(motif), _depth(motif))]
    while waiting:
        tree, depth = waiting.pop()
        found += [_to_depth(tree, k) for k in range(depth + 1)]
        waiting += [(part, depth - 1) for part in tree[1]] if depth else []
    return [motif, *(part for part in found if part != motif and part.removesuffix("()") not in _ENDS)]


def _to_depth(tree: Tree, depth: int) -> str:
    """The name of a motif that goes back no further."""
    label, feeding = tree
    return f"{label}({', '.join(sorted(_to_depth(part, depth - 1) for part in feeding))})" if depth else label


def _depth(motif: str) -> int:
    """How many brackets are open at once."""
    levels = np.cumsum([(letter == "(") - (letter == ")") for letter in motif])
    return int(levels.max(initial=0))


def _labels(
    rows: Sequence[Architecture], values: Measure | Values | pd.Series | Sequence[float], space: SearchSpace | None
) -> np.ndarray:
    """A value for each architecture, higher being better; NaN where there is none."""
    if isinstance(values, Measure | Mapping | pd.Series):
        if not rows:
            raise InvalidInput("Motifs are those of some architectures; got none.")
        return truth_values(pd.Index([str(arch) for arch in rows]), values, space or rows[0].space)
    labels = np.asarray(values, dtype=float)
    if labels.shape != (len(rows),):
        raise InvalidInput(f"There is one value for each of the {len(rows)} architectures; got {labels.shape}.")
    return labels


def _told_apart(names: Sequence[str], counts: np.ndarray, at_least: int) -> list[int]:
    """Columns of motifs that are had often enough and not equally often by all, one of each that go together."""
    kept: dict[bytes, int] = {}
    for column in sorted(range(len(names)), key=lambda column: (len(names[column]), names[column])):
        number = counts[:, column]
        if (number > 0).sum() >= at_least and np.ptp(number) > 0:
            kept.setdefault(number.tobytes(), column)
    return list(kept.values())
