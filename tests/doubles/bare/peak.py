"""Generated orders end to end: generator, gateway, sequencer, dispatcher, and this account at the end of it."""

from __future__ import annotations

import asyncio
import re
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from adapters.demo.stand import demo_profile
from adapters.generator import check as outside
from adapters.generator import files, sender
from adapters.generator.chances import PEAK
from adapters.generator.deliveries import REVENI, WAREHOUSE
from adapters.generator.expected import Expected, SoldInvoice
from adapters.generator.files import AnswerLog
from adapters.generator.run import Peak, make
from adapters.generator.sender import Pace
from adapters.generator.verdict import Verdict
from adapters.stage.child import ChildFailed, run_json
from adapters.stage.stage import SECRETS, Stage
from streams.topics import Topology
from streams.vocabulary import CommandClass
from tests.doubles.bare import history, judge
from tests.doubles.bare.front import BareNetSuite
from tests.doubles.bare.reasons import Story
from tests.doubles.bare.records import CURRENCIES
from tests.doubles.bare.weather import Weather
from tests.kafka import committed_offsets, end_offsets

OUTSIDE = ("inspection", "refund", "acceptance", "approval", "return", "reveni")
"""What an order may wait for at rest: the world, not us."""


CHANCES = replace(
    PEAK,
    odd={
        "one-sku-twice": 0.06,
        "one-sku-at-two-prices": 0.06,
        "part-bought-alone": 0.04,
        "two-kits": 0.04,
        "service": 0.06,
        "executed-near-midnight": 0.08,
        "two-replacements": 0.5,
    },
)
"""A peak with what is odd about lines and times; discounts, charges and invoices are odd by `history.SHAPES`."""

STUCK_SECONDS = 20.0
"""Nothing moves for so long, and something waits for us: it never will."""


@dataclass
class Played:
    peak: Peak
    double: BareNetSuite
    rested: bool
    exceptions: list[dict[str, Any]]
    waiting: list[dict[str, Any]]
    letters: list[dict[str, Any]]
    verdict: Verdict
    complaints: list[str]
    unexplained: list[Mapping[str, Any]]
    timing: dict[str, float]

    @property
    def refusals(self) -> list[tuple[str, str, str]]:
        return self.double.refusals

    @property
    def shapes(self) -> dict[str, str]:
        return {order.order_id: history.shape_of(order.order_id) for order in self.peak.world.orders}


FIELDS = ("order_line_id", "return_reason", "list_price", "refund_method", "reverses")


def profile(base_url: str) -> str:
    """The demo's profile for an account that has no field of ours, with short times: it never answers late.

    But for one SKU it says of none which item it is in the account: a SKU is the item's name there.
    """
    text = demo_profile(4).replace("{simulators}/netsuite", base_url)
    for name, seconds in (("longest_execution_seconds", 1), ("read_lag_seconds", 0)):
        text = re.sub(rf"{name} = \d+", f"{name} = {seconds}", text)
    for name in FIELDS:
        text, changed = re.subn(rf'^{name} = ".*"$', f'{name} = ""', text, flags=re.M)
        assert changed == 1, name
    currencies = ", ".join(f'{code} = "{number}"' for number, code in CURRENCIES.items())
    fields = "[accounts.ns.options.fields]"
    assert fields in text
    return text.replace(fields, f"currencies = {{ {currencies} }}\n{fields}")


