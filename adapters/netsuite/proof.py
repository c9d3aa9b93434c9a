"""From a record as NetSuite shows it to the `Document` that proves a command, and what differs from its body (pure)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

from adapters.netsuite.documents import is_transform, merged, units
from adapters.netsuite.options import AccountSettings, CustomFields, custom_of
from adapters.netsuite.records import (
    RECORDS,
    SUBLISTS,
    amount_of,
    day_of,
    flag_of,
    gross_of,
    is_absent,
    is_closed,
    key_of,
    money_text,
    name_of,
    number_of,
    rows_of,
    status_of,
    text_of,
    total_of,
)
from adapters.netsuite.rows import same_item
from streams.adapter import Document
from streams.bodies import invoices_of
from streams.commands import Command
from streams.vocabulary import DocumentKind

MOST_LINES, MOST_DIFFERENCES = 300, 20
"""Of a document, that are told: what is told becomes a record of Kafka, and a vendor's list may be of any length."""

_NO_AMOUNT = frozenset({DocumentKind.ITEM_RECEIPT, DocumentKind.STOCK_MOVEMENT})


def document_of(
    kind: DocumentKind, record: Mapping[str, Any], settings: AccountSettings, differences: tuple[str, ...] = ()
) -> Document:
    """A record as a document."""
    currency = settings.iso(record.get("currency"))
    total = None if kind in _NO_AMOUNT else total_of(record, currency)
    sublist = SUBLISTS.get(RECORDS[kind], "item")
    return Document(
        number=text_of(record.get("id")),
        kind=kind,
        external_ref=text_of(record.get("externalId")),
        order_id=text_of(record.get("otherRefNum")),
        currency=currency,
        amount="" if total is None else money_text(abs(total), currency),
        status="closed" if is_closed(record) else name_of(status_of(record)),
        at=text_of(record.get("tranDate")),
        lines=tuple(
            _line(row, record, currency, settings.fields)
            for row in rows_of(record, sublist)[:MOST_LINES]
            if row.get("item")
        ),
        differences=differences,
    )


def _line(row: Mapping[str, Any], record: Mapping[str, Any], currency: str, fields: CustomFields) -> dict[str, Any]:
    quantity, gross = number_of(row.get("quantity", row.get("adjustQtyBy"))), gross_of(row, currency)
    line: dict[str, Any] = {
        "item": key_of(row["item"]),
        "sku": name_of(row["item"]),
        "quantity": None if quantity is None else _whole(quantity),
        "location": key_of(row.get("location") or record.get("location")),
    }
    if gross is not None:
        line["amount"] = money_text(gross, currency)
        line["tax"] = money_text(number_of(row.get("tax1Amt")) or Decimal(0), currency)
    if own := key_of(row.get("orderLine")):
        line["order_line"] = own
    if named := text_of(custom_of(row, fields.order_line_id)):
        line["order_line_id"] = named
    return line


def reversed_memo(journal: Mapping[str, Any], settings: AccountSettings) -> str:
    """The credit memo that a journal takes back; nothing where it shows none."""
    return key_of(custom_of(journal, settings.fields.reverses)) or key_of(journal.get("createdFrom"))


def is_reversal(journal: Mapping[str, Any], settings: AccountSettings) -> bool:
    """Whether a journal takes a credit memo back. Where no field says of what, an external id and an order are told."""
    if reversed_memo(journal, settings):
        return True
    return not settings.fields.reverses and bool(journal.get("externalId") and journal.get("otherRefNum"))


def proof(command: Command, record: Mapping[str, Any], settings: AccountSettings) -> Document:
    """A record that should be the command's document, compared with its body."""
    return document_of(command.kind, record, settings, differences(command, record, settings))


def differences(command: Command, record: Mapping[str, Any], settings: AccountSettings) -> tuple[str, ...]:
    """What the record does not have as it was asked for, in words; nothing: it is the document."""
    found = list(_differences(command, record, settings))
    more = len(found) - MOST_DIFFERENCES
    return (*found[:MOST_DIFFERENCES], *((f"and {more} differences more",) if more > 0 else ()))


