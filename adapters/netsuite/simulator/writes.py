"""Creates, upserts, updates and transforms; each is checked whole before anything is kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from adapters.netsuite.simulator import credits, customers, inventory, journals, returns, sales_orders
from adapters.netsuite.simulator.account import Account, Draft
from adapters.netsuite.simulator.errors import NetSuiteError, invalid_content, user_error
from adapters.netsuite.simulator.records import Record
from adapters.netsuite.simulator.transforms import transform
from adapters.simulators.front import Twist
from adapters.simulators.ledger import Entry

_CREATE: dict[str, Callable[[Account, Mapping[str, Any]], Draft]] = {
    "salesOrder": sales_orders.create,
    "returnAuthorization": returns.create,
    "creditMemo": credits.create,
    "inventoryTransfer": inventory.transfer,
    "inventoryAdjustment": inventory.adjust,
    "journalEntry": journals.create,
    "customer": customers.create,
}
_READ_ONLY = frozenset({"invoice", "accountingPeriod", "itemReceipt", "itemFulfillment", "cashRefund"})


class Writes:
    """One write of one account. A fault may store another amount, or keep nothing."""

    def __init__(self, account: Account, body: Mapping[str, Any], replace: bool) -> None:
        self._account, self._body, self._replace = account, body, replace

    def create(self, type_: str, twist: Twist) -> str:
        if type_ not in _CREATE:
            if type_ in _READ_ONLY:
                raise NetSuiteError(405, "METHOD_NOT_ALLOWED", f"A {type_} is not made by POST here.")
            raise NetSuiteError(404, "NONEXISTENT_RECORD_TYPE", f"Record type {type_} does not exist.")
        return self._keep(_CREATE[type_](self._account, self._body), twist)

    def upsert(self, type_: str, key: str, twist: Twist) -> str:
        """PUT by external id: made once, changed afterwards."""
        if not key.startswith("eid:") or not key[4:]:
            raise NetSuiteError(405, "METHOD_NOT_ALLOWED", "PUT needs an external id: eid:<id>.")
        ref = key[4:]
        if str(self._body.get("externalId", ref)) != ref:
            raise invalid_content("externalId is another one in the URL.", "externalId")
        if self._account.books.find(type_, key) is not None:
            return self.update(type_, key, twist)
        self._body = {**self._body, "externalId": ref}
        return self.create(type_, twist)

    def update(self, type_: str, key: str, twist: Twist) -> str:
        record = self._account.books.get(type_, key)
        if twist.lose:
            return record.id
        for entry in self._change(record, twist.wrong_by):
            self._account.ledger.append(entry)
        return record.id

    def _change(self, record: Record, wrong_by: Decimal | None) -> list[Entry]:
        match record.type:
            case "customer":
                return customers.change(self._account, record, self._body)
            case "creditMemo":
                return credits.change(self._account, record, self._amendment(), wrong_by)
            case "returnAuthorization":
                return returns.change(self._account, record, self._amendment())
            case "salesOrder":
                return sales_orders.change(self._account, record, self._amendment())
            case "invoice" | "accountingPeriod":
                raise NetSuiteError(405, "METHOD_NOT_ALLOWED", f"A {record.type} is only read here.")
        return []

    def _amendment(self) -> Mapping[str, Any]:
        """An upsert that says nothing new about the lines is no amendment; PATCH amends them with replace=item only."""
        if self._replace or "item" not in self._body:
            return self._body
        rows = self._account.items_of(self._body) or []
        if any("isClosed" in row for row in rows):
            return self._body
        return {name: value for name, value in self._body.items() if name != "item"}

    def transform(self, type_: str, key: str, target: str, twist: Twist) -> str:
        source = self._account.books.get(type_, key)
        return self._keep(transform(self._account, source, target, self._body, self._replace), twist)

    def _keep(self, draft: Draft, twist: Twist) -> str:
        if twist.wrong_by is not None:
            _falsify(draft.record, twist.wrong_by)
        return self._account.commit(draft, lose=twist.lose)


def _falsify(record: Record, by: Decimal) -> None:
    """The fault 'wrong amount': another amount is stored than was asked for."""
    line = next((line for line in record.lines if line.gross > 0), None)
    if line is None:
        return
    if line.gross + by <= 0:
        raise user_error("The wrong amount would not be positive (an injected fault).")
    line.gross += by
    if record.type in ("creditMemo", "cashRefund"):
        credits.refresh(record)
