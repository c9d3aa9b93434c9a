"""`reveni-streams gateway`: receive webhooks."""

from __future__ import annotations

from typing import Annotated

import typer

from adapters.gateway.__main__ import run


def gateway(
    kafka: Annotated[str, typer.Option(help="The broker's address, if REVENI_STREAMS_KAFKA does not say.")] = "",
) -> None:
    """Receive webhooks and store them, until stopped; addresses and secrets are settings (REVENI_STREAMS_*)."""
    raise typer.Exit(run(kafka=kafka))
