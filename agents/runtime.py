"""One Faust app per role, set up as the lane needs it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import faust
import structlog
from mode.supervisors import CrashingSupervisor

FETCH_BYTES = 8 << 20  # per partition; 1 MiB (aiokafka's default) costs a fifth of the throughput
BATCH_BYTES = 900_000  # a produced batch; below the brokers' default message.max.bytes of 1,048,588


def faust_app(
    app_id: str,
    broker_address: str,
    *,
    partitions: int,
    session: float = 10.0,
    heartbeat: float = 1.0,
    rebalance: float = 30.0,
    commit_interval: float = 0.5,
    fetch_bytes: int = FETCH_BYTES,
    batch_bytes: int = BATCH_BYTES,
    datadir: Path | str | None = None,
    replication: int = 1,
    **settings: Any,
) -> Any:
    """A Faust app for the lane: `broker_address` is "host:port,host:port"; times in seconds.

    Topics are made beforehand, changelogs included: Faust declares none. An agent that raises ends the process with
    exit code 1. `settings` go to `faust.App` as they are (credentials, TLS).
    """
    options: dict[str, Any] = {
        "broker": [f"kafka://{address.strip()}" for address in broker_address.split(",")],
        "topic_partitions": partitions,
        "topic_replication_factor": replication,
        "topic_allow_declare": False,
        "topic_disable_leader": True,
        "table_standby_replicas": 0,
        "broker_session_timeout": session,
        "broker_heartbeat_interval": heartbeat,
        "broker_rebalance_timeout": rebalance,
        "broker_commit_interval": commit_interval,
        "consumer_auto_offset_reset": "earliest",
        "consumer_max_fetch_size": fetch_bytes,
        "producer_max_batch_size": batch_bytes,
        "producer_max_request_size": max(batch_bytes, 1 << 20),
        "agent_supervisor": CrashingSupervisor,
        "stream_wait_empty": True,
        "web_enabled": False,
        "worker_redirect_stdouts": False,
        "processing_guarantee": "at_least_once",
    }
    if datadir is not None:
        options["datadir"] = str(datadir)
    return faust.App(app_id, **{**options, **settings})


def plain_logs() -> None:
    """Stacks in the log without the values of variables: they are long (a second for one, in the event loop, where a
    batch is at hand) and hold personal data."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback),
        ]
    )


def run_worker(app: Any, *, loglevel: str = "info") -> None:
    """Run the app until SIGTERM or SIGINT (the batch in hand is finished and committed) or until an agent raises.

    Ends the process: exit code 0 after a signal, 1 after a failure.
    """
    plain_logs()
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    worker = faust.Worker(app, loop=loop, loglevel=loglevel, redirect_stdouts=False)
    worker.execute_from_commandline()
