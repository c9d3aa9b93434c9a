"""What the account keeps: records with their rows, items with their kinds, and places with their stock."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

DIGITS = {"GBP": 2, "EUR": 2, "JPY": 0, "KWD": 3}
CURRENCIES = {"1": "GBP", "4": "EUR", "6": "JPY", "9": "KWD"}  # internal ids as an account happens to have them
NAMES = {"1": "British pound", "4": "Euro", "6": "Yen", "9": "KWD"}
RATES = {"5": Decimal(20), "6": Decimal(0)}  # tax codes by internal id
GOODS = frozenset({"InvtPart", "Kit"})  # what can be sent and received
ZERO = Decimal(0)


class Problem(Exception):
    """The vendor says no: status, o:errorCode, the sentence, and the path of what is wrong."""

    def __init__(self, status: int, code: str, detail: str, path: str = "") -> None:
        super().__init__(detail)
        self.status, self.code, self.detail, self.path = status, code, detail, path


def rounded(amount: Decimal, currency: str) -> Decimal:
    return amount.quantize(Decimal(1).scaleb(-DIGITS[currency]), rounding=ROUND_HALF_UP)


@dataclass
class Row:
    """A row of an item sublist; `order_line` is the row of the sales order behind it."""

    line: int
    item: str
    quantity: Decimal = ZERO
    net: Decimal | None = None
    tax: Decimal | None = None
    tax_code: str = ""
    rate: Decimal | None = None
    location: str = ""
    origin: int | None = None  # orderLine: the row of the record it was made from
    order_line: int | None = None
    kit: int | None = None  # kitMemberOf
    closed: bool = False
    fulfilled: Decimal = ZERO
    billed: Decimal = ZERO
    received: Decimal = ZERO
    credited: Decimal = ZERO
    description: str = ""
    counts: bool = True  # False: the row only shows what others come to

    @property
    def gross(self) -> Decimal:
        return (self.net or ZERO) + (self.tax or ZERO)


@dataclass
class Record:
    type: str
    id: int
    currency: str = ""
    entity: str = ""
    external_id: str = ""
    source: Record | None = None  # createdFrom
    status: str = ""
    day: str = ""
    number: str = ""
    fields: dict[str, Any] = field(default_factory=dict)  # other body fields, as they are shown
    rows: list[Row] = field(default_factory=list)
    applied: dict[int, Decimal] = field(default_factory=dict)  # of a credit memo: invoice id: amount
    due: Decimal = ZERO  # of an invoice

    def row(self, line: int) -> Row | None:
        return next((row for row in self.rows if row.line == line), None)

    @property
    def extras(self) -> Decimal:
        """Shipping and handling with their tax, less the discount of the header."""
        names = ("shippingCost", "shippingTax1Amt", "handlingCost", "handlingTax1Amt", "discountTotal", "discTax1Amt")
        return sum((self.fields[name] for name in names if name in self.fields), ZERO)

    @property
    def total(self) -> Decimal:
        return sum((row.gross for row in self.rows if row.counts), self.extras)

    @property
    def order(self) -> Record | None:
        """The sales order at the root of `createdFrom`."""
        root = self
        while root.source is not None:
            root = root.source
        return root if root.type == "salesOrder" else None

    @property
    def order_id(self) -> str:
        """The original order, as the account can tell: its own chain first, then what was written into the field."""
        chain = self.order
        return str((chain or self).fields.get("otherRefNum", ""))


@dataclass
class Item:
    id: str
    sku: str
    kind: str = "InvtPart"
    parent: str = ""
    inactive: bool = False
    members: tuple[tuple[str, int], ...] = ()  # of a kit: item id, units


@dataclass
class Place:
    id: str
    name: str
    sellable: bool


class Store:
    """All that the account holds."""

    def __init__(self) -> None:
        self.records: dict[int, Record] = {}
        self.items: dict[str, Item] = {}
        self.places: dict[str, Place] = {}
        self.stock: dict[tuple[str, str], Decimal] = {}
        self.channel_lines: dict[tuple[str, str], int] = {}  # order, channel's line: row; the account does not show it
        self.alike: dict[tuple[str, int], int] = {}  # order, row: the first row of that item and price
        self._ids = itertools.count(1_204_417, 3)
        self._items = itertools.count(30_011, 2)
        self._by_sku: dict[str, Item] = {}

    def keep(self, record_type: str, **about: Any) -> Record:
        number = next(self._ids)
        record = Record(record_type, number, **about)
        record.number = record.number or f"{record_type[:2].upper()}{number % 100_000}"
        self.records[number] = record
        return record

    def item(self, sku: str, kind: str = "InvtPart", **about: Any) -> Item:
        """The item of a SKU, made when it is not there yet."""
        found = self._by_sku.get(sku)
        if found is None:
            number = about.pop("id", "") or str(next(self._items))
            # Every other item is a matrix child: its name is shown with its parent's in front.
            parent = sku.partition("-")[0] if int(number) % 4 == 1 and "-" in sku else ""
            found = self._by_sku[sku] = self.items[number] = Item(number, sku, kind, parent, **about)
        return found

    def of_type(self, record_type: str) -> Iterator[Record]:
        return (record for record in list(self.records.values()) if record.type == record_type)

    def find(self, record_type: str, key: str) -> Record:
        """By internal id, or by `eid:` and external id. Of several with one external id the oldest."""
        if key.startswith("eid:"):
            wanted = key.removeprefix("eid:")
            for record in self.of_type(record_type):
                if record.external_id == wanted:
                    return record
        elif key.isdecimal():
            found = self.records.get(int(key))
            if found is not None and found.type == record_type:
                return found
        raise Problem(
            404, "NONEXISTENT_ID", "The record instance does not exist. Provide a valid record instance ID.", "@id"
        )
