"""What has to be true at the end, stated from the messages that were sent and the account's own ledger, and no more."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from itertools import combinations
from typing import Any
from zoneinfo import ZoneInfo

from adapters.generator.deliveries import Delivery
from adapters.generator.files import Answer

Entry = Mapping[str, Any]
_ABOUT_MONEY = {"", "credit_note", "credit_application", "return_authorisation", "order_snapshot", "invoice"}
_SELLABLE = {"sellable"}


@dataclass
class Told:
    """The newest of what was taken with 200: returns, refunds, inspections; and when each inspection was first sent."""

    returns: dict[str, dict[str, Any]] = field(default_factory=dict)
    refunds: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    inspections: dict[str, dict[str, Any]] = field(default_factory=dict)
    versions: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: defaultdict(list))
    first_seen: dict[tuple[str, str, str, int], list[tuple[str, int]]] = field(
        default_factory=lambda: defaultdict(list)
    )


def told(sent: Iterable[Delivery], answers: Iterable[Answer]) -> Told:
    begun: dict[int, str] = {}
    taken: set[int] = set()
    for answer in answers:
        begun[answer.seq] = min(begun.get(answer.seq, answer.started), answer.started)
        if answer.status == 200:
            taken.add(answer.seq)
    found = Told()
    for delivery in sent:
        if delivery.sort == "reveni" and delivery.seq in taken:
            _return(found, json.loads(delivery.body)["data"])
        elif delivery.sort == "warehouse" and delivery.seq in taken:
            data = json.loads(delivery.body)["data"]
            found.versions[data["inspection_id"]].append(data)
            older = found.inspections.get(data["inspection_id"])
            if older is None or older["version"] < data["version"]:
                found.inspections[data["inspection_id"]] = data
            sellable: Counter[str] = Counter()
            for line in data["lines"]:
                if line["disposition"] in _SELLABLE:
                    sellable[line["sku"]] += line["quantity"]
            for sku, units in sellable.items():
                key = (str(data["order_id"]), sku, data["inspection_id"], data["version"])
                found.first_seen[key].append((begun[delivery.seq], units))
    return found


def _return(found: Told, data: dict[str, Any]) -> None:
    older = found.returns.get(data["return_id"])
    if older is None or _age(older) < _age(data):
        found.returns[data["return_id"]] = data
    for refund in data["refunds"]:
        key = (data["return_id"], refund["refund_id"])
        known = found.refunds.get(key)
        if known is None or known["age"] < _age(data):
            found.refunds[key] = {**refund, "age": _age(data), "order_id": str(data["order_id"])}


def _age(data: Mapping[str, Any]) -> tuple[int, str]:
    return data["version"], data["updated_at"]


@dataclass(frozen=True)
class Kept:
    """What the account held before anything was sent, and what it wrote down since."""

    ledger: Sequence[Entry]
    places: Mapping[str, bool]  # location numbers, and whether they sell
    owed: Mapping[str, Decimal]  # by order: what was open on its invoices
    lines: Mapping[tuple[str, str], int]  # order and the channel's line: the row of the sales order
    alike: Mapping[tuple[str, int], int]  # order and row: the first row that nothing in the account tells it from


def complaints(said: Told, kept: Kept, exceptions: Sequence[Entry], waiting: Sequence[Entry]) -> list[str]:
    """Each sentence is a promise that was not kept."""
    return [
        *_money(said, kept.ledger, exceptions, waiting),
        *_applications(kept, [*exceptions, *waiting]),
        *_stock(said, kept.ledger, kept.places),
        *_received(said, kept),
        *_exchanges(said, kept.ledger),
        *_once(kept.ledger),
    ]


def _excuses(entries: Iterable[Entry], order_id: str, return_id: str, refund_id: str) -> list[Entry]:
    """Entries that say where the money of a refund is: its own, or one about its return that is not about goods."""
    return [
        entry
        for entry in entries
        if str(entry.get("order_id") or "") == order_id
        and entry.get("refund_id") in (None, "", refund_id)
        and (entry.get("refund_id") == refund_id or entry.get("return_id") in (None, "", return_id))
        and str(entry.get("step") or "") in _ABOUT_MONEY
        and str(entry.get("reason") or "").strip()
    ]


def _money(said: Told, ledger: Sequence[Entry], exceptions: Sequence[Entry], waiting: Sequence[Entry]) -> Iterable[str]:
    notes: dict[str, list[Entry]] = defaultdict(list)
    for entry in ledger:
        if entry["kind"] == "credit_note" and entry["op"] == "create":
            notes[entry["order_id"]].append(entry)
    paid: dict[str, list[tuple[tuple[str, str], dict[str, Any]]]] = defaultdict(list)
    for key, refund in said.refunds.items():
        if refund["state"] == "paid":
            paid[refund["order_id"]].append((key, refund))
    for order_id in sorted({*notes, *paid}):
        left = [(note["currency"], Decimal(note["amount"]), note["date"], note["number"]) for note in notes[order_id]]
        for (return_id, refund_id), refund in sorted(
            paid[order_id], key=lambda one: bool(_excuses([*exceptions, *waiting], order_id, *one[0]))
        ):
            wanted = (refund["currency"], Decimal(refund["amount"]))
            day = _day(refund["executed_at"])
            same = sorted((note for note in left if note[:2] == wanted), key=lambda note: note[2] != day)
            if same:
                left.remove(same[0])
                if same[0][2] != day:
                    yield f"order {order_id}: note {same[0][3]} is dated {same[0][2]}, its refund was made on {day}"
            elif grown := _supplemented(left, wanted):
                left = [note for note in left if note not in grown]
            elif not _excuses([*exceptions, *waiting], order_id, return_id, refund_id):
                what = f"refund {refund_id} of {wanted[1]} {wanted[0]} has no note of that amount, and nothing says why"
                yield f"order {order_id}: {what}"
        for currency, amount, _, number in left:
            if not any(
                str(entry.get("order_id")) == order_id and entry.get("step") in ("credit_note", "reversal")
                for entry in exceptions  # a refund that failed once its note was made: somebody says yes to a reversal
            ):
                yield f"order {order_id}: note {number} of {amount} {currency} belongs to no paid refund"


def _supplemented(left: list[tuple[str, Decimal, str, str]], wanted: tuple[str, Decimal]) -> set[Any]:
    """The notes of a refund that grew after its first note was made: that one and a supplement come to it exactly."""
    currency, amount = wanted
    for one, other in combinations([note for note in left if note[0] == currency], 2):
        if one[1] + other[1] == amount:
            return {one, other}
    return set()


def _day(moment: str) -> str:
    """The merchant's day of a moment."""
    return datetime.fromisoformat(moment).astimezone(ZoneInfo("Europe/London")).date().isoformat()


