"""`reveni-streams bench`: measurements, each with what it was measured on."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, help="Measure, and write down on what it was measured.")


@app.callback()
def _group() -> None:
    """Measurements; the harness is in the source tree (benchmarks/), not in the wheel."""


@app.command()
def sequence(
    orders: Annotated[int, typer.Option(min=1, help="Orders whose rows are there before measuring.")] = 2000,
    events: Annotated[int, typer.Option(min=0, help="Events to measure; 0: all that happens to the orders.")] = 0,
    runs: Annotated[int, typer.Option(min=1, help="Runs, each in processes and topics of its own.")] = 3,
    seed: Annotated[int, typer.Option(help="The same seed gives the same events.")] = 3,
    partitions: Annotated[int, typer.Option(min=1, help="Partitions of the sequencer's topics.")] = 8,
    outcomes: Annotated[
        bool, typer.Option("--outcomes", help="Answer every command at once: the outcomes are input too.")
    ] = False,
    broker: Annotated[str, typer.Option(help="kafka (its published jars, needs Java 17 and Maven), or host:port.")] = (
        "kafka"
    ),
    out: Annotated[Path, typer.Option(help="Where the JSON and the table go.")] = Path("benchmarks/results"),
) -> None:
    """Events a second through one sequencer process on real Kafka, bytes of a row, and the cold start.

    Examples: reveni-streams bench sequence · bench sequence --outcomes --runs 5 · bench sequence --broker host:9092
    """
    try:
        from benchmarks.sequence import Setting
        from benchmarks.sequence_report import RunFailed, run
    except ModuleNotFoundError as missing:
        if not (missing.name or "").startswith("benchmarks"):
            raise
        typer.echo("bench: the harness is in the source tree; run this verb from a checkout", err=True)
        raise typer.Exit(2) from None
    from adapters.broker.kafka_jars import KAFKA_VERSION
    from adapters.demo.stand import broker_for

    setting = Setting(orders=orders, events=events, partitions=partitions, seed=seed, outcomes=outcomes)
    with tempfile.TemporaryDirectory(prefix="reveni-bench-") as directory:
        standing = broker_for(broker, Path(directory) / "broker")
        name = f"Apache Kafka {KAFKA_VERSION}" if broker == "kafka" else standing.name
        try:
            found = run(setting, standing.address, name, runs, out, Path(directory), typer.echo)
        except RunFailed as failed:
            typer.echo(f"bench: {failed}", err=True)
            raise typer.Exit(2) from None
        finally:
            standing.stop()
    typer.echo((out / f"{found['name']}.md").read_text())
