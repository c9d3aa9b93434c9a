"""How verbs print: lines for people, one JSON document for programs."""

from __future__ import annotations

import json
from typing import Any

import typer

from adapters.cli._escape import visible


def print_json(document: Any) -> None:
    """One JSON document on standard output."""
    typer.echo(json.dumps(document, indent=2, ensure_ascii=False, default=str))


def print_lines(lines: list[str]) -> None:
    for line in lines:
        typer.echo(visible(line))
