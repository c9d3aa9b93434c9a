"""What `PUT /_orders` seeds: order history, invoices, lists and stock. Seeds are history: they make no ledger entry.

Besides what CONTRACTS section 7 names, an order may have `discount` and `discount_tax` (the header's, tax inside),
`discount_rows` ([{amount, tax_amount, covers: [order_line_id, ..]}], covering nothing named: all), `subtotal` (a row
below all), `texts` (rows), `shipping_tax`, `handling`, `handling_tax`, and `invoices` ([{number, open, date, lines:
[order_line_id, ..]}]). A line may be a `service`: it is never fulfilled. `paid` is not read: the order's total is
what these come to.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from adapters.netsuite.simulator import invoices, sales_orders
from adapters.netsuite.simulator.account import Account
from adapters.netsuite.simulator.chart import Component, Location
from adapters.netsuite.simulator.lines import ORDER_LINE_ID, Line, member_of
from adapters.netsuite.simulator.records import Record
from adapters.netsuite.simulator.transforms import transform
from adapters.simulators import money
from adapters.simulators.system import BadSeed

_STATUS = {"pending": "B", "fulfilled": "F", "closed": "H", "archived": "H"}


def seed(account: Account, section: str, raw: Mapping[str, Any]) -> None:
    """One member of one list; raises `BadSeed`."""
    try:
        _SECTIONS[section](account, raw)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BadSeed(f"{section}: {type(error).__name__} {error} in {dict(raw)!r}") from None


def _location(account: Account, raw: Mapping[str, Any]) -> None:
    number = str(raw["id"])
    account.chart.locations[number] = Location(
        number, bool(raw.get("sellable", False)), str(raw.get("name", number)), bool(raw.get("active", True))
    )


def _item(account: Account, raw: Mapping[str, Any]) -> None:
    item = account.chart.add_item(str(raw["sku"]), str(raw.get("id", "")))
    item.active = not (raw.get("archived", False) or raw.get("inactive", False))


def _kit(account: Account, raw: Mapping[str, Any]) -> None:
    item = account.chart.add_item(str(raw["sku"]), str(raw.get("id", "")))
    item.components = _components(account, raw["components"])


def _components(account: Account, rows: Any) -> list[Component]:
    parts: list[Component] = []
    for row in rows:
        account.chart.add_item(str(row["sku"]), str(row.get("id", "")))
        price = row.get("list_price")
        parts.append(
            Component(str(row["sku"]), money.read(row.get("quantity", 1)), None if price is None else money.read(price))
        )
    return parts


def _customer(account: Account, raw: Mapping[str, Any]) -> None:
    customer_of(account, raw)


def customer_of(account: Account, raw: Mapping[str, Any]) -> Record:
    """The customer with that external id, made or changed."""
    ref = str(raw["id"])
    record = account.books.find("customer", f"eid:{ref}")
    fields = dict(record.fields) if record else {"externalId": ref, "entityId": ref, "isInactive": False}
    for ours, theirs in (("email", "email"), ("name", "companyName")):
        if raw.get(ours):
            fields[theirs] = str(raw[ours])
    if "inactive" in raw:
        fields["isInactive"] = bool(raw["inactive"])
    elif ref in account.settings.inactive_customers:
        fields["isInactive"] = True
    if record is None:
        record = Record("customer", account.books.new_id(), fields)
    elif record.fields == fields:
        return record
    record.fields = fields
    account.books.save(record)
    return record


def deactivate(account: Account) -> None:
    """The setting `inactive_customers` is the whole list."""
    named = account.settings.inactive_customers
    for record in list(account.books.all("customer")):
        inactive = record.id in named or record.fields.get("externalId") in named
        if record.fields.get("isInactive") != inactive:
            record.fields = {**record.fields, "isInactive": inactive}
            account.books.save(record)


def _stock(account: Account, raw: Mapping[str, Any]) -> None:
    item = account.chart.add_item(str(raw["sku"]), str(raw.get("item_id", "")))
    account.stock.set_available(item.sku, str(raw["location"]), money.read(raw["available"]))


def _order(account: Account, raw: Mapping[str, Any]) -> None:
    """A sales order; one with the same order id and number is changed. `archived` is hidden from every look-up."""
    order_id, currency = str(raw["order_id"]), str(raw.get("currency", "GBP"))
    tran_id = str(raw.get("order_number") or order_id)
    status = _STATUS[str(raw.get("status", "fulfilled"))]
    customer = customer_of(account, raw["customer"]) if raw.get("customer") else None
    record = _known(account, order_id, tran_id)
    if record is None:
        record = Record("salesOrder", account.books.new_id(), {}, currency=currency, seeded=True)
        taken = account.books.find("salesOrder", f"eid:{order_id}")
        record.fields = {"externalId": order_id} if taken is None else {}
    when = raw.get("placed_at") or raw.get("date") or account.today().isoformat()
    record.currency = currency
    record.fields |= {
        "tranId": tran_id,
        "otherRefNum": order_id,
        "tranDate": str(when)[:10],
        "currency": {"id": account.chart.currency_id(currency), "refName": currency},
    }
    if customer is not None:
        record.fields["entity"] = {"id": customer.id, "refName": customer.fields["entityId"]}
    if raw.get("location"):
        record.fields["location"] = {"refName": str(raw["location"])}
    for name in ("shipping", "handling"):
        _charge(record, name, raw)
    record.lines = _lines(account, raw, currency, {line.number: line for line in record.lines})
    record.discount = money.read(raw.get("discount", "0"))
    record.discount_tax = _discount_tax(record, raw)
    if status == "B":
        for line in record.lines:
            line.fulfilled = Decimal(0)
    record.hidden = raw.get("status") == "archived"
    sales_orders.set_status(record, status)
    account.books.save(record)
    for invoice in [*([raw["invoice"]] if raw.get("invoice") else ()), *raw.get("invoices", ())]:
        _invoice_of(account, record, invoice)
    for earlier in raw.get("returns", ()):
        _returned(account, record, earlier)


def _returned(account: Account, order: Record, raw: Mapping[str, Any]) -> None:
    """A return authorisation that somebody made by hand before: it has no reference, and holds units of the order."""
    numbers = {str(line.extra.get(ORDER_LINE_ID)): line.number for line in order.lines if line.kit is None}
    rows = [
        {"orderLine": numbers[str(line["order_line_id"])], "quantity": str(line.get("quantity", 1))}
        for line in raw["lines"]
    ]
    body = {"item": {"items": rows}, **({"tranDate": str(raw["date"])[:10]} if raw.get("date") else {})}
    draft = transform(account, order, "returnAuthorization", body, True)
    draft.entries = list  # a seed is history
    account.commit(draft)


def _charge(record: Record, name: str, raw: Mapping[str, Any]) -> None:
    """Shipping or handling of the header, given with its tax inside; the tax is shown where it is given."""
    gross, tax = money.read(raw.get(name, "0")), raw.get(f"{name}_tax")
    if name == "shipping" or gross:
        record.fields[f"{name}Cost"] = float(gross - (money.read(tax) if tax else 0))
    if tax:
        record.fields[f"{name}Tax1Amt"] = float(money.read(tax))


def _discount_tax(record: Record, raw: Mapping[str, Any]) -> Decimal:
    """The tax inside the header's discount: as given, else at the lines' own rate."""
    if raw.get("discount_tax") is not None:
        return money.read(raw["discount_tax"])
    if not record.discount or not record.total:
        return Decimal(0)
    return money.rounded(record.discount * record.tax / record.total, record.currency)


def _known(account: Account, order_id: str, tran_id: str) -> Record | None:
    for record in account.books.every("salesOrder", "otherRefNum", order_id):
        if record.seeded and record.fields["tranId"] == tran_id:
            return record
    return None


def _lines(account: Account, raw: Mapping[str, Any], currency: str, before: Mapping[int, Line]) -> list[Line]:
    """The order's lines; a kit's line carries the price, its members follow with none; then what speaks of them."""
    lines: list[Line] = []
    rows = _DiscountRows(account, raw, lines)
    for entry in raw.get("lines", ()):
        item = account.chart.add_item(str(entry["sku"]), str(entry.get("item_id", "")))
        if entry.get("service"):
            item.type = "Service"
        quantity = money.read(entry.get("quantity", 1))
        total = entry.get("line_total")
        gross = money.read(total) if total else money.read(entry["unit_price"]) * quantity
        if entry.get("components"):
            item.components = _components(account, entry["components"])
        kit = Line(
            number=len(lines) + 1,
            item=item,
            quantity=quantity,
            gross=gross,
            tax=money.read(entry.get("tax_amount", "0")),
            tax_code=account.chart.tax_code_named(str(entry["tax_code"])) if entry.get("tax_code") else None,
            extra={ORDER_LINE_ID: str(entry["order_line_id"])} if entry.get("order_line_id") else {},
            fulfilled=money.read(entry.get("fulfilled", "0" if item.service else quantity)),
        )
        lines.append(kit)
        for part in item.components:
            lines.append(member_of(kit, account.chart.skus[part.sku], part, len(lines) + 1))
        rows.after(str(entry.get("order_line_id") or ""))
    rows.at_the_end()
    for line in lines:
        old = before.get(line.number)
        if old is not None and old.item is line.item:
            line.billed = old.billed
    return lines


class _DiscountRows:
    """Puts the rows that sell nothing where NetSuite wants them.

    A discount is about the row above it; about several, a subtotal of just these has to stand between.
    """

    def __init__(self, account: Account, raw: Mapping[str, Any], lines: list[Line]) -> None:
        self._account, self._lines = account, lines
        self._left = [dict(row) for row in raw.get("discount_rows", ())]
        self._subtotal, self._texts = bool(raw.get("subtotal")), list(raw.get("texts", ()))
        self._group: list[str] = []  # lines since the last subtotal

    def after(self, line_id: str) -> None:
        """The discounts whose last line this is."""
        self._group.append(line_id)
        for row in list(self._left):
            covered = [str(name) for name in row.get("covers", ())]
            if covered and covered[-1] == line_id:
                if len(covered) > 1:
                    if covered != self._group:
                        raise ValueError(f"a discount cannot cover just {covered}: a subtotal sums {self._group}")
                    self._sum_up()
                self._discount(row)

    def at_the_end(self) -> None:
        """What is about the whole order, and the texts."""
        for row in list(self._left):
            if row.get("covers"):
                raise ValueError(f"a discount covers lines that are not there: {row['covers']}")
            self._sum_up()
            self._discount(row)
        if self._subtotal:
            self._sum_up()
        for text in self._texts:
            self._add("Description").extra["description"] = str(text)

    def _discount(self, row: dict[str, Any]) -> None:
        self._left.remove(row)
        line = self._add("Discount")
        line.gross, line.tax = -money.read(row["amount"]), -money.read(row.get("tax_amount", "0"))

    def _sum_up(self) -> None:
        last = max((line.number for line in self._lines if line.item.type == "Subtotal"), default=0)
        rows = [line for line in self._lines if line.number > last] or list(self._lines)
        line = self._add("Subtotal")
        line.gross = sum((row.gross for row in rows), Decimal(0))
        line.tax = sum((row.tax for row in rows), Decimal(0))
        self._group = []

    def _add(self, type_: str) -> Line:
        line = Line(len(self._lines) + 1, self._account.chart.speaking(type_), Decimal(1))
        self._lines.append(line)
        return line


def _invoice(account: Account, raw: Mapping[str, Any]) -> None:
    orders = [one for one in account.books.every("salesOrder", "otherRefNum", str(raw["order_id"])) if one.seeded]
    if not orders:
        raise ValueError(f"no seeded order {raw['order_id']}")
    _invoice_of(account, orders[0], raw)


def _invoice_of(account: Account, order: Record, raw: Mapping[str, Any]) -> None:
    """An invoice of an order, with so much still open: of all of it, or of the lines named."""
    tran_id = str(raw["number"])
    known = account.books.by("invoice", "tranId", tran_id)
    record = (
        known[0] if known else Record("invoice", account.books.new_id(), {}, currency=order.currency, order=order.id)
    )
    record.fields = {
        "tranId": tran_id,
        "otherRefNum": order.fields["otherRefNum"],
        "createdFrom": {"id": order.id, "refName": order.fields["tranId"]},
        "entity": order.fields.get("entity"),
        "currency": order.fields["currency"],
        "tranDate": str(raw.get("date") or order.fields["tranDate"])[:10],
    }
    billed = _billed(order, raw)
    record.lines = [
        Line(
            number=line.number,
            item=line.item,
            quantity=line.quantity,
            gross=line.gross,
            tax=line.tax,
            tax_code=line.tax_code,
            order_line=line.number,
            kit=line.kit,
            per_kit=line.per_kit,
            extra=dict(line.extra),
        )
        for line in billed
    ]
    record.due = money.read(raw.get("open", "0"))
    record.hidden = order.hidden
    invoices.refresh(record, record.total if raw.get("lines") else order.to_pay)
    account.books.save(record)
    if order.fields["status"]["id"] == "F":
        for line in billed:
            line.billed = line.quantity
        if all(line.billed >= line.quantity for line in order.lines if line.item.sold):
            sales_orders.set_status(order, "G")
        account.books.save(order)


def _billed(order: Record, raw: Mapping[str, Any]) -> list[Line]:
    """The order's lines that an invoice bills: the named ones with the members of kits; all where none is named."""
    named = {str(name) for name in raw.get("lines", ())}
    if not named:
        return order.lines
    billed = [line for line in order.lines if line.extra.get(ORDER_LINE_ID) in named]
    missing = named - {line.extra[ORDER_LINE_ID] for line in billed}
    if missing:
        raise ValueError(f"the order has no line {', '.join(sorted(missing))}")
    return billed


_SECTIONS = {
    "locations": _location,
    "items": _item,
    "kits": _kit,
    "customers": _customer,
    "orders": _order,
    "invoices": _invoice,
    "stock": _stock,
}
