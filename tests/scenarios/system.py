"""What a scenario may do: it stands outside, sends signed webhooks, and counts documents in the simulators' ledgers."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from adapters.stage.child import run
from adapters.stage.stage import SECRETS, Stage
from adapters.views.order import show
from agents.log import partition_for

T = TypeVar("T")

DEADLINE = 30.0


class System:
    """One running installation, shared by the scenarios of a module; each scenario has orders of its own."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self._serial = 0
        self._version = 1

    # -- what the world does

    def new_order(self, **changes: Any) -> str:
        """Seed an order of two red tees (40.00) and a hat (10.00), sent and invoiced; its id."""
        self._serial += 1
        order_id = f"{uuid.uuid4().hex[:6]}-{self._serial}"
        self.seed_order(order_id, **changes)
        return order_id

    def seed_order(self, order_id: str, **changes: Any) -> None:
        lines = [line("ol1", "TEE-RED-M", 2, "40.00", "13.33"), line("ol2", "HAT-1", 1, "10.00", "1.67")]
        order: dict[str, Any] = {
            "account": "ns",
            "order_id": order_id,
            "order_number": f"#{order_id}",
            "status": "fulfilled",
            "currency": "GBP",
            "location": "WH-LON",
            "customer": {"id": f"c-{order_id}", "email": "a@example.com", "name": "A. B."},
            "shipping": "4.95",
            "paid": "94.95",
            "lines": lines,
            "invoice": {"number": f"INV-{order_id}", "open": "94.95"},
        }
        self.stage.seed({"orders": [{**order, **changes}]})

    def post(self, source: str, body: bytes, signature: str | None = None) -> int:
        """Deliver a webhook; the status of the answer."""
        header = {"reveni": "X-Reveni-Signature", "warehouse": "X-Signature"}[source]
        secret = SECRETS[source].encode()
        signed = signature if signature is not None else hmac.new(secret, body, hashlib.sha256).hexdigest()
        headers = {"Content-Type": "application/json", header: signed}
        request = Request(f"{self.stage.gateway_url}/webhooks/{source}", data=body, method="POST", headers=headers)
        try:
            with urlopen(request, timeout=15) as answer:
                return int(answer.status)
        except HTTPError as error:
            return error.code

    def send_return(self, data: Mapping[str, Any], *, event_id: str | None = None) -> None:
        event = {
            "id": event_id or str(uuid.uuid4()),
            "type": "return.updated",
            "created_at": data["updated_at"],
            "data": data,
        }
        assert self.post("reveni", json.dumps(event).encode()) == 200

    def inspect(self, order_id: str, return_id: str, *found: tuple[str, str, int, str], **changes: Any) -> None:
        """A warehouse inspection; each found is (line id, SKU, quantity, disposition)."""
        data = {
            "inspection_id": f"ins-{return_id}",
            "version": 1,
            "order_id": order_id,
            "return_id": return_id,
            "location": "WH-LON",
            "lines": [
                {"line_id": line_id, "sku": sku, "quantity": quantity, "disposition": disposition, "note": ""}
                for line_id, sku, quantity, disposition in found
            ],
            **changes,
        }
        event = {
            "id": str(uuid.uuid4()),
            "type": "inspection.recorded",
            "recorded_at": f"2026-11-27T12:00:{data['version']:02d}Z",
            "data": data,
        }
        assert self.post("warehouse", json.dumps(event).encode()) == 200

    @contextmanager
    def faults(self, *rules: Mapping[str, Any]) -> Iterator[None]:
        """Fault rules in the simulators for the length of a block."""
        self.stage.faults(*rules)
        try:
            yield
        finally:
            self.stage.faults()

    @contextmanager
    def profile(self, *changes: tuple[str, str]) -> Iterator[None]:
        """Publish the profile with texts replaced, for the length of a block."""
        text = self.stage.profile_text
        for old, new in changes:
            assert old in text, old
            text = text.replace(old, new)
        self.publish(text)
        try:
            yield
        finally:
            self.publish(self.stage.profile_text)

    def publish(self, text: str) -> None:
        self._version += 1
        file = self.stage.directory / f"profile-{self._version}.toml"
        file.write_text(text)
        run(["profile", "publish", str(file), "--reason", "a scenario", "--yes"], self.stage.env)

    def decide(self, *arguments: str) -> None:
        run(["decide", *arguments, "--reason", "a scenario", "--by", "fin-01", "--yes"], self.stage.env)

    # -- what can be seen

    def ledger(self, order_id: str, kind: str = "") -> list[dict[str, Any]]:
        return self.stage.ledger(account="ns", order_id=order_id, kind=kind)

    def order(self, order_id: str) -> dict[str, Any]:
        """`order show --json`, without the cost of a process."""
        from adapters.settings import Settings

        topology = Settings(**self._settings()).topology()
        consumer = Settings(**self._settings()).connection().consumer
        partition = partition_for(order_id.encode(), self.stage.partitions)
        found = asyncio.run(show(consumer, self.stage.prefix, order_id, partition, topology.sequencer_changelog))
        return found or {"steps": [], "exceptions": [], "waiting": [], "documents": [], "events": []}

    def _settings(self) -> dict[str, Any]:
        return {
            name.removeprefix("REVENI_STREAMS_").lower(): value
            for name, value in self.stage.env.items()
            if name.startswith("REVENI_STREAMS_")
        }

    def exceptions(self, order_id: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.order(order_id)["exceptions"]
        return found

    def waiting(self, order_id: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.order(order_id)["waiting"]
        return found

    def eventually(self, condition: Callable[[], T], what: str, seconds: float = DEADLINE) -> T:
        """Wait for a condition; its (true) value."""
        deadline = time.monotonic() + seconds
        while True:
            value = condition()
            if value:
                return value
            if time.monotonic() > deadline:
                raise AssertionError(f"not within {seconds:.0f} s: {what}")
            time.sleep(0.1)

    def documents(self, order_id: str, kind: str, count: int = 1, seconds: float = DEADLINE) -> list[dict[str, Any]]:
        """Wait until the ledger holds `count` created documents of a kind for the order, and give them."""

        def found() -> list[dict[str, Any]] | None:
            entries = [entry for entry in self.ledger(order_id, kind) if entry["op"] == "create"]
            return entries if len(entries) >= count else None

        try:
            entries = self.eventually(found, f"{count} {kind} of order {order_id}", seconds)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{json.dumps(self.order(order_id), indent=1)[:6000]}") from None
        assert len(entries) == count, entries
        return entries

    def exception(self, order_id: str, kind: str, seconds: float = DEADLINE) -> dict[str, Any]:
        """Wait for exactly one open exception of a kind."""

        def found() -> list[dict[str, Any]]:
            return [entry for entry in self.exceptions(order_id) if entry["kind"] == kind]

        try:
            entries = self.eventually(found, f"exception {kind} of order {order_id}", seconds)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{json.dumps(self.order(order_id), indent=1)[:6000]}") from None
        assert len(entries) == 1, entries
        return entries[0]

    def at_rest(self, order_id: str, seconds: float = DEADLINE) -> dict[str, Any]:
        """Wait until nothing of the order is under way; what it waits for then is outside."""
        calm = {"inspection", "refund", "acceptance", "approval", "return", "reveni"}

        def resting() -> dict[str, Any] | None:
            order = self.order(order_id)
            busy = [w for w in order["waiting"] if w["for"] not in calm and not w["for"].startswith("letter:")]
            return order if order["events"] and not busy and self._heard_everything(order) else None

        try:
            return self.eventually(resting, f"order {order_id} at rest", seconds)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{json.dumps(self.order(order_id), indent=1)[:6000]}") from None

    def _heard_everything(self, order: Mapping[str, Any]) -> bool:
        """Whether the group has committed past every event of the order: nothing lies unread in the topics."""
        from tests.kafka import committed

        group = f"{self.stage.prefix}sequencer"
        newest: dict[tuple[str, int], int] = {}
        for event in order["events"]:
            place = (self.stage.prefix + event["topic"], event["partition"])
            newest[place] = max(newest.get(place, -1), event["offset"])
        for (topic, partition), offset in newest.items():
            offsets = asyncio.run(committed(self.stage.kafka, group, topic))
            if (offsets.get(partition) or 0) <= offset:
                return False
        return True


def line(
    order_line_id: str, sku: str, quantity: int, price: str, tax: str, code: str = "GB-STD", **more: Any
) -> dict[str, Any]:
    """A line of a seeded order; `tax` is inside price x quantity."""
    return {
        "order_line_id": order_line_id,
        "sku": sku,
        "quantity": quantity,
        "unit_price": price,
        "tax_amount": tax,
        "tax_code": code,
        "components": [],
        **more,
    }


def returned(line_id: str = "l1", **changes: Any) -> dict[str, Any]:
    """A returned line: one red tee."""
    return {
        "line_id": line_id,
        "order_line_id": "ol1",
        "sku": "TEE-RED-M",
        "quantity": 1,
        "unit_price": "40.00",
        "tax_amount": "6.67",
        "tax_code": "GB-STD",
        "request": "return",
        "reason": "too_small",
        "verdict": "pending",
        **changes,
    }


def refund(refund_id: str, amount: str, state: str = "paid", **changes: Any) -> dict[str, Any]:
    return {
        "refund_id": refund_id,
        "kind": "goods",
        "method": "bank_transfer",
        "amount": amount,
        "currency": "GBP",
        "state": state,
        "executed_at": "2026-11-27T09:29:57Z",
        **changes,
    }


def a_return(order_id: str, return_id: str, version: int = 1, **changes: Any) -> dict[str, Any]:
    """A snapshot of an instant return of one red tee."""
    return {
        "return_id": return_id,
        "order_id": order_id,
        "order_number": f"#{order_id}",
        "version": version,
        "updated_at": f"2026-11-27T09:{version:02d}:00Z",
        "type": "refund",
        "mode": "instant",
        "state": "in_progress",
        "currency": "GBP",
        "customer": {"id": f"c-{order_id}", "email": "a@example.com", "name": "A. B."},
        "lines": [returned()],
        "replacements": [],
        "fees": [],
        "bonuses": [],
        "refunds": [],
        "shipping_refund": "0.00",
        **changes,
    }
