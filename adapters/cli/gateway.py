"""`reveni-streams gateway`: receive webhooks."""

from __future__ import annotations

import typer

from adapters.gateway.__main__ import run


def gateway() -> None:
    """Receive webhooks and store them, until stopped; addresses and secrets are settings (REVENI_STREAMS_*)."""
    raise typer.Exit(run())
