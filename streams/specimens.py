"""Orders made up to try a playbook on: what can happen to an order, combined in a fixed selection.

Nothing here is random in use: the same number of specimens is the same specimens, in every process.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from streams.bodies import EarlierLine, EarlierReturn
from streams.facts import Inspection, Snapshot, content_hash
from streams.profile import Profile
from streams.vocabulary import DocumentKind

ORDER = "specimen"
RETURN = "r1"

CHOICES: Mapping[str, tuple[str, ...]] = {
    "mode": ("instant", "standard"),
    "lines": ("returned", "exchanged", "mixed", "none"),
    "state": (
        "in_progress",
        "shipped",
        "received",
        "for_review",
        "accepted",
        "partly_accepted",
        "rejected",
        "cancelled",
    ),
    "refund": ("none", "pending", "paid", "failed", "paid then failed", "in two parts", "too much", "goodwill", "odd"),
    "verdict": ("pending", "accepted", "rejected"),
    "inspection": ("none", "sellable", "damaged", "wrong_item", "unheard of", "corrected", "too many", "before all"),
    "decided_by": ("warehouse", "reveni", "either"),
    "order": (
        *("found",) * 7,
        "closed",
        "not found",
        "two found",
        "archived",
        "other lines",
        "returned before",
        "euros",
        "a service",
    ),
    "stock": ("enough", "enough", "none", "no such item"),
    "invoice": ("open", "two open", "settled", "none"),
    "mapping": (*("whole",) * 6, "reason", "tax", "method"),
    "approval": (*("none",) * 3, "every kind"),
    "mismatch": ("hold", "post_and_flag"),
    "second": (*("none",) * 3, "twin", "twin rejected"),
}
"""What varies, and how. What goes well comes more often, or hardly an order would get as far as its last steps."""


@dataclass(frozen=True, slots=True)
class Specimen:
    """One way an order can go."""

    mode: str
    lines: str
    state: str
    refund: str
    verdict: str
    inspection: str
    decided_by: str
    order: str
    stock: str
    invoice: str
    mapping: str
    approval: str
    mismatch: str
    second: str
    told: str  # the kind whose command does not simply succeed
    ending: str  # done, refused, withheld, silent

    def __str__(self) -> str:
        return ", ".join(f"{entry.name} {getattr(self, entry.name)}" for entry in fields(self))


def specimens(kinds: tuple[DocumentKind, ...], count: int) -> Iterator[Specimen]:
    """So many orders; each value of each choice comes in equal measure, mixed by a fixed shuffle."""
    endings = ["/done"] * len(kinds) + [
        f"{kind.value}/{ending}" for kind in kinds for ending in ("refused", "withheld", "silent")
    ]
    columns: dict[str, list[str]] = {}
    for name, values in (*CHOICES.items(), ("ending", tuple(endings))):
        column = [values[number % len(values)] for number in range(count)]
        mixed = sorted(range(count), key=lambda number: hashlib.sha256(f"{name}/{number}".encode()).digest())
        columns[name] = [column[number] for number in mixed]
    for number in range(count):
        row = {name: column[number] for name, column in columns.items()}
        told, _, ending = row.pop("ending").partition("/")
        yield Specimen(**row, told=told, ending=ending)


def profile_for(specimen: Specimen, profile: Profile, kinds: tuple[DocumentKind, ...]) -> Profile:
    """The profile with the specimen's policies."""
    approval = frozenset(kind.value for kind in kinds) if specimen.approval == "every kind" else frozenset[str]()
    return replace(
        profile,
        merchant=replace(profile.merchant, inspection=specimen.decided_by, start_from=None, mode="live"),
        policies=replace(profile.policies, approval=approval, on_mismatch=specimen.mismatch),
    )


def first_snapshots(specimen: Specimen) -> list[Snapshot]:
    """The returns as they are first heard of."""
    begun = [snapshot(specimen, 1, state="in_progress", verdict="pending", refund=_before(specimen.refund))]
    if specimen.second != "none":
        state = "rejected" if specimen.second == "twin rejected" else specimen.state
        begun.append(snapshot(specimen, 1, state=state, return_id="r2"))
    return begun


