"""One Faust app per role, set up as the lane needs it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import faust
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


class _Worker(faust.Worker):  # type: ignore[misc]  # faust's classes are untyped here
    """Faust's worker without its own log set-up and its spinner: escape codes do not belong in files."""

    configure_logs: Callable[[], None]

    def _setup_logging(self) -> None:
        self.configure_logs()

    def _on_startup_end_spinner(self) -> None:
        return


def run_worker(app: Any, configure_logs: Callable[[], None]) -> None:
    """Run the app until SIGTERM or SIGINT (the batch in hand is finished and committed) or until an agent raises.

    `configure_logs` is called once, before anything is logged. Ends the process: exit code 0 after a signal, 1 after a
    failure.
    """
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    worker = _Worker(app, loop=loop, redirect_stdouts=False, quiet=True)
    worker.configure_logs = configure_logs
    worker.spinner = None
    worker.execute_from_commandline()
