"""``workbench doctor``: what is here, and how to get what is missing."""

from __future__ import annotations

import argparse

from workbench.cli.common import Commands, Parser, add, tell


def add_commands(commands: Commands[Parser]) -> None:
    """Add ``doctor``."""
    doctor = add(commands, "doctor", "what is here, and how to get what is missing")
    doctor.set_defaults(command=_doctor)


def _doctor(given: argparse.Namespace) -> int:
    from workbench.doctor import examine

    healthy, found = True, []
    for finding in examine():
        healthy &= finding.ok or not finding.needed
        if given.json:
            found.append(finding._asdict())
            continue
        sign = "ok" if finding.ok else "MISSING" if finding.needed else "-"
        print(f"{sign:<8}{finding.subject:<27}{finding.found}")
        if not finding.ok:
            print(f"{'':<8}{'':<27}{finding.advice}")
    if given.json:
        tell({"healthy": healthy, "findings": found})
    return 0 if healthy else 1