def play(
    directory: Path,
    address: str,
    *,
    embedded: bool,
    seed: int,
    orders: int,
    prefix: str = "",
    odd: bool = True,
    weather: Weather | None = None,
) -> Played:
    """A whole run, and what it came to."""
    timing: dict[str, float] = {}

    @contextmanager
    def clocked(name: str) -> Iterator[None]:
        start = time.monotonic()
        yield
        timing[name] = round(time.monotonic() - start, 1)

    secrets = {REVENI: SECRETS["reveni"], WAREHOUSE: SECRETS["warehouse"]}
    peak = make(seed, orders, 5.0, secrets, chances=CHANCES)
    with BareNetSuite(limit=15) as double:
        double.shown.odd = odd
        double.interrupt = weather or double.interrupt
        history.take(double.store, peak.world.payloads())
        owed: dict[str, Decimal] = defaultdict(Decimal)
        for invoice in double.records("invoice"):
            owed[invoice.order_id] += invoice.due
        invoices = _billed(double)
        stage = Stage(
            directory,
            address,
            prefix=prefix,
            profile=profile(double.base_url),
            embedded=embedded,
        )
        try:
            with clocked("start"):
                stage.prepare()
                stage.gateway.start()
                workers = [stage.worker("sequencer", "sequencer"), stage.worker("dispatcher", "dispatcher", "ns")]
                for worker in workers:
                    worker.start()
                stage.gateway.wait_for(f"{stage.health_url}/ready")
                _joined(stage)
            peak.write(directory)
            log = AnswerLog(directory / files.ANSWERS)
            with clocked("send"):
                asyncio.run(sender.send(peak.deliveries, stage.gateway_url, log, pace=Pace(concurrency=32)))
            log.close()
            with clocked("rest"):
                rested = _rest(stage, double)
            with clocked("read"):
                exceptions, waiting, letters = (
                    run_json(verb, stage.env) for verb in (["exceptions"], ["waiting"], ["dlq", "list", "--all"])
                )
        finally:
            stage.close()
    sent, answers = files.read_sent(directory / files.SENT), files.read_answers(directory / files.ANSWERS)
    ledger = double.journal.entries
    calls = {"breaches": double.breaches, "max_in_flight": double.most_in_flight}
    charged = {order.order_id: order.total for order in double.records("salesOrder") if not order.external_id}
    verdict = outside.check(
        _as_charged(peak.expected, double, invoices), ledger, sent, answers, exceptions, waiting, calls
    )
    places = {place.id: place.sellable for place in double.store.places.values()}
    said = judge.told(sent, answers)
    kept = judge.Kept(ledger, places, owed, double.store.channel_lines, double.store.alike)
    complaints = judge.complaints(said, kept, exceptions, waiting)
    unexplained = Story(said, peak.world.orders, charged).unexplained(exceptions)
    return Played(peak, double, rested, exceptions, waiting, letters, verdict, complaints, unexplained, timing)


def _as_charged(expected: Expected, double: BareNetSuite, invoices: Mapping[str, list[SoldInvoice]]) -> Expected:
    """The same, with what this account asked for each order and how it billed it."""
    charged = {order.order_id: order.total for order in double.records("salesOrder") if not order.external_id}
    orders = {
        order_id: replace(
            sold,
            paid=format(charged.get(order_id, Decimal(sold.paid)), "f"),
            invoices=invoices.get(order_id, []),
        )
        for order_id, sold in expected.orders.items()
    }
    return replace(expected, orders=orders)


def _billed(double: BareNetSuite) -> dict[str, list[SoldInvoice]]:
    """What each invoice billed, and what was open of it before anything was sent; the oldest first."""
    found: dict[str, list[SoldInvoice]] = defaultdict(list)
    for invoice in double.records("invoice"):
        skus = [double.store.items[row.item].sku for row in invoice.rows]
        found[invoice.order_id].append(SoldInvoice(invoice.number, format(invoice.due, "f"), skus))
    return found


def _joined(stage: Stage) -> None:
    deadline = time.monotonic() + 60
    signs = {"sequencer": "rows recovered", "dispatcher": "account owned"}
    while not all(signs[worker.name] in worker.tail(200) for worker in stage.workers):
        _standing(stage)
        if time.monotonic() > deadline:
            raise ChildFailed("\n".join(worker.tail() for worker in stage.workers))
        time.sleep(0.1)


def _standing(stage: Stage) -> None:
    for worker in stage.workers:
        if not worker.running:
            raise ChildFailed(f"{worker.name} ended with {worker.code}:\n{worker.tail()}")


def _rest(stage: Stage, double: BareNetSuite, seconds: float = 90.0) -> bool:
    """Nothing unread, nothing on its way, and what still waits waits for the world; False if that takes too long."""
    deadline = time.monotonic() + seconds
    topology = Topology(stage.prefix, stage.partitions, ("ns",))
    read_by = {
        topology.sequencer_app: [
            topology.named(name) for name in ("events.reveni", "events.warehouse", "events.decisions", "erp.outcomes")
        ],
        topology.dispatcher_app("ns"): [topology.commands("ns", klass) for klass in CommandClass],
    }
    still: tuple[int, list[Any]] = (-1, [])
    since = time.monotonic()
    while time.monotonic() < deadline:
        _standing(stage)
        if asyncio.run(_unread(stage.kafka, read_by)) == 0 and double.in_flight == 0:
            waiting = run_json(["waiting"], stage.env)
            if len(double.calls) == still[0] and all(_of_the_world(entry) for entry in waiting):
                return True
            if (len(double.calls), waiting) != still:
                still, since = (len(double.calls), waiting), time.monotonic()
            elif time.monotonic() - since > STUCK_SECONDS:
                return False
        time.sleep(0.2)
    return False


def _of_the_world(entry: Mapping[str, Any]) -> bool:
    return entry["for"] in OUTSIDE or str(entry["for"]).startswith("letter:")


async def _unread(address: str, read_by: dict[str, list[str]]) -> int:
    unread = 0
    for group, topics in read_by.items():
        for topic in topics:
            ends, done = await end_offsets(address, topic), await committed_offsets(address, group, topic)
            unread += sum(max(0, end - done.get(partition, 0)) for partition, end in ends.items())
    return unread
