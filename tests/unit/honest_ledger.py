"""A system that keeps every promise, on paper: the ledger, answers and lists that a flawless run would leave behind.

It stands on the generator's own fold of the deliveries, so that the check can be shown to pass; each test of the check
then spoils one thing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from adapters.generator import check, truth
from adapters.generator.amounts import text
from adapters.generator.catalogue import SERVICES
from adapters.generator.deliveries import REVENI, WAREHOUSE, Delivery
from adapters.generator.files import Answer
from adapters.generator.run import Peak, make
from adapters.generator.verdict import Verdict

LONDON = ZoneInfo("Europe/London")
START = datetime(2026, 11, 27, 9, 0, tzinfo=UTC)
SECRETS = {REVENI: "reveni-secret", WAREHOUSE: "warehouse-secret"}
_PLACES = {"sellable": "sellable", "damaged": "quarantine", "faulty": "quarantine", "destroyed": "write_off"}


def at(seconds: float) -> str:
    moment = START + timedelta(seconds=seconds)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


@dataclass
class Run:
    """Everything that the check looks at; tests spoil it."""

    peak: Peak
    sent: list[Delivery]
    answers: list[Answer]
    ledger: list[dict[str, Any]] = field(default_factory=list)
    exceptions: list[dict[str, Any]] = field(default_factory=list)
    waiting: list[dict[str, Any]] = field(default_factory=list)
    calls: dict[str, Any] = field(default_factory=lambda: {"breaches": 0, "max_in_flight": 15})

    def verdict(self) -> Verdict:
        return check.check(
            self.peak.expected, self.ledger, self.sent, self.answers, self.exceptions, self.waiting, self.calls
        )

    def book(self, kind: str, order_id: str, when: str, **fields: Any) -> dict[str, Any]:
        seq = len(self.ledger) + 1
        entry = {
            "seq": seq,
            "at": when,
            "account": "ns",
            "kind": kind,
            "number": str(9000 + seq),
            "external_ref": f"c-{seq}",
            "order_id": order_id,
            "op": "create",
            "lines": [],
            "amount": None,
            "currency": None,
            "location": None,
            "from": None,
            "sellable": False,
            "disposition": None,
            "method": None,
            "of": None,
            "status": "posted",
            **fields,
        }
        self.ledger.append(entry)
        return entry

    def of_kind(self, kind: str) -> list[dict[str, Any]]:
        return [entry for entry in self.ledger if entry["kind"] == kind]


def entry(
    order_id: str | None, return_id: str | None, step: str | None, kind: str, refund_id: str | None = None
) -> dict[str, Any]:
    """One line of `exceptions --json` or `waiting --json`."""
    return {
        "order_id": order_id,
        "return_id": return_id,
        "refund_id": refund_id,
        "step": step,
        "kind": kind,
        "owner": "finance",
        "reason": "It could not go on, for a reason given here.",
        "since": at(0),
        "due": None,
        "dlq_id": f"{order_id}-{return_id}-{step}-{refund_id}",
    }


def answered(sent: Sequence[Delivery]) -> list[Answer]:
    """Each delivery taken at once; the forged ones turned away."""
    return [Answer(one.seq, 1, one.wanted, 12.0, at(one.offset), at(one.offset + 0.012)) for one in sent]


def honest(seed: int, orders: int) -> Run:
    """A flawless run of a seed."""
    return honest_about(make(seed, orders, 60, SECRETS))


def honest_about(peak: Peak) -> Run:
    """A flawless run of what is told in a peak."""
    run = Run(peak, peak.deliveries, answered(peak.deliveries))
    sure, _ = truth.begun(run.sent, run.answers)
    demanded = {demand.return_id for demand in peak.expected.demands}
    for demand in peak.expected.demands:
        causes = [one for one in peak.expected.causes if one.return_id == demand.return_id]
        call = next(call for cause in causes for call in cause.calls if call.kind in demand.kinds)
        shown = entry(demand.order_id, demand.return_id, call.step, call.kind)
        run.exceptions.append({**shown, "owner": call.owner})
        run.waiting.append(entry(demand.order_id, demand.return_id, None, "waiting"))  # the rest waits for it
    before = {cause.order_id for cause in peak.expected.causes if cause.why == "came-back-before"}
    for return_id, data in sure.returns.items():
        if str(data["order_id"]) in before and return_id not in demanded:
            demanded.add(return_id)
            shown = entry(str(data["order_id"]), return_id, "return_authorisation", "mismatch")
            run.exceptions.append({**shown, "owner": "warehouse"})
            run.waiting.append(entry(str(data["order_id"]), return_id, None, "waiting"))
    for spoilt in sure.spoilt:
        shown = entry(spoilt.order_id, spoilt.return_id, "credit_note", "invalid", spoilt.refund_id or None)
        run.exceptions.append({**shown, "amount": text(spoilt.amount, spoilt.currency), "currency": spoilt.currency})
    decoded = {**entry(None, None, "decode", "invalid"), "owner": "engineering"}
    run.exceptions += [decoded.copy() for one in run.sent if "nameless" in one.tags]
    end = at(120)
    for return_id, data in sure.returns.items():
        if return_id in demanded or not data["lines"] or data["state"] in ("rejected", "cancelled"):
            continue
        sent = [one for one in data["lines"] if one["sku"] not in SERVICES]
        lines = [{"sku": one.get("component_sku") or one["sku"], "quantity": one["quantity"]} for one in sent]
        if not lines:
            continue
        run.book("return_authorisation", str(data["order_id"]), end, lines=lines, status="open")
    still_open = {
        order_id: {invoice.number: Decimal(invoice.open) for invoice in sold.invoices}
        for order_id, sold in peak.expected.orders.items()
    }
    credited: dict[str, Decimal] = defaultdict(Decimal)
    bonuses: dict[str, Decimal] = defaultdict(Decimal)
    for data in sure.returns.values():
        bonuses[str(data["order_id"])] += sum((Decimal(one["amount"]) for one in data["bonuses"]), Decimal(0))
    for refund in sure.refunds.values():
        if refund.return_id not in demanded and not refund.failed:
            total = credited[refund.order_id] + (Decimal(0) if refund.kind == "goodwill" else refund.amount)
            if total > Decimal(peak.expected.orders[refund.order_id].paid) + bonuses[refund.order_id]:
                run.exceptions.append(
                    entry(refund.order_id, refund.return_id, "credit_note", "mismatch", refund.refund_id)
                )
                continue
            credited[refund.order_id] = total
            amount = text(refund.amount, refund.currency)
            days = {datetime.fromisoformat(one).astimezone(LONDON).date().isoformat() for one in refund.executed_at}
            note = run.book("credit_note", refund.order_id, end, amount=amount, currency=refund.currency, status="open")
            note["date"] = max(days, default="2026-11-27")
            _apply(run, note, still_open)
    kept_back = {
        (return_id, line["line_id"])
        for return_id, data in sure.returns.items()
        for line in data["lines"]
        if line.get("restock") is False
    }
    for found in sure.found_finally():
        place = _PLACES.get(found.disposition)
        if place == "sellable" and (found.return_id, found.line_id) in kept_back:
            place = "quarantine"
        if place and found.return_id not in demanded:
            location = peak.expected.places[found.location][place]
            line = {"sku": found.sku, "quantity": found.quantity, "location": location}
            sellable = place == "sellable"
            run.book("item_receipt", found.order_id, end, lines=[line], location=location, sellable=sellable)
    for exchange in sure.exchanges:
        if exchange.return_id not in demanded:
            line = {"sku": exchange.sku, "quantity": exchange.quantity, "location": None}
            run.book("exchange_order", exchange.order_id, end, lines=[line], amount="0", status="open")
    return run


def _apply(run: Run, note: dict[str, Any], still_open: dict[str, dict[str, Decimal]]) -> None:
    """To the oldest open invoices: a note of these ledgers says nothing of lines."""
    left = Decimal(note["amount"])
    for number, due in still_open[note["order_id"]].items():
        amount = min(left, due)
        if amount:
            about = {"invoice_tran_id": number, "number": note["number"], "status": "applied"}
            run.book("credit_application", note["order_id"], note["at"], amount=str(amount), **about)
            still_open[note["order_id"]][number] -= amount
            left -= amount
