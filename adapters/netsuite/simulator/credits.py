"""Credit memos and cash refunds: made from a return, from an invoice or on their own; applied to invoices."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from adapters.netsuite.simulator import invoices, returns
from adapters.netsuite.simulator.account import Account, Draft
from adapters.netsuite.simulator.chart import key_of
from adapters.netsuite.simulator.errors import invalid_reference, missing_field, user_error
from adapters.netsuite.simulator.lines import Line, number, same
from adapters.netsuite.simulator.records import Record
from adapters.simulators import money
from adapters.simulators.ledger import Entry

# NetSuite's memo has no field for how the money went back: this custom body field is invented.
REFUND_METHOD = "custbody_refund_method"


def refresh(memo: Record) -> None:
    """The header's totals and status."""
    applied = sum(memo.applied.values(), Decimal(0))
    left = memo.total - applied
    memo.fields |= {
        "total": float(memo.total),
        "subtotal": float(memo.total - memo.tax),
        "taxTotal": float(memo.tax),
        "applied": float(applied),
        "unapplied": float(left),
        "amountRemaining": float(left),
        "status": {"id": "open", "refName": "Open"} if left else {"id": "applied", "refName": "Fully Applied"},
    }


def create(account: Account, body: Mapping[str, Any]) -> Draft:
    """A standalone memo."""
    record = account.header("creditMemo", body)
    if "entity" not in record.fields:
        raise missing_field("Customer", "entity")
    record.lines = account.own_lines(body, record.currency)
    return _credit(account, record)


def from_return(account: Account, source: Record, body: Mapping[str, Any], lines: list[Line], type_: str) -> Draft:
    """A memo (or cash refund) of a return authorisation; before the goods are in only if the preference allows it."""
    if not account.settings.refund_in_advance:
        for position, line in enumerate(lines):
            origin = source.line(line.order_line or 0)
            if origin is not None and not _arrived(source, origin, line.quantity):
                raise user_error("Refund in advance of return is off.", f"item.items[{position}]")
    record = account.header(type_, body, source)
    record.lines = lines
    for position, line in enumerate(lines):
        line.number = position + 1

    def effect() -> None:
        for line in lines:
            origin = source.line(line.order_line or 0)
            if origin is not None:
                origin.credited += line.quantity
        returns.refresh(source)
        account.books.save(source)

    draft = _credit(account, record)
    draft.effects.append(effect)
    return draft


def _arrived(source: Record, line: Line, quantity: Decimal) -> bool:
    members = [member for member in source.lines if member.kit == line.number] if line.is_kit else []
    if members:
        return all(member.received >= member.per_kit * quantity for member in members)
    return line.received - line.credited >= quantity


def from_invoice(account: Account, source: Record, body: Mapping[str, Any], lines: list[Line]) -> Draft:
    """A memo of an invoice is applied to it at once, as far as anything is due."""
    record = account.header("creditMemo", body, source)
    record.lines = lines
    draft = _credit(account, record)
    amount = min(source.due, record.total)
    if amount > 0:
        made = draft.entries
        draft.effects.append(lambda: _apply(account, record, source, amount))
        draft.entries = lambda: [*made(), _application(account, record, source, amount, "create")]
    return draft


def _credit(account: Account, record: Record) -> Draft:
    if record.total < 0:
        raise user_error("The total of a credit may not be negative.", "item")
    refresh(record)

    def entries() -> list[Entry]:
        return [
            account.entry(
                "credit_note",
                record,
                lines=[line.entry(record.currency) for line in record.lines],
                amount=money.text(record.total, record.currency),
                method=str(record.fields[REFUND_METHOD]) if record.fields.get(REFUND_METHOD) else None,
                status="open",
            )
        ]

    return Draft(record, entries)


