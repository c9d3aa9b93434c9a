"""How the stories reach the gateway: at least once, out of order, late, and with poison among them."""

from __future__ import annotations

import hashlib
import hmac
import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from random import Random
from typing import Any

from adapters.generator import peak, poison
from adapters.generator.story import Story, Told, rfc3339

REVENI, WAREHOUSE = poison.REVENI, poison.WAREHOUSE
HEADERS = {REVENI: "X-Reveni-Signature", WAREHOUSE: "X-Signature"}
_POISON_SHARE = 0.006
_ENCODER = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False)  # made once: it costs as much as a body
_FORGED_SHARE = 0.001
_WHOLE_PEAK = 20.0  # percent of the returns that need a person: from there on every hostile kind is sent


@dataclass(frozen=True, slots=True)
class Habits:
    """How badly the senders behave, as shares of what they send."""

    same_id_again: float = 0.12
    same_body_new_id: float = 0.06
    overtaken: float = 0.12
    very_late: float = 0.04
    too_early: float = 0.04  # of inspections: before the return is known to have arrived
    poison: float = _POISON_SHARE  # hostile bodies, on top
    every_poison: bool = True  # each kind once at least, however few deliveries there are


@dataclass(frozen=True, slots=True)
class Delivery:
    """One webhook: what is sent, where and when (seconds from the start)."""

    seq: int
    offset: float
    route: str
    body: bytes
    signature: str
    sort: str  # reveni, warehouse, poison, forged
    event_id: str = ""
    order_id: str = ""
    return_id: str = ""
    version: int = 0
    note: str = ""  # again, new-id, or the name of the poison
    tags: tuple[str, ...] = ()

    @property
    def headers(self) -> dict[str, str]:
        return {HEADERS[self.route]: self.signature, "Content-Type": "application/json"}

    @property
    def wanted(self) -> int:
        """The answer that ends it."""
        return 401 if self.sort == "forged" else 200


def sign(secret: str, body: bytes) -> str:
    """CONTRACTS section 1: hex HMAC-SHA256 of the raw body."""
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def habits_of(percent: float) -> Habits:
    """How hostile a day is on which so many percent of the returns need a person."""
    every = percent >= _WHOLE_PEAK
    return Habits(poison=_POISON_SHARE * min(1.0, percent / _WHOLE_PEAK), every_poison=every)


def plan(
    seed: int,
    stories: Sequence[Story],
    secrets: Mapping[str, str],
    duration: float,
    habits: Habits | None = None,
) -> list[Delivery]:
    """Every delivery in the order of sending; the same arguments give the same bytes and offsets."""
    rng = Random(f"{seed}/deliveries")
    habits = habits or Habits()
    timed: list[tuple[float, Delivery]] = []
    for story in stories:
        timed += of_story(rng, story, habits)
    timed += _poison(rng, stories, max(1, round(len(timed) * habits.poison)), every=habits.every_poison)
    genuine = [delivery for _, delivery in timed if delivery.sort == "reveni"]
    for forged in rng.sample(genuine, min(len(genuine), max(2, round(len(timed) * _FORGED_SHARE)))):
        timed.append((rng.random(), replace(forged, sort="forged", note="signed with another secret")))
    timed.sort(key=lambda entry: entry[0])
    planned = []
    for seq, ((_, delivery), offset) in enumerate(zip(timed, peak.offsets(len(timed), duration), strict=True), 1):
        secret = secrets[delivery.route] + ("-not" if delivery.sort == "forged" else "")
        planned.append(replace(delivery, seq=seq, offset=offset, signature=sign(secret, delivery.body)))
    return planned


def of_story(rng: Random, story: Story, habits: Habits) -> list[tuple[float, Delivery]]:
    """The deliveries of one return with the moments they are due, where the whole day is 0 to 1."""
    moment = rng.random() * 0.8
    timed = []
    for told in story.told:
        moment += rng.expovariate(1 / 0.04)
        delivery = _delivery(rng, story, told)
        due = moment
        if rng.random() < habits.overtaken:
            due += rng.expovariate(1 / 0.06)
        if rng.random() < habits.very_late:
            due += rng.uniform(0.1, 0.4)
        if told.source == "warehouse" and rng.random() < habits.too_early:
            due -= rng.uniform(0.05, 0.3)
        timed.append((due, delivery))
        if rng.random() < habits.same_id_again:
            timed.append((due + rng.expovariate(1 / 0.02), replace(delivery, note="again")))
        if rng.random() < habits.same_body_new_id:
            again = _delivery(rng, story, told)
            timed.append((due + rng.expovariate(1 / 0.05), replace(again, note="new-id")))
    return timed


def _delivery(rng: Random, story: Story, told: Told) -> Delivery:
    event_id = str(uuid.UUID(int=rng.getrandbits(128), version=4))
    event: dict[str, Any]
    if told.source == "reveni":
        created = rfc3339(told.at + timedelta(seconds=2))
        event = {"id": event_id, "type": "return.updated", "created_at": created, "data": told.data}
    else:
        event = {"id": event_id, "type": "inspection.recorded", "recorded_at": rfc3339(told.at), "data": told.data}
    return Delivery(
        seq=0,
        offset=0.0,
        route=REVENI if told.source == "reveni" else WAREHOUSE,
        body=_ENCODER.encode(event).encode(),
        signature="",
        sort=told.source,
        event_id=event_id,
        order_id=str(told.data["order_id"]),
        return_id=story.return_id,
        version=told.version,
        tags=tuple(sorted(story.tags)),
    )


def _poison(rng: Random, stories: Sequence[Story], wanted: int, *, every: bool) -> list[tuple[float, Delivery]]:
    """Every kind once, and then more of the small ones up to the share; or as many as wanted, each another kind."""
    order_ids = sorted({story.order_id for story in stories if not story.plot.name})
    kinds = list(poison.every(rng, order_ids))
    if not every:
        return [(rng.random(), of_poison(kind)) for kind in rng.sample(kinds, min(wanted, len(kinds)))]
    more = [kind for kind in kinds if len(kind.body) < 100_000]
    kinds += [rng.choice(more) for _ in range(wanted - len(kinds))]
    return [(rng.random(), of_poison(kind)) for kind in kinds]


def of_poison(kind: poison.Poison) -> Delivery:
    """A hostile body as a delivery, unsigned."""
    tags = ("nameless",) if kind.nameless else ()
    return Delivery(0, 0.0, kind.route, kind.body, "", "poison", note=kind.name, tags=tags)
