"""Peaks: the account's limit holds and is used, goods never starve, backlogs drain, workers come and go."""

from __future__ import annotations

import asyncio
import json
import re
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime

from tests.kafka import end_offsets
from tests.scenarios.messages import refund, return_event, return_of
from tests.scenarios.system import Entry, System

RMA, NOTE, RECEIPT = "return_authorisation", "credit_note", "item_receipt"
LIMIT = 15


def send_all(system: System, events: list[Entry]) -> None:
    """Deliver webhooks, several at a time, in no order."""
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(system.send, events))


def paid_return(order: str) -> Entry:
    return return_of(order, "r1", state="received", refunds=[refund("rf1", "40.00")])


def settled(system: System, orders: list[str], kind: str, since: int, seconds: float = 90) -> list[Entry]:
    """Wait until every order has its document of a kind; the entries in the order of their making, one for each."""

    def all_there() -> list[Entry] | None:
        entries = [
            e for e in system.since(since) if e["kind"] == kind and e["op"] == "create" and e["order_id"] in mine
        ]
        return entries if {e["order_id"] for e in entries} == mine else None

    mine = set(orders)
    entries = system.eventually(all_there, f"{kind} of {len(orders)} orders", seconds, every=0.2)
    assert entries is not None
    assert [order for order, count in Counter(e["order_id"] for e in entries).items() if count != 1] == []
    return entries


