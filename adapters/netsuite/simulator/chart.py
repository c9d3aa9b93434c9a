"""The account's lists: items and kits, locations, tax codes, currencies, accounting periods."""

from __future__ import annotations

import calendar
import itertools
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from functools import cache
from typing import Any

from adapters.netsuite.simulator.errors import invalid_content, invalid_reference, missing_field

# Numbers that the project's example profile uses, so that it runs as printed.
_TAX_CODES = {"5": ("GB-STD", "20"), "6": ("GB-ZERO", "0")}
_SERVICES = {"901": "shipping", "902": "fee", "903": "bonus", "904": "goodwill", "905": "adjustment"}
_GOODS = {"4711": "TEE-RED-M"}
_LOCATIONS = {"101": ("London", True), "102": ("London quarantine", False), "109": ("London write-off", False)}
_CURRENCIES = {"1": "GBP", "2": "USD", "3": "CAD", "4": "EUR", "5": "JPY", "6": "KWD"}
SPEAKING = {"Discount": "DISCOUNT", "Subtotal": "SUBTOTAL", "Description": "DESCRIPTION"}
"""Types of items that sell nothing, and what this account calls its item of each."""
_FIRST_YEAR, _LAST_YEAR = 2024, 2029


@dataclass(slots=True)
class Component:
    """A member of a kit: so many units in one kit, and what it sells for alone."""

    sku: str
    quantity: Decimal
    list_price: Decimal | None = None


@dataclass(slots=True)
class Item:
    id: str
    sku: str
    active: bool = True
    type: str = "InvtPart"  # NetSuite's word; a kit's is what its components make it
    numbered: bool = False  # the number was given or learnt, not ours
    components: list[Component] = field(default_factory=list)

    @property
    def shown_type(self) -> str:
        return "Kit" if self.components else self.type

    @property
    def service(self) -> bool:
        """Whether nothing of it is ever sent, kept in stock or received."""
        return self.type != "InvtPart"

    @property
    def sold(self) -> bool:
        """Whether a line of it sells something: a subtotal, a text or a discount only speaks of other lines."""
        return self.type not in SPEAKING


@dataclass(slots=True)
class Location:
    id: str
    sellable: bool
    name: str = ""
    active: bool = True


@dataclass(frozen=True, slots=True)
class TaxCode:
    id: str
    name: str
    rate: Decimal | None


@dataclass(frozen=True, slots=True)
class Period:
    """An accounting month."""

    id: str
    name: str
    starts: date
    ends: date
    month: str


class Chart:
    """Looks names up; a lookup that fails is answered as NetSuite answers it."""

    def __init__(self) -> None:
        self.items: dict[str, Item] = {}
        self.skus: dict[str, Item] = {}
        self.locations = {key: Location(key, sellable, name) for key, (name, sellable) in _LOCATIONS.items()}
        self.tax_codes = {key: TaxCode(key, name, Decimal(rate)) for key, (name, rate) in _TAX_CODES.items()}
        self.currencies = dict(_CURRENCIES)
        self.periods = _months()
        self._item_ids = itertools.count(5001)
        self._other_ids = itertools.count(51)
        for number, name in _SERVICES.items():
            self.add_item(name, number).type = "Service"
        for number, sku in _GOODS.items():
            self.add_item(sku, number)

    def add_item(self, sku: str, number: str = "") -> Item:
        """The item of a SKU, made if new; `number` adds an internal id to it."""
        item = self.skus.get(sku)
        if item is None:
            item = Item(number or self._free_item_id(), sku)
            self.skus[sku] = self.items[item.id] = item
        if number:
            item.id, item.numbered = number, True
            self.items[number] = item
        return item

    def speaking(self, type_: str) -> Item:
        """The account's item of a type that sells nothing, made when it is first used."""
        item = self.add_item(SPEAKING[type_])
        item.type = type_
        return item

    def _free_item_id(self) -> str:
        return next(number for number in map(str, self._item_ids) if number not in self.items)

    def tax_code_named(self, name: str) -> TaxCode:
        """The tax code of that name or number, made if new."""
        for code in self.tax_codes.values():
            if name in (code.name, code.id):
                return code
        number = str(next(self._other_ids))
        self.tax_codes[number] = TaxCode(number, name, None)
        return self.tax_codes[number]

    def currency_id(self, iso: str) -> str:
        """The number of an ISO currency, made if new."""
        for number, name in self.currencies.items():
            if name == iso:
                return number
        number = str(next(self._other_ids))
        self.currencies[number] = iso
        return number

    def resolve_item(self, reference: Any, at: str, beside: Item | None, learn: bool) -> Item:
        """The item that a line names: by internal id, external id or SKU.

        With `learn`, a number nobody has yet becomes the number of the item `beside` it, or of the refName given.
        """
        key = key_of(reference, at)
        named = self.items.get(key) or self.skus.get(key.removeprefix("eid:"))
        if named is None and learn and key.isdecimal():
            hint = reference.get("refName") if isinstance(reference, dict) else None
            named = self.skus.get(str(hint)) if hint else None
            named = named or beside
            if named is not None:
                named = None if named.numbered else self.add_item(named.sku, key)
        if named is None:
            raise invalid_reference("item", key, at)
        if beside is not None and named is not beside:
            raise invalid_reference("item", f"{key} (the order line has {beside.sku})", at)
        if not named.active:
            raise invalid_reference("item", f"{key} (inactive)", at)
        return named

    def resolve_location(self, reference: Any, at: str) -> Location:
        key = key_of(reference, at)
        location = self.locations.get(key)
        if location is None or not location.active:
            raise invalid_reference("location", key, at)
        return location

    def resolve_tax_code(self, reference: Any, at: str) -> TaxCode:
        key = key_of(reference, at)
        if key not in self.tax_codes:
            raise invalid_reference("taxCode", key, at)
        return self.tax_codes[key]

    def resolve_currency(self, reference: Any, at: str) -> str:
        """The ISO code of a reference by number, ISO code or refName."""
        key = key_of(reference, at)
        if key in self.currencies:
            return self.currencies[key]
        if key in self.currencies.values():
            return key
        raise invalid_reference("currency", key, at)

    def period_of(self, day: date) -> Period:
        for period in self.periods:
            if period.starts <= day <= period.ends:
                return period
        raise invalid_content(f"No accounting period holds {day}.", "tranDate")


def key_of(reference: Any, at: str) -> str:
    """The key in `{"id": ..}`, `{"externalId": ..}`, `{"refName": ..}` or a bare value."""
    if isinstance(reference, dict):
        for name in ("id", "externalId", "refName"):
            if reference.get(name) not in (None, ""):
                return str(reference[name])
        raise missing_field(at.rpartition(".")[2], at)
    if reference in (None, "") or isinstance(reference, list | bool):
        raise missing_field(at.rpartition(".")[2], at)
    return str(reference)


@cache
def _months() -> tuple[Period, ...]:
    return tuple(
        Period(
            id=str((year - 2000) * 12 + month),
            name=f"{calendar.month_abbr[month]} {year}",
            starts=date(year, month, 1),
            ends=date(year, month, calendar.monthrange(year, month)[1]),
            month=f"{year}-{month:02d}",
        )
        for year in range(_FIRST_YEAR, _LAST_YEAR + 1)
        for month in range(1, 13)
    )
