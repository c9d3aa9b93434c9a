"""From a command's body to the request that NetSuite is sent (pure).

Three forms: a *transform* of a source document (its external id is in the body and not enforced), an *upsert* by
external id (enforced), and a *patch* of a document that exists (an application, a closing; it sets a state, so sending
it twice does no more than once).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any, Literal

from adapters.netsuite.options import AccountSettings, CustomFields, written
from adapters.netsuite.records import CLOSED, RECORDS, SUBLISTS, key_of, rows_of
from adapters.netsuite.rows import row_number
from streams.bodies import invoices_of
from streams.commands import Body, Command
from streams.vocabulary import DocumentKind

_CUSTOM_PRICE = {"id": "-1"}
"""The price level that lets a line's amounts stand as they are sent (SuiteScript's 'Custom')."""


@dataclass(frozen=True, slots=True)
class Request:
    """What to send. `type` is the record made or changed; `source` the record type a transform starts from."""

    form: Literal["transform", "upsert", "patch"]
    type: str
    body: Mapping[str, Any]
    number: str = ""  # of the source, or of the record to patch
    source: str = ""

    @property
    def sublist(self) -> str:
        return SUBLISTS.get(self.type, "item")

    def dated(self, day: date) -> Request:
        """The same in another accounting period, with the date it should have had in its memo (R22)."""
        memo = f"{self.body['memo']}; original date {self.body['tranDate']}"
        return replace(self, body={**self.body, "tranDate": day.isoformat(), "memo": memo})


def is_transform(command: Command) -> bool:
    """Whether the document is made from another one, so that its external id is not enforced."""
    match command.kind:
        case DocumentKind.ITEM_RECEIPT:
            return True
        case DocumentKind.RETURN_AUTHORISATION | DocumentKind.CREDIT_NOTE:
            return bool(command.body["form"] != "standalone")
    return False


def request_for(
    command: Command,
    settings: AccountSettings,
    *,
    authorisation: Mapping[str, Any] | None = None,
    parent: Mapping[str, Any] | None = None,
) -> Request:
    """The request of a command.

    `authorisation` is the return authorisation a receipt or note is made from, as read: its lines' own numbers are
    needed. `parent` is the credit memo that a reversal takes back, or the authorisation that a closing closes.
    """
    body, record, fields = command.body, RECORDS[command.kind], settings.fields
    match command.kind:
        case DocumentKind.RETURN_AUTHORISATION:
            if is_transform(command):
                rows = [_row(line, fields, order_line=line.get("order_line")) for line in merged(body["lines"])]
            else:
                rows = [_row(line, fields, order_line=None) for line in body["lines"]]
            return _made(command, settings, "salesOrder", rows)
        case DocumentKind.CREDIT_NOTE:
            named = is_transform(command)
            rows = [
                _row(line, fields, order_line=row_number(line, authorisation, fields, must=False) if named else None)
                for line in body["lines"]
            ]
            return _made(command, settings, "returnAuthorization", rows, written(fields.refund_method, body["method"]))
        case DocumentKind.ITEM_RECEIPT:
            rows = [
                {
                    **_row(line, fields, order_line=row_number(line, authorisation, fields, must=True)),
                    "itemReceive": True,
                    "location": {"id": line.get("location") or body["location"]},
                }
                for line in body["lines"]
            ]
            return _made(command, settings, "returnAuthorization", rows)
        case DocumentKind.EXCHANGE_ORDER:
            rows = [_free(line, fields) for line in body["lines"]]
            return _made(command, settings, "", rows)
        case DocumentKind.STOCK_MOVEMENT:
            moved = {"item": _item(body), "adjustQtyBy": body["quantity"], "location": {"id": body["to_location"]}}
            more = {
                "location": {"id": body["from_location"]},
                "transferLocation": {"id": body["to_location"]},
                "inventory": {"items": [moved]},
            }
            return _made(command, settings, "", None, more)
        case DocumentKind.REVERSAL:
            return _made(command, settings, "", None, _journal(body, settings, parent or {}))
        case DocumentKind.CREDIT_APPLICATION:
            rows = [
                {"apply": True, "doc": {"id": one["number"]}, "amount": Decimal(one["amount"])}
                for one in invoices_of(body)
            ]
            return Request("patch", record, {"apply": {"items": rows}}, body["source"]["number"])
        case DocumentKind.RETURN_CLOSING:
            # Which of the two the REST service honours was not re-read: the header's status or a close of every line.
            rows = [{"line": row["line"], "isClosed": True} for row in rows_of(parent or {}) if "line" in row]
            closing: dict[str, Any] = {"orderStatus": {"id": CLOSED}}
            if rows:
                closing["item"] = {"items": rows}
            return Request("patch", record, closing, body["source"]["number"])
    raise ValueError(f"{command.kind} is not a document")


def _made(
    command: Command,
    settings: AccountSettings,
    source: str,
    rows: list[dict[str, Any]] | None,
    more: Mapping[str, Any] | None = None,
) -> Request:
    """A new document: the header that all share, and its rows."""
    body, record = command.body, RECORDS[command.kind]
    made: dict[str, Any] = {
        "externalId": command.id,
        "otherRefNum": body["order_id"],
        "tranDate": settings.day(body["date"]).isoformat(),
        "memo": _memo(body),
    }
    if body.get("currency"):
        made["currency"] = settings.currency(body["currency"])
    made |= more or {}
    if rows is not None:
        made["item"] = {"items": rows}
    if is_transform(command):
        return Request("transform", record, made, body["source"]["number"], source)
    if "customer" in body:
        made["entity"] = {"id": body["customer"]["number"]}
    return Request("upsert", record, made)


def _memo(body: Body) -> str:
    """Which return and which refund, in words that Finance can search for."""
    named = [(name, body.get(f"{name}_id")) for name in ("refund", "return", "line")]
    return ", ".join(f"{name} {value}" for name, value in named if value)


def _row(line: Mapping[str, Any], fields: CustomFields, *, order_line: str | None) -> dict[str, Any]:
    row: dict[str, Any] = {"item": _item(line), "quantity": units(line)}
    if order_line:
        row["orderLine"] = int(order_line) if order_line.isdecimal() else order_line
    row |= written(fields.order_line_id, line.get("order_line_id"))
    row |= written(fields.return_reason, line.get("reason"))
    if line.get("location"):
        row["location"] = {"id": line["location"]}
    if line.get("amount") is not None:
        row |= {"price": _CUSTOM_PRICE, "grossAmt": Decimal(line["amount"])}
        if line.get("tax") is not None:
            tax = Decimal(line["tax"])
            row |= {"tax1Amt": tax, "amount": row["grossAmt"] - tax}
    if line.get("tax_code"):
        row["taxCode"] = {"id": line["tax_code"]}
    return row


def _free(line: Mapping[str, Any], fields: CustomFields) -> dict[str, Any]:
    """A line that costs nothing, whatever the replacement's price."""
    nothing = Decimal(0)
    amounts = {"price": _CUSTOM_PRICE, "rate": nothing, "amount": nothing, "tax1Amt": nothing, "grossAmt": nothing}
    return {**_row(line, fields, order_line=None), **amounts}