def mean_in_flight(calls: list[Entry]) -> float:
    """Calls in flight over the middle of a burst: while work waits, between the tenth and the eightieth percentile."""
    spans = sorted(
        (datetime.fromisoformat(c["started"]).timestamp(), datetime.fromisoformat(c["finished"]).timestamp())
        for c in calls
        if c["finished"]
    )
    begin, end = spans[len(spans) // 10][0], spans[len(spans) * 8 // 10][0]
    return sum(max(0.0, min(finish, end) - max(start, begin)) for start, finish in spans) / (end - begin)


def test_p01_the_limit_holds_and_is_used_while_work_waits(system: System) -> None:
    """Sixty orders at once on an account of fifteen calls: never sixteen, and nearly fifteen while work waits."""
    orders = [system.new_order() for _ in range(60)]
    calls, entries = system.position()
    with system.account(latency_ms=[50, 100]):
        send_all(system, [paid_return(order) for order in orders])
        settled(system, orders, NOTE, entries)
    made = system.calls(calls)
    assert max(call["in_flight"] for call in made) == LIMIT
    assert not [call for call in made if call["breach"]]
    assert mean_in_flight(made) > LIMIT * 0.6


def test_p01_the_limit_holds_while_calls_fail_and_throttle(system: System) -> None:
    """Throttles, resets and broken answers on one call in ten: the limit is not passed, each order is done once."""
    orders = [system.new_order() for _ in range(30)]
    calls, entries = system.position()
    rules = [
        {"account": "ns", "fault": "429", "retry_after": "seconds", "seconds": 0.5, "probability": 0.05, "count": 5},
        {"account": "ns", "fault": "reset-after-apply", "probability": 0.05, "count": 5},
        {"account": "ns", "fault": "5xx", "probability": 0.03, "count": 5},
    ]
    with system.account(latency_ms=[20, 60]), system.faults(*rules):
        send_all(system, [paid_return(order) for order in orders])
        settled(system, orders, NOTE, entries)
    assert not [call for call in system.calls(calls) if call["breach"]]
    for order in orders[:3]:
        assert not system.at_rest(order)["exceptions"]


def test_p01_the_limit_holds_when_another_dispatcher_takes_over(system: System) -> None:
    """A second dispatcher stands by, the first one ends under load: never more than the limit, each order done once."""
    orders = [system.new_order() for _ in range(40)]
    calls, entries = system.position()
    second = system.stage.worker("dispatcher-2", "dispatcher", "ns", loglevel="info")
    second.start()
    with system.account(latency_ms=[50, 100]):
        send_all(system, [paid_return(order) for order in orders])
        system.eventually(lambda: len(system.calls(calls)) > 60, "calls under way")
        assert system.dispatcher.stop() == 0, system.dispatcher.tail()
        system.dispatcher = second
        settled(system, orders, RMA, entries)
        settled(system, orders, NOTE, entries)
    assert not [call for call in system.calls(calls) if call["breach"]]
    assert "account owned" in second.log.read_text(errors="replace")


def test_p02_goods_go_on_beside_a_flood_of_money(system: System) -> None:
    """Receipts have their share while credit notes queue: the last receipt comes long before the last note."""
    received = [system.new_order() for _ in range(5)]
    _, start = system.position()
    send_all(system, [return_of(order, "r1", state="received") for order in received])
    settled(system, received, RMA, start)
    orders = [system.new_order() for _ in range(40)]
    _, entries = system.position()
    with system.account(latency_ms=[80, 120]):
        send_all(system, [paid_return(order) for order in orders])
        for order in received:
            system.inspect(order, "r1", ("l1", "TEE-RED-M", 1, "sellable"))
        receipts = settled(system, received, RECEIPT, entries)
        notes = settled(system, orders, NOTE, entries)
    behind = [note for note in notes if note["seq"] > receipts[-1]["seq"]]
    assert len(behind) >= 10


def test_p03_a_backlog_of_an_outage_drains_in_order_at_the_allowed_rate(system: System) -> None:
    """The ERP is away while twenty orders come in; then each has its RMA before its note, within the limit."""
    orders = [system.new_order() for _ in range(20)]
    calls, entries = system.position()
    with system.faults({"account": "ns", "fault": "503", "until": 3}):
        send_all(system, [paid_return(order) for order in orders])
        authorised = settled(system, orders, RMA, entries)
        notes = settled(system, orders, NOTE, entries)
    first = {entry["order_id"]: entry["seq"] for entry in authorised}
    assert all(first[note["order_id"]] < note["seq"] for note in notes)
    assert not [call for call in system.calls(calls) if call["breach"]]
    assert not [order for order in orders[:5] if system.exceptions(order)]


def test_p04_a_worker_more_and_one_less_lose_and_double_nothing(system: System) -> None:
    """A second sequencer joins under load and leaves again: every order has one RMA and one note."""
    _, entries = system.position()
    second = system.stage.worker("sequencer-2", "sequencer", loglevel="info")
    try:
        with load(system) as orders:
            second.start()
            shares = re.compile(r"rows recovered.*partitions\W+\[\d")
            system.eventually(
                lambda: shares.search(second.log.read_text(errors="replace")), "a share of the partitions"
            )
            joined = len(orders)
            system.eventually(lambda: len(orders) > joined + 5, "orders sent to both workers")
            assert second.stop() == 0, second.tail()
    finally:
        second.stop()
    settled(system, orders, RMA, entries)
    settled(system, orders, NOTE, entries)
    for order in orders[-3:]:
        assert not system.at_rest(order)["exceptions"]
    made = Counter((e["order_id"], e["kind"]) for e in system.since(entries) if e["op"] == "create")
    assert {count for (_, kind), count in made.items() if kind in (RMA, NOTE)} == {1}


@contextmanager
def load(system: System) -> Iterator[list[str]]:
    """Returns that come in at a pace for the length of a block; the orders they are about."""
    orders: list[str] = []
    over = threading.Event()

    def deliver() -> None:
        while not over.wait(0.1):
            order = system.new_order()
            system.send(paid_return(order))
            orders.append(order)

    with ThreadPoolExecutor(1) as sender:
        sending = sender.submit(deliver)
        try:
            yield orders
        finally:
            over.set()
            sending.result()


def test_p05_intake_answers_in_time_at_a_peak_and_stores_what_it_takes(system: System) -> None:
    """Three hundred webhooks from sixteen senders: each has its 200 within five seconds, each is in the topic."""
    topic = f"{system.stage.prefix}events.reveni"
    before = sum(asyncio.run(end_offsets(system.stage.kafka, topic)).values())
    order = system.new_order()
    data = return_of(order, "r1")
    bodies = [json.dumps(return_event(data, str(uuid.uuid4()))).encode() for _ in range(300)]

    def deliver(body: bytes) -> tuple[int, float]:
        started = time.monotonic()
        return system.post("reveni", body), time.monotonic() - started

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(deliver, bodies))
    assert {status for status, _ in answers} == {200}
    assert max(seconds for _, seconds in answers) < 5
    assert sum(asyncio.run(end_offsets(system.stage.kafka, topic)).values()) == before + 300
    system.document(order, RMA)
    system.at_rest(order)
    assert system.made(order) == {RMA: 1}


def test_p05_a_wrong_signature_is_refused_and_stores_nothing(system: System) -> None:
    """401, and the topic stays as it was; the same body signed well is taken."""
    topic = f"{system.stage.prefix}events.reveni"
    order = system.new_order()
    body = json.dumps(return_event(return_of(order, "r1"), str(uuid.uuid4()))).encode()
    before = asyncio.run(end_offsets(system.stage.kafka, topic))
    for signature in ("", "0" * 64, "not hex"):
        assert system.post("reveni", body, signature) == 401
    assert asyncio.run(end_offsets(system.stage.kafka, topic)) == before
    assert system.post("reveni", body) == 200
    system.document(order, RMA)