def change(account: Account, memo: Record, body: Mapping[str, Any], wrong_by: Decimal | None) -> list[Entry]:
    """PATCH: apply to invoices (`apply.items[]`), amend lines while nothing is applied, change header texts."""
    entries: list[Entry] = []
    plan = [_wanted(account, memo, raw, position) for position, raw in enumerate(account.items_of(body, "apply") or ())]
    _check(memo, plan)
    if account.items_of(body) is not None:
        entries += _amend(account, memo, body, bool(plan))
    memo.fields |= {name: value for name, value in body.items() if name == "memo" or name.startswith("custbody")}
    for invoice, amount in plan:
        before = memo.applied.get(invoice.id, Decimal(0))
        if wrong_by is not None and amount > before:
            amount -= min(wrong_by, amount / 2)
            amount = money.rounded(amount, memo.currency)
        if amount == before:
            continue
        _apply(account, memo, invoice, amount - before)
        op = "reverse" if not amount else "update" if before else "create"
        entries.append(_application(account, memo, invoice, abs(amount - before), op))
    refresh(memo)
    account.books.save(memo)
    return entries


def _amend(account: Account, memo: Record, body: Mapping[str, Any], applying: bool) -> list[Entry]:
    """Other lines on a memo; the same lines again are nothing new."""
    lines = account.amended_lines(memo, body)
    if same(lines, memo.lines):
        return []
    if memo.applied or applying:
        raise user_error("An applied credit memo cannot be amended.", "item")
    if not lines or sum((line.gross for line in lines), Decimal(0)) < 0:
        raise user_error("The total of a credit may not be negative.", "item")
    account.check_period(body, account.day(memo.fields))
    memo.lines = lines
    shown = [line.entry(memo.currency) for line in lines]
    total = money.text(memo.total, memo.currency)
    return [account.entry("credit_note", memo, op="update", lines=shown, amount=total, status="open")]


def _wanted(account: Account, memo: Record, raw: dict[str, Any], position: int) -> tuple[Record, Decimal]:
    """The invoice that a row names, and how much of the memo shall be applied to it."""
    at = f"apply.items[{position}]"
    key = key_of(raw.get("doc"), f"{at}.doc")
    invoice = account.books.find("invoice", key)
    if invoice is None:
        raise invalid_reference("doc", key, f"{at}.doc")
    if invoice.fields["entity"]["id"] != memo.fields["entity"]["id"]:
        raise user_error("The invoice is another customer's.", f"{at}.doc")
    if invoice.currency != memo.currency:
        raise user_error(f"The invoice is in {invoice.currency}.", f"{at}.doc")
    before = memo.applied.get(invoice.id, Decimal(0))
    if not raw.get("apply", True):
        return invoice, Decimal(0)
    due = invoice.due + before
    amount = number(raw, "amount", at)
    if due <= 0:
        raise user_error(f"The invoice {invoice.fields['tranId']} is paid in full: nothing is due.", f"{at}.amount")
    if amount is None:
        amount = min(due, memo.total - sum(memo.applied.values(), Decimal(0)) + before)
    if amount <= 0 or amount != money.rounded(amount, memo.currency):
        raise user_error("The amount must be positive, in the currency's digits.", f"{at}.amount")
    if amount > due:
        raise user_error(f"The amount is more than is due on the invoice ({due}).", f"{at}.amount")
    return invoice, amount


def _check(memo: Record, plan: list[tuple[Record, Decimal]]) -> None:
    after = memo.applied | {invoice.id: amount for invoice, amount in plan}
    if plan and sum(after.values(), Decimal(0)) > memo.total:
        raise user_error("More is applied than the credit memo holds.", "apply")


def _apply(account: Account, memo: Record, invoice: Record, amount: Decimal) -> None:
    memo.applied[invoice.id] = memo.applied.get(invoice.id, Decimal(0)) + amount
    if not memo.applied[invoice.id]:
        del memo.applied[invoice.id]
    invoices.settle(account, invoice, amount)
    refresh(memo)
    account.books.save(memo)


def _application(account: Account, memo: Record, invoice: Record, amount: Decimal, op: str) -> Entry:
    """An application has no number or external id of its own: both are the memo's."""
    return account.entry(
        "credit_application",
        memo,
        op=op,
        amount=money.text(amount, memo.currency),
        status="applied" if op != "reverse" else "void",
        extra={"invoice": invoice.id, "invoice_tran_id": invoice.fields.get("tranId")},
    )
