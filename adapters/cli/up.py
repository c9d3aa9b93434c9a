"""`reveni-streams up`: the whole system on this machine against the simulators, kept running."""

from __future__ import annotations

import asyncio
import signal
import threading
from pathlib import Path
from typing import Annotated

import typer


def up(
    orders: Annotated[int, typer.Option(min=1, help="Orders seeded into the simulated ERP.")] = 200,
    seed: Annotated[int, typer.Option(help="The same seed gives the same orders.")] = 20261127,
    broker: Annotated[
        str, typer.Option(help="embedded, kafka (its published jars, needs Java 17 and Maven), or host:port.")
    ] = "",
    out: Annotated[Path, typer.Option(help="Where logs and working files go.")] = Path(".demo/up"),
) -> None:
    """Start broker, simulators, gateway and two workers, seed an order history, and run until stopped.

    Examples: reveni-streams up · up --broker kafka · then, elsewhere: reveni-streams generate --gateway URL
    """
    from adapters.broker.errors import BrokerError
    from adapters.demo.plan import DEADLINE_SECONDS, Plan
    from adapters.demo.stand import broker_for, demo_profile
    from adapters.generator import sender, world
    from adapters.generator.sender import SeedingFailed
    from adapters.stage.child import ChildFailed
    from adapters.stage.stage import Stage

    out.mkdir(parents=True, exist_ok=True)
    try:
        standing = broker_for(broker, out / "broker")
    except BrokerError as error:
        typer.echo(f"up: {error}", err=True)
        raise typer.Exit(2) from None
    stage = Stage(
        out / "system",
        standing.address,
        prefix=standing.prefix,
        profile=demo_profile(DEADLINE_SECONDS),
        simulators=Plan(seed=seed).simulators(),
        embedded=standing.embedded,
    )
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    try:
        stage.prepare()
        stage.open()
        asyncio.run(sender.seed(world.build(seed, orders).payloads(), stage.simulators_url))
        for name in ("a", "b"):
            stage.worker(f"worker-{name}", "all").start()
        _tell(stage, standing.name, orders, out)
        while not stopped.wait(1.0):
            for child in (stage.gateway, stage.simulators, *stage.workers):
                if not child.running:
                    raise ChildFailed(f"{child.name} ended with {child.code}:\n{child.tail()}")
    except (ChildFailed, SeedingFailed) as error:
        typer.echo(f"up: {error}", err=True)
        raise typer.Exit(2) from None
    finally:
        stage.close()
        standing.stop()


def _tell(stage: object, broker: str, orders: int, out: Path) -> None:
    from adapters.stage.stage import SECRETS, Stage

    assert isinstance(stage, Stage)
    env = out / "env"
    env.write_text("".join(f"export {name}={value}\n" for name, value in stage.env.items()))
    typer.echo(f"Broker      {stage.kafka} ({broker})")
    typer.echo(f"Webhooks    {stage.gateway_url}/webhooks/reveni and /webhooks/warehouse")
    typer.echo(f"            signed with {SECRETS['reveni']} and {SECRETS['warehouse']}")
    typer.echo(f"Simulators  {stage.simulators_url}/_ledger, {orders} orders seeded")
    typer.echo(f"Health      {stage.health_url}/ready and /metrics")
    typer.echo(f"In another terminal: . {env}  and then, for instance")
    typer.echo(f"  reveni-streams generate --orders {orders} --gateway {stage.gateway_url} --simulators ''")
    typer.echo("  reveni-streams exceptions")
    typer.echo("Running; stop with Ctrl-C.")
