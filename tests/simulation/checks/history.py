"""A small history told by hand, for the judges' own tests: an order of two red tees and a hat, and its fate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from adapters.generator.deliveries import REVENI, WAREHOUSE, Delivery
from adapters.generator.expected import Demand, Expected, Sold
from adapters.generator.orders import ACCOUNT
from adapters.generator.world import WAREHOUSES, World
from streams.commands import Command, Failure, Outcome, body_hash, command_id
from streams.facts import read_decision, read_inspection, read_outcome, read_snapshot
from streams.letters import Source, headers, letter_headers, letter_value
from streams.row import Issued, Letter, Row
from streams.rowcodec import encode
from streams.vocabulary import DocumentKind, ErrorKind, OutcomeStatus, Owner
from tests.scenarios.messages import inspection, inspection_event, return_event, return_of
from tests.simulation.checks.watch import Watch
from tests.simulation.plan import Act, Plan

ORDER = "5001"
KEY = ORDER.encode()
CHANGELOG = "sequencer-orders-changelog"
TABLE = "dispatcher-ns-begun-changelog"
PROFILE: dict[str, Any] = {
    "merchant": {"inspection": "warehouse", "mode": "live"},
    "dispositions": {"sellable": {"to": "sellable"}, "damaged": {"to": "quarantine"}, "missing": {"to": "nothing"}},
}


@dataclass(frozen=True, slots=True)
class Record:
    """A record of the log."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]] = ()


def plan(
    *acts: Act,
    profile: Mapping[str, Any] | None = None,
    demands: Sequence[Demand] = (),
    world: World | None = None,
    before: Mapping[str, int] | None = None,
) -> Plan:
    """`before`: by SKU, the units that somebody authorised by hand before."""
    orders = {ORDER: Sold("fulfilled", "GBP", "94.95", {"TEE-RED-M": 2, "HAT-1": 1}, before=dict(before or {}))}
    expected = Expected(1, ACCOUNT, orders, WAREHOUSES, list(demands))
    return Plan(1, profile or PROFILE, {}, world or World(1, ()), expected, acts)


