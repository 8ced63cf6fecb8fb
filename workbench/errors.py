"""The errors a user meets, each saying what was wrong, what was given and what is allowed."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class WorkbenchError(Exception):
    """Root of every error the workbench raises on purpose."""


class UnknownName(WorkbenchError, LookupError):
    """A name that no catalogue member, column or keyword has; the message shows the nearest ones."""

    @classmethod
    def of(cls, noun: str, name: object, known: Iterable[str]) -> UnknownName:
        """The error for `name`, which is not among the `known` names of a `noun`."""
        return cls(f"There is no {noun} named {name!r}. {nearest(name, known)}")


class InvalidInput(WorkbenchError, ValueError):
    """A value that is malformed, mistyped or belongs to something else."""


class MissingData(WorkbenchError, FileNotFoundError):
    """A file that the user has to bring; the message says where to put it."""


class Infeasible(WorkbenchError, ValueError):
    """Answers that make no architecture; the message is the reason."""


class LedgerError(WorkbenchError, OSError):
    """The ledger of scores cannot be read or written."""


def nearest(name: object, known: Iterable[str]) -> str:
    """A hint for an unknown name: the closest known names, then all of them (at most twenty)."""
    names = sorted(known)
    by_lower = {n.lower(): n for n in names}
    given = str(name).lower()
    close = get_close_matches(given, list(by_lower), n=3, cutoff=0.5)
    if not close and len(given) > 2:
        close = [n for n in by_lower if given in n][:3]  # "acc" is far from "valid_accuracy", and part of it
    meant = f"Did you mean {_either([by_lower[c] for c in close])}? " if close else ""
    shown = ", ".join(names[:20]) + (f" and {len(names) - 20} more" if len(names) > 20 else "")
    return f"{meant}Known: {shown or 'none'}."


def refuse_unknown(given: Iterable[str], allowed: Iterable[str], what: str) -> None:
    """Raise `UnknownName` for the first of the `given` keywords that `what` does not take."""
    known = list(allowed)
    for name in given:
        if name not in known:
            raise UnknownName(f"{what} takes no keyword {name!r}. {nearest(name, known)}")


def _either(names: list[str]) -> str:
    quoted = [repr(n) for n in names]
    return quoted[0] if len(quoted) == 1 else ", ".join(quoted[:-1]) + " or " + quoted[-1]
