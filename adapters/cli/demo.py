"""`reveni-streams demo`: the main job, end to end, against simulators, with faults, checked from outside."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.live import Live
from rich.table import Table


def demo(
    orders: Annotated[int, typer.Option(min=1, help="Orders in the history; about 70 % of them have returns.")] = 1000,
    seed: Annotated[int, typer.Option(help="The same seed plays the same peak.")] = 20261127,
    faults: Annotated[bool, typer.Option("--faults/--no-faults", help="Faults in the ERP, and workers killed.")] = True,
    kills: Annotated[int, typer.Option(min=0, help="How often a worker is killed with kill -9.")] = 2,
    trouble: Annotated[
        float,
        typer.Option(min=0, max=60, help="Percent of the returns that need a person; from 20 all hostile bodies."),
    ] = 5.0,
    duration: Annotated[float, typer.Option(min=0, help="Seconds of sending; 0: by size.")] = 0.0,
    broker: Annotated[
        str, typer.Option(help="embedded, kafka (its published jars, needs Java 17 and Maven), or host:port.")
    ] = "",
    out: Annotated[Path, typer.Option(help="Where the list, the logs, the report and the plot go.")] = Path(".demo"),
) -> None:
    """Play a peak through the whole system, do harm to it, and check from outside that nothing was lost or doubled,
    and that nobody is bothered for nothing.

    Examples: reveni-streams demo · demo --orders 5000 --trouble 25 · demo --broker kafka --seed 7
    """
    from adapters.broker.errors import BrokerError
    from adapters.demo.plan import DEADLINE_SECONDS, Plan
    from adapters.demo.plot import draw
    from adapters.demo.report import report, summary, write
    from adapters.demo.run import Demo
    from adapters.demo.stand import broker_for, demo_profile
    from adapters.stage.child import ChildFailed
    from adapters.stage.stage import Stage

    console = Console(stderr=True, highlight=False)
    plan = Plan(orders, seed, faults, kills if faults else 0, duration, trouble)
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    try:
        standing = broker_for(broker, out / "broker")
    except BrokerError as error:
        typer.echo(f"demo: {error}", err=True)
        raise typer.Exit(2) from None
    stage = Stage(
        out / "system",
        standing.address,
        prefix=standing.prefix,
        profile=demo_profile(DEADLINE_SECONDS),
        simulators=plan.simulators(),
        embedded=standing.embedded,
        env=plan.settings(),
    )
    progress = _Progress(console)
    playing = Demo(plan, stage, standing.connection, out, progress.show, progress.say)
    try:
        with progress:
            run = asyncio.run(playing.play())
        found = report(run)
        found["broker"] = standing.name
    except ChildFailed as error:
        typer.echo(f"demo: {error}", err=True)
        raise typer.Exit(2) from None
    finally:
        stage.close()
        standing.stop()
    write(out / "report.json", found)
    draw(out / "peak.svg", run.samples, plan.outage if plan.faults else None, playing.kill_times)
    typer.echo(summary(found, run))
    typer.echo(f"Report {out / 'report.json'}, plot {out / 'peak.svg'}, logs {out / 'system'}")
    raise typer.Exit(0 if found["ok"] else 1)


class _Progress:
    """Live on a terminal; elsewhere a line every five seconds."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live = Live(console=console, refresh_per_second=4) if console.is_terminal else None
        self._printed = -5.0

    def __enter__(self) -> None:
        if self._live is not None:
            self._live.start()

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.stop()

    def say(self, text: str) -> None:
        self._console.print(text, soft_wrap=True)

    def show(self, sample: Any, phase: str) -> None:
        if self._live is not None:
            self._live.update(_table(sample, phase))
        elif sample.at - self._printed >= 5:
            self._printed = sample.at
            self._console.print(
                f"{sample.at:4.0f} s {phase}: {sample.accepted:,} events taken, {sample.backlog:,} unread; "
                f"{sample.documents:,} documents, ERP {sample.in_flight}/{sample.limit} calls",
                soft_wrap=True,
            )


def _table(sample: Any, phase: str) -> Table:
    table = Table(title=f"{phase}, {sample.at:.0f} s", show_header=False, title_justify="left")
    bar = "█" * sample.in_flight + "·" * max(0, sample.limit - sample.in_flight)
    for name, value in (
        ("webhooks taken", f"{sample.accepted:,}"),
        ("events not sequenced yet", f"{sample.backlog:,}"),
        ("commands not settled yet", f"{sample.commands:,}"),
        ("ERP calls in flight", f"{sample.in_flight}/{sample.limit} {bar}"),
        ("ERP calls, breaches", f"{sample.calls:,}, {sample.breaches}"),
        ("documents made", f"{sample.documents:,}"),
        ("dead letters", f"{sample.dead_letters:,}"),
    ):
        table.add_row(name, value)
    return table