def next_snapshots(specimen: Specimen) -> list[Snapshot]:
    return [snapshot(specimen, 2)]


def last_snapshots(specimen: Specimen, version: int) -> list[Snapshot]:
    """Reveni's last word, which ends all that waits for it: lines decided, refunds paid."""
    ids = [RETURN] if specimen.second == "none" else [RETURN, "r2"]
    verdict = "rejected" if specimen.verdict == "rejected" else "accepted"
    ended = specimen.state if specimen.state in ("rejected", "cancelled") else "accepted"
    refund = {"pending": "paid", "odd": "paid"}.get(specimen.refund, specimen.refund)
    return [
        snapshot(specimen, version, state=ended, verdict=verdict, refund=refund, return_id=each, disposition="sellable")
        for each in ids
    ]


def _before(refund: str) -> str:
    return {"paid then failed": "paid", "failed": "pending"}.get(refund, refund)


def snapshot(specimen: Specimen, version: int, *, return_id: str = RETURN, **changes: str) -> Snapshot:
    state, verdict = changes.get("state", specimen.state), changes.get("verdict", specimen.verdict)
    refund = changes.get("refund", specimen.refund)
    lines = [
        line
        for number, line in enumerate(
            (
                _line("l1", "ol1", 1, "exchange" if specimen.lines == "exchanged" else "return", specimen, verdict),
                _line("l2", "ol2", 2, "exchange" if specimen.lines == "mixed" else "return", specimen, verdict),
            )
        )
        if specimen.lines != "none" and (number == 0 or specimen.lines == "mixed")
    ]
    if changes.get("disposition") or (specimen.decided_by != "warehouse" and state == "received"):
        lines = [{**line, "disposition": changes.get("disposition", "damaged")} for line in lines]
    moment = f"2026-11-27T09:{version:02d}:00Z"
    data: dict[str, Any] = {
        "return_id": return_id,
        "order_id": ORDER,
        "version": version,
        "updated_at": moment,
        "type": {"returned": "refund", "exchanged": "exchange"}.get(specimen.lines, "mixed"),
        "mode": specimen.mode,
        "state": state,
        "currency": "GBP",
        "location": "main",
        "lines": lines,
        "replacements": [
            {"replaces_line_id": line["line_id"], "sku": "SKU-9", "quantity": 1, "unit_price": "10.00"}
            for line in lines
            if line["request"] == "exchange"
        ],
        "refunds": _refunds(refund, return_id, specimen),
    }
    return Snapshot(return_id, ORDER, (version, moment, content_hash(data)), data)


def _line(name: str, order_line: str, number: int, request: str, specimen: Specimen, verdict: str) -> dict[str, Any]:
    return {
        "line_id": name,
        "order_line_id": order_line,
        "sku": f"SKU-{number}",
        "quantity": 2,
        "unit_price": "10.00",
        "tax_amount": "3.33",
        "tax_code": "unheard of" if specimen.mapping == "tax" else "STD",
        "request": request,
        "reason": "unheard of" if specimen.mapping == "reason" else "other",
        "verdict": verdict,
    }


def _refunds(story: str, return_id: str, specimen: Specimen) -> list[dict[str, Any]]:
    if story == "none":
        return []
    parts = {"in two parts": ("12.00", "8.00"), "too much": ("29.00",), "goodwill": ("5.00",)}.get(story, ("20.00",))
    state = {"pending": "pending", "failed": "failed", "paid then failed": "failed", "odd": "on hold"}.get(
        story, "paid"
    )
    return [
        {
            "refund_id": f"{return_id}-rf{number}",
            "kind": "goodwill" if story == "goodwill" else "goods",
            "method": "unheard of" if specimen.mapping == "method" else "bank_transfer",
            "amount": amount,
            "currency": "GBP",
            "state": state,
            "executed_at": f"2026-11-27T08:0{number}:00Z",
        }
        for number, amount in enumerate(parts, start=1)
    ]


