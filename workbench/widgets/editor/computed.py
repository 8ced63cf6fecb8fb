"""What has to be computed about an architecture before an editor can show it: latency, proxies, the user's measures."""

from __future__ import annotations

import warnings
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from workbench.architecture import Architecture
from workbench.errors import WorkbenchError
from workbench.measure import Measure
from workbench.widgets.facts import quantity

if TYPE_CHECKING:
    from workbench.ledger import Entry
    from workbench.proxies.proxy import Proxy

LATENCY = "latency"
_BATCH = 64  # the size and seed that wb.score takes by itself, so that its ledger entries and these are the same
_GROUPS = {"free": "counted", "forward": "a forward pass", "backward": "forward and backward passes"}
_YOURS = "your measures"


class Number(NamedTuple):
    """A number as it is shown, with a note about how it was found; or nothing, and the reason in words.

    `seconds` is what it cost when it was computed.
    """

    value: str = ""
    note: str = ""
    reason: str = ""
    seconds: float = 0.0


class Offer(NamedTuple):
    """Something that can be computed: its key, what the button says, under which heading, and more about it.

    `automatic` is what is cheap enough to be computed without being asked for: everything that looks at no batch.
    `published` is the best rank correlation that was reported for it in the space, 0 where none was.
    """

    key: str
    label: str
    group: str
    about: str
    automatic: bool
    published: float = 0.0

    @property
    def rank(self) -> tuple[int, float]:
        """Its place among offers: the cheap groups first, and in each what agrees best with accuracy."""
        return ("", *_GROUPS.values(), _YOURS).index(self.group), -self.published


@dataclass(frozen=True)
class Request:
    """What is to be computed of one architecture: the latency, proxies by name or themselves, or a measure."""

    arch: Architecture
    task: str
    ledger: str
    wanted: tuple[str | Proxy | Measure, ...] = ()


def offer_of(scoring: Proxy, space: str = "") -> Offer:
    """A proxy of the catalogue, or of the user, as it is offered to editors of a space."""
    looks = {"labels": "looks at inputs and labels", "inputs": "looks at inputs"}.get(scoring.needs, "needs no data")
    about = f"{scoring.better} is better; {looks}. {scoring.equation}. {scoring.paper}"
    published = [abs(value.spearman) for place, value in scoring.published.items() if place.startswith(f"{space}/")]
    automatic = scoring.needs in ("none", "architecture")
    return Offer(scoring.name, scoring.name, _GROUPS[scoring.cost], about, automatic, max(published, default=0.0))


def offer_of_measure(measure: Measure) -> Offer:
    """A measure of the user's as it is offered."""
    words = f"{measure.better} is better" + (f", in {measure.unit}" if measure.unit else "")
    return Offer(f"measure {measure.name}", measure.name.replace("_", " "), _YOURS, words, automatic=False)


def catalogue_offers(space: str) -> list[Offer]:
    """Every proxy of the catalogue, as it is offered to editors of a space."""
    from workbench.proxies import catalogue

    return [offer_of(member, space) for member in catalogue]


def latency_of(request: Request) -> dict[str, Number]:
    """How long the network takes for one input of the task on this machine."""
    from workbench.networks.latency import latency
    from workbench.tasks import task as find_task

    task = find_task(request.task)
    try:
        found = latency(request.arch.space.build(request.arch, task), task.input_shape, task.dtype)
    except WorkbenchError as error:
        return {LATENCY: Number(reason=str(error))}
    threads = "1 thread" if found.threads == 1 else f"{found.threads} threads"
    note = (
        f"one input of {'×'.join(map(str, task.input_shape))} on {found.device}, {threads}: median of {found.repeats} "
        f"runs, half of them between {shown(found.low_ms)} and {shown(found.high_ms, 'ms')}"
    )
    return {LATENCY: Number(shown(found.median_ms, "ms"), note)}


def scores_of(request: Request) -> dict[str, Number]:
    """The proxies of one architecture, as `wb.score` finds them: out of the ledger where it has them."""
    from workbench.executors import Here
    from workbench.ledger import Entry, Ledger
    from workbench.proxies.score import score
    from workbench.tasks import NoiseInput

    proxies = [each for each in request.wanted if not isinstance(each, Measure)]
    settings: dict[str, Any] = {"batch_size": _BATCH, "progress": False, "device": "cpu"}
    try:
        with closing(Ledger(request.ledger)) as ledger, warnings.catch_warnings():
            warnings.simplefilter("ignore", NoiseInput)  # the note says it
            frame = score([request.arch], proxies, request.task, executor=Here(), ledger=ledger, **settings)
    except WorkbenchError as error:
        return {each if isinstance(each, str) else each.name: Number(reason=str(error)) for each in proxies}
    attrs, name = frame.attrs, str(request.arch)
    return {
        column: _number(
            Entry(frame[column].iloc[0], attrs["reasons"].get((name, column)), attrs["seconds"][column]),
            f"{attrs['better'][column]} is better; {request.task}, batch of {_BATCH} ({attrs['source']}), seed 0",
        )
        for column in frame.columns
    }


def measured(request: Request) -> dict[str, Number]:
    """The user's measures of one architecture, out of the ledger where they are kept there."""
    from workbench.ledger import Ledger
    from workbench.studies.evaluation import Evaluation, Known

    found = {}
    for measure in request.wanted:
        if isinstance(measure, Measure):
            known = Known([measure], Ledger(request.ledger) if measure.kept else None)
            entry = known.find(request.arch)[0]
            if entry is None:
                entry = Evaluation((measure,))(request.arch)[0]
                known.keep(request.arch, [entry])
            known.close()
            found[offer_of_measure(measure).key] = _number(entry, f"{measure.better} is better", measure.unit)
    return found


def shown(value: float, unit: str = "") -> str:
    """A number with three digits: thousands as k, M and G, what is very large or very small with an exponent.

    With a unit it keeps to it: thousands of milliseconds are not "kms".
    """
    if value and not 1e-3 <= abs(value) < 1e12:
        return f"{value:.3g} {unit}".rstrip()
    if abs(value) < 1e3:
        return f"{value:.3g} {unit}".rstrip()
    return f"{value:,.0f} {unit}" if unit else quantity(value)


def _number(entry: Entry, note: str, unit: str = "") -> Number:
    """An entry as it is shown: its reason instead of a value that is none."""
    if entry.value != entry.value or entry.reason is not None:
        return Number(reason=entry.reason or "it is no number", note=note, seconds=entry.seconds)
    return Number(shown(entry.value, unit), note, seconds=entry.seconds)
