"""What the sequencer is given: events of so many orders, in the order of sending, in two parts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from adapters.generator.deliveries import REVENI, WAREHOUSE, Delivery
from adapters.generator.run import make
from adapters.generator.world import World
from agents.log import partition_for
from streams.order_key import read_envelope

RETURNED_SHARE = 0.65  # below the generator's share of orders that have returns, so that enough are made
_SORTS = ("reveni", "warehouse")
TOPICS = {REVENI: "events.reveni", WAREHOUSE: "events.warehouse"}


@dataclass(frozen=True, slots=True)
class Event:
    """One message as the gateway would store it."""

    topic: str
    partition: int
    key: bytes
    value: bytes
    headers: tuple[tuple[str, bytes], ...]


@dataclass(frozen=True, slots=True)
class Load:
    """`warm` makes the rows; `measured` is everything that happens to them afterwards."""

    world: World
    warm: list[Event]
    measured: list[Event]
    orders: int


def load(seed: int, orders: int, partitions: int, events: int = 0) -> Load:
    """The first message about each return of `orders` orders, and then the rest: later versions, inspections, repeats.

    `events` ends the measured part early. Poison and forgeries are left out: the one is another path, the other never
    comes so far. The same arguments give the same bytes.
    """
    secrets = {REVENI: "benchmark", WAREHOUSE: "benchmark"}
    peak = make(seed, round(orders / RETURNED_SHARE) + 10, 1.0, secrets)
    chosen = set(list(dict.fromkeys(story.order_id for story in peak.stories))[:orders])
    begun: set[str] = set()
    warm: list[Event] = []
    measured: list[Event] = []
    for delivery in peak.deliveries:
        if delivery.sort not in _SORTS or delivery.order_id not in chosen:
            continue
        if delivery.return_id not in begun and delivery.route == REVENI:
            begun.add(delivery.return_id)
            warm.append(_event(delivery, partitions))
        else:
            measured.append(_event(delivery, partitions))
    return Load(peak.world, warm, measured[: events or None], len(chosen))


def by_partition(events: Sequence[Event]) -> dict[tuple[str, int], list[Event]]:
    found: dict[tuple[str, int], list[Event]] = {}
    for event in events:
        found.setdefault((event.topic, event.partition), []).append(event)
    return found


def _event(delivery: Delivery, partitions: int) -> Event:
    key = (read_envelope(delivery.body).order_key or "").encode()
    headers = (
        ("source", delivery.sort.encode()),
        ("event-id", delivery.event_id.encode()),
        ("received-at", b"2026-11-27T09:00:00.000Z"),
        ("traceparent", f"00-{delivery.event_id.replace('-', '')}-{delivery.event_id[-12:]}0000-01".encode()),
    )
    return Event(TOPICS[delivery.route], partition_for(key, partitions), key, delivery.body, headers)