def _differences(command: Command, record: Mapping[str, Any], settings: AccountSettings) -> Iterator[str]:
    body = command.body
    yield from _differs("external id", text_of(record.get("externalId")), command.id)
    yield from _differs("original order (otherRefNum)", text_of(record.get("otherRefNum")), body["order_id"])
    if "void" in name_of(status_of(record)).casefold():
        yield "it is void"
    currency = settings.iso(record.get("currency"))
    if body.get("currency") and currency:
        yield from _differs("currency", currency, body["currency"])
    currency = currency or str(body.get("currency") or "")
    if is_transform(command):
        yield from _differs("made from (createdFrom)", key_of(record.get("createdFrom")), body["source"]["number"])
    asked = asked_total(command)
    if asked is not None:
        total = total_of(record, currency)
        if total is None:
            yield f"it shows no total, {_money(asked, body)} was asked"
        elif total != asked:
            yield f"amount is {_money(total, body)}, {_money(asked, body)} was asked"
    match command.kind:
        case DocumentKind.STOCK_MOVEMENT:
            yield from _differs("from location", key_of(record.get("location")), body["from_location"])
            yield from _differs("to location", key_of(record.get("transferLocation")), body["to_location"])
            moved = [dict(row, quantity=row.get("adjustQtyBy")) for row in rows_of(record, "inventory")]
            yield from _lines([body], moved, currency)
        case DocumentKind.REVERSAL:
            memo = reversed_memo(record, settings)
            if memo or settings.fields.reverses:
                yield from _differs("reversed credit memo", memo, body["source"]["number"])
        case DocumentKind.ITEM_RECEIPT:
            place = key_of(record.get("location"))
            lines = [{**line, "location": line.get("location") or body["location"]} for line in body["lines"]]
            received = [{**row, "location": row.get("location") or place} for row in rows_of(record)]
            yield from _lines(lines, received, currency)
        case _:
            yield from _lines(_asked_lines(command), rows_of(record), currency)


def _asked_lines(command: Command) -> list[dict[str, Any]]:
    lines = [dict(line) for line in command.body["lines"]]
    if command.kind is DocumentKind.EXCHANGE_ORDER:
        return [{**line, "amount": "0", "tax": "0"} for line in lines]
    if command.kind is DocumentKind.RETURN_AUTHORISATION and is_transform(command):
        return merged(lines)
    return lines


def asked_total(command: Command) -> Decimal | None:
    """What the document should come to; None where the body does not say."""
    body = command.body
    match command.kind:
        case DocumentKind.CREDIT_NOTE | DocumentKind.REVERSAL | DocumentKind.CREDIT_APPLICATION:
            return Decimal(body["amount"])
        case DocumentKind.EXCHANGE_ORDER:
            return Decimal(0)
        case DocumentKind.RETURN_AUTHORISATION:
            amounts = [line.get("amount") for line in body["lines"]]
            return None if None in amounts else sum((Decimal(str(one)) for one in amounts), Decimal(0))
    return None


def _misfit(line: Mapping[str, Any], row: Mapping[str, Any], currency: str) -> tuple[int, bool, bool]:
    """How badly a row fits a line. Of rows alike the one of its order line is meant, and a bundle's part least of all:
    it came along with its bundle, and the same item may have been bought alone as well."""
    own, shown = line.get("order_line"), key_of(row.get("orderLine"))
    differences = len(list(_line_differences(line, row, currency)))
    return differences, bool(own and shown and shown != own), bool(row.get("kitMemberOf"))


def _lines(asked: list[Any], shown: list[Any], currency: str) -> Iterator[str]:
    """Each asked line against the shown one of its item that fits best; what is left over was not asked for."""
    left = list(shown)
    for line in asked:
        name = line.get("sku") or line["item"]
        rows = [row for row in left if same_item(line, row.get("item"))]
        if not rows:
            yield f"line {name} is missing"
            continue
        row = min(rows, key=lambda row: _misfit(line, row, currency))
        left = [other for other in left if other is not row]
        yield from (f"line {name}: {text}" for text in _line_differences(line, row, currency))
    for row in left:
        if not row.get("kitMemberOf"):  # a kit brings its members along
            yield f"line {name_of(row.get('item'))} was not asked for"


def _line_differences(line: Mapping[str, Any], row: Mapping[str, Any], currency: str) -> Iterator[str]:
    wanted, quantity = Decimal(units(line)), number_of(row.get("quantity"))
    if quantity != wanted:
        yield f"quantity is {'not shown' if quantity is None else _whole(quantity)}, {wanted} was asked"
    if line.get("amount") is not None:
        gross = gross_of(row, currency)
        if gross != Decimal(line["amount"]):
            yield f"gross amount is {_told(gross, currency)}, {line['amount']} was asked"
        tax = amount_of(row.get("tax1Amt"), currency)
        if line.get("tax") is not None and not is_absent(row.get("tax1Amt")) and tax != Decimal(line["tax"]):
            yield f"tax is {_told(tax, currency)}, {line['tax']} was asked"
    if line.get("location") and key_of(row.get("location")) != line["location"]:
        yield f"location is {key_of(row.get('location')) or 'empty'}, {line['location']} was asked"