def _applications(kept: Kept, shown: Sequence[Entry]) -> Iterable[str]:
    """What was open is paid with the notes as far as both go; no note is applied with more than it has."""
    notes: dict[str, Decimal] = {}
    credited: dict[str, Decimal] = defaultdict(Decimal)
    applied: dict[str, Decimal] = defaultdict(Decimal)
    by_note: dict[str, Decimal] = defaultdict(Decimal)
    for entry in kept.ledger:
        if entry["kind"] == "credit_note" and entry["op"] == "create":
            notes[entry["number"]] = Decimal(entry["amount"])
            credited[entry["order_id"]] += Decimal(entry["amount"])
        elif entry["kind"] == "credit_application":
            by_note[entry["of"]] += Decimal(entry["amount"])
            applied[entry["order_id"]] += Decimal(entry["amount"])
    for number, amount in by_note.items():
        if amount > notes[number]:
            yield f"note {number} of {notes[number]} was applied with {amount}"
    told_of = {str(entry.get("order_id")) for entry in shown if entry.get("step") == "credit_application"}
    for order_id, amount in sorted(credited.items()):
        wanted = min(amount, kept.owed.get(order_id, Decimal(0)))
        if applied[order_id] != wanted and order_id not in told_of:
            yield f"order {order_id}: {applied[order_id]} of its notes applied, {wanted} could be, and nothing says why"


