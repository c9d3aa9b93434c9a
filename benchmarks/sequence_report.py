"""All runs of the sequencer's benchmark, each a process of its own, and the result they make together."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.host import host, versions
from benchmarks.report import result, write
from benchmarks.sequence import Setting

RUN_SECONDS = 600.0
ROOT = Path(__file__).parents[1]

FIGURES = {
    "events_per_second": "events a second (webhooks; outcomes beside them are not counted)",
    "records_per_second": "records a second (outcomes counted)",
    "records_per_cpu_second": "records for each second of the worker's own CPU time",
    "records": "records in the measured part",
    "decisions": "decisions (rows written) in the measured part",
    "changelog_bytes_per_record": "changelog bytes for each record",
    "rows": "rows",
    "row_bytes": "bytes of a row, mean",
    "rows_at_rest": "rows at rest",
    "row_bytes_at_rest": "bytes of a row at rest, mean",
    "cold_start_seconds": "cold start: seconds from process start to the first commit",
    "cold_start_changelog_records": "changelog records read at that start",
    "resident_bytes_without_rows": "resident bytes of the worker without rows",
    "resident_bytes_per_row": "resident bytes for each row after a cold start",
    "load_before": "load average before",
    "load_after": "load average after",
}

NOTES = (
    "The rows are there before; what is measured is a backlog of everything that happens to these orders afterwards, "
    "taken by one worker process from the first commit to the last (commits come every half second). Messages of one "
    "order that come in one batch are decided once: compare records and decisions.",
    "",
    "Resident bytes for each row hold the buffers that reading the changelog left behind, not only the row.",
    "",
    "Broker, harness and worker share the machine. Where the load average exceeds the cores, others used it too: the "
    "figure for each CPU second is then the steadier one.",
)


class RunFailed(Exception):
    """A run of the benchmark did not end well; the message has the end of what it said."""


def run(
    setting: Setting, address: str, broker: str, runs: int, out: Path, work: Path, say: Callable[[str], None]
) -> dict[str, Any]:
    """All runs, one after the other, and both files of the result. Raises `RunFailed`."""
    measured = []
    for number in range(1, runs + 1):
        measured.append(_one(setting, address, work / f"run-{number}"))
        say(f"run {number} of {runs}: {measured[-1]['events_per_second']:,} events/s")
    name = "sequence-outcomes" if setting.outcomes else "sequence"
    found = result(name, host(), versions(broker), asdict(setting), measured)
    with_outcomes = ", every command answered at once" if setting.outcomes else ", no command answered"
    write(out, found, f"The sequencer, one worker{with_outcomes}", FIGURES, NOTES)
    return found


def _one(setting: Setting, address: str, directory: Path) -> dict[str, Any]:
    argv = [sys.executable, "-m", "benchmarks.sequence", "--broker", address, "--directory", str(directory)]
    for name, value in asdict(setting).items():
        if name == "outcomes":
            argv += ["--outcomes"] if value else []
        else:
            argv += [f"--{name}", str(value)]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, timeout=RUN_SECONDS, check=False)
    if done.returncode != 0:
        raise RunFailed(f"a run ended with {done.returncode}:\n{done.stderr.strip()[-3000:]}")
    measured: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return measured