def _told(amount: Decimal | None, currency: str) -> str:
    return "not shown" if amount is None else money_text(amount, currency)


def application_of(command: Command, memo: Mapping[str, Any], settings: AccountSettings) -> Document | None:
    """What a credit memo's apply list holds for the command's invoices; None: it is applied to none of them."""
    body, currency = command.body, settings.iso(memo.get("currency"))
    shown: dict[str, Decimal] = {}  # an invoice paid by instalments has a row for each
    for one in applications(memo, settings):
        invoice = one.lines[0]["invoice"]
        shown[invoice] = shown.get(invoice, Decimal(0)) + Decimal(one.amount)
    asked = {one["number"]: Decimal(one["amount"]) for one in invoices_of(body)}
    found = {invoice: shown[invoice] for invoice in asked if invoice in shown}
    if not found:
        return None
    wrong = [
        f"{money_text(found[invoice], currency) if invoice in found else 'nothing'} is applied to invoice {invoice}, "
        f"{money_text(amount, body['currency'])} was asked"
        for invoice, amount in asked.items()
        if found.get(invoice) != amount
    ]
    wrong += _differs("currency", currency, body["currency"]) if currency else ()
    return replace(
        document_of(DocumentKind.CREDIT_APPLICATION, memo, settings),
        amount=money_text(sum(found.values(), Decimal(0)), currency),
        status="applied",
        lines=tuple({"invoice": invoice, "amount": money_text(amount, currency)} for invoice, amount in found.items()),
        differences=tuple(wrong),
    )


def applications(memo: Mapping[str, Any], settings: AccountSettings) -> Iterator[Document]:
    """What a credit memo is applied to; an application has the memo's number and external id."""
    currency = settings.iso(memo.get("currency"))
    for row in rows_of(memo, "apply"):
        amount = amount_of(row.get("amount"), currency)
        if flag_of(row.get("apply")) is True and amount:
            text = money_text(amount, currency)
            whole = document_of(DocumentKind.CREDIT_APPLICATION, memo, settings)
            lines = ({"invoice": key_of(row.get("doc")), "amount": text},)
            yield replace(whole, amount=text, status="applied", lines=lines)


def closing_of(authorisation: Mapping[str, Any], settings: AccountSettings) -> Document | None:
    """The closing of a return authorisation: the authorisation itself, once it is closed."""
    if not is_closed(authorisation):
        return None
    return document_of(DocumentKind.RETURN_CLOSING, authorisation, settings)


def may_be_adopted(command: Command, record: Mapping[str, Any], settings: AccountSettings) -> bool:
    """L01: no external id; the same order, currency and amount (goods: items, quantities); dated since the return."""
    body = command.body
    if command.adopt_since is None or text_of(record.get("externalId")):
        return False
    if text_of(record.get("otherRefNum")) != body["order_id"]:
        return False
    day = day_of(record.get("tranDate"))
    if day is None or day < settings.day(command.adopt_since):
        return False
    if "void" in name_of(status_of(record)).casefold():
        return False
    if body.get("currency") and settings.iso(record.get("currency")) not in ("", body["currency"]):
        return False
    currency = settings.iso(record.get("currency")) or str(body.get("currency") or "")
    asked = asked_total(command)
    if asked is not None and total_of(record, currency) != asked:
        return False
    match command.kind:
        case DocumentKind.STOCK_MOVEMENT | DocumentKind.ITEM_RECEIPT:
            return not any(text for text in _differences(command, record, settings) if text.startswith("line "))
        case DocumentKind.EXCHANGE_ORDER:
            return not list(_lines([dict(line, amount=None) for line in body["lines"]], rows_of(record), currency))
        case DocumentKind.RETURN_AUTHORISATION if asked is None:
            return not list(_lines(_asked_lines(command), rows_of(record), currency))
        case DocumentKind.REVERSAL:
            return bool(reversed_memo(record, settings) == body["source"]["number"])
    return True


def _differs(what: str, has: str, wanted: str) -> Iterator[str]:
    if has != wanted:
        yield f"{what} is {has or 'empty'}, {wanted} was asked"


def _money(amount: Decimal, body: Mapping[str, Any]) -> str:
    return f"{body['currency']} {money_text(amount, body['currency'])}"


def _whole(quantity: Decimal) -> int | str:
    return int(quantity) if quantity == quantity.to_integral_value() else format(quantity.normalize(), "f")
