"""What follows from a document: statuses, stock, what is due, and the entry in the ledger."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from tests.doubles.bare.journal import Journal, money
from tests.doubles.bare.records import CURRENCIES, ZERO, Record, Row, Store, rounded
from tests.doubles.bare.values import Body, invalid, number, ref, user_error

_COPIED = ("currency", "entity", "external_id", "source", "status", "day", "fields", "rows")


class Effects:
    """The account's own doings. `refund_in_advance`: a memo may be made before the goods are received."""

    def __init__(self, store: Store, journal: Journal) -> None:
        self.store, self.journal = store, journal
        self.refund_in_advance = True

    def finish(self, record: Record) -> Record:
        if record.type == "creditMemo":
            self._credit(record)
        if record.total < 0:
            raise user_error("The total of a transaction cannot be negative.")
        kept = self.store.keep(record.type, **{name: getattr(record, name) for name in _COPIED})
        if kept.type == "returnAuthorization":
            kept.status = "B"
        elif kept.type == "salesOrder":
            kept.status = "B"
            for row in kept.rows:
                self._take(row.item, row.location, row.quantity)
        elif kept.type == "creditMemo":
            kept.status = "A"
        about: dict[str, Any] = {}
        if kept.type == "itemReceipt":
            about = self._received(kept)
        if kept.type in ("inventoryTransfer", "inventoryAdjustment"):
            about = kept.fields.pop("moved")
        if kept.type == "journalEntry":
            about = {"amount": money(kept.fields["debit"], CURRENCIES[kept.currency])}
            if kept.source is not None and kept.source.type == "creditMemo":
                about |= {"kind": "reversal", "of": str(kept.source.id)}
        self.journal.write(kept, **about)
        source = kept.source
        if kept.type == "creditMemo" and source is not None and source.type == "invoice" and source.due > 0:
            self._applied(kept, source, min(source.due, kept.total))
        return kept

    def _credit(self, record: Record) -> None:
        source = record.source
        if source is None or source.type != "returnAuthorization":
            return
        for row in record.rows:
            base = source.row(row.origin) if row.origin is not None else None
            if base is None:
                continue
            if not self.refund_in_advance and row.quantity > base.received - base.credited:
                raise user_error("You cannot credit items that have not been received.")
        for row in record.rows:
            base = source.row(row.origin) if row.origin is not None else None
            if base is not None:
                base.credited += row.quantity
        self._status(source)

    def _received(self, record: Record) -> dict[str, Any]:
        """Goods arrive: a kit in its parts. What the ledger says of it."""
        source = record.source
        assert source is not None
        lines = []
        for row in record.rows:
            base = source.row(row.origin) if row.origin is not None else None
            assert base is not None
            base.received += row.quantity
            members = self.store.items[row.item].members or ((row.item, 1),)
            for item_id, units in members:
                self._take(item_id, row.location, -row.quantity * units)
                lines.append(
                    {
                        "sku": self.store.items[item_id].sku,
                        "quantity": str(row.quantity * units),
                        "amount": None,
                        "tax": None,
                        "location": row.location,
                        "order_line": row.order_line,
                        "of_kit": row.kit is not None or bool(self.store.items[row.item].members),
                    }
                )
        self._status(source)
        places = {row.location for row in record.rows}
        sellable = any(self.store.places[place].sellable for place in places)
        return {"lines": lines, "amount": None, "location": min(places), "sellable": sellable}

    def _status(self, authorisation: Record) -> None:
        goods = [row for row in authorisation.rows if row.kit is None]
        if goods and all(row.closed for row in goods):
            authorisation.status = "H"
            return
        arrived = [row.received >= row.quantity for row in goods]
        credited = all(row.credited >= row.quantity for row in goods)
        if all(arrived):
            authorisation.status = "G" if credited else "F"
        elif any(row.received > 0 for row in authorisation.rows):
            authorisation.status = "D" if credited else "E"

    def _take(self, item_id: str, location: str, units: Decimal) -> None:
        key = (item_id, location)
        self.store.stock[key] = self.store.stock.get(key, ZERO) - units

    def apply(self, memo: Record, rows: list[Body]) -> None:
        for at, row in enumerate(rows):
            if row.get("apply") is False:
                continue
            key = ref(row.get("doc"))
            invoice = self.store.records.get(int(key)) if key.isdecimal() else None
            if invoice is None or invoice.type != "invoice":
                raise invalid(key, f"apply.items[{at}].doc")
            if (invoice.entity, invoice.currency) != (memo.entity, memo.currency):
                raise user_error("The invoice belongs to another customer or currency.")
            amount = number(row.get("amount", 0), f"apply.items[{at}].amount")
            if amount != rounded(amount, CURRENCIES[memo.currency]) or amount <= 0:
                raise invalid(row.get("amount"), f"apply.items[{at}].amount")
            more = amount - memo.applied.get(invoice.id, ZERO)
            if more > invoice.due or more > memo.total - sum(memo.applied.values()):
                raise user_error("The amount applied is more than what is due, or than what is left of the credit.")
            if more:
                self._applied(memo, invoice, more)

    def _applied(self, memo: Record, invoice: Record, more: Decimal) -> None:
        invoice.due -= more
        memo.applied[invoice.id] = memo.applied.get(invoice.id, ZERO) + more
        memo.status = "B" if sum(memo.applied.values()) == memo.total else "A"
        currency = CURRENCIES[memo.currency]
        self.journal.write(
            memo,
            "create",
            kind="credit_application",
            number=f"{memo.id}/{invoice.id}/{money(memo.applied[invoice.id], currency)}",
            amount=money(more, currency),
            lines=[],
            status="applied",
            of=str(memo.id),
            invoice_tran_id=invoice.number,
        )

    def close_rows(self, record: Record, rows: list[Body], replace: bool) -> None:
        if replace:
            raise user_error("Lines that later documents were made from cannot be replaced.")
        changed = False
        for at, given in enumerate(rows):
            row = record.row(int(number(given.get("line", 0), f"item.items[{at}].line")))
            if row is None:
                raise invalid(given.get("line"), f"item.items[{at}].line")
            if given.get("isClosed") in (True, "T") and not row.closed:
                row.closed = changed = True
                for member in record.rows:
                    member.closed = member.closed or member.kit == row.line
        if changed and record.type == "returnAuthorization":
            self._status(record)
            if record.status == "H":
                self.journal.write(record, "close")

    def move(self, record: Record, body: Body) -> None:
        transfer = record.type == "inventoryTransfer"
        origin, target = ref(body.get("location")), ref(body.get("transferLocation"))
        rows = body.get("inventory", {}).get("items", [])
        if not rows:
            raise user_error("You must enter at least one line item for this transaction.")
        for place in (origin, target) if transfer else ():
            if place not in self.store.places:
                raise invalid(place, "location")
        lines = []
        for at, given in enumerate(rows):
            item = self.store.items.get(ref(given.get("item")))
            if item is None:
                raise invalid(ref(given.get("item")), f"inventory.items[{at}].item")
            units = number(given.get("adjustQtyBy", 0), f"inventory.items[{at}].adjustQtyBy")
            if transfer:
                if units <= 0:
                    raise invalid(units, f"inventory.items[{at}].adjustQtyBy")
                self._take(item.id, origin, units)
                self._take(item.id, target, -units)
            else:
                target = ref(given.get("location"))
                if target not in self.store.places:
                    raise invalid(target, f"inventory.items[{at}].location")
                self._take(item.id, target, -units)
            lines.append({"sku": item.sku, "quantity": str(units), "amount": None, "tax": None, "location": target})
            record.rows.append(Row(at + 1, item.id, units, location=target))
        moved = {"lines": lines, "location": target, "sellable": self.store.places[target].sellable, "amount": None}
        record.fields["moved"] = {**moved, **({"from": origin} if transfer else {})}

    def balanced(self, record: Record, body: Body) -> None:
        debit = credit = ZERO
        for at, given in enumerate(body.get("line", {}).get("items", [])):
            debit += number(given.get("debit", 0), f"line.items[{at}].debit")
            credit += number(given.get("credit", 0), f"line.items[{at}].credit")
        if debit != credit or not debit:
            raise user_error("Please balance the transaction before submitting.")
        record.fields["lines"] = body["line"]["items"]
        record.fields["debit"] = debit
        named = ref(body.get("createdFrom"))
        if named:
            record.source = self.store.records.get(int(named)) if named.isdecimal() else None
            if record.source is None:
                raise invalid(named, "createdFrom")
