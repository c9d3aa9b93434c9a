"""What is not done without a person: approvals (I16), and whether what people are shown has a cause (I8, R11)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import orjson

from adapters.generator import rule
from adapters.generator.books import CREDITS, Books
from adapters.generator.truth import Truth
from streams.commands import body_hash
from tests.simulation.checks.calls import Call, refuses
from tests.simulation.checks.conservation import Conservation
from tests.simulation.checks.findings import Findings
from tests.simulation.checks.merchant import Merchant
from tests.simulation.checks.orders import Orders, Ruling
from tests.simulation.checks.rows import RowRecord
from tests.simulation.plan import Plan, VendorFault

Entry = Mapping[str, Any]

_ALWAYS = frozenset({"reversal"})  # money is never taken back without a person
_LIES = frozenset({"wrong-amount", "accept-and-lose"})
_MEMO = re.compile(r"/returnAuthorization/([^/]+)/!transform/creditMemo$|/creditMemo/eid:([^/]+)$")


class People:
    """Looks at commands as they are first asked, and at exceptions at rest."""

    def __init__(self, plan: Plan, findings: Findings, merchant: Merchant, orders: Orders) -> None:
        self._plan, self._findings, self._merchant, self._orders = plan, findings, merchant, orders
        self._unseen: list[Ruling] = []
        self._no_memo: set[str] = set()  # what the vendor refused to make a memo of: authorisations, external ids
        self._vendor_lies = any(
            isinstance(act, VendorFault) and str(act.rule.get("fault", "")).replace(" ", "-") in _LIES
            for act in plan.acts
        )

    def command(self, raw: Entry) -> None:
        """The first that is heard of a command: where a yes is needed, somebody said it to exactly this content."""
        kind = raw["kind"]
        if raw["void"] or raw["revision"] != 1 or not (kind in _ALWAYS or kind in self._merchant.approvals):
            return
        self._findings.check("I16")
        said = self._orders.yes_to(raw["id"])
        shown = {"", raw["hash"]}
        if kind == "reversal":  # it has the day of the yes itself, which nobody could be shown before
            shown.add(body_hash({**raw["body"], "date": ""}))
        if not said & shown:
            seen = f"the yes was to {', '.join(sorted(said))}, not to {raw['hash']}" if said else "nobody said yes"
            what = f"{kind} {raw['subject']} of order {raw['order_key']} needs approval; {seen}"
            self._findings.add("I16", "not-approved", raw["order_key"], what)

    def called(self, call: Call) -> None:
        """A call has ended."""
        named = _MEMO.search(call.path) if refuses(call) else None
        if named:
            self._no_memo.add(named[1] or named[2])

    def document(self, entry: Entry, order_id: str) -> None:
        """Where the profile holds what falls into a closed period, nothing is dated into another one."""
        asked = self._orders.asked.get(entry["external_ref"] or "")
        if self._merchant.closed_periods != {"hold"} or asked is None or not entry.get("date"):
            return
        days = sorted({str(body["date"])[:10] for body in asked.bodies if body.get("date")})
        self._findings.check("I16")
        if days and not any(_near(day, str(entry["date"])) for day in days):
            what = f"{entry['kind']} {entry['number']} of order {order_id} belongs to {', '.join(days)}"
            self._findings.add("I16", "posted-elsewhen", order_id, f"{what}; it is dated {entry['date']}")

    def decision(self, ruling: Ruling | None, conservation: Conservation) -> None:
        """One about a content or a revision that nobody was ever shown can only be void."""
        if ruling is None:
            return
        revisions = conservation.published.commands
        unseen = ruling.hash and not conservation.knows(ruling.order_id, ruling.hash)
        ahead = ruling.revision is not None and ruling.revision > revisions.get(ruling.target, 0) + 3
        if unseen or ahead:
            self._unseen.append(ruling)

    # -- at rest

    def rulings(self, records: Mapping[str, RowRecord]) -> None:
        for ruling in self._unseen:
            self._findings.check("I16")
            row = records.get(ruling.order_id)
            said = row.body.get("rulings", {}).get(ruling.decision_id) if row is not None else None
            if said == "applied":
                what = f"decision {ruling.decision_id} ({ruling.kind}) on order {ruling.order_id} was about revision "
                what += f"{ruling.revision}, content {ruling.hash or 'any'}, which nobody was shown; it was applied"
                self._findings.add("I16", "stale-decision-applied", ruling.order_id, what)

    def at_rest(self, truths: tuple[Truth, Truth], books: Books, exceptions: Iterable[Entry]) -> None:
        sure, most = truths
        self._twins(most, books)
        if not self._vendor_lies and not self._merchant.changed:
            for entry in exceptions:
                if entry.get("kind") == "mismatch" and entry.get("step") == "credit_note":
                    self._founded(sure, most, entry, books)

    def _founded(self, sure: Truth, most: Truth, entry: Entry, books: Books) -> None:
        """A mismatch of money has a return whose refunds do not come to what its lines do."""
        return_id, order_id = str(entry.get("return_id") or ""), str(entry.get("order_id") or "")
        data = sure.returns.get(return_id)
        if data is None or self._plan.expected.tags.get(return_id) or most.returns.get(return_id) != data:
            return
        order = next((one for one in self._plan.world.orders if one.order_id == order_id), None)
        sold = self._plan.expected.orders.get(order_id)
        refunded = sum((refund.amount for refund in most.refunds.values() if refund.order_id == order_id), Decimal(0))
        if order is None or sold is None or refunded > Decimal(sold.paid):
            return
        self._findings.check("I8")
        told = sum(
            (Decimal(one["amount"]) for one in data["refunds"] if one["kind"] == "goods" and one["state"] != "failed"),
            Decimal(0),
        )
        due = rule.expected(data, order)
        if told == due and not self._is_the_vendors(entry, order_id, books):
            what = (
                f"the refunds of return {return_id} of order {order_id} come to the {due} that its lines come to; "
                f"they are held as a mismatch all the same: {entry.get('reason')}"
            )
            self._findings.add("I8", "mismatch-unfounded", order_id, what)

    def _is_the_vendors(self, entry: Entry, order_id: str, books: Books) -> bool:
        """Whether it says just what the last refusal of the note did, and the vendor did refuse such a note."""
        name = str(entry.get("command_id") or entry.get("dlq_id") or "")
        if self._orders.refusals.get(name) != entry.get("reason"):
            return False
        sources = {
            document.number
            for document in books.of_kind("return_authorisation")
            if self._orders.order_of(document.external_ref, document.order_id) == order_id
        }
        return not self._no_memo.isdisjoint(sources | {name})

    def _twins(self, most: Truth, books: Books) -> None:
        """R11: of two refunds with equal lines and amount one is credited, unless a person said that it is two."""
        credited: dict[str, Decimal] = {}
        for document in books.of_kind(*CREDITS):
            asked = self._orders.asked.get(document.external_ref)
            if asked is not None:
                name = asked.subject.split("~")[0]
                credited[name] = credited.get(name, Decimal(0)) + document.net
        seen: dict[bytes, tuple[str, str]] = {}
        for return_id, data in sorted(most.returns.items()):
            if "twins" not in self._plan.expected.tags.get(return_id, ()):
                continue
            order_id = str(data["order_id"])
            for refund in data["refunds"]:
                if refund["state"] != "paid" or not credited.get(refund["refund_id"]):
                    continue
                lines = sorted([line["order_line_id"], line["quantity"]] for line in data["lines"])
                twin = orjson.dumps([order_id, refund["kind"], refund["amount"], lines])
                self._findings.check("I5")
                if twin not in seen:
                    seen[twin] = return_id, refund["refund_id"]
                    continue
                first, other = seen[twin]
                if first != return_id and not self._orders.noted(order_id, {other, refund["refund_id"]}):
                    what = f"returns {first} and {return_id} of order {order_id} have equal lines and amount"
                    what += f" ({refund['amount']}); both are credited, and nobody said that it is two"
                    self._findings.add("I5", "twins-credited", order_id, what)


def _near(day: str, dated: str) -> bool:
    """Whether two dates are a day apart at most: the merchant's days are not those of UTC."""
    return abs(date.fromisoformat(day) - date.fromisoformat(dated[:10])) <= timedelta(days=1)
