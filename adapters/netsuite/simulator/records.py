"""The account's books: records, the versions a lagging read may still show, and the keys they are found by."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from adapters.netsuite.simulator.errors import not_found
from adapters.netsuite.simulator.lines import Line

SUBLISTS = ("item", "apply", "line", "inventory")
_INDEXED = ("externalId", "otherRefNum", "createdFrom", "entity", "tranId")
_PREFIXES = {
    "salesOrder": "SO",
    "invoice": "INV",
    "returnAuthorization": "RA",
    "creditMemo": "CM",
    "cashRefund": "CR",
    "itemReceipt": "IR",
    "itemFulfillment": "IF",
    "inventoryTransfer": "IT",
    "inventoryAdjustment": "IA",
    "journalEntry": "JE",
}
# A read is never staler than this, whatever the settings say; older versions are dropped.
_KEEP_SECONDS = 120.0


@dataclass(slots=True)
class Record:
    """One record: header fields as JSON, typed lines, and what the header's totals are computed from."""

    type: str
    id: str
    fields: dict[str, Any]
    currency: str = "GBP"
    lines: list[Line] = field(default_factory=list)
    rows: list[dict[str, Any]] = field(default_factory=list)  # a sublist kept as it was sent (journal, inventory)
    rows_name: str = ""
    applied: dict[str, Decimal] = field(default_factory=dict)  # credit memo: invoice id -> amount
    due: Decimal = Decimal(0)  # invoice
    discount: Decimal = Decimal(0)  # sales order: its header's, tax inside
    discount_tax: Decimal = Decimal(0)
    order: str = ""  # the sales order at the root of it
    seeded: bool = False
    hidden: bool = False
    versions: list[tuple[float, dict[str, Any]]] = field(default_factory=list)
    keys: set[tuple[str, str]] = field(default_factory=set)

    @property
    def total(self) -> Decimal:
        """What the lines come to; a subtotal only repeats them."""
        return sum((line.gross for line in self.lines if line.item.type != "Subtotal"), Decimal(0))

    @property
    def tax(self) -> Decimal:
        return sum((line.tax for line in self.lines if line.item.type != "Subtotal"), Decimal(0))

    @property
    def to_pay(self) -> Decimal:
        """An order's lines with the charges and the discount of its header."""
        charges = ("shippingCost", "shippingTax1Amt", "handlingCost", "handlingTax1Amt")
        return self.total - self.discount + sum((self.number(name) for name in charges), Decimal(0))

    @property
    def tax_to_pay(self) -> Decimal:
        return self.tax - self.discount_tax + self.number("shippingTax1Amt") + self.number("handlingTax1Amt")

    def number(self, name: str) -> Decimal:
        """A number of the header; 0 where it has none."""
        return Decimal(str(self.fields.get(name) or 0))

    def line(self, number: int) -> Line | None:
        return next((line for line in self.lines if line.number == number), None)

    def as_of(self, moment: float) -> dict[str, Any] | None:
        """The newest version saved by then."""
        return next((shown for saved, shown in reversed(self.versions) if saved <= moment), None)


class Books:
    """All records of one account."""

    def __init__(self, clock: Callable[[], float], render: Callable[[Record], dict[str, Any]]) -> None:
        self._clock = clock
        self._render = render
        self._ids = itertools.count(10001)
        self._numbers: dict[str, itertools.count[int]] = {}
        self._records: dict[str, dict[str, Record]] = {}
        self._index: dict[tuple[str, str, str], dict[str, Record]] = {}
        self._of_order: dict[tuple[str, str], dict[str, Record]] = {}

    def new_id(self) -> str:
        return str(next(self._ids))

    def new_number(self, type_: str) -> str:
        """The next tranId of a type: RA-1, CM-1."""
        numbers = self._numbers.setdefault(type_, itertools.count(1))
        return f"{_PREFIXES.get(type_, type_)}-{next(numbers)}"

    def save(self, record: Record) -> None:
        """Keep a new or changed record, as a new version."""
        now = self._clock()
        shown = self._render(record)
        record.versions.append((now, shown))
        while len(record.versions) > 1 and record.versions[1][0] < now - _KEEP_SECONDS:
            record.versions.pop(0)
        self._records.setdefault(record.type, {})[record.id] = record
        keys = {(name, key) for name in _INDEXED if (key := key_text(shown.get(name)))}
        for name, key in record.keys - keys:
            self._index[record.type, name, key].pop(record.id, None)
        for name, key in keys - record.keys:
            self._index.setdefault((record.type, name, key), {})[record.id] = record
        record.keys = keys
        if record.order:
            self._of_order.setdefault((record.type, record.order), {})[record.id] = record

    def all(self, type_: str) -> Iterable[Record]:
        return (record for record in self._records.get(type_, {}).values() if not record.hidden)

    def by(self, type_: str, name: str, key: str) -> list[Record]:
        """Records with this value in an indexed field."""
        return [record for record in self.every(type_, name, key) if not record.hidden]

    def every(self, type_: str, name: str, key: str) -> list[Record]:
        """The same with archived ones, for seeding."""
        return list(self._index.get((type_, name, key), {}).values())

    def all_of_order(self, type_: str, order: str) -> list[Record]:
        """Records whose root is this sales order."""
        return [record for record in self._of_order.get((type_, order), {}).values() if not record.hidden]

    def find(self, type_: str, key: str) -> Record | None:
        """By internal id, or by `eid:` and external id (the first, where there are more)."""
        if key.startswith("eid:"):
            return next(iter(self.by(type_, "externalId", key[4:])), None)
        record = self._records.get(type_, {}).get(key)
        return None if record is None or record.hidden else record

    def get(self, type_: str, key: str) -> Record:
        record = self.find(type_, key)
        if record is None:
            raise not_found(f"The {type_} {key} does not exist.")
        return record

    def any(self, key: str, types: Iterable[str]) -> Record | None:
        """A record of any of these types by internal id."""
        return next((record for type_ in types if (record := self.find(type_, key))), None)

    def indexed(self, name: str) -> bool:
        return name in _INDEXED

    def now(self) -> float:
        return self._clock()


def key_text(value: Any) -> str:
    """What a field is compared by: a reference by its id."""
    if isinstance(value, dict):
        value = value.get("id")
    return "" if value is None else str(value)
