"""What the deliveries said, folded without any knowledge of the product: the newest version of everything."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import orjson

from adapters.generator import reading, rule
from adapters.generator.books import moment
from adapters.generator.deliveries import Delivery
from adapters.generator.files import Answer

# CONTRACTS section 2, Arrays: absent until known, and filled from older versions.
_LATE = ("disposition", "restock", "location", "accepted_quantity", "rejected_quantity")


@dataclass(slots=True)
class PaidRefund:
    """A refund that some snapshot called paid."""

    refund_id: str
    return_id: str
    order_id: str
    kind: str
    currency: str
    amount: Decimal  # as the newest snapshot says
    failed: bool = False  # a newer snapshot than the last that called it paid says so
    paid_at: list[Decimal] = field(default_factory=list)  # the amounts that snapshots called paid, oldest first
    executed_at: set[str] = field(default_factory=set)  # what snapshots that called it paid said


@dataclass(frozen=True, slots=True)
class SpoiltRefund:
    """A paid refund that cannot be told from others, or cannot be read: nobody may make a note of it unseen."""

    refund_id: str  # empty: it has none of its own
    return_id: str
    order_id: str
    currency: str
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Exchange:
    """A replacement that is to be sent."""

    return_id: str
    order_id: str
    line_id: str
    sku: str
    quantity: int


@dataclass(frozen=True, slots=True)
class Found:
    """Units of a SKU that one version of an inspection found in one disposition."""

    inspection_id: str
    version: int
    order_id: str
    return_id: str
    line_id: str
    sku: str
    disposition: str
    quantity: int
    location: str
    known_from: str  # when a delivery of it was first begun


@dataclass(slots=True)
class Truth:
    """The fold of a set of deliveries."""

    returns: dict[str, dict[str, Any]] = field(default_factory=dict)  # newest snapshot
    refunds: dict[str, PaidRefund] = field(default_factory=dict)
    exchanges: list[Exchange] = field(default_factory=list)
    found: list[Found] = field(default_factory=list)  # of every version
    spoilt: list[SpoiltRefund] = field(default_factory=list)  # of the newest snapshots
    newest: dict[str, int] = field(default_factory=dict)  # inspection id: newest version
    late: set[str] = field(default_factory=set)
    """Returns of which another version may have come before the first: so does one that was open at the cut-over."""

    def found_finally(self) -> list[Found]:
        return [found for found in self.found if found.version == self.newest[found.inspection_id]]


def begun(sent: Iterable[Delivery], answers: Iterable[Answer]) -> tuple[Truth, Truth]:
    """Two folds: of what was answered 200, and of all that was begun.

    A delivery that got no answer, or a 503, may have been stored all the same. What has to be there is counted in the
    first fold; what must not be exceeded, in the second.
    """
    answers = list(answers)
    first_begun: dict[int, str] = {}
    accepted: set[int] = set()
    for answer in answers:
        first_begun[answer.seq] = min(first_begun.get(answer.seq, answer.started), answer.started)
        if answer.status == 200:
            accepted.add(answer.seq)
    genuine = [one for one in sent if one.sort in ("reveni", "warehouse") and one.seq in first_begun]
    read = {one.seq: (reading.event(one.body), first_begun[one.seq]) for one in genuine}
    folds = fold(read[one.seq] for one in genuine if one.seq in accepted), fold(read[one.seq] for one in genuine)
    late = _late(genuine, answers, first_begun)
    for one in folds:
        one.late = late & one.returns.keys()
    return folds


def _late(sent: Iterable[Delivery], answers: Iterable[Answer], first_begun: Mapping[int, str]) -> set[str]:
    """Returns of which a later version was begun before the first one had been taken in."""
    taken: dict[int, str] = {}
    for answer in answers:
        if answer.status == 200:
            taken[answer.seq] = min(taken.get(answer.seq, answer.at), answer.at)
    began: dict[str, str] = {}  # when the first version was taken in
    later: dict[str, str] = {}  # when another was first begun
    for delivery in sent:
        if delivery.sort != "reveni":
            continue
        times, at = (began, taken.get(delivery.seq)) if delivery.version <= 1 else (later, first_begun[delivery.seq])
        if at is not None:
            times[delivery.return_id] = min(times.get(delivery.return_id, at), at)
    return {name for name, at in later.items() if name not in began or moment(at) < moment(began[name])}


def fold(events: Iterable[tuple[dict[str, Any], str]]) -> Truth:
    """The fold of decoded events, each with the moment (RFC 3339) from which it may have been known."""
    truth = Truth()
    snapshots: dict[str, dict[int, dict[str, Any]]] = {}
    inspections: dict[str, dict[int, tuple[str, str, dict[str, Any]]]] = {}
    for event, known in events:
        data = event["data"]
        if event["type"] == "return.updated":
            versions = snapshots.setdefault(data["return_id"], {})
            before = versions.get(data["version"])
            if before is None or (before != data and _outweighs(data, before)):
                versions[data["version"]] = data
        else:
            recorded = str(event.get("recorded_at", ""))
            told = inspections.setdefault(data["inspection_id"], {})
            if data["version"] in told:
                first, then, standing = told[data["version"]]
                told[data["version"]] = min(first, known), *max((then, standing), (recorded, data), key=_first)
            else:
                told[data["version"]] = known, recorded, data
    for return_id, by_version in snapshots.items():
        in_order = [by_version[version] for version in sorted(by_version)]
        newest = truth.returns[return_id] = _with_what_was_said_before(in_order)
        _refunds(truth, in_order)
        _exchanges(truth, newest)
        truth.spoilt += [
            SpoiltRefund(raw["refund_id"], return_id, newest["order_id"], newest["currency"], Decimal(raw["amount"]))
            for raw in newest.get("spoilt", ())
            if raw["state"] == "paid"
        ]
    for inspection_id, told in inspections.items():
        truth.newest[inspection_id] = max(told)
        for version, (known, _, data) in told.items():
            truth.found += [
                Found(
                    inspection_id,
                    version,
                    str(data["order_id"]),
                    data["return_id"],
                    line["line_id"],
                    line["sku"],
                    line["disposition"],
                    line["quantity"],
                    data["location"],
                    known,
                )
                for line in data["lines"]
            ]
    return truth


def _first(pair: tuple[str, dict[str, Any]]) -> str:
    return pair[0]


def _outweighs(data: dict[str, Any], other: dict[str, Any]) -> bool:
    """Of one version told in two ways the higher (updated_at, hash) wins (docs/join.md)."""
    return _weight(data) > _weight(other)


def _weight(data: dict[str, Any]) -> tuple[str, str]:
    return str(data["updated_at"]), hashlib.sha256(orjson.dumps(data, option=orjson.OPT_SORT_KEYS)).hexdigest()


def _with_what_was_said_before(snapshots: list[dict[str, Any]]) -> dict[str, Any]:
    """The newest snapshot; what its lines do not say of `_LATE` stands as the newest of the older ones has it."""
    newest = snapshots[-1]
    late: dict[str, dict[str, Any]] = {}
    for data in snapshots[:-1]:
        for line in data["lines"]:
            said = {name: line[name] for name in _LATE if line.get(name) is not None}
            if said:
                late.setdefault(line["line_id"], {}).update(said)
    if not late:
        return newest
    lines = [late.get(line["line_id"], {}) | _without_nulls(line) for line in newest["lines"]]
    return {**newest, "lines": lines}


def _without_nulls(line: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in line.items() if value is not None}


def _refunds(truth: Truth, snapshots: list[dict[str, Any]]) -> None:
    for data in snapshots:
        for raw in data["refunds"]:
            refund = truth.refunds.get(raw["refund_id"])
            if refund is None:
                if raw["state"] != "paid":
                    continue
                refund = truth.refunds[raw["refund_id"]] = PaidRefund(
                    raw["refund_id"], data["return_id"], str(data["order_id"]), raw["kind"], raw["currency"], Decimal(0)
                )
            refund.amount = Decimal(raw["amount"])
            if raw["state"] == "paid" and refund.amount not in refund.paid_at:
                refund.paid_at.append(refund.amount)
            if raw["state"] == "paid" and raw.get("executed_at"):
                refund.executed_at.add(raw["executed_at"])
            if raw["state"] in ("paid", "failed"):
                refund.failed = raw["state"] == "failed"


def _exchanges(truth: Truth, data: dict[str, Any]) -> None:
    for line in data["lines"]:
        if line["request"] != "exchange":
            continue
        for replacement, units in rule.replaced(data, line):
            if units and not replacement.get("order_ref"):
                truth.exchanges.append(
                    Exchange(data["return_id"], str(data["order_id"]), line["line_id"], replacement["sku"], units)
                )
