"""What a result was measured on: without it a figure says nothing."""

from __future__ import annotations

import os
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Any

_PACKAGES = ("faust-streaming", "aiokafka", "mode-streaming", "orjson")
_ROOT = Path(__file__).parents[1]


def host() -> dict[str, Any]:
    """The machine; load averages tell how much else it had to do."""
    return {
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "processor": _first(Path("/proc/cpuinfo"), "model name"),
        "cores": len(os.sched_getaffinity(0)),
        "memory": _first(Path("/proc/meminfo"), "MemTotal"),
    }


def versions(broker: str) -> dict[str, str]:
    """What ran: interpreter, libraries, broker, and the commit (with `+` where files were changed since)."""
    found = {"python": platform.python_version(), "broker": broker}
    found |= {package: version(package) for package in _PACKAGES}
    commit = _git("rev-parse", "--short", "HEAD")
    return found | {"commit": commit + ("+" if commit and _git("status", "--porcelain", "-uno") else "")}


def load_average() -> float:
    """Processes that wanted a core, over the last minute."""
    return round(os.getloadavg()[0], 2)


def cpu_seconds(pid: int) -> float:
    """What a process has used of the processor, user and system."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_bytes(pid: int) -> int:
    """The resident memory of a process."""
    return int(_first(Path(f"/proc/{pid}/status"), "VmRSS").split()[0]) * 1024


def _first(path: Path, name: str) -> str:
    for line in path.read_text().splitlines():
        if line.startswith(name):
            return line.partition(":")[2].strip()
    return ""


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=_ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip()