class History:
    """Says to a watch what a run would; the row follows what was heard, as the sequencer's would."""

    def __init__(
        self,
        *acts: Act,
        profile: Mapping[str, Any] | None = None,
        demands: Sequence[Demand] = (),
        world: World | None = None,
        before: Mapping[str, int] | None = None,
    ) -> None:
        self.watch = Watch(plan(*acts, profile=profile, demands=demands, world=world, before=before))
        self.row = Row(ORDER)
        self.exceptions: list[dict[str, Any]] = []
        self.waiting: list[dict[str, Any]] = []
        self._ends: dict[tuple[str, int], int] = {}
        self._seq = self._stamp = self._number = self._entries = 0

    @property
    def found(self) -> set[str]:
        return {violation.name for violation in self.watch.violations}

    # -- the log

    def append(
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        fields: Sequence[tuple[str, bytes]] = (),
        timestamp: int = 0,
    ) -> Record:
        offset = self._ends.get((topic, 0), 0)
        self._ends[topic, 0] = offset + 1
        record = Record(offset, timestamp or 1_000 + offset, key, value, fields)
        self.watch.written(topic, 0, record)
        return record

    def commit(self, topic: str, offset: int | None = None) -> None:
        group = "dispatcher-ns" if topic.startswith("erp.commands") else "sequencer"
        self.watch.committed(group, topic, 0, self._ends[topic, 0] if offset is None else offset)

    # -- the senders

    def delivery(self, event: Mapping[str, Any], sort: str = "reveni") -> Delivery:
        self._seq += 1
        route = REVENI if sort == "reveni" else WAREHOUSE
        body = orjson.dumps(event)
        return Delivery(self._seq, 0.0, route, body, "", sort, str(event.get("id")), ORDER)

    def send(self, delivery: Delivery, *, stored: bool = True) -> Delivery:
        """Begun, stored, and answered 200."""
        self.watch.sent(delivery, 1.0)
        if stored:
            topic = "events.reveni" if delivery.sort == "reveni" else "events.warehouse"
            self.append(topic, KEY, delivery.body)
        self.watch.answered(delivery, 200, 1.1)
        return delivery

    def snapshot(self, version: int = 1, return_id: str = "r1", **changes: Any) -> Delivery:
        data = {"shipping_refund": "0.00", **return_of(ORDER, return_id, version, **changes)}
        delivery = self.send(self.delivery(return_event(data, f"e{self._seq}")))
        self.row.absorb(read_snapshot(delivery.body))
        return delivery

    def inspect(self, *found: tuple[str, str, int, str], return_id: str = "r1", **changes: Any) -> Delivery:
        data = inspection(ORDER, return_id, found, **changes)
        delivery = self.send(self.delivery(inspection_event(data, f"e{self._seq}"), "warehouse"))
        self.row.absorb(read_inspection(delivery.body))
        return delivery

    def decide(self, kind: str, ruling: str = "applied", **data: Any) -> None:
        self._seq += 1
        event = {
            "id": f"d{self._seq}",
            "type": "decision",
            "at": "2026-11-27T11:00:00Z",
            "by": "fin-01",
            "reason": "seen",
            "order_id": ORDER,
            "decision": {"kind": kind, **data},
        }
        self.append("events.decisions", KEY, orjson.dumps(event))
        self.row.absorb(read_decision(orjson.dumps(event)))
        self.row.rulings[f"d{self._seq}"] = ruling

    # -- the pipeline

    def changelog(self) -> bytes:
        """The row as it is, written."""
        self._stamp += 1
        self.row.previous, self.row.stamp = self.row.stamp, (1, self._stamp)
        value = encode(self.row)
        self.append(CHANGELOG, KEY, value)
        return value

    def ask(self, kind: DocumentKind, subject: str, revision: int = 1, **body: Any) -> Command:
        """Freeze a command into the row; it is published by `publish`."""
        command = Command(
            id=command_id("ns", ORDER, kind.value, subject),
            revision=revision,
            account="ns",
            order_key=ORDER,
            kind=kind,
            subject=subject,
            body=body,
            hash=body_hash(body),
            profile_version=1,
            row_stamp=(1, self._stamp + 1),
        )
        self.row.issued[command.id] = Issued(command, bodies={command.hash: (revision, body)})
        return command

    def publish(self, command: Command) -> None:
        topic = "erp.commands.ns" if command.klass.value == "money" else "erp.commands.ns.goods"
        self.append(topic, KEY, command.encode())
        issued = self.row.issued.get(command.id)
        if issued is not None:
            issued.published = True

    def begin(self, command: Command, epoch: int = 1) -> None:
        mark = [epoch, "2026-11-27T10:00:00Z"]
        entry = {"state": "begun", "command": command.as_json(), "written": mark, "sends": 1, "doubt": mark}
        self.append(TABLE, command.id.encode(), orjson.dumps({**entry, "settled": [0, ""], "attempts": []}))

    def end(self, command: Command, number: str = "", **changes: Any) -> Outcome:
        """Its outcome: done under a number."""
        self._number += 1
        said: dict[str, Any] = {
            "status": OutcomeStatus.DONE,
            "at": f"2026-11-27T10:00:{self._number:02d}.000Z",
            "number": number or f"n{self._number}",
            **changes,
        }
        if said["status"] is OutcomeStatus.REFUSED:
            said.setdefault("failure", Failure(ErrorKind.UNKNOWN_OUTCOME, "no"))
        outcome = Outcome(
            command_id=command.id,
            revision=command.revision,
            hash=command.hash,
            account="ns",
            order_key=ORDER,
            kind=command.kind,
            subject=command.subject,
            **said,
        )
        self.append("erp.outcomes", KEY, outcome.encode())
        self.row.absorb(read_outcome(outcome.encode()))
        return outcome

    def write_down(self, outcome: Outcome) -> None:
        mark = [1, "2026-11-27T10:00:00Z"]
        entry = {"state": "ended", "outcome": orjson.loads(outcome.encode()), "row_stamp": [1, 1], "written": mark}
        value = orjson.dumps({**entry, "look_first": False, "doubt": [0, ""], "settled": mark})
        self.append(TABLE, outcome.command_id.encode(), value)

    def make(self, kind: DocumentKind, subject: str, ledger_kind: str = "", **entry: Any) -> Command:
        """A command from its row to its document and back."""
        command = self.ask(kind, subject, amount=entry.get("amount"))
        self.changelog()
        self.publish(command)
        self.begin(command)
        self.book(ledger_kind or kind.value, external_ref=command.id, **entry)
        self.write_down(self.end(command))
        self.changelog()
        return command

    def book(self, kind: str, **fields: Any) -> dict[str, Any]:
        """A line of the vendor's ledger."""
        self._entries += 1
        entry = {
            "seq": self._entries,
            "at": "2026-11-27T10:00:00.000Z",
            "account": "ns",
            "kind": kind,
            "number": str(9000 + self._entries),
            "external_ref": None,
            "order_id": ORDER,
            "op": "create",
            "lines": [],
            "amount": None,
            "currency": "GBP",
            "location": None,
            "from": None,
            "sellable": False,
            "disposition": None,
            "method": None,
            "of": None,
            "status": "open",
            **fields,
        }
        self.watch.entry(entry)
        return entry

    def except_for(self, step: str, subject: str, kind: ErrorKind = ErrorKind.REFUSED, **about: str) -> str:
        """An exception of the order: in its row, in the dead letters and on the list."""
        letter_id = command_id("ns", ORDER, step, subject)
        command = {"id": letter_id, "revision": 1, "hash": "", "account": "ns", "order_key": ORDER, "kind": step}
        content = {
            "kind": kind.value,
            "owner": Owner.FINANCE.value,
            "reason": about.get("reason", "NetSuite says no."),
            "step": step,
            "subject": subject,
            "return_id": about.get("return_id", "r1"),
            "refund_id": about.get("refund_id", ""),
            "part": "",
            "mapping_key": about.get("mapping_key", ""),
            "code": "",
            "type": "",
            "disposition": "rejected",
            "attempts": 1,
            "command": {**command, "subject": subject, "body": {}},
        }
        self.row.letters[letter_id] = Letter(letter_id, content, since="2026-11-27T10:00:00Z")
        self.changelog()
        fields = letter_headers(
            letter_id,
            content,
            source=Source("events.reveni", 0, 0, 1_000, "sequencer"),
            since="2026-11-27T10:00:00Z",
            at="2026-11-27T10:00:00Z",
            replays=0,
            app="sequencer",
        )
        self.append("dead.letters", KEY, letter_value(content), fields)
        self.row.letters[letter_id].published = True
        entry = {"order_id": ORDER, "return_id": content["return_id"], "refund_id": content["refund_id"] or None}
        shown = {"step": step, "subject": subject, "kind": kind.value, "owner": content["owner"]}
        shown |= {"reason": str(content["reason"]), "dlq_id": letter_id}
        self.exceptions.append({**entry, **shown})
        return letter_id

    def bury(self, topic: str, record: Record, **changes: Any) -> None:
        """A dead letter about a record; `changes` are headers, or `key`, `value`, `timestamp` of the letter."""
        fields = dict(
            headers(
                letter_id=f"letter-of-{topic}-{record.offset}",
                source=Source(topic, 0, record.offset, record.timestamp, "sequencer"),
                stage="decode",
                disposition="poison",
                kind=ErrorKind.INVALID,
                error_type="invalid",
                message="the body is not JSON",
                owner=Owner.ENGINEERING,
                first_failed_at="2026-11-27T10:00:00Z",
                failed_at="2026-11-27T10:00:00Z",
                app="sequencer",
            )
        )
        said = {name.replace("_", "-"): value for name, value in changes.items() if name.startswith("dlq")}
        fields |= {name: value for name, value in said.items() if value is not None}
        kept = [pair for pair in fields.items() if not (pair[0] in said and said[pair[0]] is None)]
        key, value = changes.get("key", record.key), changes.get("value", record.value)
        timestamp = changes.get("timestamp", record.timestamp)
        self.append("dead.letters", key, value, [*record.headers, *kept], timestamp)
        shown = {"order_id": None, "return_id": None, "refund_id": None, "step": "decode", "kind": "invalid"}
        shown["owner"] = Owner.ENGINEERING.value
        self.exceptions.append({**shown, "reason": "no JSON", "dlq_id": fields["dlq.id"].decode()})

    def wait(self, step: str, waits_for: str, **about: Any) -> None:
        entry = {"order_id": ORDER, "return_id": "r1", "refund_id": None, "step": step, "subject": "r1"}
        self.waiting.append({**entry, "for": waits_for, "reason": "not there yet", **about})

    def finish(self, *left: str) -> set[str]:
        """At rest; the names of what was found."""
        rows = {KEY: self.changelog()} if self.row.stamp != (0, 0) or self.row.returns else {}
        self.watch.finish(rows, self.exceptions, self.waiting, (), left)
        return self.found
