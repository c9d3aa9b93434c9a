"""The dispatcher as a Faust app: one for each account, with its own consumer group.

`build` is called by whoever knows the adapters. `faust -A agents.dispatcher.app worker` works, too: the name `app` is
made when it is first asked for, by the callable that REVENI_STREAMS_DISPATCHER_APP names ("module:function").
"""

from __future__ import annotations

import importlib
import os
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agents.clock import Clock, SystemClock
from agents.dispatcher.actor import Dispatcher
from agents.dispatcher.deploy import Deploy
from agents.dispatcher.journal import Place, merge
from agents.dispatcher.ports import Adapter, Patience
from agents.gate import Gate, GateSettings
from agents.lane import install
from agents.lease import Lease
from agents.log import RecordLog
from agents.runtime import faust_app
from agents.store import table_rows
from streams.topics import Topology
from streams.vocabulary import CommandClass

DEFAULT_APP = "adapters.runtime:dispatcher_app"
MARGIN_SECONDS = 5  # a session must outlive a call by this, or a take-over could meet the predecessor's last call
LONGEST_DEADLINE_SECONDS = 8

# A fetch is what the window can be overrun by (a command is about 1 kB); batches are many and small, so that one that
# waits for its order does not hold back the commit of much, and the open ones are bounded by the window, not by depth.
FETCH_BYTES = 256 << 10
BATCH_RECORDS = 50
DEPTH = 1_000


class SessionTooShort(ValueError):
    """The group's session time-out does not cover a call of this account."""


@dataclass(frozen=True, slots=True)
class DispatcherSettings:
    """Where a dispatcher runs and for which account."""

    broker: str  # "host:port,host:port"
    topology: Topology
    account: str
    cluster: str
    session_seconds: float = 15
    heartbeat_seconds: float = 1
    rebalance_seconds: float = 30
    idempotent: bool = True  # False for the embedded broker
    stop_when_all_fails: bool = True  # E09
    head_room: int = 0
    window: int = 1_000
    patience: Patience = field(default_factory=Patience)
    datadir: Path | None = None
    faust: dict[str, Any] = field(default_factory=dict)  # credentials, TLS


def check_session(session_seconds: float, deadline_seconds: float) -> None:
    """Raises `SessionTooShort`; `doctor` asks, too."""
    if deadline_seconds > LONGEST_DEADLINE_SECONDS:
        raise SessionTooShort(
            f"a call deadline of {deadline_seconds:g} s is too long: a rebalance waits for the calls in flight, "
            f"at most {LONGEST_DEADLINE_SECONDS} s"
        )
    if session_seconds < deadline_seconds + MARGIN_SECONDS:
        raise SessionTooShort(
            f"a session of {session_seconds:g} s is too short for calls of {deadline_seconds:g} s: "
            f"it takes at least {deadline_seconds + MARGIN_SECONDS:g} s"
        )


def build(settings: DispatcherSettings, adapter_factory: Callable[[], Adapter], *, clock: Clock | None = None) -> Any:
    """The app of one account's dispatcher. Raises `SessionTooShort`."""
    topology, account = settings.topology, settings.account
    clock = clock or SystemClock()
    adapter = adapter_factory()
    limits = adapter.limits
    check_session(settings.session_seconds, limits.deadline_seconds)
    app = faust_app(
        topology.dispatcher_app(account),
        settings.broker,
        partitions=1,
        session=settings.session_seconds,
        heartbeat=settings.heartbeat_seconds,
        rebalance=settings.rebalance_seconds,
        fetch_bytes=FETCH_BYTES,
        datadir=settings.datadir,
        **settings.faust,
    )
    lease = Lease(session=settings.session_seconds, deadline=limits.deadline_seconds, clock=clock)
    topics = {klass: topology.commands(account, klass) for klass in CommandClass}
    lane = install(
        app, dict.fromkeys(topics.values(), BATCH_RECORDS), DEPTH, idempotent=settings.idempotent, lease=lease
    )
    lane.watched = False
    rows = table_rows(
        app,
        "begun",
        partitions=1,
        merge=merge,
        on_unreadable=lambda key, raw, error: raw,  # `entries.decode` takes it for `Unreadable`
        changelog=topology.dispatcher_changelog(account),
    )
    dispatcher = Dispatcher(
        lane,
        rows,
        RecordLog(app),
        place=Place(topology, account, settings.cluster),
        adapter=adapter,
        gate=Gate(
            GateSettings.from_limits(limits, head_room=settings.head_room),
            clock,
            random.Random(),
            lease.check,
            lease.check_read,
        ),
        lease=lease,
        generation=lambda: int(app.consumer_generation_id),
        clock=clock,
        random=random.Random(),
        patience=settings.patience,
        window=settings.window,
        deploy=Deploy(stops=settings.stop_when_all_fails),
    )
    for klass, topic in topics.items():
        _read(app, dispatcher, klass, topic)
    app.task(dispatcher.watch_failure)
    app.task(dispatcher.watch_changelog)
    app.dispatcher = dispatcher  # for metrics and tests
    _close_at_the_end(app, adapter)
    return app


def _close_at_the_end(app: Any, adapter: Adapter) -> None:
    """Close the vendor's connections when the app has stopped: calls in flight end before that."""
    stop = app.on_stop

    async def on_stop() -> None:
        await stop()
        await adapter.close()

    app.on_stop = on_stop


def _read(app: Any, dispatcher: Dispatcher, klass: CommandClass, topic: str) -> None:
    async def commands(stream: Any) -> None:
        await dispatcher.read(stream, klass)

    source = app.topic(topic, key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw")
    app.agent(source, name=f"dispatcher.{klass.value}")(commands)


def __getattr__(name: str) -> Any:
    if name != "app":
        raise AttributeError(name)
    module, _, function = os.environ.get("REVENI_STREAMS_DISPATCHER_APP", DEFAULT_APP).partition(":")
    return getattr(importlib.import_module(module), function)()
