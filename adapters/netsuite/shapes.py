"""Whether an answer is NetSuite's own: what each route shows, checked before anything is concluded from it (pure).

A proxy's page, a maintenance notice or another system's JSON is neither a refusal nor an absence: a missing list is not
an empty one. `Unreadable` leaves these functions, and the client makes it `Unavailable`, or `InDoubt` of a write.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from adapters.netsuite.records import day_of, flag_of, is_absent, key_of, number_of, text_of

Record = Mapping[str, Any]

_REQUIRED = dict.fromkeys(("salesOrder", "returnAuthorization", "creditMemo", "itemReceipt"), "item")
"""The sublist without which a record says nothing about its lines, not even that it has none."""

_SUBLISTS = ("item", "line", "inventory", "apply")
# The fields that are read. What nobody reads may hold what it likes.
_NUMBERS = frozenset({
    "total", "taxTotal", "discountTotal", "shippingCost", "shippingTax1Amt", "shippingTax2Amt", "handlingCost",
    "handlingTax1Amt", "handlingTax2Amt", "amountRemaining", "grossAmt", "amount", "tax1Amt", "debit",
    "quantityavailable",
})  # fmt: skip
_QUANTITIES = frozenset({
    "quantity", "quantityFulfilled", "quantityBilled", "quantityReceived", "quantityPerKit", "adjustQtyBy",
})  # fmt: skip
_SIGNED = frozenset({"salesOrder", "invoice"})
"""Where units may be below zero: vouchers are sold as minus one, and goods taken back at the till."""
_FLAGS = frozenset({
    "isClosed", "isInactive", "isinactive", "apply", "closed", "allLocked", "arLocked", "isAdjust", "isQuarter",
    "isYear",
})  # fmt: skip
_DAYS = frozenset({"tranDate", "startDate"})
_TEXTS = frozenset({"externalId", "otherRefNum", "tranId", "line", "itemid"})
_REFERENCES = frozenset({
    "item", "entity", "currency", "location", "transferLocation", "createdFrom", "taxCode", "doc", "account", "status",
    "orderStatus", "orderLine", "kitMemberOf", "itemType",
})  # fmt: skip
_PLACE = re.compile(r"/record/v1/([A-Za-z_]{1,60})/([A-Za-z0-9_.:~-]{1,100})/?", re.ASCII)
_MOST_UNITS = Decimal(10) ** 9

MOST_ROWS = 10_000
"""Of one sublist; whoever shows more is not showing an order."""


class Unreadable(ValueError):
    """The answer is not what NetSuite shows for this; the message says what is odd about it."""


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a collection."""

    items: tuple[Record, ...]
    has_more: bool


def json_of(text: str) -> Record:
    """The object that a body holds; numbers with a point are `Decimal`."""
    try:
        body = _DECODER.decode(text)
    except RecursionError:
        raise Unreadable("a body that is nested too deeply") from None
    except ValueError as error:
        raise error if isinstance(error, Unreadable) else Unreadable("a body that is not JSON") from None
    if not isinstance(body, dict):
        raise Unreadable("a body that is not an object")
    return body


def page_of(body: Record, offset: int = 0) -> Page:
    """A page of a search or of SuiteQL: its rows, and whether more follow. The counts must agree."""
    items, more = body.get("items"), body.get("hasMore")
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise Unreadable("no list of items")
    if not isinstance(more, bool):
        raise Unreadable("a list that does not say whether there is more")
    after = offset + len(items)
    counts = {name: _count(body, name) for name in ("count", "offset", "totalResults")}
    if counts["count"] not in (None, len(items)) or counts["offset"] not in (None, offset):
        raise Unreadable("a list whose counts do not agree with it")
    total = counts["totalResults"]
    if total is not None and not (total > after if more else total == after):
        raise Unreadable("a list whose total does not agree with it")
    if more and not items:
        raise Unreadable("an empty page with more to follow")
    return Page(tuple(items), more)


def ids_of(page: Page) -> tuple[str, ...]:
    """The internal ids on a page of a search."""
    ids = tuple(text_of(item.get("id")) for item in page.items)
    if not all(ids):
        raise Unreadable("a hit without an id")
    return ids


