"""What `PUT /_orders` seeds: order history, invoices, lists and stock. Seeds are history: they make no ledger entry."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from adapters.netsuite.simulator import invoices, sales_orders
from adapters.netsuite.simulator.account import Account
from adapters.netsuite.simulator.chart import Component, Location
from adapters.netsuite.simulator.lines import ORDER_LINE_ID, Line, member_of
from adapters.netsuite.simulator.records import Record
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
    shipping = money.read(raw.get("shipping", "0"))
    record.fields["shippingCost"] = float(shipping)
    record.lines = _lines(account, raw.get("lines", ()), currency, {line.number: line for line in record.lines})
    if status == "B":
        for line in record.lines:
            line.fulfilled = Decimal(0)
    record.hidden = raw.get("status") == "archived"
    sales_orders.set_status(record, status)
    account.books.save(record)
    if raw.get("invoice"):
        _invoice_of(account, record, raw["invoice"], shipping)


def _known(account: Account, order_id: str, tran_id: str) -> Record | None:
    for record in account.books.every("salesOrder", "otherRefNum", order_id):
        if record.seeded and record.fields["tranId"] == tran_id:
            return record
    return None


def _lines(account: Account, rows: Any, currency: str, before: Mapping[int, Line]) -> list[Line]:
    """The order's lines; a kit's line carries the price, its members follow with none."""
    lines: list[Line] = []
    for raw in rows:
        item = account.chart.add_item(str(raw["sku"]), str(raw.get("item_id", "")))
        quantity = money.read(raw.get("quantity", 1))
        gross = money.read(raw["line_total"]) if raw.get("line_total") else money.read(raw["unit_price"]) * quantity
        number = len(lines) + 1
        if raw.get("components"):
            item.components = _components(account, raw["components"])
        kit = Line(
            number=number,
            item=item,
            quantity=quantity,
            gross=gross,
            tax=money.read(raw.get("tax_amount", "0")),
            tax_code=account.chart.tax_code_named(str(raw["tax_code"])) if raw.get("tax_code") else None,
            extra={ORDER_LINE_ID: str(raw["order_line_id"])} if raw.get("order_line_id") else {},
            fulfilled=money.read(raw.get("fulfilled", quantity)),
        )
        lines.append(kit)
        for part in item.components:
            lines.append(member_of(kit, account.chart.skus[part.sku], part, len(lines) + 1))
    for line in lines:
        old = before.get(line.number)
        if old is not None and old.item is line.item:
            line.billed = old.billed
    return lines


def _invoice(account: Account, raw: Mapping[str, Any]) -> None:
    orders = [one for one in account.books.every("salesOrder", "otherRefNum", str(raw["order_id"])) if one.seeded]
    if not orders:
        raise ValueError(f"no seeded order {raw['order_id']}")
    _invoice_of(account, orders[0], raw, money.read(str(orders[0].fields["shippingCost"])))


def _invoice_of(account: Account, order: Record, raw: Mapping[str, Any], shipping: Decimal) -> None:
    """The invoice of an order, with so much still open."""
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
        for line in order.lines
    ]
    record.due = money.read(raw.get("open", "0"))
    record.hidden = order.hidden
    invoices.refresh(record, order.total + shipping)
    account.books.save(record)
    if order.fields["status"]["id"] == "F":
        for line in order.lines:
            line.billed = line.quantity
        sales_orders.set_status(order, "G")
        account.books.save(order)


_SECTIONS = {
    "locations": _location,
    "items": _item,
    "kits": _kit,
    "customers": _customer,
    "orders": _order,
    "invoices": _invoice,
    "stock": _stock,
}
