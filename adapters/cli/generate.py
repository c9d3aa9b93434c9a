"""`reveni-streams generate`: seed the simulators, write the list of a peak, and send it."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from adapters.generator import files, sender
from adapters.generator.deliveries import REVENI, WAREHOUSE
from adapters.generator.files import AnswerLog
from adapters.generator.run import Peak, make
from adapters.generator.sender import Counts, SeedingFailed
from adapters.generator.story import BASE


def generate(
    orders: Annotated[int, typer.Option(min=1, help="Orders in the history; about 70 % of them have returns.")] = 1000,
    seed: Annotated[int, typer.Option(help="The same seed gives the same bytes.")] = 1,
    gateway: Annotated[str, typer.Option(help="Where the webhooks go.")] = "http://127.0.0.1:8080",
    simulators: Annotated[
        str, typer.Option(help="Where the order history goes; empty: it is there already.")
    ] = "http://127.0.0.1:8600",
    duration: Annotated[float, typer.Option(min=0, help="Seconds that the peak takes.")] = 60.0,
    out: Annotated[Path, typer.Option(help="Directory of the list and of the answers.")] = Path(".demo"),
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Write the list, send nothing.")] = False,
    now: Annotated[
        bool, typer.Option("--now", help="Date the stories today, not on the fixed day of the peak.")
    ] = False,
    concurrency: Annotated[int, typer.Option(min=1, help="Webhooks in flight at once.")] = 64,
    secret_reveni: Annotated[
        str, typer.Option(envvar="REVENI_STREAMS_WEBHOOK_SECRET_REVENI", help="Signs Reveni's webhooks.")
    ] = "",
    secret_warehouse: Annotated[
        str, typer.Option(envvar="REVENI_STREAMS_WEBHOOK_SECRET_WAREHOUSE", help="Signs the warehouse's webhooks.")
    ] = "",
) -> None:
    """Play a peak: orders, returns and inspections of one seed, with all that goes wrong on such a day."""
    console = Console()
    # Of a list of secrets in rotation, the first one signs.
    secrets = {REVENI: secret_reveni.split(",")[0].strip(), WAREHOUSE: secret_warehouse.split(",")[0].strip()}
    if not dry_run and not all(secrets.values()):
        typer.echo("generate: set REVENI_STREAMS_WEBHOOK_SECRET_REVENI and _WAREHOUSE, or the options", err=True)
        raise typer.Exit(2)
    base = datetime.now(UTC).replace(microsecond=0) if now else BASE
    peak = make(seed, orders, duration, secrets, base)
    try:
        peak.write(out)
        console.print(_summary(peak, out), highlight=False)
        if dry_run:
            return
        counts = asyncio.run(_play(peak, gateway, simulators, out, sender.Pace(concurrency=concurrency), console))
    except (OSError, SeedingFailed) as error:
        typer.echo(f"generate: {error}", err=True)
        raise typer.Exit(2) from None
    refused = counts.refused - sum(delivery.wanted == 401 for delivery in peak.deliveries)
    console.print(
        f"answered 200: {counts.accepted} of {counts.planned}; {counts.again} sent again, {max(refused, 0)} refused "
        f"beyond the forged ones, {counts.given_up} given up",
        highlight=False,
    )
    if not counts.accepted:
        typer.echo(f"generate: nothing was taken by {gateway}", err=True)
        raise typer.Exit(2)
    if counts.given_up or refused:
        raise typer.Exit(1)


async def _play(peak: Peak, gateway: str, simulators: str, out: Path, pace: sender.Pace, console: Console) -> Counts:
    if simulators:
        await sender.seed(peak.world.payloads(), simulators)
    log = AnswerLog(out / files.ANSWERS)
    columns = (TextColumn("sending"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[note]}"))
    try:
        with Progress(*columns, TimeElapsedColumn(), console=console, disable=not console.is_terminal) as bar:
            task = bar.add_task("sending", total=len(peak.deliveries), note="")

            def show(counts: Counts) -> None:
                note = f"{counts.accepted} taken, {counts.again} again, {counts.behind:.1f} s behind"
                bar.update(task, completed=counts.ended, note=note)

            return await sender.send(peak.deliveries, gateway, log, show, pace)
    finally:
        log.close()


def _summary(peak: Peak, out: Path) -> str:
    sorts = Counter(delivery.sort for delivery in peak.deliveries)
    parts = ", ".join(f"{count} {sort}" for sort, count in sorts.most_common())
    return (
        f"seed {peak.world.seed}: {len(peak.world.orders)} orders, {len(peak.stories)} returns, "
        f"{len(peak.deliveries)} deliveries ({parts}); list in {out / files.SENT}"
    )
