"""Customers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from adapters.netsuite.simulator.account import Account, Draft
from adapters.netsuite.simulator.errors import missing_field
from adapters.netsuite.simulator.records import Record
from adapters.simulators.ledger import Entry


def create(account: Account, body: Mapping[str, Any]) -> Draft:
    """A person or a company; one of the names is needed."""
    account.check_external_id("customer", body)
    name = body.get("companyName") or body.get("lastName") or body.get("entityId")
    if not name:
        raise missing_field("Name", "lastName")
    fields = {key: value for key, value in body.items() if key not in ("id", "links")}
    fields.setdefault("entityId", str(body.get("externalId") or name))
    fields.setdefault("isInactive", False)
    record = Record("customer", "", fields)
    return Draft(record, lambda: [_entry(account, record, "create")])


def change(account: Account, record: Record, body: Mapping[str, Any]) -> list[Entry]:
    """What is sent again unchanged books nothing."""
    fields = record.fields | {key: value for key, value in body.items() if key not in ("id", "links")}
    if fields == record.fields:
        return []
    record.fields = fields
    account.books.save(record)
    return [_entry(account, record, "update")]


def _entry(account: Account, record: Record, op: str) -> Entry:
    return Entry(
        account=account.name,
        kind="customer",
        number=record.id,
        external_ref=str(record.fields.get("externalId") or ""),
        order_id="",
        op=op,
        status="closed" if record.fields.get("isInactive") else "open",
    )