def rows_checked(page: Page, needs: str = "") -> list[dict[str, Any]]:
    """The rows of one page of SuiteQL; `needs` is a column that each must show."""
    for row in page.items:
        _fields(row, "row")
        if needs and not text_of(row.get(needs)):
            raise Unreadable(f"a row without its {needs}")
    return [dict(row) for row in page.items]


def record_checked(type_: str, key: str, body: Record, *, expanded: bool = True) -> Record:
    """A record that was asked for by its key (an internal id, or `eid:` and an external one), with readable fields."""
    number = text_of(body.get("id"))
    if not number:
        raise Unreadable("a record without an id")
    reference = text_of(body.get("externalId"))
    if key != (f"eid:{reference}" if key.startswith("eid:") else number):
        raise Unreadable(f"the record {number}, another than was asked for")
    required = _REQUIRED.get(type_)
    for name in _SUBLISTS:
        if expanded and (name in body or name == required):
            for position, row in enumerate(_sublist(name, body.get(name))):
                _fields(row, f"{name}.items[{position}]", least=-_MOST_UNITS if type_ in _SIGNED else Decimal(0))
    _fields({name: value for name, value in body.items() if name not in _SUBLISTS}, type_)
    return body


def number_made(type_: str, headers: Mapping[str, str], *, may_be_unnamed: bool) -> str:
    """The internal id that a write's `Location` ends in; nothing where the answer need not name the record."""
    place = next((value for name, value in headers.items() if name.lower() == "location"), "")
    if not place and may_be_unnamed:
        return ""
    found = _PLACE.search(place.partition("?")[0])
    if found is None or found.end() != len(place.partition("?")[0]) or found[1].lower() != type_.lower():
        raise Unreadable(f"no Location of a {type_}")
    return found[2]


def _sublist(name: str, shown: Any) -> list[Record]:
    items = shown.get("items") if isinstance(shown, Mapping) else None
    if not isinstance(items, list) or not all(isinstance(row, dict) for row in items):
        raise Unreadable(f"a record without its rows ({name})")
    if len(items) > MOST_ROWS:
        raise Unreadable(f"a record of more than {MOST_ROWS:,} rows ({name})")
    if flag_of(shown.get("hasMore")) or any(
        _count(shown, count) not in (None, len(items)) for count in ("count", "totalResults")
    ):
        raise Unreadable(f"a record with some of its rows only ({name})")
    return items


def _fields(values: Record, where: str, *, least: Decimal = Decimal(0)) -> None:
    """Raises where a field that is read has a value that cannot be; what is not there is not shown, which may be.

    `least`: of units.
    """
    for name, value in values.items():
        if is_absent(value):
            continue
        if name in _NUMBERS:
            fine = number_of(value) is not None
        elif name in _QUANTITIES:
            units = number_of(value)
            fine = units is not None and least <= units <= _MOST_UNITS
        elif name in _FLAGS:
            fine = flag_of(value) is not None
        elif name in _DAYS:
            fine = day_of(value) is not None
        elif name in _TEXTS:
            fine = bool(text_of(value))
        elif name in _REFERENCES:
            fine = bool(key_of(value)) or isinstance(value, Mapping)
        else:
            continue
        if not fine:
            raise Unreadable(f"{where}.{name} with a value that cannot be read")


def _count(body: Record, name: str) -> int | None:
    value = body.get(name)
    if value is None or (isinstance(value, int) and not isinstance(value, bool)):
        return value
    raise Unreadable(f"a {name} that is no number")


def _decimal(digits: str) -> Decimal:
    """A JSON number with a point or an exponent; one that nobody can hold is no number, which its field will say."""
    try:
        return Decimal(digits)
    except InvalidOperation:
        return Decimal("NaN")


def _no_number(name: str) -> Any:
    raise Unreadable(f"{name}, which JSON does not have")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise Unreadable("an object that says one thing twice")
    return made


_DECODER = json.JSONDecoder(parse_float=_decimal, parse_constant=_no_number, object_pairs_hook=_once)
