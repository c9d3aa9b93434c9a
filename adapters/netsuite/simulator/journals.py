"""Journal entries. One that says which credit memo it reverses is a reversal in the ledger."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from adapters.netsuite.simulator.account import Account, Draft
from adapters.netsuite.simulator.chart import key_of
from adapters.netsuite.simulator.errors import invalid_reference, missing_field, user_error
from adapters.netsuite.simulator.lines import number
from adapters.netsuite.simulator.records import Record
from adapters.simulators import money
from adapters.simulators.ledger import Entry

# Invented: NetSuite has no field that ties a journal to the credit memo it takes back, so this account has a custom one
# (`createdFrom` is understood too). Its value is the memo's internal id, external id (`eid:...`) or tranId.
REVERSES = "custbody_reverses"


def create(account: Account, body: Mapping[str, Any]) -> Draft:
    """A balanced journal."""
    record = account.header("journalEntry", body)
    rows = account.items_of(body, "line")
    if not rows:
        raise missing_field("Account", "line")
    debit = credit = Decimal(0)
    for position, raw in enumerate(rows):
        at = f"line.items[{position}]"
        if raw.get("account") is None:
            raise missing_field("Account", f"{at}.account")
        for name in ("debit", "credit"):
            amount = number(raw, name, at) or Decimal(0)
            if amount < 0 or amount != money.rounded(amount, record.currency):
                raise user_error(f"{name} must be positive, in the currency's digits.", f"{at}.{name}")
            debit, credit = (debit + amount, credit) if name == "debit" else (debit, credit + amount)
    if debit != credit or not debit:
        raise user_error(f"The journal does not balance: debit {debit}, credit {credit}.", "line")
    record.rows = [{"line": position, **_plain(raw)} for position, raw in enumerate(rows, 1)]
    record.rows_name = "line"
    record.fields["total"] = float(debit)
    memo = _reversed_memo(account, body)
    if memo is not None:
        if memo.currency != record.currency:
            raise user_error(f"The credit memo is in {memo.currency}.", "currency")
        record.fields["createdFrom"] = {"id": memo.id, "refName": memo.fields.get("tranId", "")}
        record.fields.setdefault("otherRefNum", account.order_id(memo))

    def entries() -> list[Entry]:
        return [
            account.entry(
                "reversal" if memo is not None else "journal_entry",
                record,
                amount=money.text(debit, record.currency),
                of=memo.id if memo is not None else None,
            )
        ]

    return Draft(record, entries)


def _reversed_memo(account: Account, body: Mapping[str, Any]) -> Record | None:
    for name in (REVERSES, "createdFrom"):
        if body.get(name) is not None:
            key = key_of(body[name], name)
            memo = account.books.find("creditMemo", key) or next(
                iter(account.books.by("creditMemo", "tranId", key)), None
            )
            if memo is None:
                raise invalid_reference(name, key, name)
            return memo
    return None


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    return {key: float(value) if isinstance(value, Decimal) else value for key, value in row.items()}
