"""Small traffic with an exact end: orders whose returns, refunds and inspections each must come to known documents.

It stands outside: what must come of an order is written down before anything of it is sent.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import random
import threading
import time
import uuid
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from urllib.error import URLError
from urllib.request import Request, urlopen

from adapters.stage.stage import SECRETS, Stage

TEE, HAT, OTHER_TEE = "TEE-RED-M", "HAT-1", "TEE-RED-L"
PRICES = {TEE: ("40.00", "6.67"), HAT: ("10.00", "1.67")}
HEADERS = {"reveni": "X-Reveni-Signature", "warehouse": "X-Signature"}
TAKEN_WITHIN_SECONDS = 60.0  # a sender gives a webhook up after this; it must not come to that
FLAVOURS = ("plain", "two-returns", "damaged", "exchange")


@dataclass(frozen=True, slots=True)
class Delivery:
    """One webhook, and whether it is the inspection that allows a restock."""

    source: str
    body: bytes
    inspects: bool = False


@dataclass(slots=True)
class Story:
    """One order: what is sent about it, and what must stand in the ledger in the end."""

    order_id: str
    steps: list[list[Delivery]]  # sent one after the other; what is in one step may come in any order
    authorisations: int
    credits: list[Decimal]
    received: dict[str, int]  # units by SKU
    restocked: dict[str, int]  # of these, sellable
    exchanges: int
    inspected_from: datetime | None = None  # when the first attempt to tell of the inspection began
    sent: int = 0

    @property
    def deliveries(self) -> list[Delivery]:
        return [delivery for step in self.steps for delivery in step]


class Traffic:
    """Makes orders and sends what happens to them; the same seed gives the same stories."""

    def __init__(self, stage: Stage, seed: int, *, prefix: str = "") -> None:
        self._stage = stage
        self._draw = random.Random(seed)
        self._prefix = prefix or uuid.uuid4().hex[:6]
        self._lock = threading.Lock()
        self._serial = 0
        self.stories: list[Story] = []
        self.failed: list[str] = []  # what no attempt could hand over: none, or the test is at fault

    # -- making

    def tell(self, count: int, flavours: Sequence[str] = FLAVOURS, *, untidy: bool = True) -> list[Story]:
        """Seed `count` orders in the simulator, with their stories; nothing is sent yet."""
        told, orders = [], []
        for _ in range(count):
            self._serial += 1
            order_id = f"{self._prefix}-{self._serial}"
            orders.append(_order(order_id))
            told.append(self._story(order_id, flavours[self._serial % len(flavours)], untidy))
        self._stage.seed({"orders": orders})
        self.stories += told
        return told

    def _story(self, order_id: str, flavour: str, untidy: bool) -> Story:
        skus = [TEE, HAT] if flavour == "two-returns" else [TEE]
        disposition = "damaged" if flavour == "damaged" else "sellable"
        steps = [
            step
            for number, sku in enumerate(skus, 1)
            for step in _return(order_id, f"{order_id}-r{number}", sku, disposition, exchange=flavour == "exchange")
        ]
        units = dict.fromkeys(skus, 1)
        return Story(
            order_id=order_id,
            steps=self._untidied(steps) if untidy else steps,
            authorisations=len(skus),
            credits=[] if flavour == "exchange" else [Decimal(PRICES[sku][0]) for sku in skus],
            received=units,
            restocked=units if disposition == "sellable" else {},
            exchanges=1 if flavour == "exchange" else 0,
        )

    def _untidied(self, steps: list[list[Delivery]]) -> list[list[Delivery]]:
        """As senders do: some come twice, under the same id or a new one, and some overtake others."""
        steps = [list(step) for step in steps]
        for step in steps:
            if self._draw.random() < 0.2:
                step.append(step[0])
            if self._draw.random() < 0.1:
                again = json.loads(step[0].body)
                again["id"] = str(uuid.UUID(int=self._draw.getrandbits(128), version=4))
                step.append(Delivery(step[0].source, json.dumps(again).encode(), step[0].inspects))
        if self._draw.random() < 0.2:
            first, second = self._draw.sample(range(len(steps)), 2)
            steps[first], steps[second] = steps[second], steps[first]
        return steps

    # -- sending

    def send(self, stories: Iterable[Story], *, threads: int = 4) -> None:
        """Send everything about these orders, several orders at a time; returns when each was answered 200."""
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(self.send_one, stories))

    def send_one(self, story: Story, steps: slice = slice(None)) -> None:
        """Send the steps of one order."""
        for step in story.steps[steps]:
            for delivery in step:
                self._deliver(story, delivery)

    def _deliver(self, story: Story, delivery: Delivery) -> None:
        secret = SECRETS[delivery.source].encode()
        signature = hmac.new(secret, delivery.body, hashlib.sha256).hexdigest()
        headers = {"Content-Type": "application/json", HEADERS[delivery.source]: signature}
        url = f"{self._stage.gateway_url}/webhooks/{delivery.source}"
        if delivery.inspects and story.inspected_from is None:
            story.inspected_from = datetime.now(UTC)
        deadline = time.monotonic() + TAKEN_WITHIN_SECONDS
        while True:
            try:
                with urlopen(Request(url, data=delivery.body, method="POST", headers=headers), timeout=10) as answer:
                    if answer.status == 200:
                        with self._lock:
                            story.sent += 1
                        return
                    problem = str(answer.status)
            except (URLError, OSError) as error:  # a 503 is an HTTPError, which is an URLError
                problem = str(error)
            if time.monotonic() > deadline:
                self.failed.append(f"{delivery.source} of {story.order_id}: {problem}")
                return
            time.sleep(0.2)  # what a sender waits before it tries again


class Load:
    """Steady traffic from a thread of its own: orders told and sent at a rate, until stopped."""

    def __init__(self, traffic: Traffic, per_second: float) -> None:
        self._traffic, self._pause = traffic, 1 / per_second
        self._over = threading.Event()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="load", daemon=True)

    def __enter__(self) -> Load:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """End the load; returns when all that was told is sent."""
        self._over.set()
        self._thread.join()
        if self._error is not None:
            raise self._error

    def _run(self) -> None:
        try:
            with ThreadPoolExecutor(8) as pool:
                due, sending = time.monotonic(), []
                while not self._over.wait(max(0.0, due - time.monotonic())):
                    due += self._pause
                    sending += [pool.submit(self._traffic.send_one, story) for story in self._traffic.tell(1)]
                for future in sending:
                    future.result()
        except BaseException as error:
            self._error = error


def _order(order_id: str) -> dict[str, Any]:
    """Two tees and a hat, sent and invoiced."""
    lines = [
        {"order_line_id": "ol1", "sku": TEE, "quantity": 2, "unit_price": "40.00", "tax_amount": "13.33"},
        {"order_line_id": "ol2", "sku": HAT, "quantity": 1, "unit_price": "10.00", "tax_amount": "1.67"},
    ]
    return {
        "account": "ns",
        "order_id": order_id,
        "order_number": f"#{order_id}",
        "status": "fulfilled",
        "currency": "GBP",
        "location": "WH-LON",
        "customer": {"id": f"c-{order_id}", "email": "a@example.com", "name": "A. B."},
        "shipping": "4.95",
        "paid": "94.95",
        "lines": [{**line, "tax_code": "GB-STD", "components": []} for line in lines],
        "invoice": {"number": f"INV-{order_id}", "open": "94.95"},
    }


def _return(order_id: str, return_id: str, sku: str, disposition: str, *, exchange: bool) -> list[list[Delivery]]:
    """What happens to a return of one unit: asked for; refunded, unless it is exchanged; inspected."""
    price, tax = PRICES[sku]
    line = {
        "line_id": "l1",
        "order_line_id": "ol1" if sku == TEE else "ol2",
        "sku": sku,
        "quantity": 1,
        "unit_price": price,
        "tax_amount": tax,
        "tax_code": "GB-STD",
        "request": "exchange" if exchange else "return",
        "reason": "too_small",
        "verdict": "pending",
    }
    replacement = {"replaces_line_id": "l1", "sku": OTHER_TEE, "quantity": 1, "unit_price": price}
    refund = {
        "refund_id": f"{return_id}-rf",
        "kind": "goods",
        "method": "bank_transfer",
        "amount": price,
        "currency": "GBP",
        "state": "paid",
        "executed_at": "2026-11-20T09:29:57Z",
    }
    asked = {
        "return_id": return_id,
        "order_id": order_id,
        "order_number": f"#{order_id}",
        "version": 1,
        "updated_at": "2026-11-20T09:01:00Z",
        "type": "exchange" if exchange else "refund",
        "mode": "instant",
        "state": "in_progress",
        "currency": "GBP",
        "customer": {"id": f"c-{order_id}", "email": "a@example.com", "name": "A. B."},
        "lines": [line],
        "replacements": [replacement] if exchange else [],
        "fees": [],
        "bonuses": [],
        "refunds": [],
        "shipping_refund": "0.00",
    }
    later = {**asked, "version": 2, "updated_at": "2026-11-20T09:02:00Z", "state": "shipped"}
    if not exchange:
        later["refunds"] = [refund]
    inspection = {
        "inspection_id": f"{return_id}-i",
        "version": 1,
        "order_id": order_id,
        "return_id": return_id,
        "location": "WH-LON",
        "lines": [{"line_id": "l1", "sku": sku, "quantity": 1, "disposition": disposition, "note": ""}],
    }
    return [
        [Delivery("reveni", _event("return.updated", "created_at", asked["updated_at"], asked))],
        [Delivery("reveni", _event("return.updated", "created_at", later["updated_at"], later))],
        [Delivery("warehouse", _event("inspection.recorded", "recorded_at", "2026-11-20T12:00:00Z", inspection), True)],
    ]


def _event(kind: str, time_field: str, at: Any, data: dict[str, Any]) -> bytes:
    return json.dumps({"id": str(uuid.uuid4()), "type": kind, time_field: at, "data": data}).encode()
