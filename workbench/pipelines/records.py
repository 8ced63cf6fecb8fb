"""The files in which a run remembers itself, so written that a reader finds the old one or the new one."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from workbench.pipelines.fingerprint import Fingerprint, result_hash, result_hashes

DONE = "done.json"
NO_RESULT = "no result yet"  # why a stage runs that never did


def write_json(path: Path, value: object) -> None:
    """Write a JSON file whole: to a temporary name, to the disk, then into place."""
    write_whole(path, json.dumps(value, indent=1, sort_keys=True, allow_nan=False) + "\n")


def write_whole(path: Path, text: str) -> None:
    """Write a text file so that a crash leaves either the old file or the new one."""
    unfinished = path.with_name(path.name + ".tmp")
    with unfinished.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)
    _sync_folder(path.parent)


def write_soon(path: Path, value: object) -> None:
    """Write a JSON file whole, but leave to the system when it reaches the disk: for what is of use only now."""
    unfinished = path.with_name(path.name + ".tmp")
    unfinished.write_text(json.dumps(value), encoding="utf-8")
    unfinished.replace(path)


def read_json(path: Path) -> dict[str, Any]:
    """Return a JSON object, or an empty one when the file is missing or damaged."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def publish(unfinished: Path, folder: Path, fingerprint: Fingerprint, facts: Mapping[str, Any]) -> dict[str, Any]:
    """Turn the folder in which a stage worked into its finished one; return the done-marker in it."""
    hashes = result_hashes(unfinished)
    marker = {
        **facts,
        "key": fingerprint.key,
        "notebook": fingerprint.notebook,
        "parameters": dict(fingerprint.parameters),
        "inputs": dict(fingerprint.inputs),
        "software": dict(fingerprint.software),
        "files": hashes,
        "result": result_hash(hashes),
    }
    write_json(unfinished / DONE, marker)
    put_in_place(unfinished, folder)
    return marker


def put_in_place(unfinished: Path, folder: Path) -> None:
    """Give a folder its final name; one that has it is moved away first, so that a crash leaves no half of either."""
    old = folder.with_name(folder.name + ".old")
    shutil.rmtree(old, ignore_errors=True)
    if folder.exists():
        folder.rename(old)
    unfinished.rename(folder)
    _sync_folder(folder.parent)
    shutil.rmtree(old, ignore_errors=True)


def why_not_done(folder: Path, fingerprint: Fingerprint) -> str:
    """Return why a stage has to run, in words; empty when its folder holds exactly the result wanted."""
    if not folder.is_dir():
        return NO_RESULT
    marker = read_json(folder / DONE)
    if not marker:
        return "its result has no readable done-marker"
    if marker.get("key") != fingerprint.key:
        return fingerprint.change_since(marker) or "its done-marker belongs to another run"
    if damaged := _damaged(folder, marker.get("files", {})):
        return f"its result was changed since: {', '.join(damaged[:3])}"
    return ""


def _damaged(folder: Path, files: Mapping[str, str]) -> list[str]:
    now = result_hashes(folder)
    return sorted(name for name in {*now, *files} if now.get(name) != files.get(name))


def _sync_folder(folder: Path) -> None:
    if os.name != "posix":
        return  # only POSIX systems let a folder be opened for syncing
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