def units(line: Mapping[str, Any]) -> int:
    """Units as a row names them: NetSuite takes no 0, so a further part of an amount already credited goes as one."""
    return max(1, int(line["quantity"]))


def _item(line: Mapping[str, Any]) -> dict[str, str]:
    """NetSuite reads the id; the name is for people who read the request."""
    return {"id": line["item"], "refName": line["sku"]} if line.get("sku") else {"id": line["item"]}


def merged(lines: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """One row for each order line: NetSuite keeps one return line for it, which receipts and notes then name."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for position, line in enumerate(lines):
        key = (line.get("order_line") or f"#{position}", line["item"])
        if key not in found:
            found[key] = dict(line)
            continue
        into = found[key]
        into["quantity"] += line["quantity"]
        for name in ("amount", "tax"):
            if into.get(name) is not None and line.get(name) is not None:
                into[name] = format(Decimal(into[name]) + Decimal(line[name]), "f")
    return list(found.values())


def _journal(body: Body, settings: AccountSettings, memo: Mapping[str, Any]) -> dict[str, Any]:
    """Takes a credit memo back: what it took off the customer's account is owed again."""
    amount, number = Decimal(body["amount"]), body["source"]["number"]
    receivable = key_of(memo.get("account")) or settings.receivable_account
    debit: dict[str, Any] = {"account": {"id": receivable}, "debit": amount}
    if memo.get("entity"):
        debit["entity"] = {"id": key_of(memo["entity"])}
    credit = {"account": {"id": settings.returns_account}, "credit": amount}
    named = written(settings.fields.reverses, number)
    return {"createdFrom": {"id": number}, **named, "line": {"items": [debit, credit]}}