def _stock(said: Told, ledger: Sequence[Entry], places: Mapping[str, bool]) -> Iterable[str]:
    """At no moment more units in a place that sells than inspections begun by then had found sellable."""
    running: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for entry in ledger:
        if entry["kind"] not in ("item_receipt", "stock_movement"):
            continue
        for line in entry["lines"]:
            key, units = (entry["order_id"], line["sku"]), Decimal(line["quantity"])
            comes, leaves = places[line["location"]], bool(entry.get("from")) and places[entry["from"]]
            running[key] += units * (comes - leaves)
            if not comes or leaves:
                continue
            allowed = _sellable(said, *key, entry["at"])
            if running[key] > allowed:
                what = f"{running[key]} {key[1]} for sale at {entry['at']}, {allowed} inspected as sellable by then"
                yield f"order {key[0]}: {what}"


def _sellable(said: Told, order_id: str, sku: str, at: str) -> int:
    most: dict[str, int] = defaultdict(int)
    for (order, of, inspection, _), seen in said.first_seen.items():
        if (order, of) == (order_id, sku):
            for begun, units in seen:
                if begun[:23] <= at[:23]:
                    most[inspection] = max(most[inspection], units)
    return sum(most.values())


def _received(said: Told, kept: Kept) -> Iterable[str]:
    """On each row of the sales order no more units of a SKU come in than inspections found of what that row sold."""
    allowed: dict[tuple[str, int | None, str], dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for inspection_id, versions in said.versions.items():
        for data in versions:
            lines = {line["line_id"]: line for line in said.returns.get(data["return_id"], {}).get("lines", ())}
            counted: Counter[tuple[str, int | None, str]] = Counter()
            for found in data["lines"]:
                order_id = str(data["order_id"])
                sold = lines.get(found["line_id"], {}).get("order_line_id", "")
                row = kept.lines.get((order_id, sold), 0)
                counted[order_id, kept.alike.get((order_id, row)), found["sku"]] += found["quantity"]
            for key, units in counted.items():
                allowed[key][inspection_id] = max(allowed[key][inspection_id], units)
    received: dict[tuple[str, int | None, str], Decimal] = defaultdict(Decimal)
    for entry in kept.ledger:
        if entry["kind"] == "item_receipt":
            for line in entry["lines"]:
                place = kept.alike.get((entry["order_id"], line["order_line"] or 0))
                received[entry["order_id"], place, line["sku"]] += Decimal(line["quantity"])
    for key, came in sorted(received.items(), key=str):
        order_id, stands_on, sku = key
        if stands_on is None:  # an authorisation that stands alone names no row of the order
            most = sum(sum(found.values()) for (one, _, of), found in allowed.items() if (one, of) == (order_id, sku))
        else:
            most = sum(allowed[key].values())
        if came > most:
            yield f"order {order_id}: {came} {sku} received on row {stands_on}, {most} of what it sold were inspected"


def _exchanges(said: Told, ledger: Sequence[Entry]) -> Iterable[str]:
    ordered: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for entry in ledger:
        if entry["kind"] == "exchange_order":
            for line in entry["lines"]:
                ordered[entry["order_id"], line["sku"]] += Decimal(line["quantity"])
    asked: dict[tuple[str, str], int] = defaultdict(int)
    for data in said.returns.values():
        for one in data["replacements"]:
            if not one.get("order_ref"):
                asked[str(data["order_id"]), one["sku"]] += one["quantity"]
    for key, units in sorted(ordered.items()):
        if units > asked[key]:
            yield f"order {key[0]}: {units} {key[1]} sent in exchange, {asked[key]} asked for"


def _once(ledger: Sequence[Entry]) -> Iterable[str]:
    """One document for one external reference, and each has one."""
    made: dict[tuple[str, str], list[str]] = defaultdict(list)
    for entry in ledger:
        if entry["op"] == "create" and entry["kind"] not in ("credit_application", "customer"):
            if not entry["external_ref"]:
                yield f"{entry['kind']} {entry['number']} of order {entry['order_id']} has no external reference"
            made[entry["kind"], entry["external_ref"]].append(entry["number"])
    for (kind, reference), numbers in made.items():
        if reference and len(numbers) > 1:
            yield f"{kind} {reference} was made {len(numbers)} times: {', '.join(numbers)}"
