"""Each line of the vendor's ledger as it is booked: I2, I3, I4, I5, and silence in shadow mode."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from adapters.generator.books import CREDITS, REFERENCED, Books, Document, Movement
from tests.simulation.checks.findings import Findings
from tests.simulation.checks.merchant import Merchant
from tests.simulation.checks.orders import GOODS, Orders
from tests.simulation.checks.told import Told
from tests.simulation.plan import Plan, VendorFault

_ONCE = REFERENCED | {"exchange_order"}
_ZERO = Decimal(0)


class Documents:
    """What the vendor has, against the most it may have by what was sent so far."""

    def __init__(self, plan: Plan, findings: Findings, merchant: Merchant, told: Told, orders: Orders) -> None:
        self.books = Books()
        self.entries = 0
        self._expected, self._sellable = plan.expected, plan.expected.sellable
        self._findings, self._merchant, self._told, self._orders = findings, merchant, told, orders
        self._numbers: dict[tuple[str, str, str], str] = {}
        self._net: dict[int, Decimal] = {}  # of each credit, by its place in the books
        self._credited: dict[tuple[str, str], Decimal] = {}
        self._restocked: dict[tuple[str, str], Decimal] = {}
        self._received: dict[tuple[str, str], Decimal] = {}
        self._receipts: dict[tuple[str, str], dict[str, list[Any]]] = {}  # (return, inspection): command: its lines
        self._authorisations: dict[str, list[Document]] = {}
        self._by_hand: set[str] = set()
        self.amounts_go_wrong = any(
            isinstance(act, VendorFault) and str(act.rule.get("fault", "")).replace(" ", "-") == "wrong-amount"
            for act in plan.acts
        )

    def entry(self, entry: Mapping[str, Any]) -> None:
        self.entries += 1
        about, moved = self.books.add(entry, self._sellable)
        document = about[0]
        order_id = self._orders.order_of(document.external_ref, document.order_id)
        if entry["op"] == "create":
            self._created(entry, order_id)
            if document.kind == "return_authorisation":
                self._authorisations.setdefault(order_id, []).append(document)
        if document.kind == "return_authorisation":
            self._authorised(order_id)
        for one in about:
            if one.kind in CREDITS:
                self._credit(one)
        for movement in moved:
            self._move(movement, order_id)

    def taken_back(self, note: str) -> None:
        """A person says that this note was reversed by hand, which the ledger may show under any name or not at all."""
        self._by_hand.add(note)
        for document in self.books.of_kind(*CREDITS):
            if document.external_ref == note:
                self._credit(document)

    def asked(self, raw: Mapping[str, Any]) -> None:
        """I4 before the vendor has its say: no receipt asks for more than its return brings back."""
        order_id, names = str(raw["order_key"]), self._orders.names
        if raw["kind"] != "item_receipt":
            return
        self._findings.check("I4")
        return_id = str(raw["body"].get("return_id") or "")
        origin = str((raw["body"].get("origin") or {}).get("id") or raw["id"])
        # An inspection that was corrected asks for the same units again, under another disposition.
        whole = len(self._told.versions.get(origin, ())) == 1
        asked = self._receipts.setdefault((return_id, origin if whole else raw["id"]), {})
        asked[raw["id"]] = [] if raw["void"] else raw["body"].get("lines", [])
        units: dict[str, int] = {}
        for line in (line for lines in asked.values() for line in lines):
            name = names.sku(order_id, line["sku"])
            units[name] = units.get(name, 0) + int(line["quantity"])
        for sku, count in units.items():
            returned = sum(self._told.returned_by(order_id, return_id, one) for one in names.skus(order_id, sku))
            if count > returned and not self._orders.allowed(order_id, *GOODS):
                what = f"at most {returned} {sku} of return {return_id} of order {order_id} were to come back; "
                what += f"receipt {raw['subject']} asks for {count}"
                self._findings.add("I4", "asked-more-than-returned", order_id, what, raw["id"])

    def notes_of(self, refund_id: str) -> set[str]:
        """The subjects of a refund's notes that stand."""
        return {self._orders.asked[document.external_ref].subject for document in self._standing(refund_id)}

    def noted(self, refund_id: str) -> dict[str, Decimal]:
        """What is left of each note of a refund that stands, by its command."""
        return {document.external_ref: document.net for document in self._standing(refund_id)}

    def _standing(self, refund_id: str) -> Iterator[Document]:
        for document in self.books.of_kind(*CREDITS):
            asked = self._orders.asked.get(document.external_ref)
            if document.net > 0 and asked is not None and asked.subject.split("~")[0] == refund_id:
                yield document

    # -- I2

    def _created(self, entry: Mapping[str, Any], order_id: str) -> None:
        kind, reference, number = entry["kind"], entry["external_ref"] or "", entry["number"]
        if kind not in _ONCE:
            return
        self._findings.check("I2")
        if reference:
            first = self._numbers.setdefault((entry["account"], kind, reference), number)
            if first != number:
                what = f"{kind} {reference} of order {order_id} was to be made once; it stands as {first} and {number}"
                self._findings.add("I2", "document-doubled", order_id, what)
        if self._merchant.silent:
            what = f"order {order_id} was to get no document in shadow mode; {kind} {number} was made"
            self._findings.add("L02", "document-in-shadow", order_id, what)

    # -- I5

    def _credit(self, document: Document) -> None:
        order_id = self._orders.order_of(document.external_ref, document.order_id)
        net = self._as_asked(document)
        if net < 0:
            what = f"{document.number} of order {order_id} comes to {net}: it was reversed more than once"
            self._findings.add("I5", "reversed-twice", order_id, what)
        order_id, currency = self._orders.names.order(order_id), document.currency
        before = self._net.get(id(document), _ZERO)
        self._net[id(document)] = net
        credited = self._credited[order_id, currency] = self._credited.get((order_id, currency), _ZERO) + net - before
        if net <= before:
            return
        self._findings.check("I5")
        told_as = self._orders.names.orders(order_id)
        paid = sum((self._told.refunded(one, currency) for one in told_as), _ZERO)
        if credited > paid:
            what = f"at most the {paid} {currency} refunded of order {order_id} may be credited; {credited} is"
            self._findings.add("I5", "credited-more-than-refunded", order_id, what)
        sold = self._expected.orders.get(order_id)
        if sold is None:
            what = f"{credited} {currency} is credited to order {order_id}, which was never sold"
            self._findings.add("I5", "credit-for-no-order", order_id, what)
            return
        limit = Decimal(sold.paid) + sum((self._told.given(one, currency) for one in told_as), _ZERO)
        if credited > limit and not self._orders.allowed(order_id, "credit_note"):
            what = f"at most {limit} {currency} was paid for order {order_id} or given on top; {credited} is credited"
            self._findings.add("I5", "credited-more-than-paid", order_id, what)

    def _as_asked(self, document: Document) -> Decimal:
        """What is left of a credit; where the vendor's fault stores wrong amounts, by the amount asked for.

        A wrong amount is the vendor's. That it shows as an exception is asked for at rest.
        """
        asked = self._orders.asked.get(document.external_ref) if self.amounts_go_wrong else None
        if document.external_ref in self._by_hand:
            return min(document.net, _ZERO)
        if asked is None or document.void or not asked.amounts:
            return document.net
        amounts = [Decimal(amount) for amount in asked.amounts]
        if document.amount in amounts:
            return document.net
        return max(_ZERO, max(amounts) - document.reversed)

    # -- I3, I4

    def _move(self, movement: Movement, order_id: str) -> None:
        sku, key = movement.sku, (order_id, movement.sku)
        if movement.raises_sellable:
            self._restocked[key] = self._restocked.get(key, _ZERO) + movement.quantity
        elif movement.lowers_sellable:
            self._restocked[key] = self._restocked.get(key, _ZERO) - movement.quantity
        if movement.kind == "item_receipt":
            units = movement.quantity if movement.target else -movement.quantity
            self._received[key] = self._received.get(key, _ZERO) + units
        same = self._same(order_id, sku)
        excused = self._orders.allowed(order_id, *GOODS)
        if movement.raises_sellable:
            self._findings.check("I3")
            units = sum((self._restocked.get(one, _ZERO) for one in same), _ZERO)
            allowed = sum(self._told.sellable(*one) for one in same)
            if units > allowed and not excused:
                what = (
                    f"at most {allowed} {sku} of order {order_id} had been found sellable by entry {movement.seq} "
                    f"({movement.kind}); {units} are in the sellable stock"
                )
                self._findings.add("I3", "restocked-uninspected", order_id, what, f"{sku}")
        if movement.kind == "item_receipt":
            self._findings.check("I4")
            units = sum((self._received.get(one, _ZERO) for one in same), _ZERO)
            seen = sum(self._told.received(*one) for one in same)
            if units > seen and not excused:
                what = f"at most {seen} {sku} of order {order_id} had been inspected; {units} were received"
                self._findings.add("I4", "received-more-than-inspected", order_id, what, sku)
            returned = sum(self._told.returned(*one) for one in same)
            if units > returned and not excused:
                what = f"at most {returned} {sku} of order {order_id} were to come back; {units} were received"
                self._findings.add("I4", "received-more-than-returned", order_id, what, sku)
            sold = self._sold(order_id, sku)
            if units > sold and not excused:
                what = f"{sold} {sku} of order {order_id} were sold; {units} were received"
                self._findings.add("I4", "received-more-than-sold", order_id, what, sku)

    def _authorised(self, order_id: str) -> None:
        self._findings.check("I4")
        names, units = self._orders.names, dict[str, Decimal]()
        for one in names.orders(names.order(order_id)):
            for document in self._authorisations.get(one, ()):
                if document.status != "closed" and not document.void:
                    for line in document.lines:
                        sku = names.sku(order_id, line["sku"])
                        units[sku] = units.get(sku, _ZERO) + Decimal(str(line["quantity"]))
        for sku, count in units.items():
            sold = self._sold(order_id, sku)
            if count > sold and not self._orders.allowed(order_id, "return_authorisation"):
                what = f"{sold} {sku} of order {order_id} were sold; {count} are authorised to come back"
                self._findings.add("I4", "authorised-more-than-sold", order_id, what, sku)

    def _same(self, order_id: str, sku: str) -> list[tuple[str, str]]:
        """The order and the SKU under all the names that they are told and booked under."""
        names = self._orders.names
        skus = names.skus(order_id, sku)
        return [(one, other) for one in names.orders(names.order(order_id)) for other in skus]

    def _sold(self, order_id: str, sku: str) -> int:
        names = self._orders.names
        order = self._expected.orders.get(names.order(order_id))
        return sum(order.units.get(one, 0) for one in names.skus(order_id, sku)) if order else 0
