"""`reveni-streams simulators`: the doubles of the systems around us, as one process."""

from __future__ import annotations

import asyncio
import json
import tomllib
from pathlib import Path
from typing import Annotated, Any

import typer

from adapters.simulators.server import run


def simulators(
    bind: Annotated[str, typer.Option(help="Address to listen on, host:port; port 0 takes a free one.")] = (
        "127.0.0.1:8600"
    ),
    config: Annotated[
        Path | None, typer.Option(help="TOML or JSON: seed, and for each system its accounts and settings.")
    ] = None,
) -> None:
    """Run the simulated systems until stopped."""
    host, _, port = bind.rpartition(":")
    if not host or not port.isdecimal():
        typer.echo(f"--bind is host:port, not {bind!r}", err=True)
        raise typer.Exit(2)
    try:
        settings = read_config(config) if config else {}
        asyncio.run(run(host, int(port), settings, lambda url: typer.echo(f"simulators: {url}")))
    except (OSError, ValueError) as error:
        typer.echo(f"simulators: {error}", err=True)
        raise typer.Exit(2) from None


def read_config(path: Path) -> dict[str, Any]:
    """The configuration file; raises `OSError` or `ValueError`."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".json":
        loaded = json.loads(text)
        if not isinstance(loaded, dict):
            raise ValueError(f"{path} is not an object")
        return loaded
    return tomllib.loads(text)
