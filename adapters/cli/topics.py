"""`reveni-streams topics`: make the topics, and hold them against what they must be."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from adapters.cli._output import print_json, print_lines

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False, help="Make and check the topics.")

AsJson = Annotated[bool, typer.Option("--json", help="One JSON document.")]


@app.command()
def init(as_json: AsJson = False) -> None:
    """Make every topic that is missing, and stamp the cluster with the partition count. Doing it again is harmless."""
    from adapters.broker.admin import TopicsRefused
    from adapters.broker.admin import init as make
    from adapters.settings import Settings

    settings = Settings()
    topology = settings.topology()
    try:
        report = asyncio.run(make(settings.connection(), topology, replication=settings.replication))
    except TopicsRefused as refused:
        if as_json:
            print_json({"ok": False, "mismatches": str(refused).splitlines()})
        else:
            typer.echo(f"{refused}\nNothing was changed.", err=True)
        raise typer.Exit(1) from None
    if as_json:
        print_json({"ok": True, "created": report.created, "existing": report.existing, "accounts": report.accounts})
        return
    print_lines([f"made {name}" for name in report.created])
    typer.echo(f"{len(report.created)} made, {len(report.existing)} were there.")
    if not report.accounts:
        typer.echo("No ERP accounts: set REVENI_STREAMS_PROFILE and run this again for their topics.", err=True)


@app.command()
def check(as_json: AsJson = False) -> None:
    """Name every topic that is missing or differs from what it must be; exit code 1 if there is one."""
    from adapters.broker.admin import check as compare
    from adapters.settings import Settings

    settings = Settings()
    topology = settings.topology()
    found = asyncio.run(compare(settings.connection(), topology))
    if as_json:
        print_json({"ok": not found, "topics": len(topology.topics()), "mismatches": found})
    else:
        print_lines(found or [f"{len(topology.topics())} topics are as they must be."])
    if found:
        raise typer.Exit(1)
