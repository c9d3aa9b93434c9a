"""What a scenario may do: it stands outside, sends signed webhooks, and counts documents in the simulators' ledger."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import re
import time
import uuid
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from types import SimpleNamespace
from typing import Any, TypeVar
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import aiohttp

from adapters.settings import Settings
from adapters.stage.child import Child, ChildFailed, run
from adapters.stage.stage import SECRETS, Stage
from adapters.views.order import show
from streams.profile import Profile
from tests.contract.netsuite_account import Account
from tests.kafka import committed_offsets, produce
from tests.scenarios import messages

T = TypeVar("T")
Entry = dict[str, Any]

DEADLINE = 30.0
UNDER_WAY = ("order_snapshot", "invoice", "availability")
"""Beside the account itself, what a step waits for that comes by itself: an answer."""
HEADERS = {"reveni": "X-Reveni-Signature", "warehouse": "X-Signature"}


class System:
    """One running installation, shared by all scenarios; each scenario has orders of its own."""

    def __init__(self, stage: Stage, sequencer: Child, dispatcher: Child) -> None:
        self.stage, self.sequencer, self.dispatcher = stage, sequencer, dispatcher
        named = {name.removeprefix("REVENI_STREAMS_").lower(): value for name, value in stage.env.items()}
        self._settings = Settings(**{k: v for k, v in named.items() if k in Settings.model_fields})
        self._serial = self._version = 0

    # -- what the world does

    def new_order(self, **changes: Any) -> str:
        """Seed an order of two red tees and a hat, sent and invoiced; its id."""
        self._serial += 1
        order_id = f"{uuid.uuid4().hex[:6]}-{self._serial}"
        self.stage.seed({"orders": [messages.order(order_id, **changes)]})
        return order_id

    def stock(self, sku: str, available: int, location: str = "101") -> None:
        self.stage.seed({"stock": [{"account": "ns", "sku": sku, "location": location, "available": available}]})

    def post(self, source: str, body: bytes, signature: str | None = None) -> int:
        """Deliver a webhook; the status of the answer."""
        signed = hmac.new(SECRETS[source].encode(), body, hashlib.sha256).hexdigest()
        headers = {"Content-Type": "application/json", HEADERS[source]: signed if signature is None else signature}
        request = Request(f"{self.stage.gateway_url}/webhooks/{source}", data=body, method="POST", headers=headers)
        try:
            with urlopen(request, timeout=15) as answer:
                return int(answer.status)
        except HTTPError as error:
            return error.code

    def send(self, data: Mapping[str, Any], *, event_id: str = "") -> None:
        """A snapshot of a return, as a delivery of its own unless an event id is given."""
        event = messages.return_event(data, event_id or str(uuid.uuid4()))
        assert self.post("reveni", json.dumps(event).encode()) == 200

    def inspect(self, order_id: str, return_id: str, *found: tuple[str, str, int, str], **changes: Any) -> None:
        """A warehouse inspection; each found is (line id, SKU, quantity, disposition)."""
        data = messages.inspection(order_id, return_id, found, **changes)
        event = messages.inspection_event(data, str(uuid.uuid4()))
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
    def account(self, **changes: Any) -> Iterator[None]:
        """Settings of the simulated account for the length of a block."""
        before = self.stage.control("GET", "/_settings")["ns"]
        self.stage.control("PUT", "/_settings", {"account": "ns", **changes})
        try:
            yield
        finally:
            self.stage.control("PUT", "/_settings", {"account": "ns", **{name: before[name] for name in changes}})

    @contextmanager
    def profile(self, *changes: tuple[str, str]) -> Iterator[None]:
        """The profile with texts replaced, in force for the length of a block."""
        text = self.stage.profile_text
        for old, new in changes:
            assert text.count(old) == 1, f"{text.count(old)} times in the profile: {old}"
            text = text.replace(old, new)
        self.publish(text)
        try:
            yield
        finally:
            self.publish(self.stage.profile_text)

    def by_hand(self, work: Callable[[Account], Awaitable[T]]) -> T:
        """What a person does in the other system, through its own interface."""

        async def sign_in() -> T:
            async with aiohttp.ClientSession() as http:
                return await work(Account(SimpleNamespace(url=self.stage.simulators_url), http))  # type: ignore[arg-type]

        return asyncio.run(sign_in())

    def publish(self, text: str) -> None:
        """Publish a profile and wait until every running sequencer goes by it."""
        self._version += 1
        record = Profile.from_toml(text, self._version).to_record()
        asyncio.run(produce(self.stage.kafka, f"{self.stage.prefix}profiles", [(b"scenarios", record)]))
        if self._version > 1:
            self.eventually(lambda: self._in_force(self._version), f"profile {self._version} in force")

    def _in_force(self, version: int) -> bool:
        said = re.compile(rf"profile in force.*version\D*{version}\b")
        return all(
            said.search(child.log.read_text(errors="replace"))
            for child in self.stage.workers
            if child.running and "sequencer" in child.arguments
        )

    def decide(self, *arguments: str) -> None:
        """An operator's decision by the command line, which says at once whether it applies (1: something is open)."""
        told = ["--reason", "a scenario", "--by", "fin-01", "--yes"]
        try:
            said = run(["decide", *arguments, *told], self.stage.env)
        except ChildFailed as failed:
            said = str(failed).partition(":\n")[2]
        assert said.startswith("applied"), said

    # -- what can be seen

    def ledger(self, order_id: str, kind: str = "") -> list[Entry]:
        return self.stage.ledger(account="ns", order_id=order_id, kind=kind)

    def made(self, order_id: str) -> Counter[str]:
        """How many documents of each kind the other system keeps for the order."""
        return Counter(entry["kind"] for entry in self.ledger(order_id) if entry["op"] == "create")

    def sellable(self, order_id: str) -> int:
        """Units of the order that were put into sellable stock."""
        return sum(
            int(Decimal(str(line["quantity"])))
            for entry in self.ledger(order_id)
            if entry["sellable"] and entry["kind"] in ("item_receipt", "stock_movement")
            for line in entry["lines"]
        )

    def calls(self, since: int = 0) -> list[Entry]:
        """Calls that reached the account, after a sequence number."""
        found: list[Entry] = self.stage.control("GET", f"/_calls?account=ns&since_seq={since}")
        return found

    def since(self, seq: int) -> list[Entry]:
        """What the other system booked after a sequence number, of all orders."""
        found: list[Entry] = self.stage.control("GET", f"/_ledger?account=ns&since_seq={seq}")
        return found

    def position(self) -> tuple[int, int]:
        """The newest call and the newest entry of the ledger, by their sequence numbers."""
        calls, entries = self.calls(), self.since(0)
        return (calls[-1]["seq"] if calls else 0), (entries[-1]["seq"] if entries else 0)

    def order(self, order_id: str) -> Entry:
        """`order show --json`, without the cost of a process."""
        connection, topology = self._settings.connection(), self._settings.topology()
        found = asyncio.run(show(connection.consumer, topology, order_id))
        return found or {"steps": [], "exceptions": [], "waiting": [], "documents": [], "events": []}

    def exceptions(self, order_id: str) -> list[Entry]:
        found: list[Entry] = self.order(order_id)["exceptions"]
        return found

    def waiting(self, order_id: str) -> list[Entry]:
        found: list[Entry] = self.order(order_id)["waiting"]
        return found

    def record(self, type_: str, number: str) -> Entry:
        """A document as the other system's own interface shows it."""

        async def read(account: Account) -> Entry:
            return await account.get(type_, number)

        return self.by_hand(read)

    # -- waiting for it

    def eventually(
        self, condition: Callable[[], T], what: str, seconds: float = DEADLINE, order_id: str = "", every: float = 0.05
    ) -> T:
        """Wait for a condition; its (true) value. What the order looks like comes with the failure."""
        deadline = time.monotonic() + seconds
        while True:
            value = condition()
            if value:
                return value
            if time.monotonic() > deadline:
                shown = f"\n{self._sketch(order_id)}" if order_id else ""
                raise AssertionError(f"not within {seconds:.0f} s: {what}{shown}")
            time.sleep(every)

    def documents(self, order_id: str, kind: str, count: int = 1, seconds: float = DEADLINE) -> list[Entry]:
        """Wait until the ledger holds `count` created documents of a kind for the order; exactly those."""

        def found() -> list[Entry] | None:
            entries = [entry for entry in self.ledger(order_id, kind) if entry["op"] == "create"]
            return entries if len(entries) >= count else None

        entries = self.eventually(found, f"{count} {kind} of order {order_id}", seconds, order_id)
        assert entries is not None and len(entries) == count, entries
        return entries

    def document(self, order_id: str, kind: str, seconds: float = DEADLINE) -> Entry:
        return self.documents(order_id, kind, 1, seconds)[0]

    def exception(self, order_id: str, kind: str, seconds: float = DEADLINE, *, about: str = "") -> Entry:
        """Wait for exactly one open exception of a kind (whose reason has a text in it)."""

        def found() -> list[Entry]:
            return [e for e in self.exceptions(order_id) if e["kind"] == kind and about in e["reason"]]

        entries = self.eventually(found, f"exception {kind} of order {order_id}", seconds, order_id, every=0.2)
        assert len(entries) == 1, entries
        return entries[0]

    def no_exceptions(self, order_id: str, seconds: float = DEADLINE) -> None:
        """Wait until no exception of the order is open."""
        self.eventually(
            lambda: not self.exceptions(order_id), f"no exceptions of {order_id}", seconds, order_id, every=0.2
        )

    def at_rest(self, order_id: str, seconds: float = DEADLINE) -> Entry:
        """Wait until everything sent about the order is taken in and nothing is under way; what is left is outside."""

        def resting() -> Entry | None:
            order = self.order(order_id)
            busy = [w for w in order["waiting"] if w["for"].startswith("account:") or w["for"] in UNDER_WAY]
            return order if order["events"] and not busy and self._taken_in(order) else None

        found = self.eventually(resting, f"order {order_id} at rest", seconds, order_id, every=0.2)
        assert found is not None
        return found

    def _sketch(self, order_id: str) -> str:
        """What a failed wait has to say of its order."""
        order = self.order(order_id)
        lines = [f"event {event['at']} {event['what']}" for event in order["events"]]
        lines += [
            f"step {s['step']} {s['subject']} r{s['revision']}: {s['state']} {s['number']}" for s in order["steps"]
        ]
        lines += [f"exception {e['kind']} ({e['owner']}) {e['step']}: {e['reason']}" for e in order["exceptions"]]
        lines += [f"waiting {w['step']} {w['subject']} for {w['for']}: {w['why']}" for w in order["waiting"]]
        lines += [f"ledger {e['op']} {e['kind']} {e['number']} {e['amount']}" for e in self.ledger(order_id)]
        return "\n".join(lines)

    def _taken_in(self, order: Mapping[str, Any]) -> bool:
        """Whether the sequencer has committed past every record of the order: nothing lies unread in the topics."""
        newest: dict[tuple[str, int], int] = {}
        for event in order["events"]:
            place = (self.stage.prefix + event["topic"], event["partition"])
            newest[place] = max(newest.get(place, -1), event["offset"])
        return all(self.committed(topic).get(partition, 0) > offset for (topic, partition), offset in newest.items())

    def committed(self, topic: str) -> dict[int, int]:
        """How far the sequencers' group has got in a topic, by partition."""
        group = self._settings.topology().sequencer_app
        return asyncio.run(committed_offsets(self.stage.kafka, group, topic))
