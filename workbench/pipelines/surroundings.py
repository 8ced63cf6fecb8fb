"""Where a run happens: the machine, and the state of the git repository that the current folder belongs to."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

#: Seconds that another program may take to answer; what it would have said is then left out.
PATIENCE = 2.0
_NVIDIA = Path("/proc/driver/nvidia/gpus")


@cache
def surroundings() -> dict[str, Any]:
    """Return what is known of the machine and the repository; looked up once, until `look_again`."""
    git = repository(Path.cwd())
    return {"machine": machine(), **({"git": git} if git else {})}


def look_again() -> None:
    """Forget what was looked up: a run that begins finds things as they are then."""
    surroundings.cache_clear()


def machine() -> dict[str, Any]:
    """Return the processor, its cores, the memory in GB and the accelerators, as far as the system tells.

    The accelerators are found without loading torch: it would take longer than everything else here together.
    """
    memory = _memory()
    return {
        "cpu": _cpu(),
        "cores": os.cpu_count(),
        "usable_cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        **({"memory_gb": round(memory / 1e9, 1)} if memory else {}),
        "accelerators": _accelerators(),
    }


def repository(folder: Path) -> dict[str, Any]:
    """Return the commit that is checked out around `folder` and whether tracked files differ from it; else nothing."""
    if shutil.which("git") is None:
        return {}
    commit = _said("git", "-C", str(folder), "rev-parse", "--verify", "--quiet", "HEAD^{commit}")
    if commit is None or not re.fullmatch(r"[0-9a-f]{40,64}", commit):
        return {}
    # No monitor that the repository names is started, and no lock is taken that a commit at this moment would miss.
    quietly = ("git", "-C", str(folder), "-c", "core.fsmonitor=false", "--no-optional-locks")
    changes = _said(*quietly, "status", "--porcelain", "--untracked-files=no", "--ignore-submodules=dirty")
    return {"commit": commit, **({} if changes is None else {"dirty": bool(changes)})}


def _said(*command: str) -> str | None:
    """What a program prints; None when it fails, takes too long or is not there."""
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=PATIENCE, check=True, errors="replace",
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def _cpu() -> str:
    if found := re.search(r"^(?:model name|Model|cpu model)\s*:\s*(.+)$", _text(Path("/proc/cpuinfo")), re.MULTILINE):
        return found[1].strip()
    brand = _said("sysctl", "-n", "machdep.cpu.brand_string") if platform.system() == "Darwin" else None
    return brand or platform.processor() or platform.machine()


def _memory() -> int:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):  # a system that does not tell
        return 0


def _accelerators() -> list[str]:
    models = [re.search(r"^Model:\s*(.+)$", _text(one), re.MULTILINE) for one in sorted(_NVIDIA.glob("*/information"))]
    if found := [model[1].strip() for model in models if model]:
        return found
    if shutil.which("nvidia-smi"):
        names = _said("nvidia-smi", "--query-gpu=name", "--format=csv,noheader") or ""
        return [line.strip() for line in names.splitlines() if line.strip()]
    if platform.system() == "Darwin" and platform.machine() == "arm64":
        return ["Apple GPU"]
    return []


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
