"""A result on disk: JSON with every run, and a Markdown table beside it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any


def result(
    name: str,
    host: Mapping[str, Any],
    versions: Mapping[str, str],
    settings: Mapping[str, Any],
    runs: Sequence[Mapping[str, Any]],
) -> dict[str, Any]:
    """CONTRACTS section 8: every figure's median, and its spread as (lowest, highest)."""
    figures = [key for key, value in runs[0].items() if isinstance(value, int | float)]
    return {
        "name": name,
        "host": dict(host),
        "versions": dict(versions),
        "settings": dict(settings),
        "seed": settings["seed"],
        "runs": list(runs),
        "median": {key: median(run[key] for run in runs) for key in figures},
        "spread": {key: [min(run[key] for run in runs), max(run[key] for run in runs)] for key in figures},
    }


def write(
    directory: Path, found: Mapping[str, Any], title: str, words: Mapping[str, str], notes: Sequence[str]
) -> Path:
    """Both files; `words` says what each figure is. The Markdown file's path."""
    directory.mkdir(parents=True, exist_ok=True)
    (directory / f"{found['name']}.json").write_text(json.dumps(found, indent=1) + "\n")
    path = directory / f"{found['name']}.md"
    path.write_text(markdown(found, title, words, notes))
    return path


def markdown(found: Mapping[str, Any], title: str, words: Mapping[str, str], notes: Sequence[str]) -> str:
    host, versions, settings = found["host"], found["versions"], found["settings"]
    lines = [
        f"# {title}",
        "",
        f"{host['processor']}, {host['cores']} cores, {host['memory']}, {host['system']}.",
        ", ".join(f"{name} {version}" for name, version in versions.items()) + ".",
        "Settings: " + ", ".join(f"{name} {value}" for name, value in settings.items()) + ".",
        "",
        f"| figure | median of {len(found['runs'])} | lowest | highest |",
        "|---|---:|---:|---:|",
    ]
    for key, what in words.items():
        if key in found["median"]:
            low, high = found["spread"][key]
            lines.append(f"| {what} | {_number(found['median'][key])} | {_number(low)} | {_number(high)} |")
    return "\n".join([*lines, "", *notes, ""])


def _number(value: float) -> str:
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.2f}"