def inspections(specimen: Specimen) -> list[Inspection]:
    """What the warehouse has found so far."""
    match specimen.inspection:
        case "none" | "before all":
            return []
        case "corrected":
            return [inspection("sellable", 1), inspection("damaged", 2), inspection("sellable", 3)]
        case "too many":
            return [inspection("sellable", 1, units=9)]
        case found:
            return [inspection(found, 1)]


def inspection(
    disposition: str, version: int, *, name: str = "ins-1", units: int = 1, return_id: str = RETURN
) -> Inspection:
    lines = [
        {"line_id": f"l{number}", "sku": f"SKU-{number}", "quantity": units, "disposition": disposition}
        for number in (1, 2)
    ]
    data = {"inspection_id": name, "return_id": return_id, "location": "main", "lines": lines}
    return Inspection(name, ORDER, (version, f"2026-11-27T12:{version:02d}:00Z", content_hash(data)), data)


def answer(specimen: Specimen, kind: DocumentKind) -> dict[str, Any]:
    """What the account answers to a question."""
    if kind is DocumentKind.INVOICE:
        return {"invoices": invoices(specimen)}
    if kind is DocumentKind.AVAILABILITY:
        known = specimen.stock != "no such item"
        return {"item_exists": known, "item_active": known, "available": 5 if specimen.stock == "enough" else 0}
    lines: list[dict[str, Any]] = [
        {
            "order_line": str(number),
            "order_line_id": f"{'other' if specimen.order == 'other lines' else 'ol'}{number}",
            "sku": f"{'OTHER' if specimen.order == 'other lines' else 'SKU'}-{number}",
            "item": f"item-{number}",
            "quantity": 4,
            "fulfilled": 4,
            "unit_price": "10.00",
            "amount": "40.00",
            "tax": "6.66",
            "components": [],
            "active": True,
        }
        for number in (1, 2)
    ]
    if specimen.order == "a service":
        lines[1] |= {"kind": "service", "fulfilled": 0}
    units: EarlierLine = {"order_line": "1", "sku": "SKU-1", "quantity": 4}
    taken: EarlierReturn = {"number": "900", "external_ref": "by-hand", "status": "open", "lines": [units]}
    return {
        "found": {"not found": 0, "two found": 2}.get(specimen.order, 1),
        "number": "1001",
        "status": {"closed": "closed", "archived": "archived"}.get(specimen.order, "fulfilled"),
        "currency": "EUR" if specimen.order == "euros" else "GBP",
        "customer": {"number": "55", "active": True},
        "total": "80.00",
        "lines": lines,
        "returns": [taken] if specimen.order == "returned before" else [],
    }


def invoices(specimen: Specimen) -> list[dict[str, Any]]:
    """What is open on the order's invoices; of two, each billed one line."""
    billed = {"open": ("12",), "two open": ("1", "2"), "settled": ("12",)}.get(specimen.invoice, ())
    return [
        {
            "number": str(number),
            "open": "0.00" if specimen.invoice == "settled" else "15.00",
            "currency": "GBP",
            "date": "2026-11-01",
            "lines": [{"order_line": line} for line in lines],
        }
        for number, lines in enumerate(billed, start=77)
    ]


MODEL = """
[merchant]
name = "model"
time_zone = "Europe/London"
inspection = "warehouse"
mode = "live"
[roles]
order_authority = "model"
finance_ledger = "model"
stock_ledger = "model"
order_desk = "model"
[accounts.model]
system = "{system}"
base_url = "http://127.0.0.1:9"
credentials = {{}}
[locations.main]
model = {{ sellable = "1", quarantine = "2", write_off = "3" }}
[dispositions]
sellable = {{ to = "sellable" }}
damaged = {{ to = "quarantine" }}
wrong_item = {{ hold = "warehouse" }}
[reasons]
other = {{ model = "1" }}
[tax_codes]
STD = {{ model = "1", rate = "20" }}
[skus]
identity = true
[items]
goodwill = {{ model = "1", tax_code = "STD" }}
adjustment = {{ model = "2", tax_code = "STD" }}
[refund_methods]
bank_transfer = {{ model = "transfer" }}
"""


def model_profile(system: str) -> Profile:
    """A profile in which one account of the system plays every role, and all that specimens name is mapped."""
    return Profile.from_toml(MODEL.format(system=system), 1)
